"""Modems that dial in: one listening socket for many, each told by the registration packet it sends first.

A 4G modem (DTU) connects to us, says who it is (its id as text, or as bytes), and from then on is a wire to the
meters behind it. Heartbeats that it sends in between are no answers, and fall out there. A modem that dials in anew
takes the place of its old connection, which may look alive for hours after the mobile network has dropped it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import cast

import structlog

_log = structlog.get_logger(__name__)
# A registration packet is short and comes at once; a connection that says nothing for this long is nobody's.
_LARGEST_REGISTRATION = 256
_REGISTRATION_S = 60.0


class _Modem(asyncio.Protocol):
    """A connection that has not said who it is, or that nobody has taken yet."""

    def __init__(self, port: DialInPort) -> None:
        self._port = port
        self.heard = b""
        self.transport: asyncio.Transport | None = None
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by class
        self.timer = asyncio.get_running_loop().call_later(_REGISTRATION_S, self.transport.abort)
        self._port.on_modem(self)

    def data_received(self, data: bytes) -> None:
        self.heard = (self.heard + data)[-_LARGEST_REGISTRATION:]
        self._port.on_modem(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._port.forget(self)


class DialInPort:
    """One listening socket. Lines wait on it for their modem; modems wait on it for their line."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self.port = host, port
        self._server: asyncio.Server | None = None
        self._unclaimed: list[_Modem] = []
        self._waiting: dict[str, asyncio.Future[_Modem]] = {}
        self._held: dict[str, asyncio.Transport] = {}

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the port is in use, or not ours to take.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Modem(self), self._host, self.port)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """End the socket and what nobody has taken."""
        if self._server is not None:
            self._server.close()
        for modem in tuple(self._unclaimed):
            if modem.transport is not None:
                modem.transport.abort()
        for transport in tuple(self._held.values()):
            transport.abort()
        if self._server is not None:
            await self._server.wait_closed()

    async def wait_for(self, modem_id: str, protocol: asyncio.Protocol) -> None:
        """Wait until the modem of that id is there, and give its connection to the protocol. '' takes any modem."""
        found = next((m for m in reversed(self._unclaimed) if _is_meant(m, modem_id)), None)
        if found is None:
            future: asyncio.Future[_Modem] = asyncio.get_running_loop().create_future()
            self._waiting[modem_id] = future
            try:
                found = await future
            finally:
                self._waiting.pop(modem_id, None)
        self._give(found, modem_id, protocol)

    def _give(self, modem: _Modem, modem_id: str, protocol: asyncio.Protocol) -> None:
        transport = modem.transport
        self.forget(modem)
        if transport is None or transport.is_closing():
            protocol.connection_lost(None)
            return
        self._held[modem_id] = transport
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        _log.info("modem dialled in", port=self.port, modem=modem_id or "any")

    def on_modem(self, modem: _Modem) -> None:
        """A modem came, or said something."""
        if modem not in self._unclaimed:
            self._unclaimed.append(modem)
        for modem_id, future in self._waiting.items():
            if not future.done() and _is_meant(modem, modem_id):
                future.set_result(modem)
                return
        for modem_id, transport in tuple(self._held.items()):
            if modem_id and _is_meant(modem, modem_id) and not transport.is_closing():
                # Its line hears that the old connection is gone, and comes for the new one.
                transport.abort()
                return

    def forget(self, modem: _Modem) -> None:
        """A modem is gone, or taken."""
        if modem.timer is not None:
            modem.timer.cancel()
        with contextlib.suppress(ValueError):
            self._unclaimed.remove(modem)


class DialInPorts:
    """The listening sockets of a program: many lines share one."""

    def __init__(self) -> None:
        self._ports: dict[tuple[str, int], tuple[DialInPort, int]] = {}
        self._lock = asyncio.Lock()

    async def take(self, host: str, port: int) -> DialInPort:
        """The socket, listening; give it back with `release`.

        Raises:
            OSError: the port is in use, or not ours to take.
        """
        async with self._lock:
            found, users = self._ports.get((host, port), (None, 0))
            if found is None:
                found = DialInPort(host, port)
                await found.start()
            self._ports[host, port] = found, users + 1
            return found

    async def release(self, host: str, port: int) -> None:
        """One user less; the last one closes the socket."""
        async with self._lock:
            found, users = self._ports[host, port]
            if users > 1:
                self._ports[host, port] = found, users - 1
                return
            del self._ports[host, port]
            await found.stop()


def _is_meant(modem: _Modem, modem_id: str) -> bool:
    """Whether the modem has said this id: as a word of its own, or as the bytes that 0x... stands for."""
    if modem_id.lower().startswith("0x"):
        return bytes.fromhex(modem_id[2:]) in modem.heard
    word = rb"(?<![0-9A-Za-z_-])" + re.escape(modem_id.encode()) + rb"(?![0-9A-Za-z_-])"
    return not modem_id or re.search(word, modem.heard) is not None
