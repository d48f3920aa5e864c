"""The commissioning page: for the person at the cabinet, each meter with what was read and what it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast, get_args
from urllib.parse import urlencode

from api.system.meter_states import STATES, TROUBLED, MeterRow, Sort, Wanted, choose, meter_rows
from api.system.meters import quality_names
from api.web.rendering import Reader
from metering.health import HealthReport
from metering.quantities import BY_NAME

PAGE_SIZE = 50
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class MeterLine:
    """One meter: the row, where it stands in words, its value's unit and the names of its quality's bits."""

    row: MeterRow
    place: str
    unit: str
    quality: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CommissioningView:
    """One page of meters. `buildings` and `connections` are (value, label) to choose from."""

    report: HealthReport
    lines: tuple[MeterLine, ...]
    wanted: Wanted
    total: int
    states: Mapping[str, int]
    buildings: tuple[tuple[str, str], ...]
    connections: tuple[str, ...]

    @property
    def all(self) -> int:
        """Meters of any state."""
        return sum(self.states.values())

    @property
    def troubled(self) -> int:
        """Meters that need somebody."""
        return sum(self.states[state] for state in TROUBLED)

    @property
    def first(self) -> int:
        """Number of the first line, from 1."""
        return self.wanted.offset + 1 if self.lines else 0

    @property
    def last(self) -> int:
        """Number of the last line."""
        return self.wanted.offset + len(self.lines)

    def link(self, **other: object) -> str:
        """This page with something else asked for; back at its beginning unless `offset` says otherwise."""
        now = self.wanted
        said = {
            "search": now.search, "state": now.state, "building": now.building, "connection": now.connection,
            "sort": now.sort if now.sort != "trouble" else "", "reverse": "1" if now.is_reverse else "", "offset": "",
        } | other  # fmt: skip
        query = urlencode({key: value for key, value in said.items() if value})
        return f"/commissioning?{query}" if query else "/commissioning"

    def sorting(self, sort: str) -> str:
        """The address of a column's head: sorted by it, the other way round the second time."""
        is_again = self.wanted.sort == sort and not self.wanted.is_reverse
        return self.link(sort=sort, reverse="1" if is_again else "")


def wanted_of(query: Mapping[str, str]) -> Wanted:
    """What an address asks for; what it cannot mean is left out, for people type there."""
    sort, state, offset = query.get("sort", ""), query.get("state", ""), query.get("offset", "")
    return Wanted(
        search=query.get("search", "")[:_LONGEST],
        state=state if state in (*STATES, "troubled") else "",
        building=query.get("building", ""),
        connection=query.get("connection", ""),
        sort=cast(Sort, sort) if sort in get_args(Sort) else "trouble",
        is_reverse=bool(query.get("reverse")),
        offset=min(int(offset), 1_000_000) if offset.isdecimal() else 0,
        limit=PAGE_SIZE,
    )


def build_commissioning_view(report: HealthReport, reader: Reader, wanted: Wanted) -> CommissioningView:
    """The page; meters in trouble come first unless told otherwise."""
    rows = meter_rows(report, reader.site)
    chosen = choose(rows, reader.site, wanted)
    nodes = reader.site.nodes
    buildings = {row.building for row in rows if row.building}
    return CommissioningView(
        report=report,
        lines=tuple(_line(row, reader) for row in chosen.rows),
        wanted=wanted,
        total=chosen.total,
        states=chosen.states,
        buildings=tuple((b, nodes[b].name or b) for b in nodes if b in buildings),
        connections=tuple(sorted({row.health.connection for row in rows if row.health.connection})),
    )


def _line(row: MeterRow, reader: Reader) -> MeterLine:
    node = row.meter.node if row.meter is not None else None
    known = BY_NAME.get(row.health.quantity)
    return MeterLine(
        row=row,
        place=reader.wording.place_name(node) if node else "",
        unit=(known.unit if known else "").replace("m3", "m³"),
        quality=tuple(quality_names(row.health.quality)),
    )
