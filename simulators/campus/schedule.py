"""The faults of a campus over its days: one round of every kind at the end of each 35 days, placed by the seed.

The times leave an honest detector enough to see each: three weeks and more of healthy days before the first fault,
and after each start as many days as a building engineer would want before calling it: a leak 5 to 12 days, a dead
meter 36 hours. Faults of earlier rounds are repaired after some days; those of the last are still there at the end,
and what a reset or a replacement did to a register stays for good.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from simulators.campus.fault_maker import FaultMaker
from simulators.campus.faults import LASTING, Fault
from simulators.campus.layout import CAMPUS, RADIO_PROFILE, Layout
from simulators.campus.masking import conflict
from simulators.campus.randomness import generator
from simulators.campus.registers import UTC_OFFSET_MS, Registers
from simulators.campus.school_year import day_of

ROUND_DAYS = 35
LOCAL = timezone(timedelta(milliseconds=UTC_OFFSET_MS))

# Days before the round's end at which a fault begins: (earliest, latest), and how long an earlier round's lasts.
_BEGINS: dict[str, tuple[float, float]] = {
    "leak_inside": (12.0, 5.0),
    "leak_network": (12.0, 6.0),
    "leak_toilet": (13.0, 9.0),
    "excess_room": (12.0, 8.0),
    "unit_dead": (3.0, 1.5),
    "register_frozen": (5.0, 2.5),
    "register_reset": (9.0, 3.0),
    "meter_replaced": (9.0, 3.0),
}
_LASTS_DAYS = {"unit_dead": 2.0, "register_frozen": 3.0}
_REPAIRED_AFTER_DAYS = 9.0
_AT_ROOM = 0.5


class Scheduler:
    """Draws places, times and sizes; every draw depends on seed, epoch and number of days alone."""

    def __init__(self, seed: int, layout: Layout, registers: Registers, maker: FaultMaker) -> None:
        self._layout, self._registers, self._maker = layout, registers, maker
        self._rng = generator(seed, "faults", registers.epoch_day)
        self._faults: list[Fault] = []

    def draw(self, days: int) -> tuple[Fault, ...]:
        """The faults of a campus of that many days; they are added to the registers as they are drawn.

        With fewer than 35 days all comes closer together, and no detector has its three weeks to learn.
        """
        rounds = max(1, days // ROUND_DAYS)
        for number in range(rounds):
            is_last = number == rounds - 1
            end = days if is_last else (number + 1) * ROUND_DAYS
            for kind in _BEGINS:
                fault = self._draw(kind, end, min(1.0, days / ROUND_DAYS), is_last=is_last)
                self._faults.append(fault)
                self._registers.add(fault)
        return tuple(self._faults)

    def _draw(self, kind: str, end: int, scale: float, *, is_last: bool) -> Fault:
        earliest, latest = _BEGINS[kind]
        start = self._moment(end - float(self._rng.uniform(latest, earliest)) * scale)
        lasts = float(self._rng.uniform(0.8, 1.2)) * _LASTS_DAYS.get(kind, _REPAIRED_AFTER_DAYS)
        until = None if is_last or kind in LASTING else start + timedelta(minutes=round(lasts * 1440))
        name = f"f{len(self._faults) + 1:02d}-{kind}"
        for node in self._places(kind, start):
            fault = self._maker.make(name, kind, node, start, until, self._rng)
            is_visible = kind != "register_frozen" or self._maker.is_used(node, start)
            if is_visible and conflict(fault, self._faults, self._layout) is None:
                return fault
        raise ValueError(f"no place is left on this campus for another {kind}")

    def _moment(self, day: float) -> datetime:
        """The time so many days after the campus began, to the minute."""
        first = datetime.combine(day_of(self._registers.epoch_day), datetime.min.time(), LOCAL)
        return first + timedelta(minutes=round(day * 1440))

    def _places(self, kind: str, start: datetime) -> Sequence[str]:
        """Where it may be, in the order of the draw."""
        if kind == "leak_network":
            return (CAMPUS,)
        if kind == "excess_room":
            return self._shuffled(self._maker.ordinary_rooms(start))
        if kind == "leak_inside":
            return self._shuffled([d.id for d in self._layout.dormitories])
        floors = self._shuffled([p.id for p in self._layout.floors()])
        if kind == "leak_toilet":
            return floors
        rooms = self._shuffled([p.id for p in self._layout.rooms()])
        # What falsifies a meter is at a room's as often as at a floor's, though there are seven times as many rooms.
        nodes = rooms + floors if self._rng.random() < _AT_ROOM else floors + rooms
        return [n for n in nodes if kind != "unit_dead" or self._is_wired(n)]

    def _is_wired(self, node: str) -> bool:
        """Whether its meter is a unit on a line: one that falls silent there must not disturb the other seven."""
        return any(m.node == node and m.profile != RADIO_PROFILE for m in self._layout.meters)

    def _shuffled(self, nodes: Sequence[str]) -> list[str]:
        return [nodes[i] for i in self._rng.permutation(len(nodes))]
