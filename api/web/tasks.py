"""What one person has to do, the most urgent first, as the page needs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.orders.orders import Orders
from alerts.orders.states import UNFINISHED
from alerts.orders.values import OrderFilter, Report
from alerts.users.roles import Permission
from alerts.values import Alert, AlertFilter, AlertState
from api.orders.reach import narrowed
from api.parts import ApiParts
from api.web.desk_rows import Row, row_of
from api.web.orders.order_page import OrderLine, by_urgency, line_of
from api.web.rendering import Reader
from metering.incident import Severity

_MOST_MINE, _MOST_WAITING = 200, 30
_SETTLE_WITHIN = timedelta(days=7)
_RANK = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}


@dataclass(frozen=True, slots=True)
class Task:
    """One card."""

    row: Row
    next_step: str


@dataclass(frozen=True, slots=True)
class OrderTask:
    """One card of a work order. `told`: what people reported, in their words."""

    line: OrderLine
    told: tuple[Report, ...]


@dataclass(frozen=True, slots=True)
class Tasks:
    """The page of one person.

    orders    work orders that are theirs and not done yet; the alert of one stands in none of the others
    mine      active alerts that are theirs to see to and have no outcome yet
    settled   theirs too: the meters cleared them within the last week, and nobody has said what it was; of a drill that
              is asked no more
    waiting   active alerts of nobody, as far as they see them; more may wait
    """

    orders: tuple[OrderTask, ...]
    mine: tuple[Task, ...]
    settled: tuple[Task, ...]
    waiting: tuple[Task, ...]
    more_wait: bool


def build_tasks(parts: ApiParts, orders: Orders, reader: Reader) -> Tasks:
    """Reads what is theirs and what waits for somebody."""
    given = _orders_of(parts, orders, reader)
    ordered = {task.line.order.alert_id for task in given}
    alerts, name, now = reader.alerts, reader.user.name, parts.now()
    own = AlertFilter(state=AlertState.ACTIVE, assigned_to=name, drill=True)
    mine = [a for a in alerts.find(own, limit=_MOST_MINE).items if a.outcome is None]
    cleared = alerts.find(AlertFilter(state=AlertState.CLEARED, assigned_to=name), limit=_MOST_MINE).items  # no drill
    settled = [a for a in cleared if a.outcome is None and a.closed_at and now - a.closed_at <= _SETTLE_WITHIN]
    waiting, more_wait = _waiting(reader)

    def tasks(found: Sequence[Alert]) -> tuple[Task, ...]:
        return tuple(
            Task(row_of(a, parts, reader), parts.playbook.steps(a, reader.site, reader.wording.language)[0])
            for a in _by_urgency(found, now)
            if a.id not in ordered
        )

    return Tasks(given, tasks(mine), tasks(settled), tasks(waiting), more_wait)


def _orders_of(parts: ApiParts, orders: Orders, reader: Reader) -> tuple[OrderTask, ...]:
    """The reader's work orders, the most urgent first; none for who may not work on any."""
    if not reader.user.may(Permission.ORDERS_WORK):
        return ()
    wanted = narrowed(reader.reach, OrderFilter(states=UNFINISHED, assignee=reader.user.name))
    found = by_urgency(orders.find(wanted, limit=_MOST_MINE).items, parts.now())
    return tuple(OrderTask(line_of(order, parts, reader), orders.reports_of(order.id)) for order in found)


def _waiting(reader: Reader) -> tuple[Sequence[Alert], bool]:
    """Nobody's alerts; none for who sees only what is assigned to them."""
    if reader.reach.assignee is not None:
        return (), False
    nobodys = AlertFilter(state=AlertState.ACTIVE, acknowledged=False, assigned_to="", drill=True)
    page = reader.alerts.find(nobodys, limit=_MOST_WAITING)
    return page.items, page.next_cursor is not None


def _by_urgency(alerts: Sequence[Alert], now: datetime) -> list[Alert]:
    """Overdue ones, then those that are not taken, then by severity; the latest first."""
    latest = sorted(alerts, key=lambda a: a.raised_at, reverse=True)
    return sorted(latest, key=lambda a: (not a.is_overdue(now), a.acknowledged, _RANK[a.severity]))
