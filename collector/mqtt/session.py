"""One connection to a broker, from connecting to its loss. paho speaks, `Link` carries."""

from __future__ import annotations

import select
import socket
from collections.abc import Sequence
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from collector.mqtt.frame import FrameError, Publish
from collector.mqtt.link import Link
from collector.mqtt.settings import MqttSettings

_QOS = 1
_CONNECT_S = 5.0
_FILTERS_A_PACKET = 200


class SessionLostError(Exception):
    """The connection is refused or gone; the message says why. The broker keeps the session."""


def _connect_socket(settings: MqttSettings) -> socket.socket:
    """A connected socket, inside TLS where that is asked for.

    Raises:
        OSError: not reachable, or the certificate is not to be trusted; nothing stays open.
    """
    context = settings.tls_context()
    plain = socket.create_connection((settings.host, settings.port), _CONNECT_S)
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return plain if context is None else context.wrap_socket(plain, server_hostname=settings.host)
    except BaseException:
        plain.close()
        raise


class _Client(Client):
    """paho on a `Link`. The one place where its inside is touched: it takes a websocket of its own this way too."""

    def __init__(self, settings: MqttSettings, **options: Any) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, **options)
        self._settings = settings

    def _create_socket(self) -> Any:
        return Link(_connect_socket(self._settings), is_v5=self._protocol == MQTTv5)


class Session:
    """A persistent session: the broker keeps what we have not acknowledged. Used by one thread.

    filters   what to subscribe to, QoS 1, on every connection
    refused   filters that the broker would not give us, with its reason
    is_ready  whether all subscriptions are answered
    """

    def __init__(self, settings: MqttSettings, filters: Sequence[str]) -> None:
        self.refused: dict[str, str] = {}
        self.is_ready = False
        self._settings = settings
        self._filters = tuple(filters)
        self._asked: dict[int, tuple[str, ...]] = {}
        self._lost = ""
        self._is_answered = False
        self._client = self._make_client()

    def connect(self) -> None:
        """Connect and send CONNECT; the answer comes with `exchange`.

        Raises:
            SessionLostError: the broker cannot be reached, or TLS fails.
        """
        given: dict[str, Any] = {}
        if self._settings.protocol == "5":
            expiry = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            expiry.SessionExpiryInterval = self._settings.session_expiry_s if self._settings.is_persistent else 0
            given = {"clean_start": not self._settings.is_persistent, "properties": expiry}
        try:
            self._client.connect(self._settings.host, self._settings.port, self._settings.keepalive_s, **given)
        except (OSError, ValueError) as error:
            raise SessionLostError(f"cannot connect: {error}") from error

    def exchange(self, wake: int, timeout_s: float) -> list[Publish]:
        """Send what waits, wait for something to come, and return the messages among it.

        `wake` is a descriptor that ends the wait when it becomes readable.

        Raises:
            SessionLostError: refused, or gone.
        """
        link = self._link()
        try:
            self._speak(link)
            if not link.has_more:
                self._wait(link, wake, timeout_s)
            publishes = link.receive()
            while link.is_for_paho and self._client.socket() is not None:
                self._client.loop_read()
            self._client.loop_misc()
        except (OSError, FrameError) as error:
            raise SessionLostError(f"connection lost: {error}") from error
        if not publishes:
            self._link()
        return publishes

    def acknowledge(self, publishes: list[Publish]) -> None:
        """The journal has these messages: the broker may forget them.

        Raises:
            SessionLostError: the connection is gone; the messages will come again.
        """
        link = self._link()
        link.acknowledge(publishes)
        try:
            link.flush()
        except OSError as error:
            raise SessionLostError(f"connection lost: {error}") from error

    def unsubscribe(self, topic: str) -> None:
        """An earlier run of ours subscribed to this and no meter has it now."""
        self._client.unsubscribe(topic)

    def close(self) -> None:
        """Say goodbye, so that the broker sends no will and keeps the session."""
        self._client.disconnect()

    # -- inside ------------------------------------------------------------------------------------------

    def _make_client(self) -> Client:
        settings = self._settings
        is_v5 = settings.protocol == "5"
        client = _Client(
            settings,
            client_id=settings.client_id,
            clean_session=None if is_v5 else not settings.is_persistent,
            protocol=MQTTv5 if is_v5 else MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        if settings.username is not None:
            client.username_pw_set(settings.username, settings.password)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        return client

    def _link(self) -> Link:
        link = self._client.socket()
        if not isinstance(link, Link):
            raise SessionLostError(self._lost or "connection lost")
        return link

    def _speak(self, link: Link) -> None:
        if self._client.want_write():
            self._client.loop_write()
        link.flush()

    @staticmethod
    def _wait(link: Link, wake: int, timeout_s: float) -> None:
        poll = select.poll()  # not select(): with many meters descriptors go past its 1024
        poll.register(link.fileno(), select.POLLIN | (select.POLLOUT if link.is_unsent else 0))
        poll.register(wake, select.POLLIN)
        poll.poll(timeout_s * 1000)

    def _on_connect(
        self, client: Client, _data: Any, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        self._is_answered = True
        if reason.is_failure:
            self._lost = f"the broker refuses us: {reason}"
            return
        self.is_ready = not self._filters
        for first in range(0, len(self._filters), _FILTERS_A_PACKET):
            part = self._filters[first : first + _FILTERS_A_PACKET]
            _, packet_id = client.subscribe([(topic, _QOS) for topic in part])
            if packet_id is not None:
                self._asked[packet_id] = part

    def _on_subscribe(
        self, _client: Client, _data: Any, packet_id: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        for topic, reason in zip(self._asked.pop(packet_id, ()), reasons, strict=False):
            if reason.is_failure:
                self.refused[topic] = str(reason)
            elif reason.value != _QOS:
                self.refused[topic] = f"granted as {reason} only: messages may be lost"
        self.is_ready = not self._asked

    def _on_disconnect(
        self, _client: Client, _data: Any, _flags: DisconnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if not self._is_answered:
            what = f"no answer to CONNECT ({reason}); does the broker speak MQTT {self._settings.protocol}?"
        else:
            what = f"connection lost: {reason}"
        self._lost = self._lost or what
