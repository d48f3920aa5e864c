"""Water used on a dormitory floor, event by event: somebody turns a tap, so at night nothing flows in between.

Litres a person a day, with everybody there in a mild season: WC 36, basin 20, shower 42, laundry 16, cleaning 4: about
120. GB 50015-2019 (table 3.2.2) sets 100 to 200 L a bed a day for dormitories.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulators.campus.curves import MINUTES, share_curve
from simulators.campus.hours import LAUNDRY, WASHING, WC, WC_FREE
from simulators.campus.layout import Layout
from simulators.campus.randomness import Float64, generator, normal, stream_number, uniform
from simulators.campus.weather import daily_mean

_SHOWER_PER_DEGREE = 0.025  # more showers a day for each degree above 16 degC, fewer below
_MILD_DEG_C = 16.0
_FLOOR_SIGMA, _DAY_SIGMA = 0.10, 0.06
_DRIP_LITRES_PER_HOUR = 0.3


@dataclass(frozen=True, slots=True)
class WaterUse:
    """One kind of event. `shape` is the gamma shape of its volume, `flow` the litres' share in each minute."""

    name: str
    per_person: float
    litres: float
    shape: float
    flow: tuple[float, ...]


_SHOWER_FLOW = (0.14,) * 7 + (0.02,)
_LAUNDRY_FLOW = (0.2, 0.2, *(0.0,) * 18, 0.15, 0.15, *(0.0,) * 12, 0.15, 0.15)
USES: tuple[WaterUse, ...] = (
    WaterUse("wc", 6.0, 6.0, 30.0, (0.65, 0.35)),
    WaterUse("basin", 10.0, 2.0, 1.5, (1.0,)),
    WaterUse("shower", 0.85, 50.0, 4.0, _SHOWER_FLOW),
    WaterUse("laundry", 0.3, 55.0, 12.0, _LAUNDRY_FLOW),
    WaterUse("cleaning", 0.4, 10.0, 3.0, (0.6, 0.4)),
)


def spread(litres: Float64, flow: tuple[float, ...]) -> Float64:
    """Each minute's events spread over the following minutes.

    What would run past midnight runs in the day's first minutes instead, so that a day needs no other day.
    """
    out = litres * flow[0]
    for minute, share in enumerate(flow[1:], 1):
        if share:
            out += np.roll(litres, minute, axis=-1) * share
    return out


def event_litres(rng: np.random.Generator, expected: Float64, litres: float, shape: float) -> Float64:
    """Litres begun in each minute: a Poisson number of events, each of a gamma-distributed volume."""
    counts = rng.poisson(expected)
    out = np.zeros(expected.shape)
    hit = np.nonzero(counts)
    out[hit] = rng.gamma(counts[hit] * shape, litres / shape)
    return out


class FloorWater:
    """Demand of all dormitory floors."""

    def __init__(self, seed: int, layout: Layout) -> None:
        self._seed = seed
        floors = layout.floors()
        index = {f.id: i for i, f in enumerate(floors)}
        self._floor_of_room = np.array([index[str(r.parent)] for r in layout.rooms()], np.intp)
        numbers = np.arange(len(floors))
        self._habit = np.exp(_FLOOR_SIGMA * normal(seed, stream_number("floor-habit"), numbers))
        self._drip = _DRIP_LITRES_PER_HOUR * uniform(seed, stream_number("floor-drip"), numbers) ** 2
        self._curves = {
            is_free: tuple(share_curve(c) for c in (wc, wc, WASHING, LAUNDRY, LAUNDRY))
            for is_free, wc in ((False, WC), (True, WC_FREE))
        }

    def day(self, day: int, present: Float64, *, is_free: bool) -> Float64:
        """m3 in each minute, floors x 1440. `present` are people by room; `is_free` a day without classes."""
        rng = generator(self._seed, "floor-water", day)
        people = np.bincount(self._floor_of_room, present, minlength=len(self._habit))
        people = people * self._habit * np.exp(_DAY_SIGMA * rng.standard_normal(len(people)))
        warm = daily_mean(self._seed, day + 0.5) - _MILD_DEG_C
        litres = np.repeat(self._drip[:, None] / 60, MINUTES, axis=1)
        for use, curve in zip(USES, self._curves[is_free], strict=True):
            rate = use.per_person * (1 + _SHOWER_PER_DEGREE * warm if use.name == "shower" else 1.0)
            expected = people[:, None] * rate * curve
            litres += spread(event_litres(rng, expected, use.litres, use.shape), use.flow)
        return litres / 1000
