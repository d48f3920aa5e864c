"""Homes that use twice as much for a week: injected into registers of a set, seeded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.detection.events import Event
from bench.detection.hours import Int64
from bench.detection.sets import DataSet
from metering.batch import Float64

DAY_MS = 86_400_000
QUIET_DAYS, WEEK = 60, 7
LEAST_SHARE = 0.8
"""Of the week's hours that must have a reading: nobody can tell a doubled gap."""


def doubled(data: DataSet, seed: int) -> DataSet:
    """Every meter counts double in one week of its own, at least 60 days after its first reading; labels say when.

    A meter without such a week (too short, too many gaps, or nobody at home: nothing used) stays as it is.
    """
    dice = np.random.default_rng(seed)
    times = data.readings.time.astype("datetime64[ms]").astype(np.int64)
    value = data.readings.value.copy()
    events = []
    for row in sorted(range(len(data.readings.meters)), key=data.readings.meters.__getitem__):
        rows = np.flatnonzero(data.readings.meter == row)
        steps = np.maximum(np.diff(value[rows], prepend=value[rows[:1]]), 0)
        start = _week(times[rows], steps, dice)
        if start is None:
            continue
        is_in = (times[rows] > start) & (times[rows] <= start + WEEK * DAY_MS)
        value[rows] += np.cumsum(np.where(is_in, steps, 0))
        meter = data.readings.meters[row]
        mean = float(steps[is_in].sum()) / (WEEK * 24)
        events.append(Event(f"{meter}-twice", "doubled", data.place(meter), start, start + WEEK * DAY_MS, mean, "m3/h"))
    return DataSet(f"{data.name}_doubled", data.site, replace(data.readings, value=value), tuple(events))


def _week(times: Int64, steps: Float64, dice: np.random.Generator) -> int | None:
    """The start of a week drawn among those that can be told of; None without one."""
    first, last = times[0] // DAY_MS + QUIET_DAYS, times[-1] // DAY_MS - WEEK
    good = []
    usual = steps.sum() / max((times[-1] - times[0]) / DAY_MS, 1) * WEEK
    for day in range(int(first), int(last)):
        rows = slice(*np.searchsorted(times, [day * DAY_MS, (day + WEEK) * DAY_MS]))
        hours = len(np.unique(times[rows] // (DAY_MS // 24)))
        if hours >= LEAST_SHARE * WEEK * 24 and steps[rows].sum() >= 0.5 * usual:
            good.append(day * DAY_MS)
    return int(dice.choice(good)) if good else None
