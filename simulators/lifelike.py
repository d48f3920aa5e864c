"""What a meter at work shows: gauges that swing around a typical value, counters that count. Any profile."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from device_profiles import FrameProfile, ModbusProfile, Profile
from device_profiles.schema import ModbusPoint, Point
from simulators.faults import MeterFaults
from simulators.modbus.encode import register_end

Medium = Literal["water", "electricity", "heat", "gas"]
Values = Mapping[str, float]
At = Callable[[float], dict[str, float]]
"""Values by quantity at a time, Unix seconds."""

_HOUR_S = 3600.0
_EPOCH_S = 1_767_225_600.0  # 2026-01-01T00:00Z
_LAST_DIGIT = 1e6  # a register of six digits before the point
# Typical values by unit; watts and their kin too, for values that carry the source's own unit.
_TYPICAL = {
    "V": 230.0, "A": 6.0, "Hz": 50.0, "kW": 1.3, "W": 1300.0, "kvar": 0.4, "var": 400.0, "kVA": 1.4, "VA": 1400.0,
    "m3/h": 0.2, "degC": 18.0, "°C": 18.0, "bar": 3.0, "kPa": 300.0, "%": 80.0, "": 0.95,
}  # fmt: skip
_TYPICAL_BY_NAME = {"supply_temperature": 55.0, "return_temperature": 40.0}
# What a counter of this unit gains in an hour.
_PER_HOUR = {"kWh": 1.3, "kvarh": 0.4, "m3": 0.2, "pulse": 20.0, "Ah": 6.0, "h": 1.0}
_SWING = 0.02
_TARIFF_SHARES = (0.1, 0.4, 0.35, 0.15)
# What a profile for any device states, by the medium that it is to count.
_ANY_DEVICE: dict[Medium, tuple[str, ...]] = {
    "water": ("water_volume", "flow_rate"),
    "electricity": ("active_energy_import", "active_power"),
    "heat": ("heat_energy", "flow_rate"),
    "gas": ("gas_volume", "flow_rate"),
}


def points_of(profile: Profile, medium: Medium = "water") -> Sequence[Point]:
    """The points that a simulated meter of the profile gives a value for.

    medium  what a meter of a profile for any device counts
    """
    if isinstance(profile, ModbusProfile):
        # A sum of two counters comes about by those that count.
        return [p for p in profile.points if p.dtype != "float64_float64"]
    if profile.medium == "other" or not profile.points:
        return [Point(quantity=name) for name in _ANY_DEVICE[medium]]
    return [p for p in profile.points if p.semantics != "state"]


def lifelike_at(profile: Profile, seed: int = 0, medium: Medium = "water") -> At:
    """Values of a meter at work: gauges swing by 2 % around a typical value, counters gain steadily.

    The same seed and time give the same values; counters go on over a restart, for they are a function of the time
    since 2026 began.
    """
    points = points_of(profile, medium)
    draw = random.Random(f"{profile.id} {seed}")
    traits = {p.quantity: (draw.uniform(0.5, 1.5), draw.uniform(0, 2 * math.pi)) for p in points}

    def at(now: float) -> dict[str, float]:
        values = {p.quantity: _value(p, *traits[p.quantity], now) for p in points}
        if isinstance(profile, FrameProfile) and "active_energy_import_t1" in values:
            values |= tariffs_of(values["active_energy_import"])
        return values

    return at


def lifelike_values(profile: Profile, seed: int = 0, clock: Callable[[], float] = time.time) -> Callable[[], Values]:
    """The values of `lifelike_at` at the time of the clock, Unix seconds."""
    at = lifelike_at(profile, seed)
    return lambda: at(clock())


def tariffs_of(kwh: float) -> dict[str, float]:
    """The registers of the four tariffs of a meter that counted so much."""
    return {f"active_energy_import_t{n}": kwh * share for n, share in enumerate(_TARIFF_SHARES, 1)}


def is_counter(point: Point) -> bool:
    """Whether its value only grows."""
    return point.known.is_cumulative if point.known else point.printed_unit in _PER_HOUR


def _value(point: Point, size: float, phase: float, now: float) -> float:
    unit = point.printed_unit
    if is_counter(point):
        # Counted since a fixed day, so that it goes on over a restart and fits a float32 without losing litres.
        return (now - _EPOCH_S) / _HOUR_S * _PER_HOUR.get(unit, 1.0) * size
    typical = _TYPICAL_BY_NAME.get(point.quantity, _TYPICAL.get(unit, 1.0))
    # Voltage and frequency are alike everywhere; what flows differs from meter to meter.
    share = 1.0 if unit in {"V", "Hz", "", "°C", "degC", "%"} else size
    return typical * share * (1 + _SWING * math.sin(now / 97.0 + phase))


def with_faults(at: At, points: Sequence[Point], faults: MeterFaults, began_s: float) -> At:
    """The same meter whose counters are reset, or run over their last digit, so long after it began.

    began_s  Unix seconds
    """
    counters = {p.quantity: _capacity(p) for p in points if is_counter(p)}

    def shown(now: float) -> dict[str, float]:
        values = at(now)
        for after_s, is_reset in ((faults.reset_s, True), (faults.rollover_s, False)):
            if after_s is None or (is_reset and now < began_s + after_s):
                continue
            zero = at(began_s + after_s)
            values |= {name: (values[name] - zero[name]) % end for name, end in counters.items()}
        return values

    return shown


def _capacity(point: Point) -> float:
    """Where the register ends, in its unit: six digits before the point, or less where the bytes hold no more."""
    return min(_LAST_DIGIT, register_end(point)) if isinstance(point, ModbusPoint) else _LAST_DIGIT
