"""Simulated meters that publish by MQTT, each on a fixed grid of its own, QoS 1."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from paho.mqtt.client import Client, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion

from device_profiles.schema import JsonProfile
from simulators.mqtt.payload import encode_payload

Source = Callable[[datetime], Mapping[str, float]]
_CONFIRM_S = 10.0


@dataclass(frozen=True, slots=True)
class PublishingMeter:
    """A meter that sends what `source` says it shows, every `period_s` seconds, `phase_s` after the full period.

    An empty answer of the source is a dead meter: it sends nothing.
    """

    topic: str
    profile: JsonProfile
    source: Source
    period_s: float
    phase_s: float = 0.0

    def __post_init__(self) -> None:
        if self.period_s <= 0:
            raise ValueError(f"topic {self.topic}: period_s is {self.period_s}; it must be more than 0")

    def due_after(self, moment_s: float) -> float:
        """The next point of its grid, in Unix seconds."""
        steps = (moment_s - self.phase_s) // self.period_s + 1
        return self.phase_s + steps * self.period_s


class Publisher:
    """Publishes meters until it is stopped; messages wait in memory while the broker is away.

    clock  Unix seconds; waits are by it, so a test may turn it
    """

    def __init__(
        self, host: str, port: int, meters: Iterable[PublishingMeter], clock: Callable[[], float] = time.time
    ) -> None:
        self._clock = clock
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.max_queued_messages_set(0)
        self._client.connect_async(host, port)
        self._stopping = threading.Event()
        self._sent: list[MQTTMessageInfo] = []
        now = clock()
        self._due = [(meter.due_after(now), number, meter) for number, meter in enumerate(meters)]
        heapq.heapify(self._due)
        self._thread = threading.Thread(target=self._run, name="mqtt publisher", daemon=True)

    def start(self) -> None:
        """Connect, again and again until it works, and publish."""
        self._client.loop_start()
        self._thread.start()

    def stop(self) -> None:
        """Send what is due no more, wait a little for the broker's word on the rest, and part."""
        self._stopping.set()
        self._thread.join()
        deadline = time.monotonic() + _CONFIRM_S
        for info in self._sent:
            if self._client.is_connected():
                info.wait_for_publish(max(0.0, deadline - time.monotonic()))
        self._client.disconnect()
        self._client.loop_stop()

    def _run(self) -> None:
        while self._due and not self._stopping.wait(min(1.0, max(0.0, self._due[0][0] - self._clock()))):
            if self._due[0][0] <= self._clock():
                self._publish_next()

    def _publish_next(self) -> None:
        due, number, meter = self._due[0]
        heapq.heapreplace(self._due, (meter.due_after(max(due, self._clock())), number, meter))
        moment = datetime.fromtimestamp(due, UTC)
        values = meter.source(moment)
        if values:
            info = self._client.publish(meter.topic, encode_payload(meter.profile, values, moment), qos=1)
            self._sent = [i for i in self._sent if not i.is_published()]
            self._sent.append(info)
