"""What continuous flow remembers: the last days by hour, how quiet each meter's days usually are, and what is open."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Mask
from rules.detectors.day_log import DayLog
from rules.detectors.hours import HourCut
from rules.detectors.open_findings import OpenFindings
from rules.detectors.pulse import PulseSeen
from rules.detectors.silence import ZeroRuns

RING_HOURS = 9 * 24
LOG_DAYS = 42
WAIT_DAYS = 8  # a day is learned only so much later, so that a leak of seven days is not taken for usual
_NO_RUN = -1
_WHOLE_DAY_H = 18  # hours that must be known for a day to count


@dataclass
class VolumeRing:
    """Volume by hour and column, at row `number % RING_HOURS`; NaN where not known."""

    volume: Float64
    last: int = -1

    @classmethod
    def of(cls, columns: int) -> VolumeRing:
        """An empty ring."""
        return cls(np.full((RING_HOURS, columns), np.nan))

    def put(self, number: int, volume: Float64) -> None:
        """Keep one hour; hours that never came are emptied."""
        missed = min(number - self.last - 1, RING_HOURS) if self.last >= 0 else 0
        self.volume[np.arange(number - missed, number) % RING_HOURS] = np.nan
        self.volume[number % RING_HOURS] = volume
        self.last = number

    def back(self, hours: int) -> Float64:
        """The last so many hours, oldest first: hours x columns."""
        return self.volume[np.arange(self.last - hours + 1, self.last + 1) % RING_HOURS]


@dataclass
class SteadyRun:
    """One tier by column.

    window_h  longest window that the meter's usual days leave without flow, in hours; 0: not judged
    since     the hour since which no window fell below the tier's flow; -1: there is no such run
    windows   how many windows of the run were known
    """

    window_h: npt.NDArray[np.int64]
    since: npt.NDArray[np.int64]
    windows: npt.NDArray[np.int64]

    @classmethod
    def of(cls, columns: int) -> SteadyRun:
        """No run anywhere."""
        return cls(np.zeros(columns, np.int64), np.full(columns, _NO_RUN, np.int64), np.zeros(columns, np.int64))

    def step(self, end: int, steady: Mask, known: Mask) -> None:
        """One more window, up to the hour `end`: one that is not known neither lengthens nor ends a run."""
        ended = known & ~steady
        self.since = np.where(ended, _NO_RUN, self.since)
        self.windows = np.where(ended, 0, self.windows + (known & steady))
        begins = known & steady & (self.since == _NO_RUN)
        self.since = np.where(begins, end - self.window_h, self.since)

    def hours(self, end: int) -> npt.NDArray[np.int64]:
        """How long each run is at the hour number `end` (exclusive); 0 where there is none."""
        return np.where(self.since == _NO_RUN, 0, end - self.since)

    def forget(self, columns: npt.NDArray[np.intp] | int | slice) -> None:
        """Begin anew there."""
        self.since[columns], self.windows[columns] = _NO_RUN, 0


@dataclass
class QuietDays:
    """How quiet days usually are, with the `season` of each: 1 vacation, 0 not.

    waiting_*   days x columns, newest first, NaN where a day is not usable
    day_*       of the day that runs: volume (m3) and hours that are known
    """

    longest_h: DayLog
    total: DayLog
    season: DayLog
    waiting_longest: Float64
    waiting_total: Float64
    waiting_season: Float64
    day_sum: Float64
    day_hours: npt.NDArray[np.int64]

    @classmethod
    def of(cls, columns: int) -> QuietDays:
        """Nothing known."""
        waiting = np.full((WAIT_DAYS, columns), np.nan)
        return cls(
            DayLog.of(LOG_DAYS, columns),
            DayLog.of(LOG_DAYS, columns),
            DayLog.of(LOG_DAYS, columns),
            waiting,
            waiting.copy(),
            waiting.copy(),
            np.zeros(columns),
            np.zeros(columns, np.int64),
        )

    def add(self, volume: Float64) -> None:
        """One hour of the day that runs."""
        known = ~np.isnan(volume)
        self.day_sum += np.where(known, volume, 0.0)
        self.day_hours += known

    def close_day(self, longest_h: Float64, usable: Mask, season: float) -> None:
        """The day that ended joins those that wait; the one that waited longest is kept."""
        enough = usable & (self.day_hours >= _WHOLE_DAY_H)
        ready = ~np.isnan(self.waiting_longest[-1])
        self.longest_h.keep(self.waiting_longest[-1], ready)
        self.total.keep(self.waiting_total[-1], ready)
        self.season.keep(self.waiting_season[-1], ready)
        self.waiting_longest = _pushed(self.waiting_longest, np.where(enough, longest_h, np.nan))
        self.waiting_total = _pushed(self.waiting_total, np.where(enough, self.day_sum, np.nan))
        self.waiting_season = _pushed(self.waiting_season, np.full(len(enough), season))
        self.day_sum = np.zeros_like(self.day_sum)
        self.day_hours = np.zeros_like(self.day_hours)

    def forget_waiting(self, column: int) -> None:
        """The days that wait are part of what was found: never learn from them."""
        self.waiting_longest[:, column] = np.nan
        self.waiting_total[:, column] = np.nan


def _pushed(rows: Float64, newest: Float64) -> Float64:
    return np.concatenate([newest[None], rows[:-1]])


@dataclass
class FlowMemory:
    """All of it, by column.

    usual_day  median volume of a usual day, m3
    spread     steps on end that were estimated, at the last step
    """

    cut: HourCut
    silence: ZeroRuns
    pulse: PulseSeen
    ring: VolumeRing
    quiet: QuietDays
    fast: SteadyRun
    slow: SteadyRun
    usual_day: Float64
    spread: npt.NDArray[np.int64]
    day: int = -(10**9)
    season: float = 0.0
    open: OpenFindings = field(default_factory=OpenFindings)

    @classmethod
    def of(cls, columns: int) -> FlowMemory:
        """Nothing remembered."""
        return cls(
            HourCut.of(2 * columns),
            ZeroRuns.of(columns),
            PulseSeen.of(columns),
            VolumeRing.of(columns),
            QuietDays.of(columns),
            SteadyRun.of(columns),
            SteadyRun.of(columns),
            np.full(columns, np.nan),
            np.zeros(columns, np.int64),
        )
