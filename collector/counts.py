"""What was expected, what came, what was stored: counted per meter and per connection, from any thread.

The unit is one reading: one quantity of one meter at one moment. A poll of a meter with 30 points expects 30.
Counting a whole batch is one vectorised addition, so that it costs nothing beside decoding.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from collector.last_seen import LastSeen, Raw
from collector.repeats import Repeats
from metering.batch import ReadingBatch
from metering.health import ConnectionHealth, HealthReport, JournalHealth, MeterHealth

_NEVER = np.iinfo(np.int64).min
_NOT_YET = np.iinfo(np.int64).max
_ERROR_LENGTH = 500
_TIME_BITS = 44  # Unix ms for centuries

Int64 = npt.NDArray[np.int64]


class HasHealth(Protocol):
    """What a report needs of the journal."""

    def health(self) -> JournalHealth:
        """Depth, age, lag and what was dropped."""
        ...


class _Columns:
    """Counters of meters in arrays that grow; a meter keeps its row for ever."""

    def __init__(self) -> None:
        self.row: dict[str, int] = {}
        self.names = (
            "expected",
            "received",
            "stored",
            "skipped",
            "errors",
            "messages",
            "repeats",
            "first",
            "last",
            "period",
        )
        self._place = {name: i for i, name in enumerate(self.names)}
        self.table: Int64 = np.zeros((len(self.names), 64), np.int64)
        self._fresh(0)

    def __getitem__(self, name: str) -> Int64:
        column: Int64 = self.table[self._place[name]]
        return column

    def add(self, name: str, meter: str, n: int) -> None:
        """One number of one meter."""
        row = self.of(meter)  # first: a new row may make the table anew
        self.table[self._place[name], row] += n

    def _fresh(self, start: int) -> None:
        self["first"][start:] = _NOT_YET
        self["last"][start:] = _NEVER

    def of(self, meter: str) -> int:
        """The meter's row; a new meter gets the next one."""
        row = self.row.get(meter)
        if row is not None:
            return row
        row = self.row[meter] = len(self.row)
        if row >= self.table.shape[1]:
            start = self.table.shape[1]
            self.table = np.concatenate([self.table, np.zeros_like(self.table)], axis=1)
            self._fresh(start)
        return row


@dataclass(slots=True)
class _Text:
    """What is no number of a meter."""

    connection: str = ""
    last_error: str = ""
    breaker: str = "closed"


@dataclass(slots=True)
class _Connection:
    """As `ConnectionHealth`, but added to in place: each line does so every second."""

    name: str
    state: str
    meters: int = 0
    requests: int = 0
    errors: int = 0
    reconnects: int = 0
    last_error: str = ""

    def health(self) -> ConnectionHealth:
        """As of now."""
        counted = self.meters, self.requests, self.errors, self.reconnects
        return ConnectionHealth(self.name, self.state, *counted, self.last_error)


class Counts:
    """Counters of one collector. Every method may be called from any thread; each counter only grows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._columns = _Columns()
        self._texts: dict[str, _Text] = {}
        self._connections: dict[str, _Connection] = {}
        self._set_aside: dict[str, int] = {}
        self._repeats = Repeats()
        self._seen = LastSeen()
        self._upcoming: list[Callable[[], Mapping[str, float]]] = []

    # -- meters ------------------------------------------------------------------------------------------

    def declare(self, meter: str, connection: str, push_period_s: float | None = None) -> None:
        """Make a meter known before its first reading, so that a silent one is seen.

        A meter that sends by itself every `push_period_s` seconds has its `expected` computed from the times
        of its readings; a polled one (None) counts each poll by `expected`.
        """
        with self._lock:
            self._text(meter).connection = connection
            row = self._columns.of(meter)  # first: a new row may make the table anew
            self._columns["period"][row] = round((push_period_s or 0) * 1000)

    def expected(self, meter: str, n: int = 1) -> None:
        """`n` readings of this meter were due."""
        self._add("expected", meter, n)

    def skipped(self, meter: str, n: int = 1) -> None:
        """`n` due readings were not even asked for: the last poll was still on its way, or the journal is full."""
        self._add("skipped", meter, n)

    def received(self, meter: str, n: int = 1, time: np.datetime64 | None = None) -> None:
        """`n` readings came in one message or reply, taken at `time` (UTC)."""
        with self._lock:
            row = self._columns.of(meter)
            self._columns["received"][row] += n
            self._columns["messages"][row] += 1
            if time is not None:
                ms = time.astype("datetime64[ms]").astype(np.int64)
                self._columns["last"][row] = max(self._columns["last"][row], ms)
                self._columns["first"][row] = min(self._columns["first"][row], ms)

    def received_batch(self, batch: ReadingBatch, messages: npt.NDArray[np.int32] | None = None) -> None:
        """All readings of a batch came.

        `messages` is the index into `batch.meters` of each message's meter; without it each meter of the batch
        is taken to have sent one message.
        """
        if not len(batch):
            return
        with self._lock:
            rows = self._rows(batch)
            width = len(batch.meters)
            per_meter = np.bincount(batch.meter, minlength=width)
            sent = np.minimum(per_meter, 1) if messages is None else np.bincount(messages, minlength=width)
            self._columns["received"][rows] += per_meter
            self._columns["messages"][rows] += sent
            if messages is not None:
                self._columns["repeats"][rows] += sent - self._new_messages(batch, rows)
            times = batch.time.astype(np.int64)
            np.maximum.at(self._columns["last"], rows[batch.meter], times)
            np.minimum.at(self._columns["first"], rows[batch.meter], times)
            self._seen.take(rows, batch)

    def heard(self, raws: Mapping[str, Raw], rank: int = 0) -> None:
        """The bytes that meters' last values came in, by meter; `rank` as in `last_seen`."""
        with self._lock:
            self._seen.heard(raws, rank)

    def ask_when(self, upcoming: Callable[[], Mapping[str, float]]) -> None:
        """`upcoming` says of the meters that are polled in how many seconds each is asked next. From any thread."""
        with self._lock:
            self._upcoming.append(upcoming)

    def stored(self, batch: ReadingBatch) -> None:
        """The store confirmed all readings of a batch."""
        if not len(batch):
            return
        with self._lock:
            rows = self._rows(batch)
            self._columns["stored"][rows] += np.bincount(batch.meter, minlength=len(batch.meters))

    def error(self, meter: str, text: str) -> None:
        """A reading failed, or what came could not be understood."""
        with self._lock:
            row = self._columns.of(meter)
            self._columns["errors"][row] += 1
            self._text(meter).last_error = text[:_ERROR_LENGTH]

    def breaker(self, meter: str, state: str) -> None:
        """The meter's breaker is now `closed`, `open` or `probing`."""
        with self._lock:
            self._columns.of(meter)
            self._text(meter).breaker = state

    # -- connections -------------------------------------------------------------------------------------

    def connection(
        self,
        name: str,
        state: str,
        *,
        meters: int | None = None,
        requests: int = 0,
        errors: int = 0,
        reconnects: int = 0,
        error: str | None = None,
    ) -> None:
        """The connection's state (`connected`, `connecting`, `waiting`, `failed`).

        `requests`, `errors` and `reconnects` are added to what there is; `meters` replaces; `error` is the text
        of the last one.
        """
        with self._lock:
            one = self._connections.get(name)
            if one is None:
                one = self._connections[name] = _Connection(name, state)
            one.state = state
            one.requests += requests
            one.errors += errors
            one.reconnects += reconnects
            if meters is not None:
                one.meters = meters
            if error is not None:
                one.last_error = error[:_ERROR_LENGTH]

    def forget_connection(self, name: str) -> None:
        """The connection is no longer configured."""
        with self._lock:
            self._connections.pop(name, None)

    def set_aside(self, reason: str, n: int = 1) -> None:
        """`n` things were refused for this reason; few distinct reasons, so no payloads and no times in them."""
        with self._lock:
            self._set_aside[reason] = self._set_aside.get(reason, 0) + n

    # -- report ------------------------------------------------------------------------------------------

    def report(self, now: np.datetime64, journal: HasHealth) -> HealthReport:
        """Everything, as of `now` (UTC)."""
        journal_health = journal.health()
        upcoming: dict[str, float] = {}
        for ask in tuple(self._upcoming):
            upcoming |= ask()
        with self._lock:
            expected = self._expected(int(now.astype("datetime64[ms]").astype(np.int64)))
            return HealthReport(
                now,
                tuple(
                    self._meter(meter, row, int(expected[row]), now, upcoming.get(meter))
                    for meter, row in self._columns.row.items()
                ),
                tuple(one.health() for one in self._connections.values()),
                journal_health,
                dict(self._set_aside),
            )

    def _add(self, column: str, meter: str, n: int) -> None:
        with self._lock:
            self._columns.add(column, meter, n)

    def _text(self, meter: str) -> _Text:
        return self._texts.setdefault(meter, _Text())

    def _rows(self, batch: ReadingBatch) -> npt.NDArray[np.intp]:
        return np.fromiter((self._columns.of(m) for m in batch.meters), np.intp, len(batch.meters))

    def _new_messages(self, batch: ReadingBatch, rows: npt.NDArray[np.intp]) -> Int64:
        """How many messages of each meter of the batch did not come before; one is known by meter and time."""
        times = batch.time.astype(np.int64)
        starts = np.ones(len(batch), np.bool_)
        starts[1:] = (np.diff(batch.meter) != 0) | (np.diff(times) != 0)
        meter = batch.meter[starts]
        is_new = self._repeats.are_new(((rows[meter] << _TIME_BITS) + times[starts]).tolist())
        return np.bincount(meter[is_new], minlength=len(batch.meters))

    def _expected(self, now_ms: int) -> Int64:
        """Due readings; of a meter that sends by itself: periods since its first reading x readings a message.

        What came twice counts as due twice: else it would hide what never came.
        """
        c = self._columns
        expected: Int64 = c["expected"].copy()
        pushed = np.flatnonzero((c["period"] > 0) & (c["messages"] > 0) & (c["first"] != _NOT_YET))
        until = np.maximum(c["last"][pushed], now_ms - c["period"][pushed])
        messages = (until - c["first"][pushed] + c["period"][pushed] // 2) // c["period"][pushed] + 1
        messages += c["repeats"][pushed]
        expected[pushed] += np.rint(messages * c["received"][pushed] / c["messages"][pushed]).astype(np.int64)
        return expected

    def _meter(self, meter: str, row: int, expected: int, now: np.datetime64, due_s: float | None) -> MeterHealth:
        text = self._texts.get(meter) or _Text()
        c = self._columns
        last = int(c["last"][row])
        seen = self._seen.of(meter, row)
        return MeterHealth(
            meter,
            text.connection,
            expected=expected,
            received=int(c["received"][row]),
            stored=int(c["stored"][row]),
            skipped=int(c["skipped"][row]),
            errors=int(c["errors"][row]),
            last_error=text.last_error,
            last_reading=None if last == _NEVER else np.datetime64(last, "ms"),
            breaker=text.breaker,
            raw=seen.raw,
            quantity=seen.quantity,
            value=seen.value,
            quality=seen.quality,
            next_poll=None if due_s is None else now + np.timedelta64(round(max(0.0, due_s) * 1000), "ms"),
        )
