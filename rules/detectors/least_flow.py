"""The flow that never ceased: each meter's last full hour, and its smallest four hours of about a day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metering.batch import Float64
from rules.blocks import STEP_HOURS, STEPS_PER_HOUR, IntervalBlock

_HOURS_A_WINDOW = 4  # pulses of a coarse register come hours apart
_WINDOWS = 6
_DAY = _HOURS_A_WINDOW * _WINDOWS


@dataclass
class LeastFlow:
    """By column, m3/h or kW; NaN where not all is known.

    hours  the last 24 full hours, a ring; `at` where the next goes
    sum    of the hour that runs, m3 or kWh; `steps` of it so far
    """

    hours: Float64
    sum: Float64
    at: int = 0
    steps: int = 0

    @classmethod
    def of(cls, columns: int) -> LeastFlow:
        """Nothing seen."""
        return cls(np.full((_DAY, columns), np.nan), np.zeros(columns))

    def take_in(self, block: IntervalBlock, *, is_hour: bool) -> None:
        """Steps of one hour; `is_hour`: it ends with them."""
        for row in block.usage:  # step by step: the sum must not depend on the cut
            self.sum = self.sum + row
        self.steps += block.steps
        if is_hour:
            is_full = self.steps == STEPS_PER_HOUR
            self.hours[self.at] = self.sum / (self.steps * STEP_HOURS) if is_full else np.nan
            self.at = (self.at + 1) % _DAY
            self.sum, self.steps = np.zeros_like(self.sum), 0

    @property
    def hour(self) -> Float64:
        """The last full hour's flow."""
        return np.asarray(self.hours[self.at - 1], np.float64)

    def least(self) -> Float64:
        """The smallest of the last day's windows of four hours, those with a gap left out; NaN without any."""
        in_order = np.roll(self.hours, -self.at, axis=0)
        windows = in_order.reshape(_WINDOWS, _HOURS_A_WINDOW, -1).mean(axis=1)
        return np.asarray(np.fmin.reduce(windows, axis=0), np.float64)  # what is NaN is passed over
