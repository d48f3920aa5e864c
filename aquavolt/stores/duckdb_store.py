"""The embedded store: readings, intervals and roll-ups in one DuckDB file. Adapter of both store ports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aquavolt.stores import reading_sql, usage_sql
from aquavolt.stores.connection import Columns, Connection
from aquavolt.stores.interval_rows import interval_columns
from aquavolt.stores.maintenance import maintain
from aquavolt.stores.meter_numbers import MeterNumbers
from aquavolt.stores.newest import ChannelRows, NewestReadings
from aquavolt.stores.upkeep import Maintenance
from aquavolt.stores.windows_on_grid import plan
from metering.batch import ReadingBatch, Times, concatenate
from metering.health import HealthReport
from metering.intervals import IntervalBatch
from metering.ports import UsageSeries
from metering.quantities import BY_CODE
from metering.quantities import quantity as quantity_named
from metering.windows import GRID_MS

DEFAULT_MEMORY_LIMIT = "128MB"
DEFAULT_THREADS = 2


@dataclass(frozen=True, slots=True)
class IntervalExtent:
    """Whose intervals are stored, and when: [start, end)."""

    meters: tuple[str, ...]
    quantities: tuple[str, ...]
    start: np.datetime64
    end: np.datetime64


class DuckDBStore:
    """ReadingStore and IntervalStore on one file, for one process; any of its threads may call.

    `raw_retention_days` is how long `maintain` keeps raw readings, None for ever; intervals and roll-ups stay.

    Raises:
        StoreUnavailableError: the file cannot be opened, e.g. another process has it.
        SchemaError: the file is no store of ours, or a newer program's.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        raw_retention_days: float | None = None,
        memory_limit: str = DEFAULT_MEMORY_LIMIT,
        threads: int = DEFAULT_THREADS,
    ) -> None:
        self.raw_retention_days = raw_retention_days
        self._connection = Connection(Path(path), memory_limit, threads)
        self._newest = NewestReadings()
        with self._connection.query() as cursor:
            self._meters = MeterNumbers(cursor.execute("SELECT number, id FROM meters ORDER BY number").fetchall())
            self._next_row = reading_sql.next_row(cursor)
            self._newest.update(reading_sql.newest(cursor))

    def append_readings(self, batches: Sequence[ReadingBatch], position: int, cursor: str = "live") -> None:
        """See `ReadingStore`."""
        batch = concatenate(batches)
        with self._connection.writing:
            with self._connection.transaction() as connected:
                fresh = self._meters.assign(connected, batch.meters)
                rows = self._rows(batch, fresh)
                reading_sql.insert(connected, rows, self._next_row)
                reading_sql.set_position(connected, cursor, position)
            self._meters.keep(fresh)
            self._next_row += len(batch)
            self._newest.update(rows)

    def _rows(self, batch: ReadingBatch, fresh: dict[str, int]) -> ChannelRows:
        numbers = self._meters.column(batch.meters, fresh)
        meter = numbers[batch.meter] if len(batch) else batch.meter
        return ChannelRows(meter, batch.quantity, batch.time, batch.value, batch.quality)

    def position(self, cursor: str = "live") -> int:
        """See `ReadingStore`."""
        with self._connection.query() as connected:
            return reading_sql.position(connected, cursor)

    def read(
        self, meters: Sequence[str], quantities: Sequence[str], start: np.datetime64, end: np.datetime64
    ) -> ReadingBatch:
        """See `ReadingStore`; quantities are ordered as asked for, too."""
        asked, codes = tuple(dict.fromkeys(meters)), dict.fromkeys(quantity_named(q).code for q in quantities)
        with self._connection.query(wanted=self._wanted(asked), kinds=_ranked(np.array(list(codes), np.uint8))) as cur:
            found = reading_sql.read(cur, start, end)
        return ReadingBatch(asked, found.meter, found.quantity, found.time, found.value, found.quality)

    def latest(self, meters: Sequence[str] | None = None) -> ReadingBatch:
        """See `ReadingStore`; ordered by (meter, quantity code)."""
        asked = self._meters.ids() if meters is None else tuple(dict.fromkeys(meters))
        numbers = self._meters.column(asked)
        known = np.flatnonzero(numbers >= 0)
        rows = self._newest.rows(numbers[known])
        place = known.astype(np.int32)[rows.meter]
        return ReadingBatch(asked, place, rows.quantity, rows.time, rows.value, rows.quality)

    def count(self) -> dict[str, int]:
        """See `ReadingStore`."""
        ids = self._meters.ids()
        with self._connection.query() as cursor:
            return {ids[number]: rows for number, rows in reading_sql.count_distinct(cursor).items()}

    def hourly_counts(
        self, start: np.datetime64 | None = None, end: np.datetime64 | None = None
    ) -> tuple[Times, npt.NDArray[np.int64]]:
        """The hours (UTC) in which readings are stored, ascending, and how many rows, repeated keys included."""
        with self._connection.query() as cursor:
            return reading_sql.hourly_counts(cursor, start, end)

    def upsert_intervals(self, batch: IntervalBatch) -> None:
        """See `IntervalStore`.

        Raises:
            ValueError: an interval that starts off the grid or has no finite usage; nothing is written.
        """
        if not len(batch):
            return
        columns = interval_columns(batch)
        with self._connection.writing:
            with self._connection.transaction() as cursor:
                fresh = self._meters.assign(cursor, batch.meters)
                columns["meter"] = self._meters.column(batch.meters, fresh)[columns["meter"]]
                usage_sql.upsert(cursor, columns)
            self._meters.keep(fresh)

    def usage(self, meters: Sequence[str], quantity: str, edges: Times) -> UsageSeries:
        """See `IntervalStore`.

        Raises:
            ValueError: an unknown quantity, or edges that do not ascend on the 15 min grid.
        """
        code, cover = quantity_named(quantity).code, plan(edges)
        asked = tuple(dict.fromkeys(meters))
        usage = np.full((len(edges) - 1, len(asked)), np.nan)
        quality = np.zeros(usage.shape, np.uint16)
        with self._connection.query(wanted=self._wanted(asked)) as cursor:
            usage_sql.add_hours(cursor, cover.hours, code, usage, quality)
            usage_sql.add_steps(cursor, cover.steps, code, usage, quality)
        place = {meter: i for i, meter in enumerate(asked)}
        again = [place[m] for m in meters]
        return UsageSeries(tuple(meters), edges.astype("datetime64[ms]"), usage[:, again], quality[:, again])

    def reading_quantities(self) -> tuple[str, ...]:
        """The quantities of which readings are stored, in the order of their codes."""
        with self._connection.query() as cursor:
            rows = cursor.execute("SELECT DISTINCT quantity FROM readings ORDER BY quantity").fetchall()
        return tuple(BY_CODE[code].name for (code,) in rows)

    def interval_extent(self) -> IntervalExtent | None:
        """What intervals there are; None: none."""
        with self._connection.query() as cursor:
            first, last = cursor.execute("SELECT min(step), max(step) FROM intervals").fetchone()
            numbers = cursor.execute("SELECT DISTINCT meter FROM intervals ORDER BY meter").fetchall()
            codes = cursor.execute("SELECT DISTINCT quantity FROM intervals ORDER BY quantity").fetchall()
        if first is None:
            return None
        ids = self._meters.ids()
        start, end = (np.datetime64(step * GRID_MS, "ms") for step in (first, last + 1))
        return IntervalExtent(
            tuple(ids[number] for (number,) in numbers), tuple(BY_CODE[code].name for (code,) in codes), start, end
        )

    def told_in(self, report: HealthReport) -> HealthReport:
        """The report as it is: what the file does wrong, the part that calls tells."""
        return report

    def maintain(self, now: np.datetime64) -> Maintenance:
        """Remove raw readings older than `raw_retention_days` before `now`, and superseded ones; give space back."""
        return maintain(self._connection, now, self.raw_retention_days)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _wanted(self, meters: Sequence[str]) -> Columns:
        return _ranked(self._meters.column(meters))


def _ranked(column: npt.NDArray[Any]) -> Columns:
    """The values with the place each was asked for at."""
    return {"number": column, "place": np.arange(len(column), dtype=np.int32)}
