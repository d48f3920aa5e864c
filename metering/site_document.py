"""From the mapping in a site file to a checked `Site`: every fault is named by its path, all at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from metering.quantities import MEDIA
from metering.site import NODE_KINDS, Life, Meter, Node, Period, PlannedUse, SchoolCalendar, Site

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a document: where (keys and list positions from the root) and what is allowed."""

    path: Path
    message: str


class SiteDocumentError(ValueError):
    """The document is no site; `faults` has everything that is wrong with it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{'.'.join(map(str, f.path)) or 'site file'}: {f.message}" for f in self.faults))


Read = Callable[[Any], Any]


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("must be text")  # noqa: TRY004 - every fault of a document is a ValueError
    return str(value)


def _identifier(value: Any) -> str:
    text = _text(value)
    if not text or text != text.strip() or any(c in text for c in "\n\r\t\"'"):
        raise ValueError("must be a non-empty id without quotes, tabs or spaces at its ends")
    return text


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("must be a number")
    return float(value)


def _positive(value: Any) -> float:
    if (number := _number(value)) <= 0:
        raise ValueError("must be a number above 0")
    return number


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("must be a whole number, 0 or more")
    return value


def _one_of(allowed: Sequence[str]) -> Read:
    def read(value: Any) -> str:
        if value not in allowed:
            raise ValueError(f"{value!r} is not allowed; allowed: {', '.join(allowed)}")
        return str(value)

    return read


def _digits(value: Any) -> int:
    if (count := _count(value)) not in range(1, 19):
        raise ValueError("must be a whole number from 1 to 18")
    return count


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError("must be a list of texts")  # noqa: TRY004 - every fault of a document is a ValueError
    return tuple(_text(v) for v in value)


def _parents(value: Any) -> tuple[str, ...]:
    return tuple(_identifier(v) for v in value) if isinstance(value, list) else (_identifier(value),)


def _day(value: Any) -> date:
    if isinstance(value, datetime):
        raise ValueError("must be a day like 2026-09-01")  # noqa: TRY004
    return value if isinstance(value, date) else date.fromisoformat(_text(value))


def _timezone(value: Any) -> str:
    try:
        return ZoneInfo(_text(value)).key
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"unknown time zone {value!r}; use an IANA name such as Asia/Shanghai") from error


_NODE: dict[str, Read] = {
    "id": _identifier, "kind": _one_of(NODE_KINDS), "parent": _identifier, "name": _text, "use": _text,
    "beds": _count, "people": _count, "area_m2": _positive, "department": _text, "opening_hours": _text,
    "contract_demand_kw": _positive, "allowed_appliances": _texts, "unmetered_children": _count,
}  # fmt: skip
_METER: dict[str, Read] = {
    "id": _identifier, "medium": _one_of(MEDIA), "node": _identifier, "parent": _parents, "profile": _text,
    "name": _text, "connection": _text, "device_address": _text, "poll_s": _positive, "multiplier": _positive,
    "register_digits": _digits, "resolution": _positive, "accuracy_class": _text,
    "max_flow_m3_per_h": _positive, "max_power_kw": _positive,
}  # fmt: skip
_LIFE_KEYS = ("from", "serial", "first_register", "last_register")
_PERIOD_KEYS = ("name", "first", "last")
_PLANNED_KEYS = ("node", "medium", "from", "to", "text")
_CALENDAR_KEYS = ("country", "terms", "exams", "vacations")


class _Reader:
    """Collects faults while it walks the document; a faulty part is left out, the rest is still checked."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.faults: list[Fault] = []
        self.zone = zone

    def fault(self, path: Path, message: str) -> None:
        self.faults.append(Fault(path, message))

    def mapping(self, value: Any, path: Path, allowed: Sequence[str]) -> Mapping[str, Any]:
        """The value as a mapping of allowed keys; unknown keys are faults."""
        if not isinstance(value, Mapping):
            self.fault(path, f"must be a mapping with keys of: {', '.join(allowed)}")
            return {}
        for key in value:
            if key not in allowed:
                self.fault((*path, str(key)), f"unknown key {key!r}; allowed: {', '.join(allowed)}")
        return {k: v for k, v in value.items() if k in allowed}

    def sequence(self, value: Any, path: Path) -> Sequence[Any]:
        if value is None:
            return ()
        if not isinstance(value, list):
            self.fault(path, "must be a list")
            return ()
        return value

    def read(self, reads: Mapping[str, Read], given: Mapping[str, Any], path: Path) -> dict[str, Any]:
        """Each given key through its reader; a null counts as not given."""
        out = {}
        for key, value in given.items():
            if value is None or key not in reads:
                continue
            try:
                out[key] = reads[key](value)
            except ValueError as error:
                self.fault((*path, key), str(error))
        return out

    def moment(self, value: Any) -> datetime:
        """An ISO 8601 time; without an offset it is the site's local time."""
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        return found if found.tzinfo else found.replace(tzinfo=self.zone)

    def lives(self, value: Any, path: Path) -> tuple[Life, ...]:
        out = []
        reads: dict[str, Read] = {
            "from": self.moment, "serial": _text, "first_register": _number, "last_register": _number,
        }  # fmt: skip
        for i, item in enumerate(self.sequence(value, path)):
            got = self.read(reads, self.mapping(item, (*path, i), _LIFE_KEYS), (*path, i))
            if "from" not in got:
                self.fault((*path, i), "a life needs `from`: when this meter came, e.g. 2026-09-01T08:00:00+08:00")
                continue
            out.append(Life(got.pop("from"), **got))
        if [x.start for x in out] != sorted(x.start for x in out):
            self.fault(path, "lives must stand in the order of their `from`")
        return tuple(out)

    def periods(self, value: Any, path: Path) -> tuple[Period, ...]:
        out = []
        reads: dict[str, Read] = {"name": _text, "first": _day, "last": _day}
        for i, item in enumerate(self.sequence(value, path)):
            got = self.read(reads, self.mapping(item, (*path, i), _PERIOD_KEYS), (*path, i))
            if "first" not in got or "last" not in got:
                self.fault((*path, i), "needs `first` and `last`, days like 2026-09-01")
            elif got["last"] < got["first"]:
                self.fault((*path, i), f"ends ({got['last']}) before it begins ({got['first']})")
            else:
                out.append(Period(got.get("name", ""), got["first"], got["last"]))
        return tuple(out)

    def calendar(self, value: Any) -> SchoolCalendar:
        if value is None:
            return SchoolCalendar()
        given = self.mapping(value, ("calendar",), _CALENDAR_KEYS)
        kinds = {k: self.periods(given.get(k), ("calendar", k)) for k in ("terms", "exams", "vacations")}
        country = self.read({"country": _text}, given, ("calendar",)).get("country")
        return SchoolCalendar(country=country, **kinds)

    def planned(self, value: Any, nodes: Mapping[str, Node]) -> tuple[PlannedUse, ...]:
        """Planned use, at nodes that there are, from a time to a later one."""
        out = []
        for i, item in enumerate(self.sequence(value, ("planned",))):
            path: Path = ("planned", i)
            given = self.mapping(item, path, _PLANNED_KEYS)
            kinds = {
                "node": _identifier,
                "medium": _one_of(MEDIA),
                "from": self.moment,
                "to": self.moment,
                "text": _text,
            }
            got = self.read(kinds, given, path)
            for key in ("node", "from", "to"):
                if key not in given:
                    self.fault(path, f"planned use needs `{key}`")
            if "node" in got and got["node"] not in nodes:
                self.fault((*path, "node"), f"there is no node {got['node']!r}")
            elif {"node", "from", "to"} <= set(got):
                if got["to"] <= got["from"]:
                    self.fault((*path, "to"), "ends before it begins")
                else:
                    use = PlannedUse(got["node"], got["from"], got["to"], got.get("text", ""), got.get("medium"))
                    out.append(use)
        return tuple(out)

    def unique(self, kind: str, items: Sequence[tuple[int, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for i, item in items:
            if item.id in found:
                self.fault((kind, i, "id"), f"the id {item.id!r} stands twice; ids are unique")
            found.setdefault(item.id, item)
        return found


def _nodes(reader: _Reader, value: Any) -> dict[str, Node]:
    items = []
    for i, item in enumerate(reader.sequence(value, ("nodes",))):
        got = reader.read(_NODE, reader.mapping(item, ("nodes", i), tuple(_NODE)), ("nodes", i))
        missing = [k for k in ("id", "kind") if k not in got and (not isinstance(item, Mapping) or k not in item)]
        for key in missing:
            reader.fault(("nodes", i), f"a node needs `{key}`")
        if "id" in got and "kind" in got:
            items.append((i, Node(**got)))
    return reader.unique("nodes", items)


def _meters(reader: _Reader, value: Any) -> dict[str, Meter]:
    items = []
    for i, item in enumerate(reader.sequence(value, ("meters",))):
        path: Path = ("meters", i)
        given = reader.mapping(item, path, (*_METER, "lives"))
        got = reader.read(_METER, given, path)
        for key in ("id", "medium"):
            if key not in given:
                reader.fault(path, f"a meter needs `{key}`")
        got["parents"] = got.pop("parent", ())
        if "id" in got and "medium" in got:
            items.append((i, Meter(**got, lives=reader.lives(given.get("lives"), (*path, "lives")))))
    return reader.unique("meters", items)


def _check_links(reader: _Reader, nodes: Mapping[str, Node], meters: Mapping[str, Meter]) -> None:
    for i, node in enumerate(nodes.values()):
        if node.parent is not None and node.parent not in nodes:
            reader.fault(("nodes", i, "parent"), f"node {node.id!r} names the parent {node.parent!r}, which is no node")
    for i, meter in enumerate(meters.values()):
        if meter.node is not None and meter.node not in nodes:
            reader.fault(("meters", i, "node"), f"meter {meter.id!r} stands at {meter.node!r}, which is no node")
        for parent in meter.parents:
            if parent not in meters:
                reader.fault(("meters", i, "parent"), f"meter {meter.id!r} is fed by {parent!r}, which is no meter")
            elif meters[parent].medium != meter.medium:
                reader.fault(
                    ("meters", i, "parent"),
                    f"meter {meter.id!r} ({meter.medium}) is fed by {parent!r} ({meters[parent].medium}); media differ",
                )


def _check_circles(reader: _Reader, kind: str, parents: Mapping[str, Sequence[str]]) -> None:
    """Each member on a circle of parents is a fault, named with the circle."""
    done: set[str] = set()
    for i, start in enumerate(parents):
        trail: list[str] = []

        def visit(item: str, trail: list[str] = trail) -> list[str] | None:
            if item in trail:
                return [*trail[trail.index(item) :], item]
            if item in done or item not in parents:
                return None
            trail.append(item)
            for parent in parents[item]:
                if circle := visit(parent):
                    return circle
            trail.pop()
            done.add(item)
            return None

        if (circle := visit(start)) and start in circle:
            reader.fault((kind, i, "parent"), f"{start!r} is its own ancestor: {' -> '.join(circle)}")
            done.update(circle)


def _check_units(reader: _Reader, meters: Mapping[str, Meter]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for i, meter in enumerate(meters.values()):
        if meter.connection is None or meter.device_address is None:
            continue
        key = (meter.connection, meter.device_address)
        if key in seen:
            reader.fault(
                ("meters", i, "device_address"),
                f"meter {meter.id!r} has address {key[1]!r} on {key[0]}, which is {seen[key]!r}'s; "
                "each meter of a connection needs an address of its own",
            )
        seen.setdefault(key, meter.id)


def parse_site(document: Any) -> Site:
    """The site that a document (as a YAML or JSON reader gives it) describes.

    Raises:
        SiteDocumentError: with every fault, each named by its path.
    """
    probe = _Reader(ZoneInfo("UTC"))
    top = probe.mapping(document, (), ("site", "calendar", "planned", "nodes", "meters"))
    head = probe.read(
        {"id": _identifier, "name": _text, "timezone": _timezone},
        probe.mapping(top.get("site", {}), ("site",), ("id", "name", "timezone")),
        ("site",),
    )
    for key in ("id", "timezone"):
        if key not in head and not any(f.path == ("site", key) for f in probe.faults):
            probe.fault(("site",), f"needs `{key}`")
    reader = _Reader(ZoneInfo(head.get("timezone", "UTC")))
    reader.faults = probe.faults
    calendar = reader.calendar(top.get("calendar"))
    nodes, meters = _nodes(reader, top.get("nodes")), _meters(reader, top.get("meters"))
    planned = reader.planned(top.get("planned"), nodes)
    _check_links(reader, nodes, meters)
    _check_circles(reader, "nodes", {n.id: (n.parent,) if n.parent else () for n in nodes.values()})
    _check_circles(reader, "meters", {m.id: m.parents for m in meters.values()})
    _check_units(reader, meters)
    if reader.faults:
        raise SiteDocumentError(reader.faults)
    return Site(head["id"], head.get("name", head["id"]), head["timezone"], nodes, meters, calendar, planned)
