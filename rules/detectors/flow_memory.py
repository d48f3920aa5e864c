"""What continuous flow remembers: the last days by hour, how quiet each meter's days usually are, and what is open."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Mask
from rules.detectors.flow_runs import DAY_H, TESTS, SteadyRuns, UsualRuns
from rules.detectors.hours import HourCut
from rules.detectors.open_findings import OpenFindings
from rules.detectors.ordered import Ordered
from rules.detectors.pulse import PulseSeen
from rules.detectors.silence import ZeroRuns

RING_HOURS = 9 * 24
LOG_DAYS = 42
WAIT_DAYS = 8  # a day is learned only so much later, so that a leak of seven days is not taken for usual
_LIVED_IN = 0.2  # of the usual day's use
_WHOLE_DAY_H = 18  # hours that must be known for a day to count


@dataclass
class VolumeRing:
    """By hour and column, at row `number % RING_HOURS`: volume, NaN where missing; whether it is no mere estimate."""

    volume: Float64
    is_known: Mask
    last: int = -1

    @classmethod
    def of(cls, columns: int) -> VolumeRing:
        """An empty ring."""
        return cls(np.full((RING_HOURS, columns), np.nan), np.zeros((RING_HOURS, columns), bool))

    def put(self, number: int, volume: Float64, is_known: Mask) -> None:
        """Keep one hour; hours that never came are emptied."""
        missed = min(number - self.last - 1, RING_HOURS) if self.last >= 0 else 0
        gap = np.arange(number - missed, number) % RING_HOURS
        self.volume[gap], self.is_known[gap] = np.nan, False
        self.volume[number % RING_HOURS], self.is_known[number % RING_HOURS] = volume, is_known
        self.last = number

    def back(self, hours: int) -> Float64:
        """The last so many hours, oldest first, estimates left out: hours x columns."""
        rows = self._rows(hours)
        return np.where(self.is_known[rows], self.volume[rows], np.nan)

    def sums(self, hours: int) -> tuple[Float64, Mask]:
        """Volume of the last 1, 2 .. hours, estimates taken in, and whether all of it is known: hours x columns."""
        rows = self._rows(hours)[::-1]
        return np.cumsum(self.volume[rows], axis=0), np.logical_and.accumulate(self.is_known[rows], axis=0)

    def _rows(self, hours: int) -> npt.NDArray[np.int64]:
        return np.arange(self.last - hours + 1, self.last + 1) % RING_HOURS


@dataclass
class UsualDays:
    """What usual days are like, and those that wait to be learned, newest first; NaN where a day is not usable.

    run       tests x columns x days: the longest run of the day, hours
    quiet_h, total, season   columns x days: longest time without flow, use (m3), 1 in a vacation and 0 else
    waiting_* days first
    day_*     of the day that runs: volume (m3) and hours that are known
    """

    run: Float64
    quiet_h: Float64
    total: Float64
    season: Float64
    place: npt.NDArray[np.int64]
    waiting_run: Float64
    waiting_quiet: Float64
    waiting_total: Float64
    waiting_season: Float64
    day_sum: Float64
    day_hours: npt.NDArray[np.int64]

    @classmethod
    def of(cls, columns: int) -> UsualDays:
        """Nothing known."""
        log, waiting = np.full((columns, LOG_DAYS), np.nan), np.full((WAIT_DAYS, columns), np.nan)
        return cls(
            np.full((len(TESTS), columns, LOG_DAYS), np.nan),
            log,
            log.copy(),
            log.copy(),
            np.zeros(columns, np.int64),
            np.full((WAIT_DAYS, len(TESTS), columns), np.nan),
            waiting,
            waiting.copy(),
            np.full(WAIT_DAYS, np.nan),
            np.zeros(columns),
            np.zeros(columns, np.int64),
        )

    def add(self, volume: Float64) -> None:
        """One hour of the day that runs."""
        known = ~np.isnan(volume)
        self.day_sum += np.where(known, volume, 0.0)
        self.day_hours += known

    def close_day(self, run: npt.NDArray[np.int64], quiet_h: Float64, usable: Mask, season: float) -> None:
        """The day that ended joins those that wait; the one that waited longest is kept."""
        columns = np.flatnonzero(~np.isnan(self.waiting_total[-1]))
        place = self.place[columns]
        self.run[:, columns, place] = self.waiting_run[-1][:, columns]
        self.quiet_h[columns, place] = self.waiting_quiet[-1][columns]
        self.total[columns, place] = self.waiting_total[-1][columns]
        self.season[columns, place] = self.waiting_season[-1]
        self.place[columns] = (place + 1) % LOG_DAYS
        total = np.where(usable & (self.day_hours >= _WHOLE_DAY_H), self.day_sum, np.nan)
        self.waiting_run = _pushed(self.waiting_run, run.astype(np.float64))
        self.waiting_quiet = _pushed(self.waiting_quiet, quiet_h)
        self.waiting_total = _pushed(self.waiting_total, total)
        self.waiting_season = np.append(season, self.waiting_season[:-1])
        self.day_sum, self.day_hours = np.zeros_like(self.day_sum), np.zeros_like(self.day_hours)

    def stands_still(self, hours: float) -> Mask:
        """The columns that stand still for so long on most of their days."""
        known = ~np.isnan(self.quiet_h)
        return np.asarray((self.quiet_h >= hours).sum(axis=1) * 2 > known.sum(axis=1), bool)

    def of_season(self, season: float) -> UsualRuns:
        """What is usual in a season; days away from home are left out, they are quiet for another reason."""
        alike = self.season == season
        total = Ordered.of(np.where(alike, self.total, np.nan)).median()
        lived_in = alike & (self.total >= _LIVED_IN * total[:, None])
        run = np.where(lived_in, self.run, 0.0)
        days = np.asarray(lived_in.sum(axis=-1), np.int64)
        return UsualRuns(run.max(axis=-1), np.asarray((run >= DAY_H).sum(axis=-1), np.int64), days, total)

    def forget_waiting(self, column: int) -> None:
        """The days that wait are part of what was found: never learn from them."""
        self.waiting_total[:, column] = np.nan


def _pushed(rows: Float64, newest: Float64) -> Float64:
    return np.concatenate([newest[None], rows[:-1]])


@dataclass
class FlowMemory:
    """All of it, by column.

    limit      tests x columns: hours a run must last; infinite where the meter is not judged
    usual_day  median volume of a usual day, m3
    spread     steps on end that were estimated, at the last step
    flagged    local days on end on which another rule's finding covered the meter
    """

    cut: HourCut
    silence: ZeroRuns
    pulse: PulseSeen
    ring: VolumeRing
    usual: UsualDays
    runs: SteadyRuns
    limit: Float64
    usual_day: Float64
    spread: npt.NDArray[np.int64]
    flagged: npt.NDArray[np.int64]
    day: int = -(10**9)
    season: float = 0.0
    open: OpenFindings = field(default_factory=OpenFindings)

    @classmethod
    def of(cls, columns: int) -> FlowMemory:
        """Nothing remembered."""
        return cls(
            HourCut.of(3 * columns),
            ZeroRuns.of(columns),
            PulseSeen.of(columns),
            VolumeRing.of(columns),
            UsualDays.of(columns),
            SteadyRuns.of(columns),
            np.full((len(TESTS), columns), np.inf),
            np.full(columns, np.nan),
            np.zeros(columns, np.int64),
            np.zeros(columns, np.int64),
        )
