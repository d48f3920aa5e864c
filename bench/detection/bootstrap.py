"""How far a score would move with other meters: subjects drawn again with replacement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from bench.detection.events import Matched

DRAWS = 1000


def f1_interval(matched: Matched, subjects: Sequence[str], seed: int, draws: int = DRAWS) -> tuple[float, float]:
    """The middle 95 % of F1 over `draws` samples of the subjects; NaN without any."""
    if not subjects:
        return float("nan"), float("nan")
    found = Counter(event.subject for event, _ in matched.found)
    missed = Counter(event.subject for event in matched.missed)
    false = Counter(alarm.subject for alarm in matched.false)
    counts = np.array([(found[s], missed[s], false[s]) for s in subjects], np.float64)
    drawn = np.random.default_rng(seed).integers(0, len(subjects), (draws, len(subjects)))
    hits, misses, wrong = np.moveaxis(counts[drawn].sum(axis=1), -1, 0)
    whole = 2 * hits + misses + wrong
    scores = np.divide(2 * hits, whole, out=np.zeros_like(hits), where=whole > 0)
    low, high = np.quantile(scores, [0.025, 0.975])
    return float(low), float(high)
