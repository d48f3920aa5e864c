"""What the usage profile remembers: like days hour by hour, what they let expect, and the evidence gathered so far."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Mask
from rules.detectors.day_log import DayLog, median, quantile, spread
from rules.detectors.hours import HourCut
from rules.detectors.open_findings import OpenFindings
from rules.detectors.profile_sums import HOURS, LENGTHS, MASKS, WINDOWS, Running, Sums

Int64 = npt.NDArray[np.int64]

_TAIL_SIGMAS = 1.28  # the 90th percentile of a normal distribution
_EXTRA = 0.02  # of the mean use, on top of every sigma: no register is exact
_FEW = 2.0  # days: so little known widens every sigma
_NO_DAY = -(10**9)


@dataclass
class DayRing:
    """The last days of one kind, by column: each column has its own place, since a day is kept only where usable.

    values    days x 24 x columns: kWh in the hour, NaN where not known
    place     by column: where the next day goes; `kept`: how many there are
    last_day  the newest local day taken
    """

    values: Float64
    place: Int64
    kept: Int64
    last_day: int = _NO_DAY

    @classmethod
    def of(cls, days: int, columns: int) -> DayRing:
        """An empty one."""
        none = np.zeros(columns, np.int64)
        return cls(np.full((days, HOURS, columns), np.nan), none, none.copy())

    def keep(self, day: int, figures: Float64, usable: Mask, stale_days: int) -> None:
        """Take a day (24 x columns) where it is usable; after a long break what was before is of another season."""
        if self.last_day != _NO_DAY and day - self.last_day > stale_days:
            self.values[:] = np.nan
            self.kept[:] = 0
        self.last_day = day
        columns = np.flatnonzero(usable)
        self.values[self.place[columns], :, columns] = figures[:, columns].T
        self.place[columns] = (self.place[columns] + 1) % len(self.values)
        self.kept[columns] = np.minimum(self.kept[columns] + 1, len(self.values))


@dataclass(frozen=True, slots=True)
class Floor:
    """The least sigma by column: a share of the mean use, and kW; the larger counts."""

    share: Float64
    kw: Float64


@dataclass
class Expectation:
    """What a day may use, kWh an hour; NaN where too little is known.

    usual, scale   median and one sigma of each hour, 24 x columns
    window_scale   one sigma of the mean of each window of the day, windows x columns
    """

    usual: Float64
    scale: Float64
    window_scale: Float64

    @classmethod
    def unknown(cls, columns: int) -> Expectation:
        """Of nothing."""
        hours = np.full((HOURS, columns), np.nan)
        return cls(hours, hours.copy(), np.full((len(WINDOWS), columns), np.nan))

    def set_from(self, ring: DayRing, least_days: int, least: Floor) -> None:
        """Medians and robust scatter of the ring's days; no sigma is smaller than `least`."""
        self.usual = median(ring.values)
        level = self.usual.mean(axis=0)
        floor, few = np.maximum(least.share * level, least.kw), 1 + _FEW / np.maximum(ring.kept, 1)
        off = _scatter(ring.values, self.usual)
        off = (off + np.roll(off, 1, axis=0) + np.roll(off, -1, axis=0)) / 3
        self.scale = np.maximum(off * few, floor) + _EXTRA * level
        apart = (ring.values - self.usual).transpose(0, 2, 1)  # days x columns x hours
        means = (apart @ (MASKS.T / LENGTHS)).transpose(0, 2, 1)
        self.window_scale = np.maximum(_scatter(means, median(means)) * few, floor) + _EXTRA * level
        unknown = (ring.kept < least_days) | ~(level > 0)
        self.usual[:, unknown] = np.nan

    def at_most(self, other: Expectation) -> None:
        """Where both are known, the larger use and sigma of the two: a day that may be either."""
        is_known = ~np.isnan(other.usual).any(axis=0)
        for mine, theirs in ((self.usual, other.usual), (self.scale, other.scale),
                             (self.window_scale, other.window_scale)):  # fmt: skip
            mine[:, is_known] = np.fmax(mine, theirs)[:, is_known]


def _scatter(values: Float64, centre: Float64) -> Float64:
    """One sigma down the days: what varies mostly upwards (heaters, kettles) is not taken for its quiet half alone."""
    tail = (quantile(values, 0.9) - centre) / _TAIL_SIGMAS
    return np.asarray(np.maximum(spread(values, centre), tail), np.float64)


@dataclass
class ProfileMemory:
    """All of it.

    today      24 x columns: kWh of the day under way; here, in `cut`, the rings and `expected` the rooms of buildings
               follow the judged columns (see `Parts`)
    gains      the most that each learned day alone moved the hourly sum; `gain_today`, `gain_most`: of today
    told_day   by column: the local day on which its last finding ended
    """

    cut: HourCut
    working: DayRing
    resting: DayRing
    away: DayRing
    expected: Expectation
    sums: Sums
    running: Running
    today: Float64
    excess_today: Mask
    gain_today: Float64
    gain_most: Float64
    gains: DayLog
    told_day: Int64
    day: int = _NO_DAY
    kind: str = ""
    open: OpenFindings = field(default_factory=OpenFindings)

    @classmethod
    def of(cls, columns: int, rooms: int, days: int, rest_days: int) -> ProfileMemory:
        """Nothing remembered of so many judged columns and buildings with rooms."""
        wide = columns + rooms
        return cls(
            HourCut.of(wide), DayRing.of(days, wide), DayRing.of(rest_days, wide),
            DayRing.of(rest_days, wide), Expectation.unknown(wide), Sums.of(columns), Running.of(columns),
            np.full((HOURS, wide), np.nan), np.zeros(columns, bool), np.zeros(columns), np.zeros(columns),
            DayLog.of(days, columns), np.full(columns, _NO_DAY, np.int64),
        )  # fmt: skip

    def ring(self, kind: str) -> DayRing:
        """The ring that a day of this kind goes to."""
        return {"workday": self.working, "vacation": self.away}.get(kind, self.resting)
