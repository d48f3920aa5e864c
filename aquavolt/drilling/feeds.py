"""What a drill's copy is fed: the readings that come in, or those of days ago, faster than they came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from aquavolt.stores.scan import ScannableStore
from collector.journal import Journal
from metering.batch import ReadingBatch
from metering.entries import Entry, Revision, Tick
from metering.quantities import BY_CODE

SOURCE_DAYS = 7
_READ_BYTES = 1 << 20
_DAY_MS = 86_400_000
_CHUNK_MS = 2 * 3_600_000  # read from the store at once
_SLICE_MS = (60_000, 300_000)  # the copy's clock goes on by so much at once: at least, at most
_AT_ONCE = 12  # slices: a stop is heard between


class FeedError(RuntimeError):
    """There is nothing to feed the copy; the message says why."""


class EntrySource(Protocol):
    """Where the copy's entries come from."""

    @property
    def is_exhausted(self) -> bool:
        """Whether nothing more will come."""
        ...

    def due(self) -> list[Entry]:
        """What the copy is to be fed now."""
        ...


@dataclass(slots=True)
class LiveFeed:
    """The journal from a position on: what the live rules are given, as it comes."""

    journal: Journal
    position: int
    is_exhausted: bool = field(default=False, init=False)

    def due(self) -> list[Entry]:
        """What has come. Raises: FeedError."""
        rows = self.journal.read(self.position, _READ_BYTES)
        if rows and rows[0][0] > self.position + 1:
            raise FeedError("the journal no longer has what comes next")
        if any(isinstance(entry, Revision) for _, entry in rows):
            raise FeedError("the site file or the rules have changed")
        if rows:
            self.position = rows[-1][0]
        return [entry for _, entry in rows]


@dataclass(slots=True)
class PastFeed:
    """Readings of `days` ago, set on by so many days, at `speed` times the clock's speed.

    start_ms   where the copy's clock stands at the beginning
    monotonic  seconds
    """

    store: ScannableStore
    meters: tuple[str, ...]
    start_ms: int
    speed: float
    monotonic: Callable[[], float]
    days: int = field(init=False)
    _began: float = field(init=False)
    _at: int = field(init=False)
    _quantities: tuple[str, ...] = field(init=False)
    _chunk: ReadingBatch | None = field(default=None, init=False)
    _chunk_end: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Raises: FeedError, less than a day is stored."""
        self.days = self._days_stored()
        newest = self.store.latest()
        self._quantities = tuple(BY_CODE[code].name for code in np.unique(newest.quantity).tolist())
        self._began, self._at = self.monotonic(), self.start_ms

    def _days_stored(self) -> int:
        start = np.datetime64(self.start_ms, "ms")
        hours, _ = self.store.hourly_counts(start - np.timedelta64(SOURCE_DAYS + 1, "D"), start)
        first = self.start_ms if not len(hours) else int(hours[0].astype("datetime64[ms]").astype(np.int64))
        days = min(SOURCE_DAYS, (self.start_ms - first) // _DAY_MS)
        if days < 1:
            raise FeedError("a copy that runs ahead of the clock needs a day of stored readings; ask for speed 1")
        return int(days)

    @property
    def is_exhausted(self) -> bool:
        """Whether what was read has been used up."""
        return self._at >= self._end_ms

    @property
    def _end_ms(self) -> int:
        return self.start_ms + self.days * _DAY_MS

    def due(self) -> list[Entry]:
        """Slice by slice: its readings, then a tick."""
        passed_ms = int((self.monotonic() - self._began) * self.speed * 1000)
        target = min(self.start_ms + passed_ms, self._end_ms)
        step = min(max(int(self.speed * 2000), _SLICE_MS[0]), _SLICE_MS[1])
        entries: list[Entry] = []
        for _ in range(_AT_ONCE):
            if self._at + step > target:
                break
            entries += self._slice(self._at, self._at + step)
            self._at += step
        return entries

    def _slice(self, start: int, end: int) -> list[Entry]:
        if self._chunk is None or start >= self._chunk_end:
            self._chunk, self._chunk_end = self._read(start), start + _CHUNK_MS
        times = self._chunk.time.view(np.int64)
        rows = slice(*np.searchsorted(times, [start, end]).tolist())
        batch = self._chunk.take(np.arange(len(times))[rows])
        return [*([batch] if len(batch) else []), Tick(np.datetime64(end, "ms"))]

    def _read(self, start: int) -> ReadingBatch:
        ago = self.days * _DAY_MS
        span = (np.datetime64(t - ago, "ms") for t in (start, start + _CHUNK_MS))
        batch = self.store.read(self.meters, self._quantities, *span)
        batch = batch.take(np.argsort(batch.time, kind="stable"))
        return replace(batch, time=batch.time + np.timedelta64(ago, "ms"))
