"""Alerts about appliances: a room is accused or not. The rule says nothing before the second use."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from bench.detection.chosen import Chosen
from bench.detection.jobs import APPLIANCE
from bench.detection.judging import Judged


@dataclass(frozen=True, slots=True)
class RoomsAccused:
    """Rooms with two uses or more (`repeated`) and those of them accused; the same of rooms without a use."""

    repeated: int
    accused: int
    without: int
    wrongly: int
    room_days: float


def rooms_accused(judged: Judged, chosen: Chosen) -> RoomsAccused:
    """Count the rooms that have a meter; a room with one use counts as neither."""
    uses = Counter(e.place for e in judged.data.events)
    told = {a.place for a in judged.alarms(APPLIANCE)}
    repeated = {p for p in chosen.places if uses[p] >= 2}
    without = {p for p in chosen.places if not uses[p]}
    days = sum(judged.data.watched[p].years for p in chosen.places) * 365.25
    return RoomsAccused(len(repeated), len(repeated & told), len(without), len(without & told), days)
