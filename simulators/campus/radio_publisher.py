"""Publishes the radio meters' uplinks to a broker, at least once each."""

from __future__ import annotations

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from simulators.campus.live import LiveCampus
from simulators.campus.radio import uplinks

_KEEPALIVE_S = 30
_QOS = 1


class RadioPublisher:
    """Stands for the LoRaWAN network server; connects in the background and again whenever the broker comes back."""

    def __init__(
        self, live: LiveCampus, port: int, host: str = "127.0.0.1", account: tuple[str, str] | None = None
    ) -> None:
        """`account`: name and password at the broker; None: it asks for none."""
        self._live, self._host, self._port = live, host, port
        self._client = Client(CallbackAPIVersion.VERSION2)
        if account is not None:
            self._client.username_pw_set(*account)
        self._client.reconnect_delay_set(1, 10)

    def start(self) -> None:
        """Begin to connect; an absent broker is no error."""
        self._client.connect_async(self._host, self._port, _KEEPALIVE_S)
        self._client.loop_start()

    def publish(self) -> int:
        """Publish what every radio meter shows now; how many did. Without a broker what is said is lost."""
        if not self._client.is_connected():
            return 0
        messages = list(uplinks(self._live))
        for topic, payload in messages:
            self._client.publish(topic, payload, _QOS)
        return len(messages)

    def stop(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()
