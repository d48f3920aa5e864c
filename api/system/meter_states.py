"""Every meter of the site as collecting sees it now: its state, searched, filtered, sorted and cut into pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from api.system.collector import age_s
from metering.health import HealthReport, MeterHealth
from metering.site import Meter, Site

_LATE_PERIODS = 3.0
_LATE_S = 3600.0  # where the site file does not say how often a meter is read

State = Literal["broken", "silent", "late", "ok", "unread"]
STATES: tuple[State, ...] = ("broken", "silent", "late", "ok", "unread")
TROUBLED: tuple[State, ...] = ("broken", "silent", "late")
Sort = Literal["trouble", "meter", "age", "errors", "next"]
SORTS: tuple[Sort, ...] = ("trouble", "meter", "age", "errors", "next")


@dataclass(frozen=True, slots=True)
class MeterRow:
    """One meter. `state`: broken (its breaker is open), silent (never heard of), late, ok, unread (no connection).

    age_s     of its newest reading
    next_s    until it is asked again; None where it sends by itself
    building  the id of the building, or where there is none of the highest place below the campus
    """

    id: str
    health: MeterHealth
    meter: Meter | None
    state: State
    age_s: float | None
    next_s: float | None
    building: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which meters, in which order. Empty texts choose all; every word of `search` must be found."""

    search: str = ""
    state: str = ""
    building: str = ""
    connection: str = ""
    sort: Sort = "trouble"
    is_reverse: bool = False
    offset: int = 0
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Chosen:
    """A page of the meters that are wanted. `states` counts those of any state, the other conditions as they are."""

    rows: tuple[MeterRow, ...]
    total: int
    states: Mapping[str, int]


def meter_rows(report: HealthReport, site: Site) -> list[MeterRow]:
    """All meters of the site, and those that are reported and stand in no site file any more."""
    known = {m.meter: m for m in report.meters}
    buildings = _buildings(site)
    ids = (*site.meters, *(m for m in known if m not in site.meters))
    return [_row(i, known.get(i), site.meters.get(i), report, buildings) for i in ids]


def _row(
    identity: str, health: MeterHealth | None, meter: Meter | None, report: HealthReport, buildings: Mapping[str, str]
) -> MeterRow:
    found = health or MeterHealth(identity, (meter.connection or "") if meter is not None else "")
    age = age_s(report, found.last_reading)
    due = None if found.next_poll is None else float((found.next_poll - report.time) / np.timedelta64(1, "ms")) / 1000
    place = buildings.get(meter.node or "", "") if meter is not None else ""
    return MeterRow(identity, found, meter, state_of(health, meter, age), age, due, place)


def state_of(health: MeterHealth | None, meter: Meter | None, age: float | None) -> State:
    """How a meter is: by its breaker, else by the age of its newest reading in s."""
    if health is None and (meter is None or meter.connection is None):
        return "unread"
    if health is not None and health.breaker == "open":
        return "broken"
    if age is None:
        return "silent" if health is None or health.expected or health.errors else "ok"
    period = meter.poll_s if meter is not None and meter.poll_s else None
    return "late" if age > (_LATE_PERIODS * period if period else _LATE_S) else "ok"


def _buildings(site: Site) -> dict[str, str]:
    """The building of every node."""
    found: dict[str, str] = {}
    for node in site.nodes:
        path = site.place_path(node)
        found[node] = next((n for n in path if site.nodes[n].kind == "building"), path[min(1, len(path) - 1)])
    return found


def choose(rows: Iterable[MeterRow], site: Site, wanted: Wanted) -> Chosen:
    """The page of rows that is wanted."""
    words = wanted.search.casefold().split()
    found = [
        row
        for row in rows
        if (not wanted.building or row.building == wanted.building)
        and (not wanted.connection or row.health.connection == wanted.connection)
        and (not words or _has_all(_text(row, site), words))
    ]
    states = Counter(row.state for row in found)
    chosen = [row for row in found if _is_in(row, wanted.state)]
    chosen.sort(key=_KEYS[wanted.sort], reverse=wanted.is_reverse)
    page = tuple(chosen[wanted.offset : wanted.offset + wanted.limit])
    return Chosen(page, len(chosen), {state: states[state] for state in STATES})


def _has_all(text: str, words: Sequence[str]) -> bool:
    return all(word in text for word in words)


def _is_in(row: MeterRow, state: str) -> bool:
    return row.state in TROUBLED if state == "troubled" else not state or row.state == state


def _text(row: MeterRow, site: Site) -> str:
    """All that somebody may look for: number, name, place, model, connection, address, error."""
    meter = row.meter
    said: list[Any] = [row.id, row.health.connection, row.health.last_error]
    if meter is not None:
        said += [meter.name, meter.profile, meter.device_address, meter.connection]
        path: Sequence[str] = site.place_path(meter.node) if meter.node else ()
        said += [site.nodes[node].name or node for node in path]
    return " ".join(str(part) for part in said if part).casefold()


def _last(value: float | None) -> tuple[bool, float]:
    return value is None, value or 0.0


_KEYS: dict[Sort, Callable[[MeterRow], Any]] = {
    "trouble": lambda row: (STATES.index(row.state), -row.health.errors if row.state != "ok" else 0, row.id),
    "meter": lambda row: row.id,
    "age": lambda row: (row.age_s is not None, -(row.age_s or 0.0)),  # never heard of first, then the oldest
    "errors": lambda row: (-row.health.errors, row.id),
    "next": lambda row: _last(row.next_s),
}
