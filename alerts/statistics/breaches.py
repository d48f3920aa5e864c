"""Deadlines that were missed: which step, and whose role it was to keep them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alerts.desk_models import BreachRow
from alerts.models import AlertRow
from alerts.rows import ms_of
from alerts.statistics.counted import Wanted, counted, of_kind
from alerts.users.models import AccountRow


@dataclass(frozen=True, slots=True)
class Missed:
    """So many deadlines of a step. `role` is the assignee's, empty where nobody was assigned."""

    step: str
    role: str
    category: str
    count: int


def missed_deadlines(session: Session, wanted: Wanted) -> tuple[Missed, ...]:
    """The deadlines to acknowledge that ended in the period without anybody having the alert."""
    role = func.coalesce(select(AccountRow.role).where(AccountRow.name == BreachRow.assigned_to).scalar_subquery(), "")
    query = counted(role, BreachRow.category, func.count()).join(BreachRow, BreachRow.alert_id == AlertRow.id)
    query = query.where(
        BreachRow.due_ms >= ms_of(wanted.since), BreachRow.due_ms < ms_of(wanted.until), *of_kind(wanted)
    )
    rows = session.execute(query.group_by(role, BreachRow.category).order_by(role, BreachRow.category))
    return tuple(Missed("acknowledge", *row) for row in rows)
