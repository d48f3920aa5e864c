"""What history has besides the registers: raw samples where and while somebody reads a meter more closely.

After complaints the meters of a few rooms are read every minute for some days; where voltages were wrong, the boards'
voltages are kept with each reading. All of it all the time would make the history ten times as large.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metering.quantities import BY_NAME
from simulators.campus.electrical import Electrical, Rows
from simulators.campus.fault_flows import DAY_MS, MINUTE_MS
from simulators.campus.faults import VOLTAGES, Fault
from simulators.campus.layout import BOARD_PROFILE, Layout
from simulators.campus.randomness import Float64, Int64

_ROOMS = 4
_BEFORE_MS, _AFTER_MS = DAY_MS, 4 * DAY_MS
_POWER = tuple(BY_NAME[name].code for name in ("active_power", "reactive_power"))
_VOLTAGES = tuple(BY_NAME[f"voltage_l{phase}"].code for phase in (1, 2, 3))


@dataclass(frozen=True, slots=True)
class Watch:
    """Meters that are watched from `start_ms` until `end_ms`, a sample each `step_ms` on the full step."""

    rows: Rows
    is_power: bool
    step_ms: int
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Samples:
    """Rows of readings: meter, quantity code, time (ms) and value go in step."""

    rows: Rows
    quantity: npt.NDArray[np.uint8]
    time: Int64
    value: Float64


def watches(faults: Iterable[Fault], layout: Layout) -> list[Watch]:
    """Who is watched for what is wrong on the campus; two of one kind never overlap."""
    out = []
    boards = np.array([i for i, m in enumerate(layout.meters) if m.profile == BOARD_PROFILE], np.intp)
    until = 0
    for fault in sorted(faults, key=lambda f: f.start_ms):
        first, last = fault.start_ms - _BEFORE_MS, fault.start_ms + _AFTER_MS
        if fault.kind == "appliance_room":
            out.append(Watch(_rooms_with(fault.node, layout), True, MINUTE_MS, first, last))
        elif fault.kind in VOLTAGES:
            out.append(Watch(boards, False, 15 * MINUTE_MS, max(first, until), last))
            until = last
    return out


def _rooms_with(room: str, layout: Layout) -> Rows:
    """A room's meter and the next ones of its floor."""
    floor = layout.place[room].parent
    rooms = [p.id for p in layout.rooms() if p.parent == floor]
    at = rooms.index(room)
    chosen = [rooms[(at + i) % len(rooms)] for i in range(_ROOMS)]
    return np.array([layout.meter_index[f"e-{r}"] for r in chosen], np.intp)


def samples(watch: Watch, electrical: Electrical, delay_ms: Float64, first: int, end: int) -> Samples | None:
    """The samples on the full steps with first <= step < end (ms); each is taken its meter's delay later."""
    first, end = max(first, watch.start_ms), min(end, watch.end_ms)
    steps = np.arange(-(-first // watch.step_ms) * watch.step_ms, end, watch.step_ms, dtype=np.int64)
    if not len(steps):
        return None
    rows = np.repeat(watch.rows, len(steps))
    times = np.tile(steps, len(watch.rows)) + delay_ms[rows].astype(np.int64)
    if watch.is_power:
        codes, values = _POWER, np.stack(electrical.power(rows, times), axis=1)
    else:
        codes, values = _VOLTAGES, electrical.volts(rows, times)
    width = len(codes)
    quantity = np.tile(np.array(codes, np.uint8), len(rows))
    return Samples(np.repeat(rows, width), quantity, np.repeat(times, width), values.reshape(-1))
