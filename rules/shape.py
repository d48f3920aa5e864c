"""The shape of an excess: when it runs, whether it pauses, and whether it began at once or grew.

Read from two weeks of hours (`rules.recent`), as far as they reach back before the onset; what cannot be told is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metering.batch import Float64
from rules.recent import HOUR_MS, Past

_NIGHT = range(1, 5)  # local hours in which people sleep
_LEAST_BEFORE_H = 24
_LEAST_AFTER_H = 12
_GROWTH_AFTER_H = 60  # younger than this: too early to say whether it grows
_ONSET_H = 12  # onsets are as exact as a detector's look back
_DAY_H = 24
_SMOOTH_H = 6
NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Shape:
    """What the hours since the onset say.

    at_night  mean excess of the small hours over that of all hours: 1 for what runs on and on, 0 for use by day alone
    growth    mean excess of the last day over that of the first: 1 for what began at once
    pauses    share of the small hours in which nothing is used at all
    share     mean excess over what is usual
    """

    at_night: float = NAN
    growth: float = NAN
    pauses: float = NAN
    share: float = NAN


def shape_of(past: Past | None, onset_ms: int) -> Shape:
    """The shape of what is used since the onset, against the same hours of the day before it."""
    if past is None:
        return Shape()
    known = ~np.isnan(past.flow)
    before = past.part(known & (past.end_ms <= onset_ms - _ONSET_H * HOUR_MS))
    after = past.part(known & (past.end_ms > onset_ms))
    if len(after.flow) < _LEAST_AFTER_H:
        return Shape()
    sleeping = np.isin(after.local_hour, _NIGHT)
    pauses = float(np.mean(after.flow[sleeping] <= 0)) if sleeping.any() else NAN
    if len(before.flow) < _LEAST_BEFORE_H:
        return Shape(pauses=pauses)
    excess = after.flow - _usual(before)[after.local_hour]
    mean = _mean(excess)
    if not mean > 0:
        return Shape(pauses=pauses)
    usual = float(before.flow.mean())
    share = mean / usual if usual > 0 else NAN
    return Shape(_mean(excess[sleeping]) / mean, _growth(excess, after, onset_ms), pauses, share)


def back_since(past: Past | None, onset_ms: int, rate: float) -> int | None:
    """From when on (ms) an excess of `rate` (m3/h or kW) is no longer seen; None where that cannot be told.

    The end of the last hours in which half of it still ran.
    """
    if past is None or not rate > 0:
        return None
    known = past.part(~np.isnan(past.flow))
    before = known.part(known.end_ms <= onset_ms - _ONSET_H * HOUR_MS)
    after = known.part(known.end_ms > onset_ms)
    if len(before.flow) < _LEAST_BEFORE_H or len(after.flow) < _SMOOTH_H:
        return None
    excess = after.flow - _usual(before)[after.local_hour]
    smooth = np.convolve(excess, np.full(_SMOOTH_H, 1 / _SMOOTH_H), "valid")
    high = np.flatnonzero(smooth >= rate / 2)
    last = len(high) and int(high[-1]) + _SMOOTH_H
    return None if last == len(after.flow) else int(after.end_ms[max(last - 1, 0)])


def _usual(before: Past) -> Float64:
    """Median by local hour; the median of all where an hour was never seen."""
    usual = np.full(24, np.median(before.flow))
    for hour in np.unique(before.local_hour):
        usual[hour] = np.median(before.flow[before.local_hour == hour])
    return usual


def _growth(excess: Float64, after: Past, onset_ms: int) -> float:
    age = after.end_ms - onset_ms
    if age[-1] < _GROWTH_AFTER_H * HOUR_MS:
        return NAN
    first = _mean(excess[(age > _ONSET_H * HOUR_MS) & (age <= (_ONSET_H + _DAY_H) * HOUR_MS)])
    last = _mean(excess[after.end_ms > after.end_ms[-1] - _DAY_H * HOUR_MS])
    return last / first if first > 0 else NAN


def _mean(values: Float64) -> float:
    return float(values.mean()) if len(values) else NAN
