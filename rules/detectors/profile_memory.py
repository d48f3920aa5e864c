"""What the usage profile remembers: like days hour by hour, what they let expect, and the evidence gathered so far."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Mask
from rules.detectors.day_log import median, quantile, spread
from rules.detectors.hours import HourCut
from rules.detectors.open_findings import OpenFindings

Int64 = npt.NDArray[np.int64]

HOURS = 24
BLOCKS = 4
BLOCK_HOURS = HOURS // BLOCKS
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


@dataclass
class Expectation:
    """What a day may use, kWh an hour: `usual` and one sigma `scale` (24 x columns), and of the mean of each quarter
    of the day (`quarter_scale`, 4 x columns). NaN where too little is known.
    """

    usual: Float64
    scale: Float64
    quarter_scale: Float64

    @classmethod
    def unknown(cls, columns: int) -> Expectation:
        """Of nothing."""
        hours = np.full((HOURS, columns), np.nan)
        return cls(hours, hours.copy(), np.full((BLOCKS, columns), np.nan))

    def set_from(self, ring: DayRing, least_days: int, least_share: Float64) -> None:
        """Medians and robust scatter of the ring's days; no sigma is smaller than `least_share` of the mean use."""
        self.usual = median(ring.values)
        off = _scatter(ring.values, self.usual)
        off = (off + np.roll(off, 1, axis=0) + np.roll(off, -1, axis=0)) / 3
        level = self.usual.mean(axis=0)
        floor = least_share * level
        self.scale = np.maximum(off, floor) + _EXTRA * level
        means = (ring.values - self.usual).reshape(len(ring.values), BLOCKS, BLOCK_HOURS, -1).mean(axis=2)
        self.quarter_scale = np.maximum(_scatter(means, median(means)), floor) + _EXTRA * level
        unknown = (ring.kept < least_days) | ~(level > 0)
        self.usual[:, unknown] = np.nan

    def at_most(self, other: Expectation) -> None:
        """Where both are known, the larger use and sigma of the two: a day that may be either."""
        is_known = ~np.isnan(other.usual).any(axis=0)
        for mine, theirs in ((self.usual, other.usual), (self.scale, other.scale),
                             (self.quarter_scale, other.quarter_scale)):  # fmt: skip
            mine[:, is_known] = np.fmax(mine, theirs)[:, is_known]


def _scatter(values: Float64, centre: Float64) -> Float64:
    """One sigma down the days: what varies mostly upwards (heaters, kettles) is not taken for its quiet half alone."""
    tail = (quantile(values, 0.9) - centre) / _TAIL_SIGMAS
    return np.asarray(np.maximum(spread(values, centre), tail), np.float64)


_TAIL_SIGMAS = 1.28  # the 90th percentile of a normal distribution
_EXTRA = 0.02  # of the mean use, on top of every sigma: no register is exact


@dataclass
class Gathered:
    """Evidence by column: sums of what is above the usual, in sigmas, that fall again when nothing is.

    hourly, quarterly   the sums; quarterly 4 x columns, for each quarter of the day of its own
    since               hour (since 1970) in which the evidence began; used, usual, hours: kWh and count since then
    quarter, known      excess of the quarter under way, kWh, and its hours known
    """

    hourly: Float64
    quarterly: Float64
    since: Int64
    used: Float64
    usual: Float64
    hours: Float64
    quarter: Float64
    known: Float64

    @classmethod
    def of(cls, columns: int) -> Gathered:
        """None yet."""
        none = np.zeros(columns)
        return cls(
            none, np.zeros((BLOCKS, columns)), np.zeros(columns, np.int64), none.copy(), none.copy(), none.copy(),
            none.copy(), none.copy(),
        )  # fmt: skip

    def is_any(self) -> Mask:
        """Where there is evidence at all."""
        return np.asarray((self.hourly > 0) | (self.quarterly > 0).any(axis=0), bool)


@dataclass
class ProfileMemory:
    """All of it; `today` is 24 x columns, `told` the columns whose sums are over the limit and not yet at rest."""

    cut: HourCut
    working: DayRing
    resting: DayRing
    away: DayRing
    expected: Expectation
    gathered: Gathered
    today: Float64
    excess_today: Mask
    day: int = _NO_DAY
    kind: str = ""
    open: OpenFindings = field(default_factory=OpenFindings)

    @classmethod
    def of(cls, columns: int, days: int) -> ProfileMemory:
        """Nothing remembered."""
        return cls(
            HourCut.of(columns), DayRing.of(days, columns), DayRing.of(days, columns), DayRing.of(days, columns),
            Expectation.unknown(columns), Gathered.of(columns), np.full((HOURS, columns), np.nan),
            np.zeros(columns, bool),
        )  # fmt: skip

    def ring(self, kind: str) -> DayRing:
        """The ring that a day of this kind goes to."""
        return {"workday": self.working, "vacation": self.away}.get(kind, self.resting)
