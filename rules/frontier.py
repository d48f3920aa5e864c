"""Which steps can be judged: intervals arrive meter by meter, blocks of whole steps leave.

A step is judged when every live column has closed it, or at its deadline: end + twice the period of the slowest live
column, at least 30 min and at most 3 h. Both are event time, so what a block holds depends on the readings only and
not on how they were cut into entries: a cell counts if it was closed by the moment the step is judged, and the step
leaves once the watermark is past that moment. Who is live and how long to wait changes at local midnights only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Mask, UInt16
from metering.distinct import distinct
from metering.intervals import IntervalBatch
from metering.site import Site
from metering.windows import GRID_MS, offset_minutes
from rules.blocks import Columns, IntervalBlock
from rules.periods import Periods
from rules.watermark import Jump

SHORTEST_WAIT_MS = 30 * 60_000
LONGEST_WAIT_MS = 3 * 3_600_000
_SHORTEST_GAP_MS = 3_600_000  # a silence of all is ours only if longer than this and than three of the fastest periods
_SKIPPED_GAP_MS = 60 * 86_400_000  # a silence of all longer than this is passed over, not judged step by step
_NEVER = np.iinfo(np.int64).max
_STEPS_PER_DAY = 96

Int64 = npt.NDArray[np.int64]


@dataclass(slots=True)
class _Day:
    """The pending cells of one local day: steps from `first` on, columns; `closed` in ms, `_NEVER` where open."""

    first: int
    usage: Float64
    quality: UInt16
    closed: Int64


class Frontier:
    """Pending steps x columns, and the first step that is not judged yet."""

    def __init__(self, columns: Columns) -> None:
        self._site: Site = columns.site
        self._columns = columns
        self._main = np.array([m.main_register.code if m.main_register else -1 for m in columns.meters], np.int64)
        self._column_of: tuple[tuple[str, ...], Int64] = ((), np.zeros(0, np.int64))
        self.periods = Periods(columns.meters)
        self.next_step: int | None = None
        self._today: int | None = None
        self._wait_ms = LONGEST_WAIT_MS
        self._judged_at = 0
        self._days: dict[int, _Day] = {}
        self._bounds: dict[int, tuple[int, int]] = {}
        self._ours: list[tuple[int, int]] = []

    @property
    def live(self) -> int:
        """How many columns are waited for."""
        return int(self.periods.is_live.sum())

    @property
    def judged_at(self) -> int:
        """The moment (ms) the last step was judged."""
        return self._judged_at

    def start(self, moment: int) -> None:
        """Judging begins with the step in which this moment (ms) lies. Only the first call counts."""
        if self.next_step is None:
            self.next_step = moment // GRID_MS

    def add(self, intervals: IntervalBatch, closed_at: npt.NDArray[np.datetime64], corrected: Mask) -> None:
        """Take closed intervals; those of judged steps, and those closed too late to matter, leave no trace."""
        column = self._columns_of(intervals)
        kept = np.flatnonzero(column >= 0)
        if not len(kept):
            return
        column, step = column[kept], intervals.start.view(np.int64)[kept] // GRID_MS
        closed = closed_at.view(np.int64)[kept]
        first_hand = ~corrected[kept]
        self._note_periods(column[first_hand], closed[first_hand])
        first = self.next_step if self.next_step is not None else step.min()
        due = (step >= first) & (closed <= (step + 1) * GRID_MS + LONGEST_WAIT_MS)
        column, step, closed, kept = column[due], step[due], closed[due], kept[due]
        day = self._local_days(step)
        for d in distinct(day).tolist():
            rows = day == d
            into, at = self._day(d), (step[rows] - self._day(d).first, column[rows])
            into.usage[at], into.quality[at] = intervals.usage[kept[rows]], intervals.quality[kept[rows]]
            into.closed[at] = np.minimum(into.closed[at], closed[rows])  # a correction does not close it later

    def note_jump(self, jump: Jump) -> None:
        """Nobody spoke between two moments: long silences are ours (or the file's), never every meter's."""
        if jump.end - jump.start > max(_SHORTEST_GAP_MS, 3 * self.periods.fastest_ms()):
            self.note_ours(jump.start, jump.end)

    def note_ours(self, start: int, end: int) -> None:
        """The collector itself was down between two moments (ms); one that came back at once missed nothing."""
        if end > start:
            self._ours.append((start, end))

    def needs_day(self, before: int) -> bool:
        """Whether the next step may be judged before a moment (ms) and its local day has not begun yet."""
        if self.next_step is None or self.next_end >= before:
            return False
        return self._day_of(self.next_step) != self._today

    @property
    def today(self) -> int:
        """The local day that is judged (days since 1970)."""
        assert self._today is not None  # noqa: S101 - asked once a day has begun
        return self._today

    @property
    def next_end(self) -> int:
        """The moment (ms) at which the next step ends."""
        return 0 if self.next_step is None else (self.next_step + 1) * GRID_MS

    def begin_day(self) -> None:
        """Learn from the days before, fix who is waited for and how long, until the next local midnight."""
        self._skip_gap()
        assert self.next_step is not None  # noqa: S101 - needs_day() has said so
        day = self._day_of(self.next_step)
        self.periods.begin_day(day)
        self._wait_ms = min(max(2 * self.periods.slowest_ms(), SHORTEST_WAIT_MS), LONGEST_WAIT_MS)
        self._today = day
        self._days = {d: cells for d, cells in self._days.items() if d >= day}
        self._bounds = {d: bound for d, bound in self._bounds.items() if d >= day}

    def take(self, before: int, flagged: Mask) -> IntervalBlock | None:
        """The next steps of the day begun last that are judged before a moment (ms); None if there are none."""
        if self.next_step is None or self._today is None or self.next_end >= before:
            return None
        first, last = self._bound(self._today)
        last = min(last, (before - 1) // GRID_MS)
        if self.next_step >= last:
            return None
        cells = self._day(self._today)
        rows = slice(self.next_step - first, last - first)
        judged = self._judged(cells, rows)
        count = int(np.searchsorted(judged, before, side="left"))
        return self._block(cells, rows.start, judged[:count], flagged) if count else None

    def _skip_gap(self) -> None:
        """Pass over what is left of a very long silence once the next step lies a day inside it."""
        for start, end in self._ours:
            inside = self.next_step is not None and start + 86_400_000 < self.next_step * GRID_MS < end - 2 * 86_400_000
            if inside and end - start > _SKIPPED_GAP_MS:
                self.next_step = self._bound(self._day_of(end // GRID_MS - _STEPS_PER_DAY))[0]
                return

    def _judged(self, cells: _Day, rows: slice) -> Int64:
        """When each of the rows is judged (ms), rising."""
        end = (np.arange(rows.start, rows.stop) + cells.first + 1) * GRID_MS
        judged = end + self._wait_ms
        live = self.periods.is_live
        if live.any():
            judged = np.minimum(judged, cells.closed[rows][:, live].max(axis=1))
        judged = np.maximum(judged, end)
        judged[0] = max(judged[0], self._judged_at)
        return np.maximum.accumulate(judged)

    def _block(self, cells: _Day, start: int, judged: Int64, flagged: Mask) -> IntervalBlock:
        rows = slice(start, start + len(judged))
        usage, quality = cells.usage[rows].copy(), cells.quality[rows].copy()
        missing = cells.closed[rows] > judged[:, None]
        usage[missing], quality[missing] = np.nan, 0
        first = cells.first + start
        steps = np.arange(first, first + len(judged))
        local = steps * 15 + offset_minutes(steps, self._site.zone)
        self.next_step, self._judged_at = first + len(judged), int(judged[-1])
        assert self._today is not None  # noqa: S101 - take() has seen to it
        return IntervalBlock(
            first,
            usage,
            quality,
            judged_at=judged.view("datetime64[ms]"),
            local_minute=local % 1440,
            local_day=self._today,
            ours=self._ours_of(steps),
            flagged=flagged,
        )

    def _ours_of(self, steps: Int64) -> Mask:
        ours = np.zeros(len(steps), bool)
        for start, end in self._ours:
            ours |= (steps * GRID_MS < end) & ((steps + 1) * GRID_MS > start)
        self._ours = [(a, b) for a, b in self._ours if b > int(steps[-1]) * GRID_MS]
        return ours

    def _columns_of(self, intervals: IntervalBatch) -> Int64:
        """The column of each row; -1 for other meters and other quantities than a meter's main register."""
        if self._column_of[0] != intervals.meters:
            index = self._columns.index
            self._column_of = (
                intervals.meters,
                np.array([index.get(m, -1) for m in intervals.meters], np.int64).reshape(-1),
            )
        if not len(intervals):
            return np.zeros(0, np.int64)
        column = self._column_of[1][intervals.meter]
        return np.where((column >= 0) & (self._main[column] == intervals.quantity), column, -1)

    def _note_periods(self, column: Int64, closed: Int64) -> None:
        if not len(column):
            return
        order = np.lexsort((closed, column))
        closed_step = closed[order] // GRID_MS
        low, high = int(closed_step.min()), int(closed_step.max())
        if (day := self._day_of(low)) == self._day_of(high):
            days = np.full(len(order), day, np.int64)
        else:
            days = self._local_days(closed_step)
        self.periods.note(column[order], closed[order], days)

    def _local_days(self, steps: Int64) -> Int64:
        if not len(steps):
            return steps
        first, last = self._day_of(int(steps.min())), self._day_of(int(steps.max()))
        if first == last:
            return np.full(len(steps), first, np.int64)
        return (steps * 15 + offset_minutes(steps, self._site.zone)) // 1440

    def _day_of(self, step: int) -> int:
        for day, (first, last) in self._bounds.items():
            if first <= step < last:
                return day
        return int((step * 15 + offset_minutes(np.array([step]), self._site.zone)[0]) // 1440)

    def _bound(self, day: int) -> tuple[int, int]:
        """First step of the local day and of the day after; 92 to 100 steps apart."""
        if day not in self._bounds:
            around = np.arange((day - 1) * _STEPS_PER_DAY - 8, (day + 3) * _STEPS_PER_DAY)
            days = (around * 15 + offset_minutes(around, self._site.zone)) // 1440
            first, last = np.searchsorted(days, [day, day + 1])
            self._bounds[day] = (int(around[first]), int(around[last]))
        return self._bounds[day]

    def _day(self, day: int) -> _Day:
        if day not in self._days:
            first, last = self._bound(day)
            shape = (last - first, len(self._main))
            self._days[day] = _Day(
                first, np.full(shape, np.nan), np.zeros(shape, np.uint16), np.full(shape, _NEVER, np.int64)
            )
        return self._days[day]

    def state(self) -> dict[str, Any]:
        """Arrays and JSON-able values."""
        days = {
            str(d): {"first": c.first, "usage": c.usage.copy(), "quality": c.quality.copy(), "closed": c.closed.copy()}
            for d, c in self._days.items()
        }
        return {
            "next_step": self.next_step, "today": self._today, "wait_ms": self._wait_ms, "judged_at": self._judged_at,
            "ours": [list(x) for x in self._ours], "days": days, "periods": self.periods.state(),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state of the same columns."""
        self.next_step, self._today = state["next_step"], state["today"]
        self._wait_ms, self._judged_at = state["wait_ms"], state["judged_at"]
        self._ours = [(a, b) for a, b in state["ours"]]
        self._days = {int(d): _Day(**cells) for d, cells in state["days"].items()}
        self.periods.restore(state["periods"])
