"""The desk: the alert list with its head, as the template needs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Request
from markupsafe import Markup

from alerts.losses import loss_until
from alerts.values import EVERY_DRILL, Alert, AlertCounts, AlertFilter, AlertState
from api.parts import ApiParts, Prices
from api.web.desk_filters import Filters
from api.web.desk_rows import DeskRows, Row, is_judged, row_of
from api.web.open_alerts import OpenAlerts, OpenAlertsKept
from api.web.rendering import Reader, Rendering
from metering.incident import Category

PAGE = 50
_HOURS_A_DAY = 24
_DRILLED = AlertFilter(state=AlertState.ACTIVE, drill=EVERY_DRILL)


@dataclass(frozen=True, slots=True)
class Head:
    """What is being lost now: rates in m3/h and kW, totals since each onset in m3 and kWh, money as estimates.

    is_whole  whether they are of all active alerts; else of the latest raised, so that they are the least it can be
    """

    counts: AlertCounts
    is_whole: bool
    meter_faults: int
    unjudged: int
    water_rate: float
    water_total: float
    energy_rate: float
    energy_total: float
    money_a_day: float
    money_total: float


@lru_cache(maxsize=8)
def head_of(active: OpenAlerts, prices: Prices, now: datetime) -> Head:
    """The sums over the active alerts about too much use."""
    faults = [a for a in active.items if a.category is Category.DATA_QUALITY]
    losing = [a for a in active.items if a.category is not Category.DATA_QUALITY]

    def total(medium: str, of: Callable[[Alert], float | None]) -> float:
        return sum(max(0.0, of(a) or 0.0) for a in losing if a.medium == medium)

    def money(of: Callable[[Alert], float | None]) -> float:
        return sum(total(m, of) * (prices.per_unit(m) or 0.0) for m in ("water", "electricity"))

    def rate(alert: Alert) -> float | None:
        return alert.loss_rate

    def loss(alert: Alert) -> float | None:
        return loss_until(alert, now)

    return Head(
        counts=active.counts,
        is_whole=active.is_whole,
        meter_faults=len(faults),
        unjudged=sum(not is_judged(a) for a in faults),
        water_rate=total("water", rate),
        water_total=total("water", loss),
        energy_rate=total("electricity", rate),
        energy_total=total("electricity", loss),
        money_a_day=money(rate) * _HOURS_A_DAY,
        money_total=money(loss),
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many active alerts are the reader's, nobody's, and overdue."""

    mine: int
    nobody: int
    overdue: int


def waiting_of(active: Sequence[Alert], reader: str, now: datetime) -> Waiting:
    """Counts among these alerts, for the reader of this name."""
    return Waiting(
        mine=sum(a.assigned_to == reader for a in active),
        nobody=sum(a.assigned_to is None for a in active),
        overdue=sum(a.is_overdue(now) for a in active),
    )


@dataclass(frozen=True, slots=True)
class Desk:
    """The whole page. `waiting` is None with more active alerts than are counted one by one.

    `drills` are the active alerts of a drill: in no list, no count and no sum.
    """

    head: Head
    waiting: Waiting | None
    filters: Filters
    rows: tuple[Markup, ...]
    address: str
    next_address: str | None
    places: tuple[tuple[str, str], ...]
    drills: tuple[Row, ...]


class DeskBuilder:
    """Builds the page. What readers share is kept between them: the open alerts, and the lines."""

    def __init__(self, parts: ApiParts, pages: Rendering) -> None:
        self._parts = parts
        self._open = OpenAlertsKept(parts.records)
        self._rows = DeskRows(parts, pages)

    def build(self, reader: Reader, filters: Filters, cursor: str | None) -> Desk:
        """Reads the records once for the list, and for lines that are not kept the store once a medium."""
        site, now, active = reader.site, self._parts.now(), self._open.of(reader.alerts)
        page = reader.alerts.find(filters.wanted(site, reader.user.name, now), cursor=cursor, limit=PAGE)
        here = page_address(filters, cursor)
        return Desk(
            head=head_of(active, self._parts.prices, now.replace(second=0, microsecond=0)),
            waiting=waiting_of(active.items, reader.user.name, now) if active.is_whole else None,
            filters=filters,
            rows=self._rows.write(page.items, reader, here),
            address=here,
            next_address=page_address(filters, page.next_cursor) if page.next_cursor else None,
            drills=tuple(row_of(a, self._parts, reader) for a in reader.alerts.find(_DRILLED, limit=PAGE).items),
            places=tuple((n.id, n.name or n.id) for n in site.nodes.values() if n.kind in ("zone", "building")),
        )


def page_address(filters: Filters, cursor: str | None) -> str:
    """Where a page of the list is, without what was only said once."""
    base = filters.with_()
    return base if cursor is None else f"{base}{'&' if '?' in base else '?'}cursor={quote(cursor)}"


def get_desk_builder(request: Request) -> DeskBuilder:
    """The application's."""
    builder: DeskBuilder = request.app.state.desk_builder
    return builder


CurrentDeskBuilder = Annotated[DeskBuilder, Depends(get_desk_builder)]
