"""From a kind, a place and a time to a fault with its size."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np

from metering.incident import Category
from simulators.campus.demand import Demand
from simulators.campus.fault_flows import DAY_MS, MINUTE_MS
from simulators.campus.faults import LASTING, LEAST_EXCESS_KW, Fault, check_kind
from simulators.campus.layout import (
    CJT188_PROFILE,
    DLT645_PROFILE,
    ELECTRICITY,
    RADIO_PROFILE,
    WATER,
    Layout,
)
from simulators.campus.randomness import Float64
from simulators.campus.registers import UTC_OFFSET_MS, Registers

_ORDINARY = (30, 70)  # percentiles of its building's rooms between which a room is ordinary
_SAMPLED_DAYS_BEFORE = (2, 4, 7, 10)
_SAMPLED_DAYS_AFTER = (1, 2)
_LEAST_STEPS = 20
# Which meters say it: a status bit, a clock that is read, a contact at the cover.
SAYING = {"battery_low": CJT188_PROFILE, "clock_wrong": DLT645_PROFILE, "meter_opened": RADIO_PROFILE}


class FaultMaker:
    """Makes faults for one campus."""

    def __init__(self, layout: Layout, demand: Demand, registers: Registers) -> None:
        self._layout, self._demand, self._registers = layout, demand, registers

    def make(
        self, name: str, kind: str, node: str, start: datetime, end: datetime | None, rng: np.random.Generator
    ) -> Fault:
        """The fault, its size drawn in its kind's range.

        Raises:
            ValueError: no such kind or place, or the kind cannot be at this place.
        """
        spec = check_kind(kind)
        building = self._layout.building_of(node)
        place = self._layout.place[node]
        if spec.node_kind and place.kind != spec.node_kind:
            raise ValueError(f"{kind} is a fault of a {spec.node_kind}; {node} is a {place.kind}")
        if kind == "leak_inside" and building not in {d.id for d in self._layout.dormitories}:
            raise ValueError(f"{kind} lies between a building's main and its floors; {node} has no floor meters")
        if kind == "demand_peak" and place.contract_demand_kw is None:
            raise ValueError(f"{kind} is a fault where a demand is contracted; {node} has no contract_demand_kw")
        medium = spec.medium or (WATER if place.kind == "floor" else ELECTRICITY)
        point = self._layout.meter_of(node, medium)
        if point.profile != SAYING.get(kind, point.profile):
            raise ValueError(f"{kind} is what a {SAYING[kind]} says of itself; {point.id} is a {point.profile}")
        unit = spec.unit or ("m3" if medium == WATER else "kWh")
        meter = point.id if spec.category is Category.DATA_QUALITY else None
        fault = Fault(name, kind, str(spec.category), node, meter, start, end, 0.0, unit)
        return self._sized(fault, float(rng.uniform(spec.low, spec.high)))

    def _sized(self, fault: Fault, draw: float) -> Fault:
        """`draw` lies in the kind's range."""
        if fault.kind == "excess_room":
            more = (draw - 1.0) * self._median_room_kw(fault)
            return replace(fault, size=round(max(more, LEAST_EXCESS_KW), 3))
        if fault.kind == "demand_peak":
            return replace(fault, size=round(draw * self._contract_kw(fault) - self._drawn_kw(fault), 3))
        if fault.meter is None or fault.kind == "clock_wrong":
            return replace(fault, size=round(draw, 4))
        if fault.kind not in LASTING:
            return replace(fault, unit="")
        shown = self._registers.shown(self._layout.meter_index[fault.meter], fault.start_ms)
        return replace(fault, size=round(shown * (1.0 - draw), 2))

    def ordinary_rooms(self, at: datetime) -> list[str]:
        """The rooms that use neither little nor much of what their building's rooms use in the days before."""
        rooms, kw = self._rooms_kw(at)
        chosen = []
        for dorm in self._layout.dormitories:
            inside = np.array([r.startswith(f"{dorm.id}-") for r in rooms])
            low, high = np.percentile(kw[inside], _ORDINARY)
            chosen += [r for r, k, i in zip(rooms, kw.tolist(), inside.tolist(), strict=True) if i and low <= k <= high]
        return chosen

    def is_used(self, node: str, at: datetime) -> bool:
        """Whether the meter at the place would count twenty steps and more on each of the next days."""
        rows = [self._layout.meter_index[m.id] for m in self._layout.meters if m.node == node]
        steps = np.array([self._layout.meters[r].instrument.size.counts_per_unit for r in rows])
        day = _local_day(at)
        used = [self._demand.day(day + after)[rows].sum(axis=1) * steps for after in _SAMPLED_DAYS_AFTER]
        return bool(np.min(used) >= _LEAST_STEPS)

    def _median_room_kw(self, fault: Fault) -> float:
        building = self._layout.building_of(fault.node)
        rooms, kw = self._rooms_kw(fault.start)
        return float(np.median([k for r, k in zip(rooms, kw, strict=True) if r.startswith(f"{building}-")]))

    def _contract_kw(self, fault: Fault) -> float:
        return self._layout.place[fault.node].contract_demand_kw or 0.0

    def _drawn_kw(self, fault: Fault) -> float:
        """What the place draws in the hour from the fault's beginning, without any fault."""
        row = self._layout.meter_index[self._layout.meter_of(fault.node, ELECTRICITY).id]
        minute = (fault.start_ms + UTC_OFFSET_MS) % DAY_MS // MINUTE_MS
        return float(self._demand.day(_local_day(fault.start))[row, minute : minute + 60].mean()) * 60

    def _rooms_kw(self, at: datetime) -> tuple[list[str], Float64]:
        """Each room's mean power on some of the days before, without any fault."""
        rooms = [r.id for r in self._layout.rooms()]
        rows = [self._layout.meter_index[f"e-{r}"] for r in rooms]
        day = _local_day(at)
        kwh = np.sum([self._demand.day(day - before)[rows].sum(axis=1) for before in _SAMPLED_DAYS_BEFORE], axis=0)
        return rooms, kwh / (24 * len(_SAMPLED_DAYS_BEFORE))


def _local_day(at: datetime) -> int:
    return (int(at.timestamp() * 1000) + UTC_OFFSET_MS) // DAY_MS
