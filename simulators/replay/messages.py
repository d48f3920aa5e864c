"""Recorded messages of a broker, published again: each at its time, then all from the beginning."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from collector.recording import Message

_PAUSE_S = 1.0


class RecordedMessages:
    """Publishes until stopped. `is_at_once`: without the recorded pauses; between two rounds stands a second."""

    def __init__(self, host: str, port: int, messages: Sequence[Message], *, is_at_once: bool = False) -> None:
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.connect_async(host, port)
        self._messages, self._is_at_once = tuple(messages), is_at_once
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorded messages", daemon=True)

    def start(self) -> None:
        """Connect, again and again until it works, and publish."""
        self._client.loop_start()
        self._thread.start()

    def stop(self) -> None:
        """Publish no more."""
        self._stopping.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    def _run(self) -> None:
        while not self._stopping.is_set():
            before = self._messages[0].at_s if self._messages else 0.0
            for message in self._messages:
                if self._stopping.wait(0.0 if self._is_at_once else max(0.0, message.at_s - before)):
                    return
                before = message.at_s
                self._client.publish(message.topic, message.payload, qos=1, retain=message.is_retained)
            self._stopping.wait(_PAUSE_S)
