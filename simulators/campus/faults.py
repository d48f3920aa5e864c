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
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from metering.batch import to_ms
from metering.incident import Category
from simulators.campus.layout import ELECTRICITY, WATER


@dataclass(frozen=True, slots=True)
class FaultKind:
    """What the faults of one kind have in common.

    node_kind   where it may be: the kind of place whose own meter it shows at ("" for every metered place)
    low, high   the range of its size in `unit`; for `excess_room` the factor over the median room; for what changes a
                register the share of it that is left
    is_flow     it really uses water or electricity; else it only falsifies what a meter says
    """

    category: Category
    medium: str
    node_kind: str
    unit: str
    low: float
    high: float
    is_flow: bool


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
}
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
