"""Everything in the embedded store to InfluxDB, stretch by stretch, then both read again and compared.

How far it came stands in `FOLDER/influx.db` like a journal position; stopped at any moment it goes on with the stretch
it was in. The embedded store is only read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aquavolt.stores.duckdb_store import DuckDBStore, IntervalExtent
from aquavolt.stores.influx.influx_store import InfluxStore
from aquavolt.stores.influx.settings import InfluxSettings
from aquavolt.stores.lock import DataLock
from aquavolt.stores.opened import STORE_FILE
from aquavolt.stores.scan import slices
from aquavolt.stores.stretches import Stretch
from metering.batch import ReadingBatch
from metering.intervals import IntervalBatch
from metering.ports import UsageSeries
from metering.quantities import quantity as quantity_named
from metering.windows import STEP

Advance = Callable[[str, int, int], None]
_CURSORS = ("live", "backlog")
_READINGS, _INTERVALS = "move readings", "move intervals"  # cursors of our own: a time in ms, up to which all is there
_WEEK = 7 * 96 * STEP
_TIME_BITS = 43
_MARGIN = np.timedelta64(1, "h")  # what is about to expire anyway


class MoveError(RuntimeError):
    """What was written and what is read back differ; the message names the stretch."""


@dataclass(frozen=True, slots=True)
class MoveReport:
    """What InfluxDB has of the embedded store, all of it compared. `too_old`: older than what the bucket keeps."""

    readings: int
    intervals: int
    too_old: int
    sha256: str

    def lines(self) -> list[str]:
        """As text."""
        said = [
            f"moved and compared: {self.readings:,} readings, {self.intervals:,} intervals; sha256 {self.sha256}",
            "the embedded store is as it was; from now on start the program with AQUAVOLT_INFLUX_URL",
        ]
        if self.too_old:
            said.insert(1, f"{self.too_old:,} readings are older than retention_days: InfluxDB would not keep them")
        return said


def move_store(folder: Path, influx: InfluxSettings, now: np.datetime64, advance: Advance) -> MoveReport:
    """Move, or go on moving.

    Raises:
        FileNotFoundError: there is no embedded store in the folder.
        DataInUseError: a program runs on the folder.
        StoreUnavailableError: InfluxDB is not there; the next call goes on.
        MoveError: what is read back is not what was written.
    """
    if not (folder / STORE_FILE).exists():
        raise FileNotFoundError(f"there is no embedded store in {folder}: it has no {STORE_FILE}")
    days = influx.retention_days
    floor = None if days is None else now - np.timedelta64(int(days * 86_400_000), "ms") + _MARGIN
    with (
        DataLock(folder),
        closing(DuckDBStore(folder / STORE_FILE)) as source,
        closing(InfluxStore(influx, folder)) as target,
    ):
        readings = _Readings(source, target, floor)
        intervals = _Intervals(source, target)
        readings.move(advance)
        intervals.move(advance)
        rows, sha256 = readings.compare(advance)
        report = MoveReport(rows, intervals.compare(advance), readings.too_old, sha256)
        for cursor in _CURSORS:
            if (position := source.position(cursor)) > target.position(cursor):
                target.append_readings([], position, cursor)
        return report


class _Readings:
    def __init__(self, source: DuckDBStore, target: InfluxStore, floor: np.datetime64 | None) -> None:
        self._source, self._target = source, target
        newest = source.latest()
        self._meters = newest.meters
        self._quantities = source.reading_quantities()
        self._parts = slices(source, floor, None)
        self.too_old = 0 if floor is None else int(source.hourly_counts(None, floor)[1].sum())

    def move(self, advance: Advance) -> None:
        done = self._target.position(_READINGS)
        for number, part in enumerate(self._parts, 1):
            if _ms(part.end) > done:
                self._target.append_readings([self._of(self._source, part)], _ms(part.end), _READINGS)
            advance("readings", number, len(self._parts))

    def compare(self, advance: Advance) -> tuple[int, str]:
        """How many there are, and the checksum of all of them."""
        rows, digest = 0, hashlib.sha256()
        for number, part in enumerate(self._parts, 1):
            wanted, found = self._of(self._source, part), self._of(self._target, part)
            if (wrong := _differing(wanted, found)) > 0:
                raise MoveError(f"{wrong:,} of {len(wanted):,} readings from {part.start} to {part.end} differ")
            rows += len(wanted)
            for column in (wanted.meter, wanted.quantity, wanted.time, wanted.value, wanted.quality):
                digest.update(column.tobytes())
            advance("comparing readings", number, len(self._parts))
        return rows, digest.hexdigest()

    def _of(self, store: DuckDBStore | InfluxStore, part: Stretch) -> ReadingBatch:
        return store.read(self._meters, self._quantities, part.start, part.end)


def _differing(wanted: ReadingBatch, found: ReadingBatch) -> int:
    """How many wanted readings are missing or other in `found`, which may have more; both in the order of `read`."""
    if not len(found):
        return len(wanted)
    ours, theirs = _keys(wanted), _keys(found)
    at = np.minimum(np.searchsorted(theirs, ours), len(theirs) - 1)
    is_same = theirs[at] == ours
    is_same &= found.value[at] == wanted.value
    is_same &= found.quality[at] == wanted.quality
    return int((~is_same).sum())


def _keys(batch: ReadingBatch) -> Any:
    # `read` orders by place of the meter, place of the quantity (ascending codes here), time: so do these numbers.
    channel = batch.meter.astype(np.int64) * 256 + batch.quantity
    return (channel << _TIME_BITS) | batch.time.astype(np.int64)


class _Intervals:
    def __init__(self, source: DuckDBStore, target: InfluxStore) -> None:
        self._source, self._target = source, target
        self._extent: IntervalExtent | None = source.interval_extent()

    def _weeks(self) -> list[tuple[np.datetime64, np.datetime64]]:
        if self._extent is None:
            return []
        starts = np.arange(self._extent.start, self._extent.end, _WEEK)
        return [(start, min(start + _WEEK, self._extent.end)) for start in starts]

    def move(self, advance: Advance) -> None:
        weeks, done = self._weeks(), self._target.position(_INTERVALS)
        for number, (start, end) in enumerate(weeks, 1):
            if _ms(end) > done:
                for quantity, series in self._of(self._source, start, end):
                    self._target.upsert_intervals(_intervals(quantity, series))
                self._target.append_readings([], _ms(end), _INTERVALS)
            advance("intervals", number, len(weeks))

    def compare(self, advance: Advance) -> int:
        """How many there are."""
        weeks, rows = self._weeks(), 0
        for number, (start, end) in enumerate(weeks, 1):
            pairs = zip(self._of(self._source, start, end), self._of(self._target, start, end), strict=True)
            for (quantity, wanted), (_, found) in pairs:
                is_there = ~np.isnan(wanted.usage)
                is_same = (wanted.usage == found.usage) & (wanted.quality == found.quality)
                if wrong := int((is_there & ~is_same).sum()):
                    raise MoveError(f"{wrong:,} intervals of {quantity} from {start} to {end} differ")
                rows += int(is_there.sum())
            advance("comparing intervals", number, len(weeks))
        return rows

    def _of(
        self, store: DuckDBStore | InfluxStore, start: np.datetime64, end: np.datetime64
    ) -> Iterator[tuple[str, UsageSeries]]:
        assert self._extent is not None  # noqa: S101 - there are weeks only where it is
        for quantity in self._extent.quantities:
            yield quantity, store.usage(self._extent.meters, quantity, np.arange(start, end + STEP, STEP))


def _intervals(quantity: str, series: UsageSeries) -> IntervalBatch:
    step, meter = np.nonzero(~np.isnan(series.usage))
    return IntervalBatch(
        series.meters,
        meter.astype(np.int32),
        np.full(len(step), quantity_named(quantity).code, np.uint8),
        series.edges[step],
        series.usage[step, meter],
        series.quality[step, meter],
    )


def _ms(moment: np.datetime64) -> int:
    return int(moment.astype("datetime64[ms]").astype(np.int64))
