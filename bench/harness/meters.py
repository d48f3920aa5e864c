"""The history's meters on a real socket: they publish with QoS 1, and what the broker does not take waits with them."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from bench.harness.history import Message

BEFORE, MEANWHILE = 0.2, 0.6  # shares of the history that come before a fault, and at most while it lasts
_BURST_S = 0.05


class Meters:
    """Sends a first part at once, then a steady trickle, and after `finish` what is left."""

    def __init__(self, port: int, messages: Sequence[Message], trickle_s: float) -> None:
        """`trickle_s` is how long the middle part would last."""
        self._messages = messages
        self._first = round(len(messages) * BEFORE)
        self._hold_at = round(len(messages) * (BEFORE + MEANWHILE))
        self._burst = max(1, round((self._hold_at - self._first) * _BURST_S / trickle_s))
        self._sent = self._acknowledged = 0
        self._may_finish, self._stopping = threading.Event(), threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="meters", clean_session=False)
        self._client.max_queued_messages_set(0)
        self._client.max_inflight_messages_set(100)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_publish = self._on_publish
        self._client.connect_async("127.0.0.1", port)
        self._thread = threading.Thread(target=self._run, name="meters", daemon=True)

    def start(self) -> None:
        """Connect and begin."""
        self._client.loop_start()
        self._thread.start()

    @property
    def acknowledged(self) -> int:
        """Messages that the broker says it has."""
        return self._acknowledged

    def is_at(self, share: float) -> bool:
        """Whether the broker has so much of what comes before `finish`: 0 is the first part, 1 the trickle's end."""
        return self._acknowledged >= self._first + share * (self._hold_at - self._first)

    def finish(self) -> None:
        """Nothing more will break: send the rest."""
        self._may_finish.set()

    @property
    def is_done(self) -> bool:
        """Whether the broker has taken everything."""
        return self._acknowledged == len(self._messages)

    def stop(self) -> None:
        """Part."""
        self._stopping.set()
        self._may_finish.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    def _on_publish(self, *_: object) -> None:
        self._acknowledged += 1  # by paho's one thread

    def _run(self) -> None:
        self._publish(self._first)
        while self._sent < self._hold_at and not self._may_finish.is_set() and not self._stopping.wait(_BURST_S):
            self._publish(min(self._sent + self._burst, self._hold_at))
        self._may_finish.wait()
        if not self._stopping.is_set():
            self._publish(len(self._messages))

    def _publish(self, until: int) -> None:
        for message in self._messages[self._sent : until]:
            self._client.publish(f"hall/{message.meter}", message.payload, qos=1)
        self._sent = until
