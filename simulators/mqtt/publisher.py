"""Simulated meters that publish by MQTT, each on a fixed grid of its own, QoS 1."""

from __future__ import annotations

import heapq
import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from paho.mqtt.client import Client, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from simulators.faults import WELL, MeterFaults
from simulators.mqtt.messages import Message, Publication, Source, messages

_CONFIRM_S = 10.0


@dataclass(frozen=True, slots=True)
class PublishingMeter:
    """A meter that sends what `source` says it shows, every `period_s` seconds, `phase_s` after the full period.

    An empty answer of the source is a dead meter: it sends nothing.
    """

    publication: Publication
    source: Source
    period_s: float
    phase_s: float = 0.0
    faults: MeterFaults = WELL

    def __post_init__(self) -> None:
        if self.period_s <= 0:
            raise ValueError(f"topic {self.publication.topic}: period_s is {self.period_s}; it must be more than 0")

    def due_after(self, moment_s: float) -> float:
        """When it sends next: the next point of its grid, and its delay after that; Unix seconds."""
        phase_s = self.phase_s + self._delay_s
        steps = (moment_s - phase_s) // self.period_s + 1
        return phase_s + steps * self.period_s

    @property
    def _delay_s(self) -> float:
        return self.faults.delay_s or 0.0

    def messages(self, due_s: float) -> list[Message]:
        """What it sends at that point, with its faults: the time stated may be wrong, bytes missing, noise before."""
        if self.faults.is_silent:
            return []
        taken = datetime.fromtimestamp(due_s - self._delay_s, UTC).astimezone()
        wrong = timedelta(seconds=self.faults.clock_s)
        said = messages(self.publication, lambda stated: self.source(stated - wrong), taken + wrong)
        if self.faults.is_half:
            said = [(topic, payload[: len(payload) // 2]) for topic, payload in said]
        noise = random.Random(due_s).randbytes(self.faults.noise)
        return [m for topic, payload in said for m in ([(topic, noise)] if noise else []) + [(topic, payload)]]


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
        self._sent = [i for i in self._sent if not i.is_published()]
        for topic, payload in meter.messages(due):
            info = self._client.publish(topic, payload, qos=1)
            if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:  # else it waits for the broker, and cannot be asked about
                self._sent.append(info)
