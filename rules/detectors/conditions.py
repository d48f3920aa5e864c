"""Conditions that must last to be told, and must be over for as long to be forgotten: raise and clear differ.

Each is a figure compared with two limits. Rows that are nowhere near them are passed over for all meters at once; only
a meter with something to tell is walked row by row.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

_LONGEST_GAP_MS = 3 * 3_600_000  # of a run: meters that are read rarer than that show no duration


@dataclass(frozen=True, slots=True)
class Limit:
    """A condition: bad above `high`, good again below `low`, for so long each (ms). `name` is its code."""

    name: str
    high: float
    low: float
    raise_ms: int
    clear_ms: int


@dataclass
class Condition:
    """One condition of one meter; times in ms, 0 where there is none.

    since      begin of the run of bad figures, or of the condition where it is on
    good       begin of the run of good figures while it is on
    worst      the highest figure of the run or the condition
    """

    last: int = 0
    since: int = 0
    good: int = 0
    is_on: bool = False
    worst: float = 0.0

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to remember."""
        return not self.since

    def take(self, time: int, figure: float, limit: Limit) -> None:
        """The next figure, at that time; NaN says nothing."""
        if math.isnan(figure):
            return
        if time - self.last > _LONGEST_GAP_MS:
            self.good = 0
            if not self.is_on:
                self.since = 0
        self.last = time
        if self.is_on:
            self._while_on(time, figure, limit)
        else:
            self._while_off(time, figure, limit)

    def _while_off(self, time: int, figure: float, limit: Limit) -> None:
        if figure <= limit.high:
            self.since, self.worst = 0, 0.0
            return
        self.worst = figure if not self.since else max(self.worst, figure)
        self.since = self.since or time
        self.is_on = time - self.since >= limit.raise_ms

    def _while_on(self, time: int, figure: float, limit: Limit) -> None:
        self.worst = max(self.worst, figure)
        if figure >= limit.low:
            self.good = 0
            return
        self.good = self.good or time
        if time - self.good >= limit.clear_ms:
            self.is_on, self.since, self.good, self.worst = False, 0, 0, 0.0

    def to_state(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)
