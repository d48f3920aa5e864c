"""The site: the tree of places (nodes) and the meters that stand in it. Values only; `site_document` checks a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from metering.quantities import MAIN_RATE, MAIN_REGISTER, Quantity

NODE_KINDS = ("campus", "zone", "building", "floor", "room")


@dataclass(frozen=True, slots=True)
class Node:
    """A place. `use` says what it is for (dormitory, teaching, ...); beds and people are head-counts."""

    id: str
    kind: str
    parent: str | None = None
    name: str = ""
    use: str = ""
    beds: int | None = None
    people: int | None = None
    area_m2: float | None = None
    department: str = ""
    opening_hours: str = ""
    contract_demand_kw: float | None = None
    allowed_appliances: tuple[str, ...] = ()
    unmetered_children: int = 0


@dataclass(frozen=True, slots=True)
class Life:
    """One physical meter in a place: serial number and its register when it came and when it went."""

    start: datetime
    serial: str = ""
    first_register: float | None = None
    last_register: float | None = None


@dataclass(frozen=True, slots=True)
class Meter:
    """A metering point. `parents` feed it together (usually one); `poll_s` is its period in seconds, if known."""

    id: str
    medium: str
    node: str | None = None
    parents: tuple[str, ...] = ()
    profile: str | None = None
    connection: str | None = None
    device_address: str | None = None
    poll_s: float | None = None
    multiplier: float = 1.0
    register_digits: int | None = None
    resolution: float | None = None
    accuracy_class: str | None = None
    max_flow_m3_per_h: float | None = None
    max_power_kw: float | None = None
    lives: tuple[Life, ...] = ()
    name: str = ""

    @property
    def main_register(self) -> Quantity | None:
        """The counter that says how much this meter has counted."""
        return MAIN_REGISTER.get(self.medium)

    @property
    def main_rate(self) -> Quantity | None:
        """The rate that stands in where there is no register."""
        return MAIN_RATE.get(self.medium)

    @property
    def maximum_rate(self) -> float | None:
        """The most it can count, per hour (m3/h or kW), where the site file says so."""
        return self.max_power_kw if self.medium == "electricity" else self.max_flow_m3_per_h


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of local days, both ends included."""

    name: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class SchoolCalendar:
    """What the site file says of the school year. Public holidays are the country's; None for that of the time zone."""

    country: str | None = None
    terms: tuple[Period, ...] = ()
    exams: tuple[Period, ...] = ()
    vacations: tuple[Period, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedUse:
    """Use that is known before: a pool is filled, a fire drill. `medium` None: of all media."""

    node: str
    start: datetime
    end: datetime
    text: str = ""
    medium: str | None = None

    @property
    def id(self) -> str:
        """What stands as the cause of what it explains."""
        return f"planned:{self.node}:{self.medium or 'all'}:{self.start.isoformat()}"


@dataclass(frozen=True)
class Site:
    """A checked site: ids are unique, parents exist, there is no circle."""

    id: str
    name: str
    timezone: str
    nodes: dict[str, Node]
    meters: dict[str, Meter]
    calendar: SchoolCalendar = field(default_factory=SchoolCalendar)
    planned: tuple[PlannedUse, ...] = ()

    @cached_property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.timezone)

    @cached_property
    def child_nodes(self) -> dict[str, tuple[str, ...]]:
        """The nodes right below each node, in file order."""
        below: dict[str, list[str]] = {n: [] for n in self.nodes}
        for node in self.nodes.values():
            if node.parent is not None:
                below[node.parent].append(node.id)
        return {n: tuple(c) for n, c in below.items()}

    @cached_property
    def child_meters(self) -> dict[str, tuple[str, ...]]:
        """The meters that each meter feeds, in file order."""
        below: dict[str, list[str]] = {m: [] for m in self.meters}
        for meter in self.meters.values():
            for parent in meter.parents:
                below[parent].append(meter.id)
        return {m: tuple(c) for m, c in below.items()}

    @cached_property
    def meters_at(self) -> dict[str, tuple[str, ...]]:
        """The meters that stand at each node, in file order."""
        at: dict[str, list[str]] = {n: [] for n in self.nodes}
        for meter in self.meters.values():
            if meter.node is not None:
                at[meter.node].append(meter.id)
        return {n: tuple(m) for n, m in at.items()}

    def place_path(self, node: str) -> tuple[str, ...]:
        """The node's ancestors from the root down, the node itself last."""
        path = [node]
        while (parent := self.nodes[path[-1]].parent) is not None:
            path.append(parent)
        return tuple(reversed(path))

    def place_name(self, node: str) -> str:
        """`梅园2号楼 3层`: the path below the campus, in words; of an unknown node its id."""
        if node not in self.nodes:
            return node
        names = [self.nodes[n].name or n for n in self.place_path(node)]
        return " ".join(names[1:]) or names[0]

    def subtree(self, node: str) -> Iterator[str]:
        """The node and all below it, parents before children."""
        yield node
        for child in self.child_nodes[node]:
            yield from self.subtree(child)
