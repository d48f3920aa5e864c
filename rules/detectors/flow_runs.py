"""Runs of continuous flow: how long every window of so many hours has held water, and how long is too long.

A test is a tier and a window. Short windows tell what never stops from what people draw; longer ones see through the
pauses of a toilet that refills now and then, but through those between two draws as well. Which test suits a meter,
its own past decides: on usual days the longest run of each test is kept. Runs end by chance, so the lengths of the long
ones fall off exponentially, and the longest of n days is about ln(n) of their scale; one that comes once in N days by
itself is ln(N) of it. So a run is told once it is ln(N) / ln(n) times as long as the longest usual one. Where a share
p of the days was filled by a run altogether, it must last ln(N) / ln(1 / p) days at least.

Reference: Gumbel, Statistics of Extremes, 1958 (the longest of n exponential lengths grows as ln n).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Mask

# The most particular last: the shortest window of the greatest flow.
TESTS = (
    *(("refill", hours) for hours in (5, 4, 3)),
    *(("slow", hours) for hours in (6, 4, 3, 2, 1)),
    *(("fast", hours) for hours in (6, 4, 3, 2, 1)),
)
WINDOW_H = np.array([hours for _, hours in TESTS])
TIER_OF = np.array([tier for tier, _ in TESTS])
IS_LONGEST = np.array([hours == max(h for t, h in TESTS if t == tier) for tier, hours in TESTS])
DAY_H = 24
_LONG_WINDOW_H = 3  # what is told after two days must be sure: a window that two draws of an evening can bridge ...
_LONG_FACTOR = 1.5  # ... must last so much longer
_NEARLY = 0.75
_NO_RUN = -1


def tiered(settings: dict[str, Float64], name: str) -> Float64:
    """A setting that each tier has (`fast_hours`) by test and column."""
    return np.array([settings[f"{tier}_{name}"] for tier, _ in TESTS])


def least_hours(settings: dict[str, Float64]) -> Float64:
    """How long a run of each test must last at least: tests x columns, hours."""
    is_loose = (TIER_OF == "fast") & (WINDOW_H >= _LONG_WINDOW_H)
    return np.where(is_loose, _LONG_FACTOR, 1.0)[:, None] * tiered(settings, "hours")


@dataclass(frozen=True, slots=True)
class UsualRuns:
    """What usual days were like. `longest` run (h) and how many days were `filled` by one: tests x columns.

    By column: how many `days` they were, and a day's use (m3, median).
    """

    longest: Float64
    filled: npt.NDArray[np.int64]
    days: npt.NDArray[np.int64]
    total: Float64

    def told_after(self, once_days: Float64) -> Float64:
        """Length of a run (hours) that comes once in `once_days` by itself: tests x columns."""
        decades = np.log(once_days)
        days = np.maximum(self.days, 2)
        by_longest = decades / np.log(days) * self.longest
        some = (self.filled > 0) & (self.filled < days)
        by_filled = np.where(some, DAY_H * decades / np.log(np.where(some, days / np.maximum(self.filled, 1), 2)), 0.0)
        return np.where(self.filled >= days, np.inf, np.maximum(by_longest, by_filled))


@dataclass
class SteadyRuns:
    """Tests x columns.

    since     the hour since which no window fell below the tier's flow; -1: there is no such run
    windows   how many windows of the run were known
    longest   longest run of the day so far, hours
    """

    since: npt.NDArray[np.int64]
    windows: npt.NDArray[np.int64]
    longest: npt.NDArray[np.int64]

    @classmethod
    def of(cls, columns: int) -> SteadyRuns:
        """No run anywhere."""
        none = np.zeros((len(TESTS), columns), np.int64)
        return cls(none + _NO_RUN, none, none.copy())

    def step(self, end: int, steady: Mask, known: Mask) -> None:
        """One more window, up to the hour `end`: what may be steady, not known for sure, lengthens a run, no more."""
        begun = np.where(self.since == _NO_RUN, end - WINDOW_H[:, None], self.since)
        self.since = np.where(steady, begun, _NO_RUN)
        self.windows = np.where(steady, self.windows + known, 0)
        self.longest = np.maximum(self.longest, self.hours(end))

    def hours(self, end: int) -> npt.NDArray[np.int64]:
        """How long each run is at the hour number `end` (exclusive); 0 where there is none."""
        return np.where(self.since == _NO_RUN, 0, end - self.since)

    def known_share(self, end: int) -> Float64:
        """Share of each run's windows that were known."""
        return np.asarray(self.windows / np.maximum(self.hours(end) - WINDOW_H[:, None] + 1, 1), np.float64)

    def latest(self, column: int, test: int, end: int) -> tuple[int, int]:
        """Start and window of the run that tells best when a leak began: of those about as long, the latest.

        A run takes in what was drawn before the leak, too, and the longer its window, the more of it.
        """
        hours = self.hours(end)[:, column]
        alike = np.flatnonzero((hours >= _NEARLY * hours[test]) & (hours <= hours[test]))
        best = min(alike.tolist(), key=lambda t: (hours[t], WINDOW_H[t]))
        return int(self.since[best, column]), int(WINDOW_H[best])

    def forget(self, columns: int | slice) -> None:
        """Begin anew there."""
        self.since[:, columns], self.windows[:, columns], self.longest[:, columns] = _NO_RUN, 0, 0
