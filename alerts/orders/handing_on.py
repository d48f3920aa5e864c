"""The orders of an account that goes, within one open transaction."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.drills.mark import with_drills
from alerts.orders.journal import move, write
from alerts.orders.models import OrderRow
from alerts.orders.states import UNFINISHED, Step
from alerts.orders.values import OrderAction
from alerts.values import Actor


def hand_on_orders(session: Session, name: str, heir: str | None, actor: Actor, now_ms: int) -> int:
    """Give what the account still has to do to the heir, or (None) to nobody; how many. Their alerts go by themselves.

    What it did stays its own.
    """
    states = [state.value for state in UNFINISHED]
    query = select(OrderRow).where(OrderRow.assignee == name, OrderRow.state.in_(states)).order_by(OrderRow.id)
    rows = session.scalars(with_drills(query.with_for_update())).all()
    for row in rows:
        before = move(row, Step.UNASSIGN if heir is None else Step.ASSIGN)
        row.assignee = heir
        row.assigned_by, row.assigned_ms = (None, None) if heir is None else (actor.name, now_ms)
        action = OrderAction.UNASSIGNED if heir is None else OrderAction.ASSIGNED
        write(session, row, action, actor, now_ms, before=before, detail={"assigned_before": name})
    return len(rows)
