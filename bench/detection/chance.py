"""A detector that throws dice: the same number of alarms, spread evenly over the observed time of all places.

What a score is worth shows only beside it: where events fill half of the time, half of all dice hit one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.detection.events import HOUR_MS, Alarm, Event, match

DRAWS = 500


@dataclass(frozen=True, slots=True)
class Watched:
    """How long a place was observed: from `start` to `end`, Unix milliseconds."""

    place: str
    start: int
    end: int

    @property
    def years(self) -> float:
        """The time in years of 365.25 days."""
        return (self.end - self.start) / (365.25 * 24 * HOUR_MS)


@dataclass(frozen=True, slots=True)
class Chance:
    """F1 of the dice."""

    mean: float
    p95: float


def by_chance(
    events: Sequence[Event], watched: Sequence[Watched], alarms: int, seed: int, grace_ms: int = 0, draws: int = DRAWS
) -> Chance:
    """F1 of `draws` random detectors with `alarms` alarms each; NaN without alarms or places."""
    if not alarms or not watched:
        return Chance(float("nan"), float("nan"))
    dice = np.random.default_rng(seed)
    lengths = np.array([w.end - w.start for w in watched], np.float64)
    edges = np.cumsum(lengths)
    scores = []
    for _ in range(draws):
        thrown = dice.uniform(0, edges[-1], alarms)
        rows = np.searchsorted(edges, thrown, side="right")
        at = thrown - (edges[rows] - lengths[rows])
        drawn = [Alarm(watched[r].place, watched[r].start + int(t)) for r, t in zip(rows, at, strict=True)]
        scores.append(match(events, drawn, grace_ms).f1)
    return Chance(float(np.mean(scores)), float(np.quantile(scores, 0.95)))
