"""Batches laid down in a scratch database, to be given back in the order of time or written out at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from metering.batch import ReadingBatch

BATCH_ROWS = 100_000
_NEVER = np.datetime64(np.iinfo(np.int64).min + 1, "ms")


class StagedReadings:
    """The table `staged`: meter (number), quantity (code), time, value, quality, in the order they were added."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._meters: dict[str, int] = {}
        self._newest = _NEVER
        self.rows = 0
        self.is_in_time_order = True
        connection.execute(
            "CREATE TABLE staged "
            "(meter INTEGER, quantity UTINYINT, time TIMESTAMP_MS, value DOUBLE, quality USMALLINT, minutes SMALLINT)"
        )

    @property
    def meters(self) -> tuple[str, ...]:
        """All ids added; the place of each is its number."""
        return tuple(self._meters)

    def add(self, batch: ReadingBatch, minutes: Any = 0) -> None:
        """Add the rows; `minutes` are those that the local clock is ahead of UTC, a number or one a row."""
        if not len(batch):
            return
        numbers = np.array([self._meters.setdefault(m, len(self._meters)) for m in batch.meters], np.int32)
        columns = {
            "meter": numbers[batch.meter],
            "quantity": batch.quantity,
            "time": batch.time,
            "value": batch.value,
            "quality": batch.quality,
            "minutes": np.broadcast_to(np.asarray(minutes, np.int16), len(batch)).copy(),
        }
        self._connection.register("incoming", columns)
        self._connection.execute("INSERT INTO staged SELECT * FROM incoming")
        self._connection.unregister("incoming")
        self.rows += len(batch)
        self.is_in_time_order &= bool(batch.time[0] >= self._newest) and bool(
            (np.diff(batch.time).astype(int) >= 0).all()
        )
        self._newest = max(self._newest, batch.time[-1])

    def in_time_order(self) -> Iterator[ReadingBatch]:
        """All rows, oldest first; rows of one time in the order they were added."""
        table = "staged"
        if not self.is_in_time_order:
            self._connection.execute("CREATE TABLE ordered AS SELECT * FROM staged ORDER BY time, rowid")
            table = "ordered"
        meters = self.meters
        for first in range(0, self.rows, BATCH_ROWS):
            rows = self._connection.execute(
                f"SELECT meter, quantity, time, value, quality FROM {table} WHERE rowid >= ? AND rowid < ?",  # noqa: S608
                [first, first + BATCH_ROWS],
            ).fetchnumpy()
            yield ReadingBatch(meters, **rows)
