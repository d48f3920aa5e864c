"""How often each meter speaks, learned from the distances between the readings that close its intervals.

Distances count in quarters of an hour, rounded up: a meter polled every ten seconds closes one interval a quarter
hour, which is all that matters for how long a step has to wait. What is learned of a local day is used from the next
local midnight on, never earlier, so that it does not matter how readings were cut into entries.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from metering.batch import Mask
from metering.distinct import distinct
from metering.site import Meter
from metering.windows import GRID_MS

_BUCKETS = 14  # 1 .. 12 quarter hours; 13: longer than three hours, too slow to be waited for; 0 unused
_SLOW = _BUCKETS - 1
_UNKNOWN = 6  # quarter hours assumed of a meter that has not shown its period yet
_MEMORY = 0.8  # of a day's counts is left a day later
_LIVE_DAYS = 2  # a meter that closed nothing for so many whole local days is not waited for
_JITTER_MS = 200_000  # a reading may come so much later than its period says and still count as on time
_ENOUGH = 4.0  # distances before they outweigh `poll_s`

Int64 = npt.NDArray[np.int64]
Counts = npt.NDArray[np.float64]


@dataclass(slots=True)
class Periods:
    """Per column; `period_quarters` and `is_live` stand still between local midnights."""

    meters: tuple[Meter, ...]
    period_quarters: Int64 = field(init=False)
    is_live: Mask = field(init=False)
    _last_close: Int64 = field(init=False)
    _last_day: Int64 = field(init=False)
    _total: Counts = field(init=False)
    _days: dict[int, Counts] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        width = len(self.meters)
        self._total = np.zeros((width, _BUCKETS))
        self._last_close = np.full(width, -1, np.int64)
        self._last_day = np.full(width, -1, np.int64)
        self.period_quarters = self._learned()
        self.is_live = self.period_quarters < _SLOW

    def note(self, column: Int64, closed: Int64, day: Int64) -> None:
        """Closing times (ms) by column, sorted by (column, closed), with their local days."""
        before = np.concatenate([[-1], closed[:-1]])
        is_first = np.concatenate([[True], column[1:] != column[:-1]])
        before = np.where(is_first, self._last_close[column], before)
        moved = closed > before
        column, closed, day, before = column[moved], closed[moved], day[moved], before[moved]
        if not len(column):
            return
        np.maximum.at(self._last_close, column, closed)
        quarters = np.clip(-(-(closed - before - _JITTER_MS) // GRID_MS), 1, _SLOW)
        known = before >= 0
        for d in distinct(day).tolist():
            rows = (day == d) & known
            count = np.bincount(column[rows] * _BUCKETS + quarters[rows], minlength=self._total.size)
            count = count.reshape(self._total.shape).astype(np.float64)
            # A first reading has no distance but shows that the meter lives.
            np.add.at(count[:, 0], column[(day == d) & ~known], 1.0)
            self._days[d] = np.add(count, self._days.get(d, 0.0))

    def begin_day(self, day: int) -> None:
        """Learn from all days before `day`."""
        for d in sorted(d for d in self._days if d < day):
            count = self._days.pop(d)
            self._last_day[count.sum(axis=1) > 0] = d
            self._total = self._total * _MEMORY + count
        self.period_quarters = self._learned()
        seen_any = bool((self._last_day >= 0).any())
        recent = self._last_day >= day - _LIVE_DAYS if seen_any else np.ones(len(self.meters), bool)
        self.is_live = recent & (self.period_quarters < _SLOW)

    def _learned(self) -> Int64:
        """The median distance of each column, or what the site file says, or a guess."""
        declared = [_UNKNOWN if m.poll_s is None else int(-(-m.poll_s // 900)) for m in self.meters]
        counts = self._total[:, 1:]
        amount = counts.sum(axis=1)
        if not counts.size:
            return np.zeros(0, np.int64)
        median = 1 + np.argmax(counts.cumsum(axis=1) >= amount[:, None] / 2, axis=1)
        return np.where(amount >= _ENOUGH, median, np.clip(declared, 1, _SLOW)).astype(np.int64)

    def slowest_ms(self) -> int:
        """Period of the slowest meter that is waited for, in ms; one quarter hour if there is none."""
        live = self.period_quarters[self.is_live]
        return int(live.max() if len(live) else 1) * GRID_MS

    def fastest_ms(self) -> int:
        """Period of the fastest meter that is waited for, in ms."""
        live = self.period_quarters[self.is_live]
        return int(live.min() if len(live) else 1) * GRID_MS

    def state(self) -> dict[str, Any]:
        """Arrays and JSON-able values."""
        return {
            "period": self.period_quarters.copy(), "live": self.is_live.copy(), "last_close": self._last_close.copy(),
            "last_day": self._last_day.copy(), "total": self._total.copy(),
            "days": {str(d): c.copy() for d, c in self._days.items()},
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state of the same columns."""
        self.period_quarters, self.is_live = state["period"].copy(), state["live"].copy()
        self._last_close, self._last_day = state["last_close"].copy(), state["last_day"].copy()
        self._total = state["total"].copy()
        self._days = {int(d): c.copy() for d, c in state["days"].items()}
