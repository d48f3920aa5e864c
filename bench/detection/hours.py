"""Mean rates by the hour and place, for rules of thumb and for charts. The detectors never see these."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bench.detection.events import HOUR_MS
from bench.detection.sets import DataSet
from metering.batch import Float64
from metering.site import Site
from metering.windows import offset_minutes

GAP_H = 3
Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Hours:
    """`rate[h, p]`: m3/h or kW in the hour `first + h` (hours since 1970 UTC) at `places[p]`; NaN where unknown."""

    site: Site
    first: int
    places: tuple[str, ...]
    rate: Float64

    @cached_property
    def local(self) -> Int64:
        """The local hour since 1970 of each row."""
        hours = self.first + np.arange(len(self.rate))
        return hours + np.floor_divide(offset_minutes(hours * 4, self.site.zone), 60)

    def ms(self, row: int) -> int:
        """The end of a row's hour, Unix milliseconds: no one can speak of it before."""
        return (self.first + int(row) + 1) * HOUR_MS

    def of(self, place: str) -> Float64:
        """The rates at a place; all NaN where nothing is known."""
        if place not in self.places:
            return np.full(len(self.rate), np.nan)
        return np.asarray(self.rate[:, self.places.index(place)], np.float64)

    def days(self, reduced: str = "mean") -> tuple[Int64, Float64]:
        """The rows at which whole local days end, and the mean (or least) rate of each day, days x places."""
        start = int(-self.local[0] % 24)
        count = (len(self.rate) - start) // 24
        cells = self.rate[start : start + 24 * count].reshape(count, 24, -1)
        figures = cells.mean(axis=1) if reduced == "mean" else cells.min(axis=1)
        return start + 24 * np.arange(1, count + 1) - 1, figures

    def nights(self) -> tuple[Int64, Float64]:
        """The rows at which local nights (02:00 to 05:00) end, and the mean rate of each."""
        ends = np.flatnonzero(self.local % 24 == 4)
        ends = ends[ends >= 2]
        return ends, np.stack([self.rate[ends - i] for i in range(3)]).mean(axis=0)


def hours(data: DataSet) -> Hours:
    """The rates of a set, meters at one place added up."""
    times = data.readings.time.astype("datetime64[ms]").astype(np.int64)
    first, last = int(times.min() // HOUR_MS), int(times.max() // HOUR_MS)
    sums: dict[str, Float64] = {}
    for row, meter in enumerate(data.readings.meters):
        mine = data.readings.meter == row
        found = data.site.meters[meter]
        for quantity, as_rates in ((found.main_register, _of_register), (found.main_rate, _of_rates)):
            rows = mine & (data.readings.quantity == quantity.code) if quantity is not None else mine & False
            if rows.any():
                rates = as_rates(times[rows], data.readings.value[rows], first, last)
                place = data.place(meter)
                sums[place] = sums[place] + rates if place in sums else rates
                break
    return Hours(data.site, first, tuple(sums), np.stack(list(sums.values()), axis=1))


def _of_register(times: Int64, values: Float64, first: int, last: int) -> Float64:
    order = np.argsort(times, kind="stable")
    times, values = times[order], values[order]
    steps = np.diff(values, prepend=values[0])
    counted = np.cumsum(np.maximum(steps, 0))
    edges = np.arange(first, last + 2) * HOUR_MS
    at = np.clip(np.searchsorted(times, edges), 1, len(times) - 1) if len(times) > 1 else np.zeros(len(edges), int)
    is_unsure = (times[at] - times[at - 1] > GAP_H * HOUR_MS) | (steps[at] < 0)
    is_unsure |= (edges < times[0]) | (edges > times[-1])
    read = np.where(is_unsure, np.nan, np.interp(edges, times, counted))
    return np.asarray(np.diff(read), np.float64)


def _of_rates(times: Int64, values: Float64, first: int, last: int) -> Float64:
    rows = times // HOUR_MS - first
    size = last - first + 1
    counts = np.bincount(rows, minlength=size)
    sums = np.bincount(rows, weights=values, minlength=size)
    return np.asarray(np.divide(sums, counts, out=np.full(size, np.nan), where=counts > 0), np.float64)
