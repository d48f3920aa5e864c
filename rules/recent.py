"""The last two weeks by hour, all columns: what the shape of an excess is read from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metering.batch import Float64
from rules.blocks import IntervalBlock
from rules.detectors.hours import HourCut

HOURS = 14 * 24
_RING = HOURS + 48  # a block may bring a day that a moment within it must not see
HOUR_MS = 3_600_000
_NEVER = -1


@dataclass(frozen=True, slots=True)
class Past:
    """Hours of some meters together, oldest first: `flow` m3/h or kW, NaN where one is missing; `end_ms` since 1970."""

    flow: Float64
    local_hour: npt.NDArray[np.int64]
    end_ms: npt.NDArray[np.int64]

    def part(self, rows: npt.NDArray[np.bool_]) -> Past:
        """Some of the hours."""
        return Past(self.flow[rows], self.local_hour[rows], self.end_ms[rows])


@dataclass
class RecentHours:
    """A ring of hours x columns (m3 or kWh); `judged_ms` says when each hour was known, so that no later one is seen.

    float32: seven digits are enough for a shape, and a thousand meters take 1.5 MB.
    """

    cut: HourCut
    usage: npt.NDArray[np.float32]
    number: npt.NDArray[np.int64]
    local_hour: npt.NDArray[np.int64]
    judged_ms: npt.NDArray[np.int64]

    @classmethod
    def of(cls, columns: int) -> RecentHours:
        """Nothing seen yet."""
        none = np.full(_RING, _NEVER, np.int64)
        usage = np.full((_RING, columns), np.nan, np.float32)
        return cls(HourCut.of(columns), usage, none, none.copy(), none.copy())

    def push(self, block: IntervalBlock) -> None:
        """Take in the hours that these steps complete."""
        hours = self.cut.push(block, block.usage)
        for i in range(len(hours)):
            row = int(hours.number[i]) % _RING
            self.usage[row] = hours.volume[i]
            self.number[row], self.local_hour[row] = hours.number[i], hours.local_hour[i]
            self.judged_ms[row] = hours.at[i].astype(np.int64)

    def past(self, plus: list[int], minus: list[int], at_ms: int) -> Past:
        """The hours known at a moment, of the columns `plus` together less those of `minus`."""
        known = np.flatnonzero((self.number != _NEVER) & (self.judged_ms <= at_ms))
        rows = known[np.argsort(self.number[known])]
        rows = rows[self.number[rows] > self.number[rows].max(initial=0) - HOURS]
        used = self.usage[rows].astype(np.float64)
        flow = used[:, plus].sum(axis=1) - used[:, minus].sum(axis=1)
        return Past(flow, self.local_hour[rows], (self.number[rows] + 1) * HOUR_MS)
