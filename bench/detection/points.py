"""Point by point: each half hour is either within a leak or not, and within an alert or not.

An alert stands from when it was raised until it was closed. One long leak weighs as many points as it is long, so this
flatters what finds long leaks late; it is here because published figures are of this kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.detection.chance import Watched
from bench.detection.events import HOUR_MS, Alarm, Event
from metering.batch import Mask

STEP_MS = HOUR_MS // 2
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PointScore:
    """F1, the share of leaking points told (`recall`), and of sound points left alone (`specificity`)."""

    f1: float
    recall: float
    specificity: float


def by_point(events: Sequence[Event], alarms: Sequence[Alarm], watched: Iterable[Watched]) -> PointScore:
    """Over all points of the places watched."""
    counts = np.zeros(4)
    for place in watched:
        is_leak = _covered([(e.start, e.end) for e in events if e.place == place.place], place)
        is_told = _covered([(a.at, a.until or place.end) for a in alarms if a.place == place.place], place)
        counts += [(is_leak & is_told).sum(), (is_leak & ~is_told).sum(), (~is_leak & is_told).sum(),
                   (~is_leak & ~is_told).sum()]  # fmt: skip
    hit, missed, false, quiet = counts
    with np.errstate(invalid="ignore", divide="ignore"):
        return PointScore(
            float(np.float64(2 * hit) / (2 * hit + missed + false)),
            float(np.float64(hit) / (hit + missed)),
            float(np.float64(quiet) / (quiet + false)),
        )


def _covered(spans: Iterable[Span], place: Watched) -> Mask:
    out = np.zeros(max((place.end - place.start) // STEP_MS, 1), bool)
    for start, end in spans:
        out[max(start - place.start, 0) // STEP_MS : max(end - place.start, 0) // STEP_MS] = True
    return out
