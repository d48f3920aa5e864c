"""Rooms and homes that use twice as much for a week: injected into registers of a set, seeded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import numpy as np

from bench.detection.events import Event
from bench.detection.hours import Int64
from bench.detection.sets import DataSet
from metering.batch import Float64, concatenate
from metering.site import Meter, Site
from metering.site_document import parse_site
from simulators.campus.campus import build_campus

DAY_MS = 86_400_000
WEEK = 7
LEAST_SHARE = 0.8
"""Of the week's hours that must have a reading: nobody can tell a doubled gap."""
CAMPUS_FIRST_DAY, CAMPUS_DAYS = date(2026, 9, 14), 56


def campus(seed: int) -> DataSet:
    """A simulated campus in term, eight weeks, nothing wrong with it."""
    made = build_campus(seed, CAMPUS_FIRST_DAY, CAMPUS_DAYS, ())
    end = made.start + np.timedelta64(CAMPUS_DAYS, "D")
    readings = concatenate(made.history(made.start, end))
    return DataSet(f"campus {seed}", parse_site(made.site_document()), readings, ())


def doubled(data: DataSet, seed: int, share: float = 1.0, quiet_days: int = 60) -> DataSet:
    """`share` of the rooms and homes count double in one week of their own; labels say when.

    The week is at least `quiet_days` after the first reading. The meters above count it too. One without such a week
    (too short, too many gaps, hardly anything used) stays as it is.
    """
    dice = np.random.default_rng(seed)
    times = data.readings.time.astype("datetime64[ms]").astype(np.int64)
    was, value = data.readings.value, data.readings.value.copy()
    row_of = {meter: row for row, meter in enumerate(data.readings.meters)}
    events = []
    for meter in _peers(data.site):
        rows = _register(data, row_of, meter)
        steps = np.maximum(np.diff(was[rows], prepend=was[rows[:1]]), 0)
        start = _week(times[rows], steps, dice, quiet_days) if len(rows) and dice.random() < share else None
        if start is None:
            continue
        is_in = (times[rows] > start) & (times[rows] <= start + WEEK * DAY_MS)
        more = np.cumsum(np.where(is_in, steps, 0))
        for above in _with_parents(data.site, meter):
            theirs = _register(data, row_of, above)
            value[theirs] += np.interp(times[theirs], times[rows], more)
        unit = "kW" if meter.medium == "electricity" else "m3/h"
        mean = float(more[-1]) / (WEEK * 24)
        place = data.place(meter.id)
        events.append(Event(f"{meter.id}-twice", "doubled", place, start, start + WEEK * DAY_MS, mean, unit))
    return DataSet(f"{data.name}_doubled", data.site, replace(data.readings, value=value), tuple(events))


def _peers(site: Site) -> Iterator[Meter]:
    for name in sorted(site.meters):
        node = site.nodes.get(site.meters[name].node or "")
        if node is not None and (node.kind == "room" or node.use == "dwelling"):
            yield site.meters[name]


def _with_parents(site: Site, meter: Meter) -> Iterator[Meter]:
    yield meter
    for parent in meter.parents:
        yield from _with_parents(site, site.meters[parent])


def _register(data: DataSet, row_of: dict[str, int], meter: Meter) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    quantity = meter.main_register
    if meter.id not in row_of or quantity is None:
        return np.zeros(0, np.intp)
    return np.flatnonzero((data.readings.meter == row_of[meter.id]) & (data.readings.quantity == quantity.code))


def _week(times: Int64, steps: Float64, dice: np.random.Generator, quiet_days: int) -> int | None:
    """The start of a week drawn among those that can be told of; None without one."""
    first, last = times[0] // DAY_MS + quiet_days, times[-1] // DAY_MS - WEEK
    usual = steps.sum() / max((times[-1] - times[0]) / DAY_MS, 1) * WEEK
    good = []
    for day in range(int(first), int(last)):
        rows = slice(*np.searchsorted(times, [day * DAY_MS, (day + WEEK) * DAY_MS]))
        seen = len(np.unique(times[rows] // (DAY_MS // 24)))
        if seen >= LEAST_SHARE * WEEK * 24 and steps[rows].sum() >= 0.5 * usual:
            good.append(day * DAY_MS)
    return int(dice.choice(good)) if good else None
