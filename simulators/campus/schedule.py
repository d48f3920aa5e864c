"""The faults of a campus over its days: one round of every kind at the end of each 35 days, placed by the seed.

The times leave an honest detector enough to see each: three weeks and more of healthy days before the first fault,
and after each start as many days as a building engineer would want before calling it: a leak 5 to 12 days, a dead
meter 36 hours. Faults of earlier rounds are repaired after some days; those of the last are still there at the end,
and what a reset or a replacement did to a register stays for good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from simulators.campus.fault_maker import SAYING, FaultMaker
from simulators.campus.faults import KINDS, LASTING, Fault
from simulators.campus.layout import CAMPUS, DORMITORIES, RADIO_PROFILE, Layout, MeterPoint
from simulators.campus.masking import conflict
from simulators.campus.randomness import generator
from simulators.campus.registers import UTC_OFFSET_MS, Registers
from simulators.campus.school_year import day_of

ROUND_DAYS = 35
LOCAL = timezone(timedelta(milliseconds=UTC_OFFSET_MS))


@dataclass(frozen=True, slots=True)
class _When:
    """Days before the round's end at which a fault begins, at which hours of the day, and how long it lasts.

    lasts    days until somebody mends it; what is `is_brief` is over after that by itself, in the last round too
    """

    earliest: float
    latest: float
    hours: tuple[float, float] | None = None
    lasts: float = 9.0
    is_brief: bool = False


_BEGINS: dict[str, _When] = {
    "leak_inside": _When(12.0, 5.0),
    "leak_network": _When(12.0, 6.0),
    "leak_toilet": _When(13.0, 9.0),
    "excess_room": _When(12.0, 8.0),
    "unit_dead": _When(3.0, 1.5, lasts=2.0),
    "register_frozen": _When(5.0, 2.5, lasts=3.0),
    "register_reset": _When(9.0, 3.0),
    "meter_replaced": _When(9.0, 3.0),
}
# Drawn after those of all rounds, so that these stay where they are.
_MORE: dict[str, _When] = {
    "leak_tap": _When(12.0, 8.0),
    "leak_growing": _When(13.0, 11.0),
    "burst": _When(12.6, 12.2, (0.5, 2.5), lasts=0.2, is_brief=True),
    "load_left_on": _When(5.5, 3.0, (19.0, 22.0)),
    "load_out_of_hours": _When(12.0, 10.0, (12.0, 18.0)),
    "appliance_room": _When(6.0, 4.0),
    "charging": _When(5.0, 2.0, (18.5, 20.5), lasts=0.125, is_brief=True),
    "demand_peak": _When(5.0, 2.0, (10.0, 12.0), lasts=0.04, is_brief=True),
    "phase_lost": _When(3.5, 1.5, lasts=2.0),
    "voltage_low": _When(4.0, 2.0, lasts=2.0),
    "register_reversed": _When(5.0, 2.5, lasts=3.0),
    "battery_low": _When(6.0, 2.0),
    "clock_wrong": _When(6.0, 2.0),
    "meter_opened": _When(6.0, 2.0),
}
_AT_ROOM = 0.5
_APART = timedelta(days=20)
_COMMONS = tuple(f"{d.id}-common" for d in DORMITORIES)
_SOMEWHERE_OF: dict[str, tuple[str, ...]] = {
    "leak_network": (CAMPUS,),
    "leak_tap": ("library",),
    "leak_growing": ("teaching", "canteen"),
    "burst": ("teaching", "canteen"),
    "load_left_on": ("teaching", "library"),
    "load_out_of_hours": ("teaching", "library"),
    "voltage_low": ("teaching", "library"),
    "demand_peak": ("canteen",),
    "charging": _COMMONS,
    "phase_lost": _COMMONS,
}
_NEED_USE = ("register_frozen", "register_reversed")  # one that nobody uses looks the same


class Scheduler:
    """Draws places, times and sizes; every draw depends on seed, epoch and number of days alone."""

    def __init__(self, seed: int, layout: Layout, registers: Registers, maker: FaultMaker) -> None:
        self._layout, self._registers, self._maker = layout, registers, maker
        self._seed = seed
        self._faults: list[Fault] = []

    def draw(self, days: int, *, is_demo: bool = False) -> tuple[Fault, ...]:
        """The faults of a campus of that many days; they are added to the registers as they are drawn.

        With fewer than 35 days all comes closer together, and no detector has its three weeks to learn. `is_demo`
        adds those that readings and the rules' defaults do not show.
        """
        more = {kind: when for kind, when in _MORE.items() if is_demo or KINDS[kind].is_told}
        for stream, table in (("faults", _BEGINS), ("more-faults", more)):
            self._rng = generator(self._seed, stream, self._registers.epoch_day)
            self._draw_rounds(table, days)
        return tuple(self._faults)

    def _draw_rounds(self, table: Mapping[str, _When], days: int) -> None:
        rounds = max(1, days // ROUND_DAYS)
        for number in range(rounds):
            is_last = number == rounds - 1
            end = days if is_last else (number + 1) * ROUND_DAYS
            for kind, when in table.items():
                fault = self._draw(kind, when, end, min(1.0, days / ROUND_DAYS), is_last=is_last)
                self._faults.append(fault)
                self._registers.add(fault)

    def _draw(self, kind: str, when: _When, end: int, scale: float, *, is_last: bool) -> Fault:
        start = self._moment(end - float(self._rng.uniform(when.latest, when.earliest)) * scale)
        if when.hours is not None:
            midnight = start.replace(hour=0, minute=0)
            start = midnight + timedelta(minutes=round(60 * float(self._rng.uniform(*when.hours))))
        lasts = float(self._rng.uniform(0.8, 1.2)) * when.lasts
        stays = kind in LASTING or (is_last and not when.is_brief)
        until = None if stays else start + timedelta(minutes=round(lasts * 1440))
        name = f"f{len(self._faults) + 1:02d}-{kind}"
        for node in self._places(kind, start):
            fault = self._maker.make(name, kind, node, start, until, self._rng)
            is_visible = kind not in _NEED_USE or self._maker.is_used(node, start)
            if is_visible and conflict(fault, self._faults, self._layout) is None and self._is_news(fault):
                return fault
        raise ValueError(f"no place is left on this campus for another {kind}")

    def _is_news(self, fault: Fault) -> bool:
        """Whether it follows no fault of its category at its place soon: nobody could tell which of them was found."""
        own = (fault.node, fault.category)
        alike = [f for f in self._faults if (f.node, f.category) == own and f.kind not in _BEGINS]
        return all(abs(f.start - fault.start) > _APART for f in alike)

    def _moment(self, day: float) -> datetime:
        """The time so many days after the campus began, to the minute."""
        first = datetime.combine(day_of(self._registers.epoch_day), datetime.min.time(), LOCAL)
        return first + timedelta(minutes=round(day * 1440))

    def _places(self, kind: str, start: datetime) -> Sequence[str]:
        """Where it may be, in the order of the draw."""
        if kind in _SOMEWHERE_OF:
            return self._shuffled(_SOMEWHERE_OF[kind])
        if kind in ("excess_room", "appliance_room"):
            return self._shuffled(self._maker.ordinary_rooms(start))
        if kind == "leak_inside":
            return self._shuffled([d.id for d in self._layout.dormitories])
        if kind in SAYING:
            return self._shuffled([m.node for m in self._layout.meters if self._says(m, kind)])
        if kind == "register_reversed":
            return self._shuffled([p.id for p in self._layout.rooms()])
        floors = self._shuffled([p.id for p in self._layout.floors()])
        if kind == "leak_toilet":
            return floors
        rooms = self._shuffled([p.id for p in self._layout.rooms()])
        # What falsifies a meter is at a room's as often as at a floor's, though there are seven times as many rooms.
        nodes = rooms + floors if self._rng.random() < _AT_ROOM else floors + rooms
        return [n for n in nodes if kind != "unit_dead" or self._is_wired(n)]

    def _says(self, meter: MeterPoint, kind: str) -> bool:
        """Whether it is a meter that can say so, at a place where such faults are."""
        return meter.profile == SAYING[kind] and self._layout.place[meter.node].kind == KINDS[kind].node_kind

    def _is_wired(self, node: str) -> bool:
        """Whether its meter is a unit on a line: one that falls silent there must not disturb the other seven."""
        return any(m.node == node and m.profile != RADIO_PROFILE for m in self._layout.meters)

    def _shuffled(self, nodes: Sequence[str]) -> list[str]:
        return [nodes[i] for i in self._rng.permutation(len(nodes))]
