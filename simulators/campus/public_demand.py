"""Demand of everything that is no dormitory room or floor: teaching, library, canteen, common areas, garden, lamps.

Water in litres a full working day, split into taps and toilets (events) and what the kitchen draws while it works;
electricity as a base load that never stops and a working load with its hours, both in kW.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulators.campus.curves import MINUTES, minute_curve, share_curve
from simulators.campus.hours import (
    CLASSES,
    COMMON_LOAD,
    GATE,
    KITCHEN_LOAD,
    LIBRARY_LOAD,
    MEALS,
    READERS,
    TEACHING_LOAD,
)
from simulators.campus.layout import DORMITORIES
from simulators.campus.people import public_share
from simulators.campus.randomness import Float64, generator, stream_number, uniform
from simulators.campus.residents_water import event_litres, spread
from simulators.campus.school_year import day_of
from simulators.campus.weather import is_rainy

_HOUR_SIGMA, _DAY_SIGMA = 0.10, 0.05
_COMFORT_LOW, _COMFORT_HIGH = 12.0, 26.0


@dataclass(frozen=True, slots=True)
class PublicWater:
    """Taps and toilets: litres a day at full business, an event's mean volume, and the hours."""

    litres: float
    event_litres: float
    flow: tuple[float, ...]
    hours: Float64


@dataclass(frozen=True, slots=True)
class PublicPower:
    """Base load always, working load by the hour, air conditioning at 10 degrees beyond comfort (kW)."""

    base_kw: float
    working_kw: float
    climate_kw: float
    hours: Float64


# Teaching and library: about 15 L a head and day. Canteen: 20 L a meal (GB 50015-2019: 20 to 25 L a guest).
WATER_USE: dict[str, PublicWater] = {
    "teaching": PublicWater(13_000, 6.0, (0.65, 0.35), CLASSES),
    "library": PublicWater(5_500, 6.0, (0.65, 0.35), READERS),
    "canteen": PublicWater(19_000, 14.0, (0.5, 0.3, 0.2), MEALS),
}
_GATE_WATER = PublicWater(900, 5.0, (0.7, 0.3), GATE)
# A dormitory's porter and cleaners, on the main before the floors' meters: round the clock, without a meter.
_PORTER_WATER = PublicWater(220, 5.0, (0.7, 0.3), COMMON_LOAD)
POWER_USE: dict[str, PublicPower] = {
    "teaching": PublicPower(3.2, 26.0, 45.0, TEACHING_LOAD),
    "library": PublicPower(4.5, 17.0, 38.0, LIBRARY_LOAD),
    "canteen": PublicPower(5.5, 32.0, 18.0, KITCHEN_LOAD),
}
_COMMON_POWER = PublicPower(0.35, 0.9, 0.0, COMMON_LOAD)
_LAMPS_KW, _LINE_LOSS_KW = 4.5, 0.6

_IRRIGATION_DAYS = (0, 2, 4)  # Monday, Wednesday, Friday
_IRRIGATION_MONTHS = range(4, 11)
_IRRIGATION_START_MINUTE, _IRRIGATION_M3_PER_H = 330, 2.2
# What pipes always lose and nobody digs for: the buried mains of the campus, the risers of a dormitory.
_SEEP_LITRES_PER_HOUR = (4.0, 16.0)
_RISER_SEEP_LITRES_PER_HOUR = (0.0, 3.0)


class PublicDemand:
    """Demand of the public buildings and of what has no meter of its own."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._seep = {"campus": _seep(seed, "seep", _SEEP_LITRES_PER_HOUR)}
        for dorm in DORMITORIES:
            self._seep[dorm.id] = _seep(seed, f"seep-{dorm.id}", _RISER_SEEP_LITRES_PER_HOUR)

    def water(self, day: int) -> dict[str, Float64]:
        """m3 in each minute by node: the public buildings, and what no meter below the inlet or a dormitory's sees."""
        share = public_share(day_of(day))
        out = {node: self._taps(node, use, day, share) for node, use in WATER_USE.items()}
        unmetered = self._taps("gate", _GATE_WATER, day, 0.5 + 0.5 * share)
        out["campus"] = unmetered + self._irrigation(day)
        for dorm in DORMITORIES:
            out[dorm.id] = self._taps(f"{dorm.id}-porter", _PORTER_WATER, day, 0.5 + 0.5 * share)
        for node, litres_per_hour in self._seep.items():
            out[node] += litres_per_hour / 60_000
        return out

    def _taps(self, node: str, use: PublicWater, day: int, share: float) -> Float64:
        rng = generator(self._seed, f"public-water-{node}", day)
        events = use.litres / use.event_litres * share * float(np.exp(_DAY_SIGMA * rng.standard_normal()))
        hours = np.exp(_HOUR_SIGMA * rng.standard_normal(24))
        expected = events * share_curve(use.hours) * minute_curve(hours)
        return spread(event_litres(rng, expected, use.event_litres, 2.0), use.flow) / 1000

    def _irrigation(self, day: int) -> Float64:
        """The garden before sunrise, on dry days of the growing season."""
        date = day_of(day)
        flow = np.zeros(MINUTES)
        if date.month in _IRRIGATION_MONTHS and date.weekday() in _IRRIGATION_DAYS and not is_rainy(self._seed, day):
            draw = uniform(self._seed, stream_number("irrigation"), day, np.arange(2))
            start = _IRRIGATION_START_MINUTE + int(10 * draw[0])
            flow[start : start + 50 + int(40 * draw[1])] = _IRRIGATION_M3_PER_H / 60
        return flow

    def power(self, day: int, outdoor: Float64, residents: dict[str, float]) -> dict[str, Float64]:
        """KWh in each minute by node. `residents` is the share of its people in each dormitory (0 to 1)."""
        share = public_share(day_of(day))
        out = {node: self._load(node, use, day, share, outdoor) for node, use in POWER_USE.items()}
        for dorm in DORMITORIES:
            node = f"{dorm.id}-common"
            scale = dorm.all_beds / 200
            load = self._load(node, _COMMON_POWER, day, 0.25 + 0.75 * residents[dorm.id], outdoor)
            out[node] = load * scale
        out["campus"] = (_LAMPS_KW * _dark_minutes(day) + _LINE_LOSS_KW) / 60
        return out

    def _load(self, node: str, use: PublicPower, day: int, share: float, outdoor: Float64) -> Float64:
        rng = generator(self._seed, f"public-power-{node}", day)
        level = share * float(np.exp(_DAY_SIGMA * rng.standard_normal()))
        noise = minute_curve(np.exp(_HOUR_SIGMA * rng.standard_normal(24)))
        minute_noise = 1 + 0.04 * rng.standard_normal(MINUTES)
        hours = minute_curve(use.hours)
        beyond = np.maximum(outdoor - _COMFORT_HIGH, 0) + np.maximum(_COMFORT_LOW - outdoor, 0)
        working = use.working_kw + use.climate_kw * np.minimum(beyond / 10, 1.0)
        return (use.base_kw * minute_noise + working * hours * level * noise) / 60


def _seep(seed: int, stream: str, bounds: tuple[float, float]) -> float:
    """Litres an hour, drawn once for the campus."""
    low, high = bounds
    return low + (high - low) * float(uniform(seed, stream_number(stream)))


def _dark_minutes(day: int) -> Float64:
    """Street lamps: from sunset to sunrise at 30 degrees north, within some minutes."""
    season = np.cos(2 * np.pi * (day % 365.2425 - 172) / 365.2425)
    sunrise, sunset = 6.05 - 1.0 * season, 18.1 + 1.0 * season
    hour = np.arange(MINUTES) / 60
    is_dark: Float64 = ((hour < sunrise) | (hour > sunset)).astype(np.float64)
    return is_dark
