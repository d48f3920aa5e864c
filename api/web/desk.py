"""The desk: the alert list with its head, as the template needs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from alerts.values import EVERY_DRILL, Alert, AlertCounts, AlertFilter, AlertState
from api.alerts.document import loss_money
from api.alerts.evidence import joined_rules, loss_until
from api.parts import ApiParts, Prices
from api.web.charts import Sparkline
from api.web.curves import recent_curves
from api.web.desk_filters import Filters
from api.web.rendering import Reader
from metering.incident import Category

PAGE = 50
_MOST_ACTIVE = 500
_HOURS_A_DAY = 24
_DRILLED = AlertFilter(state=AlertState.ACTIVE, drill=EVERY_DRILL)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list. `money` is an estimate."""

    alert: Alert
    title: str
    place: str
    path: tuple[str, ...]
    age: timedelta
    loss: float | None
    money: float | None
    spark: Sparkline | None

    @property
    def is_judged(self) -> bool:
        """See `is_judged`."""
        return is_judged(self.alert)


@dataclass(frozen=True, slots=True)
class Head:
    """What is being lost now: rates in m3/h and kW, totals since each onset in m3 and kWh, money as estimates."""

    counts: AlertCounts
    meter_faults: int
    unjudged: int
    water_rate: float
    water_total: float
    energy_rate: float
    energy_total: float
    money_a_day: float
    money_total: float


def is_judged(alert: Alert) -> bool:
    """Whether use there is judged while the alert is open: a low battery or an open cover makes no reading wrong."""
    return alert.category is not Category.DATA_QUALITY or set(joined_rules(alert)) == {"reported_fault"}


def head_of(counts: AlertCounts, active: Sequence[Alert], prices: Prices, now: datetime) -> Head:
    """The sums over the active alerts about too much use."""
    faults = [a for a in active if a.category is Category.DATA_QUALITY]
    losing = [a for a in active if a.category is not Category.DATA_QUALITY]

    def total(medium: str, of: Callable[[Alert], float | None]) -> float:
        return sum(max(0.0, of(a) or 0.0) for a in losing if a.medium == medium)

    def money(of: Callable[[Alert], float | None]) -> float:
        return sum(total(m, of) * (prices.per_unit(m) or 0.0) for m in ("water", "electricity"))

    def rate(alert: Alert) -> float | None:
        return alert.loss_rate

    def loss(alert: Alert) -> float | None:
        return loss_until(alert, now)

    return Head(
        counts=counts,
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
    rows: tuple[Row, ...]
    cursor: str | None
    next_cursor: str | None
    places: tuple[tuple[str, str], ...]
    drills: tuple[Row, ...]

    @property
    def address(self) -> str:
        """Where this very page is, without what was only said once."""
        return self.page_from(self.cursor)

    def page_from(self, cursor: str | None) -> str:
        """The address of another page of the same list."""
        base = self.filters.with_()
        return base if cursor is None else f"{base}{'&' if '?' in base else '?'}cursor={quote(cursor)}"


def build_desk(parts: ApiParts, reader: Reader, filters: Filters, cursor: str | None) -> Desk:
    """Reads the records once for the head and once for the list, and the store once a medium for the curves."""
    site, alerts, now = reader.site, reader.alerts, parts.now()
    active = alerts.find(AlertFilter(state=AlertState.ACTIVE), limit=_MOST_ACTIVE)
    page = alerts.find(filters.wanted(site, reader.user.name, now), cursor=cursor, limit=PAGE)
    curves = recent_curves(page.items, parts, site)
    return Desk(
        head=head_of(alerts.count(), active.items, parts.prices, now),
        waiting=None if active.next_cursor else waiting_of(active.items, reader.user.name, now),
        filters=filters,
        rows=tuple(row_of(a, parts, reader, curves.get(a.id)) for a in page.items),
        cursor=cursor,
        next_cursor=page.next_cursor,
        drills=tuple(row_of(a, parts, reader) for a in alerts.find(_DRILLED, limit=PAGE).items),
        places=tuple((n.id, n.name or n.id) for n in site.nodes.values() if n.kind in ("zone", "building")),
    )


def row_of(alert: Alert, parts: ApiParts, reader: Reader, spark: Sparkline | None = None) -> Row:
    """The line of an alert, its loss counted up to now."""
    loss = loss_until(alert, parts.now())
    money = loss_money(alert.medium, loss, parts.prices)
    path = reader.site.place_path(alert.node) if alert.node in reader.site.nodes else (alert.node,)
    return Row(
        alert=alert,
        title=reader.wording.title(alert),
        place=reader.wording.place_name(alert.node),
        path=path,
        age=(alert.closed_at or parts.now()) - alert.onset_at,
        loss=loss,
        money=money["amount"] if money and loss else None,
        spark=spark,
    )
