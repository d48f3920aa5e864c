"""How far a score would move with other meters: places drawn again with replacement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from bench.detection.chance import Watched
from bench.detection.events import Alarm, Matched

DRAWS = 1000


def f1_interval(matched: Matched, places: Sequence[str], seed: int, draws: int = DRAWS) -> tuple[float, float]:
    """The middle 95 % of F1 over `draws` samples of the places; NaN for less than two, which have no others to draw.

    Alarms at a place that is none of them (a group of meters) stay in every sample.
    """
    if len(places) < 2:
        return float("nan"), float("nan")
    found = Counter(event.place for event, _ in matched.found)
    missed = Counter(event.place for event in matched.missed)
    false = Counter(alarm.place for alarm in matched.false)
    counts = np.array([(found[s], missed[s], false[s]) for s in places], np.float64)
    drawn = np.random.default_rng(seed).integers(0, len(places), (draws, len(places)))
    hits, misses, wrong = np.moveaxis(counts[drawn].sum(axis=1), -1, 0)
    wrong += sum(count for place, count in false.items() if place not in set(places))
    whole = 2 * hits + misses + wrong
    scores = np.divide(2 * hits, whole, out=np.zeros_like(hits), where=whole > 0)
    low, high = np.quantile(scores, [0.025, 0.975])
    return float(low), float(high)


def rate_interval(
    alarms: Sequence[Alarm], watched: Sequence[Watched], seed: int, draws: int = DRAWS
) -> tuple[float, float]:
    """The middle 95 % of alarms a meter-month over `draws` samples of the places; NaN for less than two."""
    if len(watched) < 2:
        return float("nan"), float("nan")
    at = Counter(alarm.place for alarm in alarms)
    counts = np.array([at[w.place] for w in watched], np.float64)
    months = np.array([12 * w.years for w in watched], np.float64)
    drawn = np.random.default_rng(seed).integers(0, len(watched), (draws, len(watched)))
    elsewhere = len(alarms) - counts.sum()
    low, high = np.quantile((counts[drawn].sum(axis=1) + elsewhere) / months[drawn].sum(axis=1), [0.025, 0.975])
    return float(low), float(high)
