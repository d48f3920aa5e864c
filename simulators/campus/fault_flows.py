"""What faults add to the true flow: per minute of a local day, by kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC

import numpy as np

from simulators.campus.curves import MINUTES
from simulators.campus.faults import KINDS, Fault
from simulators.campus.layout import Layout
from simulators.campus.randomness import Bools, Float64, Int64, normal, stream_number, uniform

MINUTE_MS, DAY_MS = 60_000, 86_400_000

_PRESSURE_SWING = 0.08  # more at night, when the mains have more pressure
_POWER_SIGMA = 0.06
_REFILL_LITRES = (1.0, 2.0)
_REFILL_JITTER = 0.2  # of the time between refills
_GROWS_DAYS = 8
_CLOSED = (23, 6)  # local hours
_USES = ((6.9, 0.7), (20.5, 2.0))  # of an appliance: local hour at the earliest, and how many later at the latest
_USE_MIN = (8, 16)
_LEFT = 2 / 3  # of the load when one phase of three is lost


def _leak(fault: Fault, _seed: int, minutes: Int64) -> Float64:
    """m3 a minute: constant but for the pressure of the mains. `minutes` are since 1970, local."""
    hour = (minutes % MINUTES) / 60
    return fault.size / 60 * (1 + _PRESSURE_SWING * np.cos(2 * np.pi * (hour - 3) / 24))


def _toilet(fault: Fault, seed: int, minutes: Int64) -> Float64:
    """m3 a minute: refills of equal volume, nearly regular, counted from the fault's beginning."""
    name = stream_number(fault.id)
    low, high = _REFILL_LITRES
    refill_m3 = (low + (high - low) * float(uniform(seed, name))) / 1000
    period = refill_m3 / fault.size * 60
    numbers = np.arange(int(minutes[0] / period) - 2, int(minutes[-1] / period) + 3)
    at = (numbers + _REFILL_JITTER * uniform(seed, name, numbers)) * period
    at = at[(at >= minutes[0]) & (at < minutes[-1] + 1)]
    refills = np.bincount((at - minutes[0]).astype(np.intp), minlength=len(minutes))
    return refills.astype(np.float64) * refill_m3


def _excess(fault: Fault, seed: int, minutes: Int64) -> Float64:
    """KWh a minute: a load that never stops and wavers by the hour."""
    hours, which = np.unique(minutes // 60, return_inverse=True)
    waver = 1 + _POWER_SIGMA * normal(seed, stream_number(fault.id), hours)
    return fault.size / 60 * waver[which]


def _growing(fault: Fault, seed: int, minutes: Int64) -> Float64:
    """m3 a minute: a leak that has its full size after some days."""
    began = fault.start.replace(tzinfo=UTC).timestamp() / 60  # local minutes, as those are
    days = (minutes - began) / MINUTES
    return _leak(fault, seed, minutes) * np.clip(days / _GROWS_DAYS, 0.0, 1.0)


def _out_of_hours(fault: Fault, seed: int, minutes: Int64) -> Float64:
    """KWh a minute: only while the building is closed."""
    hour = (minutes % MINUTES) / 60
    return _excess(fault, seed, minutes) * ((hour >= _CLOSED[0]) | (hour < _CLOSED[1]))


def _coil(fault: Fault, seed: int, minutes: Int64) -> Float64:
    """KWh a minute: rectangles in the morning and in the evening."""
    out = np.zeros(len(minutes))
    name, day = stream_number(fault.id), int(minutes[0]) // MINUTES
    for use, (hour, spread) in enumerate(_USES):
        draw = uniform(seed, name, day, use, np.arange(2))
        start = round(60 * (hour + spread * float(draw[0])))
        out[start : start + round(_USE_MIN[0] + (_USE_MIN[1] - _USE_MIN[0]) * float(draw[1]))] = fault.size / 60
    return out


_FLOWS: dict[str, Callable[[Fault, int, Int64], Float64]] = {
    "leak_inside": _leak,
    "leak_network": _leak,
    "leak_toilet": _toilet,
    "excess_room": _excess,
    "leak_tap": _leak,
    "leak_growing": _growing,
    "burst": _leak,
    "load_left_on": _excess,
    "load_out_of_hours": _out_of_hours,
    "appliance_room": _coil,
    "charging": _excess,
    "demand_peak": _excess,
}


def flow_meter(fault: Fault, layout: Layout) -> int:
    """Position of the lowest meter through which the fault's flow runs."""
    return layout.meter_index[layout.meter_of(fault.node, KINDS[fault.kind].medium).id]


def fault_flows(faults: Iterable[Fault], layout: Layout, seed: int, day: int, utc_offset_ms: int) -> dict[int, Float64]:
    """Flows to add on a local day (days since 1970), by position of the meter where each enters."""
    day_minutes = _minutes_of(day)
    out: dict[int, Float64] = {}
    for fault in faults:
        if fault.kind not in _FLOWS or not (there := _is_there(fault, day_minutes, utc_offset_ms)).any():
            continue
        flow = _FLOWS[fault.kind](fault, seed, day_minutes)
        flow[~there] = 0.0
        row = flow_meter(fault, layout)
        out[row] = out[row] + flow if row in out else flow
    return out


def lost_shares(faults: Iterable[Fault], layout: Layout, day: int, utc_offset_ms: int) -> dict[int, Float64]:
    """The share of its own load that is left at a meter without one of its phases, by position and minute."""
    lost = [f for f in faults if f.kind == "phase_lost"]
    minutes = _minutes_of(day)
    return {flow_meter(f, layout): np.where(_is_there(f, minutes, utc_offset_ms), _LEFT, 1.0) for f in lost}


def _minutes_of(day: int) -> Int64:
    return day * MINUTES + np.arange(MINUTES, dtype=np.int64)


def _is_there(fault: Fault, minutes: Int64, utc_offset_ms: int) -> Bools:
    """Whether the fault is there in each of the minutes (local, since 1970)."""
    there = minutes >= (fault.start_ms + utc_offset_ms) // MINUTE_MS
    if fault.end_ms is not None:
        there &= minutes < (fault.end_ms + utc_offset_ms) // MINUTE_MS
    return there
