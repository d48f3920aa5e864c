"""True demand: what really flows through each meter in each minute of a day, before any meter has read it.

Any day is computed by itself. Mass balance: what flows through a parent is the sum of its children and its own
(unmetered branches, losses, and the flows of faults, which come in through `extra`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from simulators.campus.curves import MINUTES
from simulators.campus.layout import ELECTRICITY, WATER, Layout
from simulators.campus.people import Residents
from simulators.campus.public_demand import PublicDemand
from simulators.campus.randomness import Float64
from simulators.campus.residents_water import FloorWater
from simulators.campus.rooms_power import RoomsPower
from simulators.campus.school_year import DayKind, day_kind, day_of
from simulators.campus.weather import temperature


class Demand:
    """Demand of the whole campus by day."""

    def __init__(self, seed: int, layout: Layout) -> None:
        self._seed, self._layout = seed, layout
        self._residents = Residents(seed, layout)
        self._floors = FloorWater(seed, layout)
        self._rooms = RoomsPower(seed, layout)
        self._public = PublicDemand(seed)
        index = layout.meter_index
        self._floor_rows = np.array([index[f"w-{p.id}"] for p in layout.floors()], np.intp)
        self._room_rows = np.array([index[f"e-{p.id}"] for p in layout.rooms()], np.intp)
        self._dorm_of_room = [layout.building_of(p.id) for p in layout.rooms()]

    def day(
        self, day: int, extra: Mapping[int, Float64] | None = None, left: Mapping[int, Float64] | None = None
    ) -> Float64:
        """m3 or kWh through each meter in each minute of that local day, meters x 1440.

        `extra` adds flows at meters by position, each of 1440 minutes; `left` says which share of their own they have.
        """
        kind = day_kind(day_of(day))
        is_free = kind is not DayKind.WORKDAY
        present = self._residents.present(day)
        outdoor = temperature(self._seed, day)
        usage = np.zeros((len(self._layout.meters), MINUTES))
        usage[self._floor_rows] = self._floors.day(day, present, is_free=is_free)
        usage[self._room_rows] = self._rooms.day(day, present, outdoor, is_free=is_free)
        self._add_public(usage, WATER, self._public.water(day))
        self._add_public(usage, ELECTRICITY, self._public.power(day, outdoor, self._shares(present)))
        for row, flow in (extra or {}).items():
            usage[row] += flow
        for row, share in (left or {}).items():
            usage[row] *= share
        return self._roll_up(usage)

    def _add_public(self, usage: Float64, medium: str, flows: Mapping[str, Float64]) -> None:
        for node, flow in flows.items():
            usage[self._layout.meter_index[f"{medium[0]}-{node}"]] += flow

    def _shares(self, present: Float64) -> dict[str, float]:
        """The share of its residents that is in each dormitory."""
        there = {d.id: 0.0 for d in self._layout.dormitories}
        for dorm, people in zip(self._dorm_of_room, present.tolist(), strict=True):
            there[dorm] += people
        return {d.id: there[d.id] / d.all_beds for d in self._layout.dormitories}

    def _roll_up(self, usage: Float64) -> Float64:
        """Add each meter's flow to the meter that feeds it, from the leaves up (parents stand before children)."""
        parents = self._layout.parent_index
        for row in range(len(parents) - 1, -1, -1):
            if parents[row] >= 0:
                usage[parents[row]] += usage[row]
        return usage
