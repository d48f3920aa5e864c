"""The messages of one moment, gathered into one batch of readings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from collector.alarms import Alarms
from collector.clocks import CLOCK_WRONG, TOLERATED_MS
from collector.counts import Counts
from collector.mqtt.decode import PayloadError
from collector.mqtt.frame import Publish
from collector.mqtt.routes import Route, Routes
from collector.read_value import ReadValue
from metering.batch import Int32, MeterEvent, Quality, ReadingBatch

OLDEST_MS = 946_684_800_000  # 2000-01-01: a clock before that was never set
_CLOCK_WRONG = int(Quality.CLOCK_WRONG)
_REASON_MALFORMED = "malformed MQTT payload"
_REASON_UNKNOWN = "MQTT message on a topic of no meter"
_REASON_RETAINED = "retained MQTT message without a time of its own"


class Burst:
    """Decodes message by message into columns; what cannot be read is counted and left out, never raised.

    `arrivals` remembers each meter's last arrival time in ms across bursts: of messages that state no time, two
    in the same millisecond get different times, for else the second would replace the first. `alarms` remembers what
    each meter said of itself.
    """

    def __init__(
        self,
        routes: Routes,
        counts: Counts,
        now_ms: int,
        arrivals: dict[str, int],
        on_unknown: Callable[[str], None],
        alarms: Alarms | None = None,
    ) -> None:
        self._routes, self._counts, self._now_ms, self._arrivals = routes, counts, now_ms, arrivals
        self._alarms = alarms or Alarms()
        self._on_unknown = on_unknown
        self._index: dict[str, int] = {}
        self._message_meter: list[int] = []
        self._message_time: list[int] = []
        self._message_quality: list[int] = []
        self._message_size: list[int] = []
        self._codes: list[int] = []
        self._values: list[float] = []
        self.events: list[MeterEvent] = []
        self.payloads: dict[str, bytes] = {}  # each meter's last
        self._value_quality: list[tuple[int, list[int]]] = []  # place of the first value, bits

    def add_all(self, publishes: list[Publish]) -> None:
        """Decode these messages, in their order."""
        known = self._routes.cache
        for message in publishes:
            routes = known.get(message.topic) or self._routes.find(message.topic)
            if not routes:
                self._counts.set_aside(_REASON_UNKNOWN)
                self._on_unknown(message.topic.decode("utf-8", "replace"))
            for route in routes:
                self._add(route, message)

    def _add(self, route: Route, message: Publish) -> None:
        self.payloads[route.meter] = message.payload
        if route.decode is None:
            self._hear(route, message)
            return
        try:
            time_ms, codes, values, qualities = route.decode(message.payload)
        except PayloadError as error:
            self._refuse(route, message, str(error))
            return
        except Exception as error:  # noqa: BLE001 - one payload, whatever it holds, must not stop the others
            self._refuse(route, message, f"{type(error).__name__}: {error}")
            return
        quality = 0
        if time_ms is None:
            if message.is_retained:  # an old value with a new time would be a lie
                self._counts.set_aside(_REASON_RETAINED)
                return
            time_ms = self._arrival(route.meter)
        elif self._is_clock_wrong(route, time_ms):
            time_ms, quality = self._arrival(route.meter), _CLOCK_WRONG
        if qualities is not None:
            self._value_quality.append((len(self._codes), qualities))
        self._take(route, time_ms, codes, values, quality)

    def _take(self, route: Route, time_ms: int, codes: Sequence[int], values: list[float], quality: int) -> None:
        self._message_meter.append(self._index.setdefault(route.meter, len(self._index)))
        self._message_time.append(time_ms)
        self._message_quality.append(quality)
        self._message_size.append(len(codes))
        self._codes += codes
        self._values += values

    def _hear(self, route: Route, message: Publish) -> None:
        """A message that may hold several moments and news of the meter itself."""
        assert route.listen is not None  # noqa: S101 - a route has one of the two
        try:
            heard = route.listen(message.topic.decode("utf-8", "replace"), message.payload)
        except Exception as error:  # noqa: BLE001 - one payload, whatever it holds, must not stop the others
            self._refuse(route, message, str(error) if isinstance(error, PayloadError) else repr(error))
            return
        if message.is_retained and any(m.time_ms is None for m in heard.moments):
            self._counts.set_aside(_REASON_RETAINED)
            return
        newest = max((m.time_ms for m in heard.moments if m.time_ms is not None), default=None)
        # A clock that is wrong is wrong by the same for all that the message holds: the row is moved as a whole.
        is_wrong = newest is not None and self._is_clock_wrong(route, newest)
        shift = newest - self._now_ms if newest is not None and is_wrong else None
        arrival = self._arrival(route.meter)
        for time_ms, codes, values in heard.moments:
            moment = arrival if time_ms is None else time_ms - (shift or 0)
            if moment >= OLDEST_MS:
                self._take(route, moment, codes, values, 0 if shift is None or time_ms is None else _CLOCK_WRONG)
        event_ms = newest if newest is not None and shift is None else arrival
        self._tell(route, event_ms, heard.values, route.protocol)

    def _refuse(self, route: Route, message: Publish, reason: str) -> None:
        topic = message.topic.decode("utf-8", "replace")
        self._counts.set_aside(_REASON_MALFORMED)
        self._counts.error(route.meter, f"topic {topic}: the payload {reason}")

    def _is_clock_wrong(self, route: Route, time_ms: int) -> bool:
        """Whether a device's time is none; an event says so, too."""
        is_wrong = not OLDEST_MS <= time_ms <= self._now_ms + TOLERATED_MS
        if not self._alarms.is_known(route.meter, CLOCK_WRONG, is_on=is_wrong):
            self._tell(route, self._now_ms, [ReadValue(CLOCK_WRONG, is_wrong, "")], "")
        return is_wrong

    def _tell(self, route: Route, time_ms: int, values: Sequence[ReadValue], protocol: str) -> None:
        news = self._alarms.changes(route.meter, values, protocol)
        self.events += [MeterEvent(route.meter, np.datetime64(time_ms, "ms"), code, text) for code, text in news]

    def _arrival(self, meter: str) -> int:
        moment = max(self._now_ms, self._arrivals.get(meter, 0) + 1)
        self._arrivals[meter] = moment
        return moment

    def batch(self) -> ReadingBatch:
        """All readings so far, in the order of their messages."""
        sizes = np.array(self._message_size, np.intp)
        quality = np.repeat(np.array(self._message_quality, np.uint16), sizes)
        for first, bits in self._value_quality:
            quality[first : first + len(bits)] |= np.array(bits, np.uint16)
        return ReadingBatch(
            tuple(self._index),
            np.repeat(np.array(self._message_meter, np.int32), sizes),
            np.array(self._codes, np.uint8),
            np.repeat(np.array(self._message_time, np.int64), sizes).view("datetime64[ms]"),
            np.array(self._values, np.float64),
            quality,
        )

    def messages(self) -> Int32:
        """For each message that gave readings the index of its meter in the batch."""
        return np.array(self._message_meter, np.int32)
