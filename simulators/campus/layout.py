"""Where things are: the places of the campus and the meters in them. The structure is the same for every seed.

Water:        inlet ─┬─ dormitory main ─┬─ floors      Electricity:  campus ─┬─ dormitory main ─┬─ rooms
                     │                  └─ porter (no meter)                │                  └─ common areas
                     ├─ teaching, library, canteen                          ├─ teaching, library, canteen
                     └─ garden and gate (no meter)                          └─ street lighting (no meter)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from simulators.campus.instruments import Instrument, draw_instrument

CAMPUS = "campus"
WATER, ELECTRICITY = "water", "electricity"
ROOM_PROFILE, BOARD_PROFILE = "chint-dtsu666", "eastron-sdm630"
PULSE_PROFILE, RADIO_PROFILE = "moxa-iologik-e1200", "milesight-em300-di"
DLT645_PROFILE, CJT188_PROFILE = "dlt645-2007", "cjt188-water"
# They state decimal digits; the other electricity meters answer with float32, the other water meters with pulses.
DIGIT_PROFILES = (DLT645_PROFILE, CJT188_PROFILE)


@dataclass(frozen=True, slots=True)
class Place:
    """A node of the site; `people` is who is there on a working day, `beds` who lives there."""

    id: str
    kind: str
    parent: str | None
    name: str
    use: str = ""
    beds: int | None = None
    people: int | None = None
    area_m2: float | None = None
    department: str = ""
    opening_hours: str = ""
    unmetered_children: int = 0
    contract_demand_kw: float | None = None


@dataclass(frozen=True, slots=True)
class MeterPoint:
    """A meter, the meter that feeds it, the profile it speaks, and what it is as an instrument."""

    id: str
    medium: str
    node: str
    parent: str | None
    profile: str
    instrument: Instrument


@dataclass(frozen=True, slots=True)
class Dormitory:
    """One residential hall."""

    id: str
    name: str
    floors: int
    rooms: int  # on a floor
    beds: int  # in a room

    @property
    def all_beds(self) -> int:
        """Beds of the whole hall."""
        return self.floors * self.rooms * self.beds


DORMITORIES = (
    Dormitory("dorm-1", "梅园1号楼", 6, 7, 4),
    Dormitory("dorm-2", "梅园2号楼", 6, 7, 6),
    Dormitory("dorm-3", "兰园3号楼", 5, 7, 4),
)
_HOUSING, _TEACHING, _CATERING, _ESTATE = "公寓管理中心", "教务处", "饮食服务中心", "水电管理中心"
_OTHER_BUILDINGS = (
    Place("teaching", "building", CAMPUS, "求是教学楼", "teaching", None, 900, 8200, _TEACHING, "07:00-22:30"),
    Place("library", "building", CAMPUS, "图书馆", "library", None, 350, 6400, "图书馆", "08:00-22:30"),
    Place(
        "canteen",
        "building",
        CAMPUS,
        "第一食堂",
        "canteen",
        None,
        620,
        2600,
        _CATERING,
        "06:00-20:30",
        contract_demand_kw=85.0,
    ),
)


@dataclass(frozen=True)
class Layout:
    """Places (parents before children) and meters (parents before children)."""

    places: tuple[Place, ...]
    meters: tuple[MeterPoint, ...]
    dormitories: tuple[Dormitory, ...] = field(default=DORMITORIES)

    @cached_property
    def meter_index(self) -> dict[str, int]:
        """Position of each meter id."""
        return {m.id: i for i, m in enumerate(self.meters)}

    @cached_property
    def place(self) -> dict[str, Place]:
        """The places by id."""
        return {p.id: p for p in self.places}

    @cached_property
    def parent_index(self) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """Position of each meter's parent, -1 where there is none."""
        return np.array([self.meter_index[m.parent] if m.parent else -1 for m in self.meters], np.intp)

    def floors(self) -> tuple[Place, ...]:
        """The floors of all dormitories."""
        return tuple(p for p in self.places if p.kind == "floor")

    def rooms(self) -> tuple[Place, ...]:
        """The rooms of all dormitories, floor by floor."""
        return tuple(p for p in self.places if p.kind == "room")

    def building_of(self, node: str) -> str:
        """The building in which a node lies; the campus itself for what lies in none.

        Raises:
            ValueError: there is no such node.
        """
        if node not in self.place:
            raise ValueError(f"no node {node!r} on this campus; buildings: {', '.join(d.id for d in DORMITORIES)}, ...")
        place = self.place[node]
        while place.kind not in ("building", "campus") and place.parent is not None:
            place = self.place[place.parent]
        return place.id

    def meter_of(self, node: str, medium: str) -> MeterPoint:
        """The meter of that medium at the node (there is at most one).

        Raises:
            ValueError: none stands there.
        """
        for meter in self.meters:
            if meter.node == node and meter.medium == medium:
                return meter
        raise ValueError(f"node {node!r} has no {medium} meter of its own")


def _dormitory_places(dorm: Dormitory) -> list[Place]:
    places = [
        Place(
            dorm.id,
            "building",
            CAMPUS,
            dorm.name,
            "dormitory",
            dorm.all_beds,
            None,
            dorm.all_beds * 11.0,
            _HOUSING,
            unmetered_children=1,
        ),
        Place(f"{dorm.id}-common", "zone", dorm.id, "公共区域", "common", department=_HOUSING),
    ]
    for floor in range(1, dorm.floors + 1):
        floor_id = f"{dorm.id}-f{floor}"
        beds = dorm.rooms * dorm.beds
        places.append(Place(floor_id, "floor", dorm.id, f"{floor}层", "dormitory", beds, department=_HOUSING))
        for room in range(1, dorm.rooms + 1):
            number = f"{floor}{room:02d}"
            places.append(
                Place(f"{dorm.id}-{number}", "room", floor_id, f"{number}室", "dormitory", dorm.beds, None, 28.0)
            )
    return places


def _places() -> tuple[Place, ...]:
    campus = Place(CAMPUS, "campus", None, "示范校区", "campus", department=_ESTATE, unmetered_children=1)
    dormitories = [p for d in DORMITORIES for p in _dormitory_places(d)]
    garden = Place("garden", "zone", CAMPUS, "绿化带与门岗", "irrigation", department=_ESTATE)
    return (campus, *dormitories, *_OTHER_BUILDINGS, garden)


def _profile(place: Place, medium: str) -> str:
    """Rooms have small meters, those of dorm-3 the grid's kind.

    The water of dorm-1's floors is read on a two-wire line, that of the newer halls and the library by radio.
    """
    if medium == ELECTRICITY:
        small = DLT645_PROFILE if place.id.startswith("dorm-3-") else ROOM_PROFILE
        return small if place.kind == "room" else BOARD_PROFILE
    if place.kind == "floor" and place.id.startswith("dorm-1-"):
        return CJT188_PROFILE
    by_radio = place.id == "library" or place.kind == "floor"
    return RADIO_PROFILE if by_radio else PULSE_PROFILE


def _meter_of(seed: int, place: Place, medium: str, parent: str | None, size: str) -> MeterPoint:
    meter = f"{medium[0]}-{place.id}"
    instrument = draw_instrument(seed, meter, size)
    return MeterPoint(meter, medium, place.id, parent, _profile(place, medium), instrument)


def _meters(seed: int, places: tuple[Place, ...]) -> tuple[MeterPoint, ...]:
    by_id = {p.id: p for p in places}
    meters = [
        _meter_of(seed, by_id[CAMPUS], WATER, None, "inlet"),
        _meter_of(seed, by_id[CAMPUS], ELECTRICITY, None, "feeder"),
    ]
    for building in (p for p in places if p.kind == "building"):
        meters.append(_meter_of(seed, building, WATER, "w-campus", "main"))
        meters.append(_meter_of(seed, building, ELECTRICITY, "e-campus", "board"))
    for dorm in DORMITORIES:
        for place in places:
            if not place.id.startswith(f"{dorm.id}-"):
                continue
            if place.kind == "floor":
                meters.append(_meter_of(seed, place, WATER, f"w-{dorm.id}", "floor"))
            else:
                size = "room" if place.kind == "room" else "common"
                meters.append(_meter_of(seed, place, ELECTRICITY, f"e-{dorm.id}", size))
    return tuple(meters)


def build_layout(seed: int) -> Layout:
    """The campus of a seed: instruments (gains, first registers) are drawn, the structure is not."""
    places = _places()
    return Layout(places, _meters(seed, places))
