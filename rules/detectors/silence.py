"""How long each meter is usually at zero, so that a counter that stands still is not taken for no flow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Mask
from rules.blocks import STEPS_PER_HOUR, IntervalBlock
from rules.detectors.day_log import DayLog, quantile
from rules.detectors.runs import longest_ended, run_lengths

_DAYS = 28
_ENOUGH = 7  # days before a usual length is known
_FACTOR = 1.5  # times the usual longest standstill of a day ...
_MARGIN_H = 2.0  # ... and so much more is still believed
_NOTHING = 1e-6  # m3 or kWh in a step: rounding, no flow
_NO_DAY = -(10**9)


@dataclass
class ZeroRuns:
    """Steps on end at zero, by column. A missing cell neither lengthens nor ends a run.

    run      now; `longest` of the day so far, the one that goes on included
    ended    longest of those that ended this day: only they are kept in the `log` (hours), for a counter that
             stands still for good never ends one
    limit_h  standstill up to which it is believed
    """

    run: npt.NDArray[np.int64]
    longest: npt.NDArray[np.int64]
    ended: npt.NDArray[np.int64]
    log: DayLog
    limit_h: Float64
    day: int = _NO_DAY

    @classmethod
    def of(cls, columns: int) -> ZeroRuns:
        """Nothing seen yet: every run is believed."""
        none = np.zeros(columns, np.int64)
        return cls(none, none.copy(), none.copy(), DayLog.of(_DAYS, columns), np.full(columns, np.inf))

    def push(self, block: IntervalBlock) -> None:
        """Take in the block's cells; at a new local day first close the one before."""
        if block.local_day != self.day:
            if self.day != _NO_DAY:
                self._close_day()
            self.day = block.local_day
        still = ~(block.usage > _NOTHING)
        lengths = run_lengths(still, self.run)
        missing = np.isnan(block.usage)
        if missing.any():
            lengths = lengths - _missing_in_run(missing, still)
        self.longest = np.maximum(self.longest, lengths.max(axis=0))
        self.ended = np.maximum(self.ended, longest_ended(~still, lengths, self.run))
        self.run = lengths[-1]

    def _close_day(self) -> None:
        self.log.keep(self.ended / STEPS_PER_HOUR, self.longest / STEPS_PER_HOUR <= self.limit_h)
        self.ended = np.zeros_like(self.ended)
        usual = quantile(self.log.values, 0.95)
        known = self.log.count() >= _ENOUGH
        self.limit_h = np.where(known, _FACTOR * usual + _MARGIN_H, np.inf)
        self.longest = self.run.copy()

    def is_suspect(self) -> Mask:
        """By column: within this local day it stood still for longer than it usually does."""
        return np.asarray(self.longest / STEPS_PER_HOUR > self.limit_h, bool)


def _missing_in_run(missing: Mask, still: Mask) -> npt.NDArray[np.int64]:
    """How many of the steps of each run so far were missing ones."""
    counted = np.cumsum(missing, axis=0)
    at_break = np.where(still, 0, counted)
    return np.asarray(counted - np.maximum.accumulate(at_break, axis=0), np.int64)
