"""What faults add to the true flow: per minute of a local day, by kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from simulators.campus.curves import MINUTES
from simulators.campus.faults import KINDS, Fault
from simulators.campus.layout import Layout
from simulators.campus.randomness import Float64, Int64, normal, stream_number, uniform

MINUTE_MS, DAY_MS = 60_000, 86_400_000

_PRESSURE_SWING = 0.08  # more at night, when the mains have more pressure
_POWER_SIGMA = 0.06
_REFILL_LITRES = (1.0, 2.0)
_REFILL_JITTER = 0.2  # of the time between refills


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


_FLOWS: dict[str, Callable[[Fault, int, Int64], Float64]] = {
    "leak_inside": _leak,
    "leak_network": _leak,
    "leak_toilet": _toilet,
    "excess_room": _excess,
}


def flow_meter(fault: Fault, layout: Layout) -> int:
    """Position of the lowest meter through which the fault's flow runs."""
    return layout.meter_index[layout.meter_of(fault.node, KINDS[fault.kind].medium).id]


def fault_flows(faults: Iterable[Fault], layout: Layout, seed: int, day: int, utc_offset_ms: int) -> dict[int, Float64]:
    """Flows to add on a local day (days since 1970), by position of the meter where each enters."""
    day_minutes = day * MINUTES + np.arange(MINUTES, dtype=np.int64)
    out: dict[int, Float64] = {}
    for fault in faults:
        if fault.kind not in _FLOWS:
            continue
        first = (fault.start_ms + utc_offset_ms) // MINUTE_MS
        last = day_minutes[-1] + 1 if fault.end_ms is None else (fault.end_ms + utc_offset_ms) // MINUTE_MS
        if first > day_minutes[-1] or last <= day_minutes[0]:
            continue
        flow = _FLOWS[fault.kind](fault, seed, day_minutes)
        flow[(day_minutes < first) | (day_minutes >= last)] = 0.0
        row = flow_meter(fault, layout)
        out[row] = out[row] + flow if row in out else flow
    return out
