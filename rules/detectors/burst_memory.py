"""What burst flow remembers: the last steps, and the most that was sustained at each local hour of the past days."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Mask
from rules.detectors.open_findings import OpenFindings
from rules.detectors.silence import ZeroRuns

RUN = 4  # measured steps that count as sustained: an hour at 15 min
SPREAD_RUN = 12  # where readings come less often, steps were spread over their time: several readings are three hours
SPREAD = 2  # weight of an estimated step; one as high as the step before weighs half, for pulses may be alike by chance
DAYS = 35
_HOURS = 24
_NO_DAY = -(10**9)


@dataclass
class Records:
    """Days x 24 local hours x units, m3/h; NaN where nothing is known. `place` by unit: where `today` goes."""

    hourly: Float64
    today: Float64
    place: npt.NDArray[np.int64]

    @classmethod
    def of(cls, units: int) -> Records:
        """No day yet."""
        empty = np.full((_HOURS, units), np.nan)
        return cls(np.full((DAYS, _HOURS, units), np.nan), empty, np.zeros(units, np.int64))

    def add(self, sustained: Float64, hour: npt.NDArray[np.int64]) -> None:
        """Take steps of today into account: steps x units, each step's local hour."""
        for h in np.unique(hour).tolist():
            self.today[h] = np.fmax(self.today[h], np.fmax.reduce(sustained[hour == h], axis=0))

    def close_day(self, usable: Mask) -> None:
        """Keep the day for the units where it is usable."""
        units = np.flatnonzero(usable & ~np.isnan(self.today).all(axis=0))
        self.hourly[self.place[units], :, units] = self.today[:, units].T
        self.place[units] = (self.place[units] + 1) % DAYS
        self.today = np.full_like(self.today, np.nan)

    def days(self) -> npt.NDArray[np.int64]:
        """Days known, by unit."""
        return np.asarray((~np.isnan(self.hourly)).any(axis=1).sum(axis=0), np.int64)

    def highest(self) -> Float64:
        """Most that was ever sustained at each hour or the hours beside it: 24 x units."""
        return beside(np.fmax.reduce(self.hourly, axis=0))


def beside(most: Float64) -> Float64:
    """The highest of each hour and the hours beside it: 24 x units."""
    return np.asarray(np.fmax(np.fmax(np.roll(most, 1, axis=0), most), np.roll(most, -1, axis=0)), np.float64)


@dataclass
class BurstMemory:
    """All of it.

    flow, weight   the last steps before this block, rows x units: m3/h, and how likely one reading was spread over them
    limit, usual   24 x units: highest and median of each hour, refreshed once a day; `known`: days, by unit
    flagged        24 x units: most that was sustained since something was found at the unit; NaN where nothing is
    """

    records: Records
    silence: ZeroRuns
    flow: Float64
    weight: npt.NDArray[np.int64]
    limit: Float64
    usual: Float64
    flagged: Float64
    known: npt.NDArray[np.int64]
    day: int = _NO_DAY
    next_step: int = -1
    open: OpenFindings = field(default_factory=OpenFindings)

    @classmethod
    def of(cls, units: int, meters: int) -> BurstMemory:
        """Nothing remembered."""
        return cls(
            Records.of(units),
            ZeroRuns.of(meters),
            np.full((SPREAD_RUN - 1, units), np.nan),
            np.zeros((SPREAD_RUN - 1, units), np.int64),
            np.full((_HOURS, units), np.nan),
            np.full((_HOURS, units), np.nan),
            np.full((_HOURS, units), np.nan),
            np.zeros(units, np.int64),
        )

    @property
    def has_day(self) -> bool:
        """Whether a day is under way."""
        return self.day != _NO_DAY


@dataclass(frozen=True, slots=True)
class Sustained:
    """By step and unit, m3/h: least and most flow of the last hour (or three); NaN where a step is missing.

    `is_spread`: where it is three hours.
    """

    least: Float64
    most: Float64
    is_spread: Mask


def sustained(flow: Float64, weight: npt.NDArray[np.int64], steps: int) -> Sustained:
    """For the last `steps` rows of `flow`, which begins SPREAD_RUN - 1 rows earlier."""

    def over(values: Float64, run: int, by: np.ufunc) -> Float64:
        tail = values[len(values) - steps - run + 1 :]
        return np.asarray(by.reduce(np.lib.stride_tricks.sliding_window_view(tail, run, axis=0), axis=-1), np.float64)

    is_spread = over(weight.astype(np.float64), RUN - 1, np.add) >= SPREAD
    least = np.where(is_spread, over(flow, SPREAD_RUN, np.minimum), over(flow, RUN, np.minimum))
    most = np.where(is_spread, over(flow, SPREAD_RUN, np.maximum), over(flow, RUN, np.maximum))
    return Sustained(least, most, is_spread)
