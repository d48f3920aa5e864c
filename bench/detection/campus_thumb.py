"""The rules of thumb beside simulated campuses: one for each category that a fault can have.

Leaks by the night's flow, excess by a heavier week, appliances by a step of power, meters by their silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from bench.detection.events import HOUR_MS, Alarm
from bench.detection.sets import DataSet
from bench.detection.trivial import TRIVIAL
from metering.batch import concatenate
from metering.incident import Category
from metering.site_document import parse_site
from simulators.campus.campus import Campus

SILENT_MS = 3 * HOUR_MS
WORDS = "night +20 %, a week of 1.7, a step of 0.6 kW, silent for 3 h"


def thumb_alarms(campus: Campus, days: int) -> Iterator[Alarm]:
    """Alarms of a campus, at "node category"."""
    end = campus.start + np.timedelta64(days, "D")
    readings = concatenate(campus.history(campus.start, end))
    data = DataSet("campus", parse_site(campus.site_document()), readings, ())
    water, electricity = (_of_medium(data, medium) for medium in ("water", "electricity"))
    yield from _named(TRIVIAL["night"].alarms(water), Category.LEAK)
    yield from _named(TRIVIAL["heavier_week"].alarms(electricity), Category.CONSUMPTION)
    rooms = [a for a in TRIVIAL["power_step"].alarms(data) if data.site.nodes[a.place].kind == "room"]
    yield from _named(rooms, Category.APPLIANCE)
    yield from _named(silences(data), Category.DATA_QUALITY)


def silences(data: DataSet) -> list[Alarm]:
    """A meter without a reading for three hours."""
    out = []
    times = data.readings.time.astype("datetime64[ms]").astype(np.int64)
    last = int(times.max())
    for row, meter in enumerate(data.readings.meters):
        mine = np.append(np.sort(times[data.readings.meter == row]), last)
        gaps = np.flatnonzero(np.diff(mine) > SILENT_MS)
        out += [Alarm(data.place(meter), int(mine[g]) + SILENT_MS) for g in gaps]
    return out


def _of_medium(data: DataSet, medium: str) -> DataSet:
    rows = [row for row, meter in enumerate(data.readings.meters) if data.site.meters[meter].medium == medium]
    return data.with_readings(data.readings.take(np.isin(data.readings.meter, rows)))


def _named(alarms: list[Alarm], category: Category) -> list[Alarm]:
    return [replace(a, place=f"{a.place} {category.value}") for a in alarms]
