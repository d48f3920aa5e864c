"""What the pages of orders show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from alerts.errors import UnknownAlertError
from alerts.orders.orders import Orders
from alerts.orders.states import FINISHED, UNFINISHED, OrderState
from alerts.orders.values import Order, OrderAction, OrderEvent, OrderFilter, Photo, Report
from alerts.platform.values import PLATFORM
from alerts.users.roles import Permission
from alerts.values import EVERY_DRILL, Alert, AlertFilter, AlertState
from api.orders.reach import narrowed
from api.parts import ApiParts
from api.web.alert_story import said_later
from api.web.orders.words import ACTIONS, CHANGES, REASONS
from api.web.rendering import Reader
from api.web.wording import N_
from metering.incident import Severity

PAGE_SIZE = 50
_ALERTS_SHOWN = 20
_RANK = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}
# What a list shows: those that somebody has to do something about come first.
VIEWS: dict[str, tuple[OrderState, ...]] = {
    "open": UNFINISHED,
    "done": (OrderState.DONE, OrderState.VERIFIED),
    "closed": (OrderState.CLOSED,),
}


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One order of a list."""

    order: Order
    title: str
    place: str


@dataclass(frozen=True, slots=True)
class EventLine:
    """One line of the history, in words. `said`: when the person did it, where it was sent later."""

    event: OrderEvent
    what: str
    reason: str
    said: datetime | None


@dataclass(frozen=True, slots=True)
class OrderView:
    """Everything the page of one order shows.

    may_work    begin, checklist, photos, done
    may_manage  give away, confirm, rate, open again
    """

    order: Order
    alert: Alert | None
    title: str
    place: str
    path: tuple[str, ...]
    photos: tuple[Photo, ...]
    reports: tuple[Report, ...]
    events: tuple[EventLine, ...]
    may_work: bool
    may_manage: bool

    @property
    def may_take_alert(self) -> bool:
        """Whether it may turn out to be what the meters see."""
        return self.order.alert_id is None and (self.is_unfinished or self.order.state is OrderState.DONE)

    @property
    def is_unfinished(self) -> bool:
        """Whether somebody still has to work on it."""
        return self.order.state not in FINISHED


def alerts_near(node: str, reader: Reader, *, with_drills: bool = False) -> tuple[tuple[str, str], ...]:
    """Active alerts (id, in words) at a place, on the way down to it, or below it; those of a drill are stamped."""
    site, words = reader.site, reader.wording
    if node not in site.nodes:
        return ()
    places = {*site.place_path(node), *site.subtree(node)}
    wanted = AlertFilter(state=AlertState.ACTIVE, nodes=tuple(sorted(places)), drill=with_drills)
    found = reader.alerts.find(wanted, limit=_ALERTS_SHOWN)
    return tuple((a.id, f"{_stamp(a, reader)}{words.place_name(a.node)} · {words.title(a)}") for a in found.items)


def _stamp(alert: Alert, reader: Reader) -> str:
    return "" if alert.drill is None else f"{reader.wording.gettext(N_('DRILL'))} · "


def orders_near(alert: Alert, orders: Orders, parts: ApiParts, reader: Reader) -> tuple[OrderLine, ...]:
    """Orders that are of no alert yet and may be of this one, by the place."""
    site = reader.site
    if alert.drill is not None or alert.node not in site.nodes:
        return ()
    places = {*site.place_path(alert.node), *site.subtree(alert.node)}
    wanted = OrderFilter(states=(*UNFINISHED, OrderState.DONE), nodes=tuple(sorted(places)))
    found = orders.find(narrowed(reader.reach, wanted), limit=PAGE_SIZE).items
    return tuple(line_of(order, parts, reader) for order in found if order.alert_id is None)


def title_of(order: Order, alert: Alert | None, reader: Reader) -> str:
    """What it is about: its own words, else the alert's, else what was reported."""
    if order.title:
        return order.title
    if alert is not None:
        return reader.wording.title(alert)
    return reader.wording.gettext(N_("Water was reported"))


def alert_of(parts: ApiParts, order: Order) -> Alert | None:
    """The order's alert."""
    if order.alert_id is None:
        return None
    try:
        return parts.records.get_alert(order.alert_id)
    except UnknownAlertError:
        return None


def line_of(order: Order, parts: ApiParts, reader: Reader) -> OrderLine:
    """One order of a list."""
    return OrderLine(order, title_of(order, alert_of(parts, order), reader), reader.wording.place_name(order.node))


def by_urgency(found: Sequence[Order], now: datetime) -> Sequence[Order]:
    """Overdue ones first, then by severity; the oldest first."""
    return sorted(found, key=lambda o: (not o.is_overdue(now), _RANK[o.severity], o.id))


def build_list(
    parts: ApiParts, orders: Orders, reader: Reader, view: str, cursor: int | None
) -> tuple[tuple[OrderLine, ...], int | None, dict[str, int]]:
    """The lines of a view, the cursor of the next page, and how many each view has. None of a drill."""
    base = narrowed(reader.reach, OrderFilter())
    wanted = narrowed(reader.reach, OrderFilter(states=VIEWS[view]))
    page = orders.find(wanted, cursor=cursor, limit=PAGE_SIZE)
    counts = orders.count(base)
    found: Sequence[Order] = page.items
    if view == "open":
        found = by_urgency(found, parts.now())
    totals = {name: sum(counts[s] for s in states) for name, states in VIEWS.items()}
    return tuple(line_of(o, parts, reader) for o in found), page.next_cursor, totals


def drilled_lines(parts: ApiParts, orders: Orders, reader: Reader, view: str) -> tuple[OrderLine, ...]:
    """Those of drills in a view; of what is closed none: the drill's report has them."""
    if view == "closed":
        return ()
    wanted = narrowed(reader.reach, OrderFilter(states=VIEWS[view], drill=EVERY_DRILL))
    return tuple(line_of(o, parts, reader) for o in orders.find(wanted, limit=PAGE_SIZE).items)


def build_order(parts: ApiParts, orders: Orders, reader: Reader, order_id: int) -> OrderView:
    """Raises: UnknownOrderError."""
    order = orders.get(order_id)
    alert = alert_of(parts, order)
    manages, name = reader.user.may(Permission.ORDERS_MANAGE), reader.user.name
    is_own = manages or order.assignee in (None, name)
    return OrderView(
        order=order,
        alert=alert if alert is not None and reader.reach.sees(alert) else None,
        title=title_of(order, alert, reader),
        place=reader.wording.place_name(order.node),
        path=reader.site.place_path(order.node) if order.node in reader.site.nodes else (),
        photos=orders.photos_of(order_id),
        reports=orders.reports_of(order_id),
        events=tuple(_event_line(e, reader) for e in reversed(orders.events_of(order_id))),
        may_work=is_own and reader.user.may(Permission.ORDERS_WORK),
        may_manage=manages,
    )


def _event_line(event: OrderEvent, reader: Reader) -> EventLine:
    say = reader.wording.gettext
    what = say(ACTIONS[event.action])
    if event.action is OrderAction.ASSIGNED:
        name = event.detail.get("assignee") or ""
        what %= {"name": say(N_("Repair platform")) if name == PLATFORM else name}
    changed = event.detail.get("changed")
    if event.action is OrderAction.CHANGED and isinstance(changed, dict) and len(changed) == 1:
        what = say(CHANGES.get(next(iter(changed)), ACTIONS[event.action]))
    reason = REASONS.get(str(event.detail.get("reason", "")))
    return EventLine(event, what, say(reason) if reason else "", said_later(event.at, event.detail))
