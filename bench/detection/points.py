"""Point by point: each half hour is either within a leak or not, and within an alert or not.

An alert stands from when it was raised until it was closed. One long leak weighs as many points as it is long, so this
flatters what finds long leaks late; it is here because published figures are of this kind.

Early detection as in LeakDB's scoring function (Vrachimis et al. 2018, see `published`): a leak's window reaches from
its start to ten points after its end, w points; the first point told is d points after its start. It scores
2 / (1 + exp(5 d / w)) if more than three quarters of the window from d on are told, else 0; the mean over all leaks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass

import numpy as np

from bench.detection.chance import DRAWS, Watched
from bench.detection.events import HOUR_MS, Alarm, Event, match
from bench.detection.published import GAMMAS, as_told, marked_days
from bench.detection.sets import DataSet
from metering.batch import Mask

STEP_MS = HOUR_MS // 2
AFTER, STEEPNESS, KEPT = 10, 5.0, 0.75
Span = tuple[int, int]
Masks = dict[str, Mask]


@dataclass(frozen=True, slots=True)
class PointScore:
    """F1, the share of leaking points told (`recall`), of sound points left alone (`specificity`), early detection."""

    f1: float
    recall: float
    specificity: float
    early: float


@dataclass(frozen=True, slots=True)
class PointRow:
    """What `by` scored point by point, and by event."""

    by: str
    points: PointScore
    event_f1: float


def point_rows(data: DataSet, events: Sequence[Event], alarms: Sequence[Alarm], watched: Sequence[Watched],
               seed: int, draws: int = DRAWS) -> tuple[PointRow, ...]:  # fmt: skip
    """The alerts, the published rule at each of its settings, and dice: as many alerts as long, at random times."""
    known = {w.place for w in watched}
    rows = [PointRow("alerts", by_point(events, alarms, watched), match(events, alarms).f1)]
    for gamma in GAMMAS:
        marked = [a for a in marked_days(data, gamma) if a.place in known]
        f1 = match(events, as_told(marked)).f1
        rows.append(PointRow(f"published night rule, +{gamma:.0%}", by_point(events, marked, watched), f1))
    return (*rows, *_dice(events, alarms, watched, seed, draws))


def by_point(events: Sequence[Event], alarms: Sequence[Alarm], watched: Iterable[Watched]) -> PointScore:
    """Over all points of the places watched."""
    counts = np.zeros(4)
    early: list[float] = []
    for place in watched:
        is_leak = _covered([(e.start, e.end) for e in events if e.place == place.place], place)
        is_told = _covered([(a.at, a.until or place.end) for a in alarms if a.place == place.place], place)
        counts += [(is_leak & is_told).sum(), (is_leak & ~is_told).sum(), (~is_leak & is_told).sum(),
                   (~is_leak & ~is_told).sum()]  # fmt: skip
        early += _early(is_leak, is_told)
    hit, missed, false, quiet = counts
    with np.errstate(invalid="ignore", divide="ignore"):
        return PointScore(
            float(np.float64(2 * hit) / (2 * hit + missed + false)),
            float(np.float64(hit) / (hit + missed)),
            float(np.float64(quiet) / (quiet + false)),
            float(np.mean(early)) if early else float("nan"),
        )


def _early(is_leak: Mask, is_told: Mask) -> list[float]:
    """A score a leak; leaks of a place that overlap are one, as in the source's labels."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_leak, [False]]).astype(np.int8)))
    scores = []
    for start, after in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        window = is_told[start : after + AFTER]
        told = np.flatnonzero(window)
        is_kept = bool(len(told)) and window[told[0] :].mean() > KEPT
        width = max(len(window) - 1, 1)
        scores.append(2 / (1 + float(np.exp(STEEPNESS * told[0] / width))) if is_kept else 0.0)
    return scores


def _dice(
    events: Sequence[Event], alarms: Sequence[Alarm], watched: Sequence[Watched], seed: int, draws: int
) -> tuple[PointRow, ...]:
    if not alarms or not watched:
        return ()
    dice = np.random.default_rng(seed)
    ends = {w.place: w.end for w in watched}
    lengths = [(a.until or ends.get(a.place, a.at)) - a.at for a in alarms]
    shares = np.array([w.end - w.start for w in watched], np.float64)
    scores = []
    for _ in range(draws):
        rows = dice.choice(len(watched), len(lengths), p=shares / shares.sum())
        at = [watched[r].start + int(dice.random() * shares[r]) for r in rows]
        drawn = [Alarm(watched[r].place, t, until=t + length) for r, t, length in zip(rows, at, lengths, strict=True)]
        scores.append((*astuple(by_point(events, drawn, watched)), match(events, drawn).f1))
    mean, high = np.mean(scores, axis=0).tolist(), np.quantile(scores, 0.95, axis=0).tolist()
    return tuple(
        PointRow(f"dice, {word}", PointScore(*figures[:4]), figures[4])
        for word, figures in (("mean", mean), ("95th percentile", high))
    )


def _covered(spans: Iterable[Span], place: Watched) -> Mask:
    out = np.zeros(max((place.end - place.start) // STEP_MS, 1), bool)
    for start, end in spans:
        out[max(start - place.start, 0) // STEP_MS : max(end - place.start, 0) // STEP_MS] = True
    return out
