"""What a night usually is: by working day and day off, by day of the week where that makes a difference, and by season.

A night is compared with the median of like nights of the past weeks. Two corrections are made, each only as far as
it stands out of the scatter (shrunk by its own error, as James and Stein do): what this day of the week differs, and
how the level moved on since those nights (a robust slope, bounded, for a leak that grows must not pass for a season).

References: Stein, Inadmissibility of the usual estimator for the mean, 1956; Theil and Sen's slope, Sen, JASA 1968
(here the slope between the medians of the older and the newer half).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Mask
from rules.detectors.day_log import DayLog, median, quantile, spread

WINDOWS_H = (1, 2, 3)  # the night's figure is the least mean flow of so many hours on end; which one is learned
NIGHTS = 35
WORKDAY, DAY_OFF, VACATION = range(3)
_WAIT = 4  # a night is learned only so many days later, so that a leak that grows is not taken for usual
_TAIL_SIGMAS = 1.28  # the 90th percentile of a normal distribution
_OF_KIND = 6  # nights of one kind of day that are enough to compare with
_OF_WEEKDAY = 3  # nights of one day of the week that can tell what it differs
_WEEK = 7
_MEDIAN_ERROR = 1.25  # standard error of a median, in sigma / sqrt(n)
_HALF = 10  # nights of the older and the newer half that make a slope
_SEASON = 0.003  # of the level a day: demand of a season moves no faster
_AHEAD = 25  # days for which a slope holds


@dataclass(frozen=True, slots=True)
class LikeNights:
    """Figures of like nights, their sigma, the highest excess and the span of usual ones: windows x columns, m3/h.

    Besides, by column: a day's use (m3), and how many nights of the season are known.
    """

    figure: Float64
    sigma: Float64
    highest: Float64
    span: Float64
    day: Float64
    nights: npt.NDArray[np.int64]


@dataclass
class UsualNights:
    """Learned by column.

    figure, day, kind, at   the nights kept: figures (nights x windows * columns), the day's use (m3), the day kind's
                        code, the local day
    waiting_*               the same for nights that wait to be learned, newest first; NaN where not usable
    """

    figure: DayLog
    day: DayLog
    kind: DayLog
    at: DayLog
    waiting_figure: Float64
    waiting_day: Float64
    waiting_kind: Float64
    waiting_at: Float64

    @classmethod
    def of(cls, columns: int) -> UsualNights:
        """Nothing known."""
        wide = columns * len(WINDOWS_H)
        return cls(
            DayLog.of(NIGHTS, wide),
            DayLog.of(NIGHTS, columns),
            DayLog.of(NIGHTS, columns),
            DayLog.of(NIGHTS, columns),
            np.full((_WAIT, wide), np.nan),
            *(np.full((_WAIT, columns), np.nan) for _ in range(3)),
        )

    def learn(self, figures: Float64, day: Float64, kind: int, at: int, usable: Mask, keep: Mask) -> None:
        """Last night joins those that wait (where usable), the one that waited longest is kept (where `keep`)."""
        ready = keep & ~np.isnan(self.waiting_day[-1]) & ~np.isnan(self.waiting_figure[-1][: len(keep)])
        self.figure.keep(self.waiting_figure[-1], np.tile(ready, len(WINDOWS_H)))
        self.day.keep(self.waiting_day[-1], ready)
        self.kind.keep(self.waiting_kind[-1], ready)
        self.at.keep(self.waiting_at[-1], ready)
        usable = usable & ~np.isnan(figures).any(axis=0) & ~np.isnan(day)
        self.waiting_figure = _pushed(self.waiting_figure, np.where(usable, figures, np.nan).ravel())
        self.waiting_day = _pushed(self.waiting_day, np.where(usable, day, np.nan))
        self.waiting_kind = _pushed(self.waiting_kind, np.where(usable, float(kind), np.nan))
        self.waiting_at = _pushed(self.waiting_at, np.where(usable, float(at), np.nan))

    def forget_waiting(self, column: int) -> None:
        """The nights that wait are part of what was found."""
        self.waiting_day[:, column] = np.nan

    def like(self, kind: int, day: int) -> LikeNights:
        """What is usual in the night of that local day.

        Of its own kind where enough are known, else of its season (term, vacation).
        """
        figures = self.figure.values.reshape(NIGHTS, len(WINDOWS_H), -1)
        season = (self.kind.values == VACATION) == (kind == VACATION)
        season &= ~np.isnan(self.kind.values)
        alike = self.kind.values == kind
        chosen = np.where(alike.sum(axis=0) >= _OF_KIND, alike, season)
        of_kind = np.where(chosen[:, None, :], figures, np.nan)
        level = median(of_kind)
        span = quantile(of_kind, 0.9) - quantile(of_kind, 0.1)
        weekday = np.where(chosen, self.at.values % _WEEK, -1)
        rest = of_kind - level
        scatter = spread(rest, np.zeros_like(level))
        tonight = np.zeros_like(level)
        for day_of_week in range(_WEEK):
            own = weekday == day_of_week
            differs = _differing(np.where(own[:, None, :], rest, np.nan), scatter)
            rest = np.where(own[:, None, :], rest - differs, rest)
            if day_of_week == day % _WEEK:
                tonight = differs
        at = np.where(chosen, self.at.values, np.nan)
        ago = at - median(at)
        slope = _slope(rest, ago, level)
        rest = rest - slope * ago[:, None, :]
        ahead = np.clip(np.nan_to_num(day - median(at)), 0, _AHEAD)
        # Nights scatter upwards: a few have a late shower. The tail tells more than the middle half.
        sigma = np.maximum(spread(rest, median(rest)), (quantile(rest, 0.9) - median(rest)) / _TAIL_SIGMAS)
        use = median(np.where(chosen, self.day.values, np.nan))
        usual = level + tonight + slope * ahead
        return LikeNights(usual, sigma, quantile(of_kind, 1.0) - usual, span, use, season.sum(axis=0))


def _differing(rest: Float64, scatter: Float64) -> Float64:
    """What one day of the week differs (windows x columns), as far as it stands out of its error."""
    nights = (~np.isnan(rest)).sum(axis=0)
    differs = np.nan_to_num(median(rest))
    own = np.nan_to_num(spread(rest, differs))
    error = _MEDIAN_ERROR * np.maximum(own, 0.25 * np.nan_to_num(scatter)) / np.sqrt(np.maximum(nights, 1))
    low, high = np.nan_to_num(quantile(rest, 0.25)), np.nan_to_num(quantile(rest, 0.75))
    nearest = np.where(differs > 0, low, -high)  # most of its nights must differ, and by about as much
    is_habit = (nights >= _OF_WEEKDAY) & (nearest >= 0.5 * np.abs(differs))
    return np.where(is_habit, _shrunk(differs, error), 0.0)


def _slope(rest: Float64, ago: Float64, level: Float64) -> Float64:
    """How the level moves, m3/h a day (windows x columns); `ago`: days from the middle night, nights x columns."""
    newer = np.where((ago > 0)[:, None, :], rest, np.nan)
    older = np.where((ago <= 0)[:, None, :], rest, np.nan)
    few = np.minimum((~np.isnan(newer)).sum(axis=0), (~np.isnan(older)).sum(axis=0))
    apart = median(np.where(ago > 0, ago, np.nan)) - median(np.where(ago <= 0, ago, np.nan))
    rise = median(newer) - median(older)
    scatter = np.hypot(spread(newer, median(newer)), spread(older, median(older)))
    rise = _shrunk(np.nan_to_num(rise), _MEDIAN_ERROR * np.nan_to_num(scatter) / np.sqrt(np.maximum(few, 1)))
    slope = np.where(few >= _HALF, rise / np.where(apart > 0, apart, np.inf), 0.0)
    bound = _SEASON * np.abs(level)
    return np.asarray(np.clip(slope, -bound, bound), np.float64)


def _shrunk(value: Float64, error: Float64) -> Float64:
    return np.asarray(value * np.maximum(0.0, 1 - (error / np.maximum(np.abs(value), 1e-12)) ** 2), np.float64)


def _pushed(rows: Float64, newest: Float64) -> Float64:
    return np.concatenate([newest[None], rows[:-1]])
