"""A mail server on the loopback address that keeps what it is given."""

from __future__ import annotations

import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller


class _OnFreePort(Controller):  # type: ignore[misc]
    """Port 0 is what the system gives: the probe of the base class must go there."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class Mailbox:
    """Takes every mail. Port 0 takes a free one; `port` says which."""

    def __init__(self, port: int = 0) -> None:
        self._lock = threading.Lock()
        self._mails: list[tuple[tuple[str, ...], EmailMessage]] = []
        self._controller = _OnFreePort(self, hostname="127.0.0.1", port=port)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep a mail."""
        mail = message_from_bytes(envelope.content, policy=policy.default)
        with self._lock:
            self._mails.append((tuple(envelope.rcpt_tos), mail))
        return "250 OK"

    @property
    def mails(self) -> list[tuple[tuple[str, ...], EmailMessage]]:
        """(recipients, mail), oldest first."""
        with self._lock:
            return list(self._mails)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._controller.port)

    def start(self) -> None:
        """Serve in a thread of its own."""
        self._controller.start()

    def stop(self) -> None:
        """Stop serving and close the socket."""
        self._controller.stop()
