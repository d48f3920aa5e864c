"""What a night usually is: by working day and day off, by day of the week where that makes a difference, and by season.

A night is compared with the median of like nights of the past weeks. Two corrections are made, each only as far as
it stands out of the scatter (shrunk by its own error, as James and Stein do): what this day of the week differs, and
how the level moved on since those nights (a robust slope, bounded, for a leak that grows must not pass for a season).

References: Stein, Inadmissibility of the usual estimator for the mean, 1956; Theil and Sen's slope, Sen, JASA 1968
(here the slope between the medians of the older and the newer half).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Mask
from rules.detectors.night_view import IS_SHARE, VIEWS
from rules.detectors.ordered import Ordered, spread

NIGHTS = 35
WORKDAY, DAY_OFF, VACATION = range(3)
_WAIT = 4  # a night is learned only so many days later, so that a leak that grows is not taken for usual
_TAIL_SIGMAS = 1.28  # the 90th percentile of a normal distribution
_OF_KIND = 6  # nights of one kind of day that are enough to compare with
_OF_WEEKDAY = 3  # nights of one day of the week that can tell what it differs
_WEEK = 7
_WEEKS = NIGHTS // _WEEK
_MEDIAN_ERROR = 1.25  # standard error of a median, in sigma / sqrt(n)
_HALF = 10  # nights of the older and the newer half that make a slope
_SEASON = 0.003  # of the level a day: demand of a season moves no faster
_AHEAD = 25  # days for which a slope holds
_AT_ONCE = 256  # columns; what is worked on then stays in the processor's cache


@dataclass(frozen=True, slots=True)
class LikeNights:
    """Figures of like nights, their sigma, the highest excess and the span of usual ones: views x columns.

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
    """Learned by column. Each night has its place by its day of the week, five weeks on end; NaN where unknown.

    figure          views x columns x nights (see `night_view`); `day`, `kind`, `at`: columns x nights: the day's use
                    (m3), the day kind's code, the local day
    waiting_figure  waits x views x columns: nights that wait to be learned, newest first; `waiting_day`: waits x
                    columns, NaN where not usable; `waiting_kind`, `waiting_at`: by wait
    """

    figure: Float64
    day: Float64
    kind: Float64
    at: Float64
    waiting_figure: Float64
    waiting_day: Float64
    waiting_kind: Float64
    waiting_at: npt.NDArray[np.int64]

    @classmethod
    def of(cls, columns: int) -> UsualNights:
        """Nothing known."""
        none = np.full((columns, NIGHTS), np.nan)
        return cls(
            np.full((VIEWS, columns, NIGHTS), np.nan),
            none,
            none.copy(),
            none.copy(),
            np.full((_WAIT, VIEWS, columns), np.nan),
            np.full((_WAIT, columns), np.nan),
            np.full(_WAIT, np.nan),
            np.zeros(_WAIT, np.int64),
        )

    def learn(self, figures: Float64, day: Float64, kind: int, at: int, usable: Mask, keep: Mask) -> None:
        """Last night joins those that wait (where usable), the one that waited longest is kept (where `keep`)."""
        ready = keep & ~np.isnan(self.waiting_day[-1])
        kept_at = int(self.waiting_at[-1])
        place = kept_at % _WEEK * _WEEKS + kept_at // _WEEK % _WEEKS
        self.figure[:, ready, place] = self.waiting_figure[-1][:, ready]
        self.day[ready, place] = self.waiting_day[-1][ready]
        self.kind[ready, place] = self.waiting_kind[-1]
        self.at[ready, place] = kept_at
        usable = usable & ~np.isnan(figures[~IS_SHARE]).any(axis=0)
        self.waiting_figure = np.concatenate([figures[None], self.waiting_figure[:-1]])
        self.waiting_day = np.concatenate([np.where(usable, day, np.nan)[None], self.waiting_day[:-1]])
        self.waiting_kind = np.append(float(kind), self.waiting_kind[:-1])
        self.waiting_at = np.append(np.int64(at), self.waiting_at[:-1])

    def forget_waiting(self, column: int) -> None:
        """The nights that wait are part of what was found."""
        self.waiting_day[:, column] = np.nan

    def like(self, kind: int, day: int) -> LikeNights:
        """What is usual in the night of that local day.

        Of its own kind where enough are known, else of its season (term, vacation).
        """
        parts = list(self._parts(kind, day)) or [_like(self, slice(0), kind, day)]
        return LikeNights(*(np.concatenate([getattr(p, n) for p in parts], axis=-1) for n in LikeNights.__slots__))

    def _parts(self, kind: int, day: int) -> Iterator[LikeNights]:
        for first in range(0, len(self.day), _AT_ONCE):
            yield _like(self, slice(first, first + _AT_ONCE), kind, day)


def _like(known: UsualNights, columns: slice, kind: int, day: int) -> LikeNights:
    of_day = known.kind[columns]
    season = (of_day == VACATION) == (kind == VACATION)
    season &= ~np.isnan(of_day)
    alike = of_day == kind
    chosen = np.where(alike.sum(axis=-1, keepdims=True) >= _OF_KIND, alike, season)
    figures = np.where(chosen, known.figure[:, columns], np.nan)
    at = np.where(chosen, known.at[columns], np.nan)
    middle = Ordered.of(at).median()
    nights = Ordered.of(figures)
    level = nights.median()
    rest = figures - level[..., None]
    differs = _differing(rest.reshape(*level.shape, _WEEK, _WEEKS), spread(rest, np.zeros_like(level)))
    rest -= np.repeat(differs, _WEEKS, axis=-1)
    ago = at - middle[:, None]
    slope = np.where(IS_SHARE[:, None], 0.0, _slope(rest, ago, level))  # a share has no season
    rest -= slope[..., None] * ago
    usual = level + differs[..., day % _WEEK] + slope * np.clip(np.nan_to_num(day - middle), 0, _AHEAD)
    usual = np.maximum(usual, 0.0)
    ordered = Ordered.of(rest)
    centre = ordered.median()
    # Nights scatter upwards: a few have a late shower. The tail tells more than the middle half.
    sigma = np.maximum(spread(rest, centre), (ordered.quantile(0.9) - centre) / _TAIL_SIGMAS)
    use = Ordered.of(np.where(chosen, known.day[columns], np.nan)).median()
    span = nights.quantile(0.9) - nights.quantile(0.1)
    return LikeNights(usual, sigma, nights.quantile(1.0) - usual, span, use, season.sum(axis=-1))


def _differing(rest: Float64, scatter: Float64) -> Float64:
    """What each day of the week differs (views x columns x 7), as far as it stands out of its error.

    `rest`: views x columns x 7 x weeks.
    """
    ordered = Ordered.of(rest)
    nights, median = ordered.count, ordered.median()
    differs = np.nan_to_num(median)
    own = np.nan_to_num(spread(rest, median))
    error = _MEDIAN_ERROR * np.maximum(own, 0.25 * np.nan_to_num(scatter)[..., None]) / np.sqrt(np.maximum(nights, 1))
    low, high = np.nan_to_num(ordered.quantile(0.25)), np.nan_to_num(ordered.quantile(0.75))
    nearest = np.where(differs > 0, low, -high)  # most of its nights must differ, and by about as much
    is_habit = (nights >= _OF_WEEKDAY) & (nearest >= 0.5 * np.abs(differs))
    return np.where(is_habit, _shrunk(differs, error), 0.0)


def _slope(rest: Float64, ago: Float64, level: Float64) -> Float64:
    """How the level moves, m3/h a day (views x columns); `ago`: days from the middle night, columns x nights."""
    late, early = Ordered.of(np.where(ago > 0, ago, np.nan)), Ordered.of(np.where(ago <= 0, ago, np.nan))
    few = np.minimum(late.count, early.count)
    if not (few >= _HALF).any():
        return np.zeros_like(level)
    newer, older = np.where(ago > 0, rest, np.nan), np.where(ago <= 0, rest, np.nan)
    new_level, old_level = Ordered.of(newer).median(), Ordered.of(older).median()
    scatter = np.hypot(spread(newer, new_level), spread(older, old_level))
    error = _MEDIAN_ERROR * np.nan_to_num(scatter) / np.sqrt(np.maximum(few, 1))
    rise = _shrunk(np.nan_to_num(new_level - old_level), error)
    apart = late.median() - early.median()
    slope = np.where(few >= _HALF, rise / np.where(apart > 0, apart, np.inf), 0.0)
    bound = _SEASON * np.abs(level)
    return np.asarray(np.clip(slope, -bound, bound), np.float64)


def _shrunk(value: Float64, error: Float64) -> Float64:
    return np.asarray(value * np.maximum(0.0, 1 - (error / np.maximum(np.abs(value), 1e-12)) ** 2), np.float64)
