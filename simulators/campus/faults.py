"""The faults that a campus can have: what each does, how large it is, and why these sizes.

Sizes were fixed before any detector was tuned, from what a building engineer finds and finds worth mending:

leak_inside      60-150 L/h between a building's main and its floors: a pinhole or a weeping joint of a riser (a hole of
                 1.1 to 1.8 mm at 4 bar by Torricelli with a coefficient of 0.6); 1.4 to 3.6 m3 a day, about 500 to
                 1,300 m3 a year if nobody looks.
leak_network     150-400 L/h on the buried main between the inlet and the buildings, 4 to 10 % of the term's inflow:
                 a hole of 1.8 to 2.9 mm; below that a 100 L pulse at the inlet needs weeks to show it.
leak_toilet      15-40 L/h on one floor in refills of 1 to 2 L, a leaking flapper whose fill valve opens every few
                 minutes: 0.4 to 1 m3 a day, as much as 3 to 8 students use.
excess_room      a load that never stops, so large that the room takes about 2.5 to 4 times what its building's median
                 room takes, at least 0.25 kW: a heater or a mining rig.
unit_dead        the unit no longer answers; it goes on counting.
register_frozen  the register repeats its last value (a hung communication board); the meter counts on behind it.
register_reset   the register begins again at zero and counts on.
meter_replaced   another meter, with its own register (35 to 75 % of the old one) and its own gain, undeclared.

Of these there is at least one for each rule that those above do not meet:

leak_tap         40-80 L/h without a pause in the library, which closes at night: a fill valve or a drain left open.
leak_growing     a joint of a teaching or canteen main that gives way over eight days, to 300-600 L/h at last.
burst            6-10 m3/h for some hours of a night at such a main, a split DN20; then somebody shuts it.
load_left_on     8-14 kW that nobody switches off any more: the air conditioning of a lecture hall.
load_out_of_hours  9-14 kW each night while the building is closed: a reading room's lamps and heating.
appliance_room   a heating coil of 1.2-1.9 kW in a room, in the morning and in the evening: a kettle, a small cooker.
charging         4-5.5 kW in a dormitory's corridor for three hours of one evening: bicycles on an extension lead.
demand_peak      everything in the kitchen at once: 110 to 125 % of the contracted demand for three quarters of an hour.
phase_lost       a fuse: one phase of a dormitory's common areas shows 0-15 V, and a third of their load is gone.
voltage_low      a loose connection: 185-192 V on all phases of a building's board.
register_reversed  current transformers put back the wrong way round: the register counts down.
battery_low, clock_wrong, meter_opened   what a meter says of itself; it counts as before.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from metering.batch import to_ms
from metering.incident import Category
from simulators.campus.layout import ELECTRICITY, WATER
from simulators.campus.randomness import Bools, Int64


@dataclass(frozen=True, slots=True)
class FaultKind:
    """What the faults of one kind have in common.

    node_kind   where it may be: the kind of place whose own meter it shows at ("" for every metered place)
    low, high   the range of its size in `unit`; for `excess_room` the factor over the median room, for `demand_peak`
                the share of the contract; for what changes a register the share of it that is left
    is_flow     it really uses water or electricity; else it only falsifies what a meter says
    word        the code of what the meter says (`metering.meter_alarms`); its readings are as before
    is_told     readings and the rules' defaults show it; else it takes a meter's words, or a rule of the demo
    """

    category: Category
    medium: str
    node_kind: str
    unit: str
    low: float
    high: float
    is_flow: bool
    word: str = ""
    is_told: bool = True


_QUALITY = Category.DATA_QUALITY
KINDS: dict[str, FaultKind] = {
    "leak_inside": FaultKind(Category.LEAK, WATER, "building", "m3/h", 0.060, 0.150, is_flow=True),
    "leak_network": FaultKind(Category.LEAK, WATER, "campus", "m3/h", 0.150, 0.400, is_flow=True),
    "leak_toilet": FaultKind(Category.LEAK, WATER, "floor", "m3/h", 0.015, 0.040, is_flow=True),
    "excess_room": FaultKind(Category.CONSUMPTION, ELECTRICITY, "room", "kW", 2.5, 4.0, is_flow=True),
    "unit_dead": FaultKind(_QUALITY, "", "", "", 0.0, 0.0, is_flow=False),
    "register_frozen": FaultKind(_QUALITY, "", "", "", 0.0, 0.0, is_flow=False),
    "register_reset": FaultKind(_QUALITY, "", "", "", 0.0, 0.0, is_flow=False),
    "meter_replaced": FaultKind(_QUALITY, "", "", "", 0.35, 0.75, is_flow=False),
    "leak_tap": FaultKind(Category.LEAK, WATER, "building", "m3/h", 0.040, 0.080, is_flow=True),
    "leak_growing": FaultKind(Category.LEAK, WATER, "building", "m3/h", 0.300, 0.600, is_flow=True),
    "burst": FaultKind(Category.LEAK, WATER, "building", "m3/h", 6.0, 10.0, is_flow=True),
    "load_left_on": FaultKind(Category.CONSUMPTION, ELECTRICITY, "building", "kW", 8.0, 14.0, is_flow=True),
    "load_out_of_hours": FaultKind(Category.CONSUMPTION, ELECTRICITY, "building", "kW", 9.0, 14.0, is_flow=True),
    "appliance_room": FaultKind(Category.APPLIANCE, ELECTRICITY, "room", "kW", 1.2, 1.9, is_flow=True),
    "charging": FaultKind(Category.CONSUMPTION, ELECTRICITY, "zone", "kW", 4.0, 5.5, is_flow=True, is_told=False),
    "demand_peak": FaultKind(Category.SUPPLY, ELECTRICITY, "building", "kW", 1.10, 1.25, is_flow=True),
    "phase_lost": FaultKind(Category.SUPPLY, ELECTRICITY, "zone", "V", 0.0, 15.0, is_flow=False),
    "voltage_low": FaultKind(Category.SUPPLY, ELECTRICITY, "building", "V", 185.0, 192.0, is_flow=False),
    "register_reversed": FaultKind(_QUALITY, ELECTRICITY, "room", "", 0.0, 0.0, is_flow=False),
    "battery_low": FaultKind(_QUALITY, WATER, "floor", "", 0.0, 0.0, False, "low_battery", is_told=False),
    "clock_wrong": FaultKind(_QUALITY, ELECTRICITY, "room", "min", 9.0, 50.0, False, "clock_wrong", is_told=False),
    "meter_opened": FaultKind(_QUALITY, WATER, "floor", "", 0.0, 0.0, False, "tamper", is_told=False),
}
VOLTAGES = ("phase_lost", "voltage_low")
LASTING = ("register_reset", "meter_replaced")  # what they did to the register stays for good
LEAST_EXCESS_KW = 0.25


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault as the truth file has it.

    node    the place that an alert about it must name
    meter   for a data-quality fault the meter concerned, else None
    start   aware; `end` None: it is still there, or its effect stays (reset, replaced)
    size    mean flow or power in `unit`; for a reset or a replacement by how much the register fell (m3 or kWh)
    """

    id: str
    kind: str
    category: str
    node: str
    meter: str | None
    start: datetime
    end: datetime | None
    size: float
    unit: str

    @property
    def start_ms(self) -> int:
        """Its beginning in ms since 1970 UTC."""
        return int(to_ms(self.start).astype(np.int64))

    @property
    def end_ms(self) -> int | None:
        """Its end in ms since 1970 UTC."""
        return None if self.end is None else int(to_ms(self.end).astype(np.int64))

    def covers(self, times: Int64) -> Bools:
        """Whether it is there at each time (ms since 1970 UTC)."""
        there: Bools = (times >= self.start_ms) & (times < (np.inf if self.end_ms is None else self.end_ms))
        return there

    def overlaps(self, other: Fault) -> bool:
        """Whether there is a moment at which both are there."""
        starts_before_end = other.end is None or self.start < other.end
        return starts_before_end and (self.end is None or other.start < self.end)

    def document(self) -> dict[str, Any]:
        """The truth file's entry."""
        entry = asdict(self)
        return entry | {"start": self.start.isoformat(), "end": self.end.isoformat() if self.end else None}


def fault_of(entry: dict[str, Any]) -> Fault:
    """The fault of a truth file's entry.

    Raises:
        ValueError: a key is missing or unknown, or the kind is not known.
    """
    try:
        start, end = datetime.fromisoformat(entry["start"]), entry["end"]
        fault = Fault(**(entry | {"start": start, "end": datetime.fromisoformat(end) if end else None}))
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a fault of a truth file: {entry!r} ({error})") from error
    check_kind(fault.kind)
    return fault


def check_kind(kind: str) -> FaultKind:
    """What the faults of a kind have in common.

    Raises:
        ValueError: there is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind of fault {kind!r}; allowed: {', '.join(KINDS)}")
    return KINDS[kind]
