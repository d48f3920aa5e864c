"""Deadlines that were missed: which step, and whose role it was to keep them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from alerts.desk_models import BreachRow
from alerts.models import AlertRow
from alerts.orders.models import OrderRow
from alerts.orders.states import FINISHED
from alerts.rows import ms_of
from alerts.statistics.counted import Wanted, counted, counted_orders, of_kind, order_at
from alerts.users.models import AccountRow


@dataclass(frozen=True, slots=True)
class Missed:
    """So many deadlines of a step.

    role      the assignee's, empty where nobody was assigned
    category  the alert's, empty where an order had none
    """

    step: str
    role: str
    category: str
    count: int


def missed_deadlines(session: Session, wanted: Wanted, now_ms: int) -> tuple[Missed, ...]:
    """The deadlines that ended in the period and were not kept: to acknowledge an alert, to finish an order."""
    return (*_not_acknowledged(session, wanted), *_not_repaired(session, wanted, now_ms))


def _not_acknowledged(session: Session, wanted: Wanted) -> list[Missed]:
    role, kind = _role_of(BreachRow.assigned_to), BreachRow.category
    query = counted(role, kind, func.count()).join(BreachRow, BreachRow.alert_id == AlertRow.id)
    query = query.where(*_due_in(BreachRow.due_ms, wanted), *of_kind(wanted)).group_by(role, kind).order_by(role, kind)
    return [Missed("acknowledge", *row) for row in session.execute(query)]


def _not_repaired(session: Session, wanted: Wanted, now_ms: int) -> list[Missed]:
    role, kind = _role_of(OrderRow.assignee), func.coalesce(AlertRow.category, "")
    is_late = case((OrderRow.state.in_(FINISHED), OrderRow.done_ms), else_=now_ms) > OrderRow.due_ms
    query = counted_orders(role, kind, func.count()).where(
        *_due_in(OrderRow.due_ms, wanted), is_late, *order_at(wanted)
    )
    return [Missed("repair", *row) for row in session.execute(query.group_by(role, kind).order_by(role, kind))]


def _role_of(name: Any) -> Any:
    return func.coalesce(select(AccountRow.role).where(AccountRow.name == name).scalar_subquery(), "")


def _due_in(due: Any, wanted: Wanted) -> tuple[Any, Any]:
    return due >= ms_of(wanted.since), due < ms_of(wanted.until)
