"""The desk: the alert list with its head, as the template needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

import numpy as np

from alerts.values import Alert, AlertCounts, AlertFilter, AlertState
from api.alerts.document import loss_money
from api.alerts.evidence import joined_rules, loss_until
from api.alerts.series import Source, source_of
from api.parts import ApiParts, Prices
from api.web.charts import Sparkline, sparkline
from api.web.rendering import Reader
from metering.batch import to_ms
from metering.incident import Category, Severity
from metering.ports import IntervalStore, StoreUnavailableError
from metering.site import Site
from metering.windows import GRID_MS

PAGE = 50
_MOST_ACTIVE = 500
_WINDOWS = 56  # of three hours: a week
_WINDOW = np.timedelta64(12 * GRID_MS, "ms")
_HOURS_A_DAY = 24


@dataclass(frozen=True, slots=True)
class Filters:
    """What the reader has chosen; as it stands in the page's address."""

    state: str = "active"
    category: str = ""
    medium: str = ""
    severity: str = ""
    open: str = ""  # "1": nobody has acknowledged it
    node: str = ""

    def with_(self, **changes: str) -> str:
        """The address of the list with some filters changed."""
        chosen = {name: getattr(self, name) for name in self.__slots__} | changes
        defaults = Filters()
        kept = {k: v for k, v in chosen.items() if v != getattr(defaults, k)}
        return "/alerts" + (f"?{urlencode(kept)}" if kept else "")

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the state is chosen."""
        return any((self.category, self.medium, self.severity, self.open, self.node))

    def wanted(self, site: Site) -> AlertFilter:
        """The same as a question to the records."""
        return AlertFilter(
            state=None if self.state == "all" else AlertState(self.state),
            category=Category(self.category) if self.category else None,
            medium=self.medium or None,
            severity=Severity(self.severity) if self.severity else None,
            nodes=tuple(site.subtree(self.node)) if self.node else None,
            acknowledged=False if self.open else None,
        )


def read_filters(query: Mapping[str, str], site: Site) -> Filters:
    """The filters of an address. What is not known there is left out: a page is for people, who see the chips."""

    def one_of(name: str, allowed: Iterable[str], default: str = "") -> str:
        value = query.get(name, default)
        return value if value in set(allowed) else default

    return Filters(
        state=one_of("state", ("active", "cleared", "all"), "active"),
        category=one_of("category", (c.value for c in Category)),
        medium=one_of("medium", ("water", "electricity", "gas", "heat")),
        severity=one_of("severity", (s.value for s in Severity)),
        open=one_of("open", ("1",)),
        node=one_of("node", site.nodes),
    )


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
class Desk:
    """The whole page."""

    head: Head
    filters: Filters
    rows: tuple[Row, ...]
    next_cursor: str | None
    places: tuple[tuple[str, str], ...]


def build_desk(parts: ApiParts, reader: Reader, filters: Filters, cursor: str | None) -> Desk:
    """Reads the records once for the head and once for the list, and the store once a medium for the curves."""
    site, alerts = reader.site, reader.alerts
    active = alerts.find(AlertFilter(state=AlertState.ACTIVE), limit=_MOST_ACTIVE).items
    page = alerts.find(filters.wanted(site), cursor=cursor, limit=PAGE)
    curves = recent_curves(page.items, parts, site)
    rows = tuple(_row(a, parts, reader, curves.get(a.id)) for a in page.items)
    buildings = tuple((n.id, n.name or n.id) for n in site.nodes.values() if n.kind in ("zone", "building"))
    head = head_of(alerts.count(), active, parts.prices, parts.now())
    return Desk(head, filters, rows, page.next_cursor, buildings)


def _row(alert: Alert, parts: ApiParts, reader: Reader, spark: Sparkline | None) -> Row:
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


def recent_curves(alerts: Sequence[Alert], parts: ApiParts, site: Site) -> dict[str, Sparkline]:
    """The last seven days of each alert's meters, by three hours; none where the store cannot answer."""
    end = to_ms(parts.now()).astype("datetime64[h]").astype("datetime64[ms]")
    edges = end - np.arange(_WINDOWS, -1, -1) * _WINDOW
    sources = {a.id: source_of(a, site) for a in alerts}
    try:
        usage = _usage_by_meter(parts.intervals, sources.values(), edges)
    except StoreUnavailableError:
        return {}
    found = {}
    for alert in alerts:
        source = sources[alert.id]
        values = sum((usage[m, source.quantity] for m in source.meters), np.zeros(_WINDOWS))
        values = values - sum((usage[m, source.quantity] for m in source.minus), np.zeros(_WINDOWS))
        span = (edges[-1] - edges[0]) / _WINDOW
        first = float((to_ms(alert.onset_at) - edges[0]) / _WINDOW) / span
        last = 1.0 if alert.closed_at is None else float((to_ms(alert.closed_at) - edges[0]) / _WINDOW) / span
        curve = sparkline(values, (first, last)) if source.meters else None
        if curve is not None:
            found[alert.id] = curve
    return found


def _usage_by_meter(
    store: IntervalStore, sources: Iterable[Source], edges: np.ndarray[tuple[int], np.dtype[np.datetime64]]
) -> dict[tuple[str, str], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Use of every meter any source names: one query a quantity."""
    wanted: dict[str, dict[str, None]] = {}
    for source in sources:
        wanted.setdefault(source.quantity, {}).update(dict.fromkeys((*source.meters, *source.minus)))
    found = {}
    for quantity, meters in wanted.items():
        if not quantity or not meters:
            continue
        series = store.usage(tuple(meters), quantity, edges)
        found.update({(m, quantity): series.usage[:, i] for i, m in enumerate(series.meters)})
    return found
