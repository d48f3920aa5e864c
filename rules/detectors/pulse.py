"""The weight of one pulse of a register, declared or seen: below it nothing can be told from zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metering.batch import Float64
from metering.site import Meter

_LEAST = 1e-4  # m3 or kWh: finer than any register on a campus
_WHOLE = 0.02  # how far from a whole number of pulses an hour may be
_SHARE = 0.8  # of the hours must be whole pulses, else the readings do not fall on the grid and nothing is seen
_ENOUGH = 50


@dataclass
class PulseSeen:
    """Memory by column: the smallest counted hour, and how many hours were whole multiples of it."""

    smallest: Float64
    whole: Float64
    hours: Float64

    @classmethod
    def of(cls, columns: int) -> PulseSeen:
        """Nothing seen."""
        return cls(np.full(columns, np.inf), np.zeros(columns), np.zeros(columns))

    def push(self, volume: Float64) -> None:
        """Take in one hour's volume by column; NaN is left out."""
        counted = volume > _LEAST
        usage = np.where(counted, volume, np.inf)
        # A smaller pulse than before: what was counted against the larger one says nothing any more.
        smaller = usage < self.smallest * (1 - _WHOLE)
        self.smallest = np.where(smaller, usage, self.smallest)
        self.whole[smaller], self.hours[smaller] = 0.0, 0.0
        pulses = np.where(counted, volume, 0.0) / self.smallest
        self.whole += counted & (np.abs(pulses - np.round(pulses)) < _WHOLE)
        self.hours += counted

    def weight(self, declared: Float64) -> Float64:
        """Pulse weight by column (m3 or kWh): declared (not NaN), else seen, else 0."""
        is_seen = (self.hours >= _ENOUGH) & (self.whole >= _SHARE * self.hours)
        return np.where(np.isnan(declared), np.where(is_seen, self.smallest, 0.0), declared)


def declared_resolution(meters: Sequence[Meter]) -> Float64:
    """What the site file says of each meter's resolution; NaN where it says nothing."""
    return np.array([np.nan if m.resolution is None else m.resolution for m in meters], np.float64)
