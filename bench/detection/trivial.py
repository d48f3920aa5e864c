"""Rules of thumb that anyone could write in an afternoon: what a detector has to beat.

Each sees only the past, speaks once and is silent until it has been below its limit again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bench.detection.events import Alarm
from bench.detection.hours import Hours, Int64, hours
from bench.detection.sets import DataSet
from metering.batch import Float64, Mask
from metering.quantities import BY_NAME

WEEK_H = 168


@dataclass(frozen=True, slots=True)
class Trivial:
    """A rule of thumb and what it does, in words."""

    words: str
    alarms: Callable[[DataSet], list[Alarm]]


def steady(data: DataSet) -> list[Alarm]:
    """At least 5 L/h in every hour of 48."""
    known = hours(data)
    return _runs(known, known.rate >= 0.005, np.arange(len(known.rate)), 48)


def night(data: DataSet) -> list[Alarm]:
    """A night's flow above 1.2 times the median of the 14 nights before."""
    known = hours(data)
    rows, nights = known.nights()
    usual = _before(nights, 14, np.nanmedian, 7)
    return _runs(known, nights > 1.2 * usual, rows, 1)


def balance(data: DataSet) -> list[Alarm]:
    """A day's parent minus children, as share of the parent, 3 sigma above its mean of the 28 days before."""
    known = hours(data)
    parents = tuple(p for p in known.places if _children(data, p))
    rows, days = known.days()
    shares = np.stack([_lost_share(data, known, days, p) for p in parents], axis=1)
    limit = _before(shares, 28, np.nanmean, 14) + 3 * _before(shares, 28, np.nanstd, 14)
    return _runs(Hours(data.site, known.first, parents, known.rate[:, : len(parents)]), shares > limit, rows, 1)


def weekly(data: DataSet) -> list[Alarm]:
    """Three hours running above the mean of that hour of the week plus 3 sigma, all weeks before (at least 8)."""
    known = hours(data)
    start = int(-(known.local[0] - 96) % WEEK_H)
    weeks = (len(known.rate) - start) // WEEK_H
    cells = known.rate[start : start + weeks * WEEK_H].reshape(weeks, WEEK_H, -1)
    count, total, square = (
        np.cumsum(part, axis=0)[:-1] for part in (~np.isnan(cells), np.nan_to_num(cells), np.nan_to_num(cells) ** 2)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(count >= 8, total / count, np.nan)
        sigma = np.sqrt(np.maximum(square / count - mean**2, 0))
    above = np.concatenate([np.zeros((1, *cells.shape[1:]), bool), cells[1:] > mean + 3 * sigma])
    rows = start + np.arange(weeks * WEEK_H)
    return _runs(known, above.reshape(weeks * WEEK_H, -1), rows, 3)


def heavier_week(data: DataSet) -> list[Alarm]:
    """Seven days' use above 1.7 times the median of the weeks before (two to eight of them)."""
    known = hours(data)
    rows, days = known.days()
    weeks = np.full(days.shape, np.nan)
    for i in range(6, len(days)):
        weeks[i] = days[i - 6 : i + 1].mean(axis=0)
    usual = np.full(days.shape, np.nan)
    usual[7:] = _before(weeks[:-7], 56, np.nanmedian, 8)
    return _runs(known, weeks > 1.7 * usual, rows, 1)


def power_step(data: DataSet) -> list[Alarm]:
    """Active power 0.6 kW or more above the reading before."""
    out: list[Alarm] = []
    batch = data.readings.take(data.readings.quantity == BY_NAME["active_power"].code)
    for row, meter in enumerate(batch.meters):
        mine = batch.take(batch.meter == row)
        times = mine.time.astype("datetime64[ms]").astype(np.int64)
        steps = np.flatnonzero(np.diff(mine.value) >= 0.6) + 1
        out += [Alarm(data.place(meter), int(times[i])) for i in steps]
    return out


TRIVIAL = {
    "steady": Trivial("5 L/h for 48 h", steady),
    "night": Trivial("night minimum +20 %", night),
    "balance": Trivial("daily balance, 3 sigma", balance),
    "weekly": Trivial("hour of week, mean + 3 sigma for 3 h", weekly),
    "heavier_week": Trivial("a week of 1.7 times the usual", heavier_week),
    "power_step": Trivial("a step of 0.6 kW", power_step),
}


def _children(data: DataSet, place: str) -> set[str]:
    own = data.site.meters_at.get(place, ())
    return {data.place(c) for m in own for c in data.site.child_meters[m]} - {place}


def _lost_share(data: DataSet, known: Hours, days: Float64, place: str) -> Float64:
    parent = days[:, known.places.index(place)]
    rest = sum(
        (days[:, known.places.index(c)] for c in _children(data, place) if c in known.places), np.zeros(len(days))
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((parent - rest) / parent, np.float64)


def _before(figures: Float64, count: int, reduce: Callable[..., Float64], least: int) -> Float64:
    """Of the `count` rows before each row; NaN where fewer than `least` are known."""
    out = np.full(figures.shape, np.nan)
    for i in range(least, len(figures)):
        past = figures[max(i - count, 0) : i]
        is_enough = (~np.isnan(past)).sum(axis=0) >= least
        if is_enough.any():
            out[i, is_enough] = reduce(past[:, is_enough], axis=0)
    return out


def _runs(known: Hours, above: Mask, rows: Int64, length: int) -> list[Alarm]:
    """One alarm a run of at least `length`, at the end of the row that makes it so long."""
    out: list[Alarm] = []
    for column, place in enumerate(known.places):
        run = 0
        for row, is_above in zip(rows.tolist(), above[:, column].tolist(), strict=True):
            run = run + 1 if is_above else 0
            if run == length:
                out.append(Alarm(place, known.ms(row)))
    return out
