"""Raw quantities at their own times, for detectors that need more than the use of 15 minutes.

Only quantities that some detector wants are kept, and only until they are judged: a sample is judged `WAIT_MS` after
the end of the minute in which it lies, in event time, so what a detector sees depends on the readings and not on how
they were cut into entries. Samples that come later than that leave no trace here (the store has them).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Quality, ReadingBatch
from metering.quantities import BY_NAME
from rules.blocks import Columns
from rules.watermark import FAR_MS

SLICE_MS = 60_000
WAIT_MS = 120_000  # samples of a line or a gateway come within so long of each other

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SampleBlock:
    """Samples, sorted by column and time; a row has all that a meter said at one time.

    column      int64 by row: the column of the meter
    time        int64 by row: ms since 1970 UTC
    value       float64, rows x quantities, in the quantity's unit; NaN where the meter did not say it at that time
    judged_at   int64 by row: the moment (ms) at which a live system judges it
    quantities  names, one a column of `value`
    """

    column: Int64
    time: Int64
    value: Float64
    judged_at: Int64
    quantities: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.time)

    def of(self, quantity: str) -> Float64:
        """The values of one quantity, by row."""
        return self.value[:, self.quantities.index(quantity)]

    def only(self, quantities: tuple[str, ...]) -> SampleBlock:
        """These quantities, and the rows that have any of them."""
        value = self.value[:, [self.quantities.index(q) for q in quantities]]
        rows = ~np.isnan(value).all(axis=1)
        return SampleBlock(self.column[rows], self.time[rows], value[rows], self.judged_at[rows], quantities)


@dataclass
class _Rows:
    """Samples that wait, one quantity a row, in the order in which they came."""

    column: Int64 = field(default_factory=lambda: np.zeros(0, np.int64))
    time: Int64 = field(default_factory=lambda: np.zeros(0, np.int64))
    place: Int64 = field(default_factory=lambda: np.zeros(0, np.int64))
    value: Float64 = field(default_factory=lambda: np.zeros(0))

    def take(self, rows: npt.NDArray[Any]) -> _Rows:
        return _Rows(self.column[rows], self.time[rows], self.place[rows], self.value[rows])

    def due(self) -> Int64:
        return (self.time // SLICE_MS + 1) * SLICE_MS + WAIT_MS


class SampleFrontier:
    """Samples that wait until they are judged."""

    def __init__(self, columns: Columns, quantities: Collection[str]) -> None:
        self.quantities = tuple(sorted(quantities, key=lambda q: BY_NAME[q].code))
        self._columns = columns
        self._place_of = np.full(256, -1, np.int64)
        for place, name in enumerate(self.quantities):
            self._place_of[BY_NAME[name].code] = place
        self._column_of: tuple[tuple[str, ...], Int64] = ((), np.zeros(0, np.int64))
        self._new: list[_Rows] = []
        self._waiting = _Rows()
        self._next_due: int | None = None
        self.judged_until = 0

    def add(self, batch: ReadingBatch, now: int | None) -> None:
        """Take what is wanted of a batch; `now` is event time (ms). Late samples and those far ahead are left out."""
        if not self.quantities or not len(batch):
            return
        place = self._place_of[batch.quantity]
        column = self._columns_of(batch.meters)[batch.meter]
        time = batch.time.astype("datetime64[ms]").astype(np.int64)
        kept = (place >= 0) & (column >= 0) & (batch.quality & Quality.HELD == 0)
        if now is not None:
            kept &= time <= now + FAR_MS
        rows = _Rows(column[kept], time[kept], place[kept], batch.value[kept].astype(np.float64))
        due = rows.due()
        if (late := due <= self.judged_until).any():
            rows, due = rows.take(~late), due[~late]
        if len(due):
            self._new.append(rows)
            first = int(due.min())
            self._next_due = first if self._next_due is None else min(first, self._next_due)

    def take(self, until: int) -> SampleBlock | None:
        """All samples that are judged up to a moment (ms), that moment included; None if there are none."""
        self.judged_until = max(self.judged_until, until)
        if self._next_due is None or self._next_due > until:
            return None
        self._gather()
        due = self._waiting.due()
        ready, self._waiting = self._waiting.take(due <= until), self._waiting.take(due > until)
        left = due[due > until]
        self._next_due = int(left.min()) if len(left) else None
        return self._block(ready)

    def _gather(self) -> None:
        parts = [self._waiting, *self._new]
        self._new.clear()
        columns = {n: np.concatenate([getattr(p, n) for p in parts]) for n in ("column", "time", "place", "value")}
        self._waiting = _Rows(**columns)

    def _block(self, rows: _Rows) -> SampleBlock:
        """Rows of one quantity each side by side; the last one of a key wins."""
        order = np.lexsort((rows.time, rows.column))  # stable: later ones stay later
        sorted_rows = rows.take(order)
        is_new = np.ones(len(order), bool)
        same_meter = sorted_rows.column[1:] == sorted_rows.column[:-1]
        is_new[1:] = ~(same_meter & (sorted_rows.time[1:] == sorted_rows.time[:-1]))
        value = np.full((int(is_new.sum()), len(self.quantities)), np.nan)
        value[np.cumsum(is_new) - 1, sorted_rows.place] = sorted_rows.value
        first = sorted_rows.take(is_new)
        return SampleBlock(first.column, first.time, value, first.due(), self.quantities)

    def _columns_of(self, meters: tuple[str, ...]) -> Int64:
        if self._column_of[0] != meters:
            index = self._columns.index
            self._column_of = (meters, np.array([index.get(m, -1) for m in meters], np.int64).reshape(-1))
        return self._column_of[1]

    def state(self) -> dict[str, Any]:
        """Arrays and JSON-able values."""
        self._gather()
        rows = self._waiting
        return {
            "quantities": list(self.quantities), "judged_until": self.judged_until, "next_due": self._next_due,
            "column": rows.column, "time": rows.time, "place": rows.place, "value": rows.value,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state of the same columns.

        Raises:
            ValueError: a state of other quantities.
        """
        if tuple(state["quantities"]) != self.quantities:
            raise ValueError(f"samples of {state['quantities']}, not of {list(self.quantities)}")
        self.judged_until, self._next_due = int(state["judged_until"]), state["next_due"]
        self._new.clear()
        self._waiting = _Rows(*(state[name].copy() for name in ("column", "time", "place", "value")))
