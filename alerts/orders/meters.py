"""What the meters say of orders, within one open transaction: they agree, or they disagree."""

from __future__ import annotations

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, aliased

from alerts.actions import PersonsHand
from alerts.desk_policy import DeskPolicy
from alerts.drills.mark import with_drills
from alerts.models import AlertRow
from alerts.orders.alert_link import AlertLink
from alerts.orders.journal import METERS, agree, open_again, write
from alerts.orders.models import OrderRow
from alerts.orders.states import OrderState
from alerts.orders.values import OrderAction
from alerts.values import Actor

_HOUR_MS = 3_600_000
CAME_BACK, STILL_THERE, DRILL_OVER = "came_back", "still_there", "drill_over"


def settle(session: Session, now_ms: int, policy: DeskPolicy, *, of_drills: bool = False) -> list[OrderRow]:
    """Orders whose alerts say something about them (real ones, or those of drills); these.

    Done and the alert cleared: verified. Done for longer than the meters may take, and the alert still active; or
    verified, even closed, and the alert came back: open again. An order that somebody is acting on at this moment
    waits for the next look.
    """
    session.flush()
    found = _disagreed(session, now_ms, policy, of_drills=of_drills)
    done = _of_alerts(OrderState.DONE, of_drills=of_drills)
    agreed = list(session.scalars(done.where(AlertRow.is_active.is_(False))))
    if not found and not agreed:
        return []
    link = AlertLink(PersonsHand(session, METERS, "", now_ms, policy))
    for row, _ in found:
        link.withdraw(row.alert_id)
    for row, reason in found:
        open_again(session, row, METERS, now_ms, reason=reason)
    for row in agreed:
        agree(session, row, METERS, now_ms)
    return [*(row for row, _ in found), *agreed]


def close_of_drill(session: Session, drill: str, actor: Actor, now_ms: int) -> None:
    """The drill is over, and so is what was to be done in it, wherever it stands."""
    left = select(OrderRow).where(OrderRow.drill == drill, OrderRow.state != OrderState.CLOSED.value)
    for row in session.scalars(with_drills(left.order_by(OrderRow.id).with_for_update())).all():
        before = OrderState(row.state)
        row.state, row.closed_ms, row.closed_by = OrderState.CLOSED.value, now_ms, actor.name
        write(session, row, OrderAction.CLOSED, actor, now_ms, before=before, detail={"reason": DRILL_OVER})


def _disagreed(session: Session, now_ms: int, policy: DeskPolicy, *, of_drills: bool) -> list[tuple[OrderRow, str]]:
    since = now_ms - int(policy.repair_h.agree * _HOUR_MS)
    is_active = AlertRow.is_active.is_(True)
    still = _of_alerts(OrderState.DONE, of_drills=of_drills).where(is_active, OrderRow.done_ms <= since)
    later = aliased(OrderRow)
    has_later = select(later.id).where(later.alert_id == OrderRow.alert_id, later.id > OrderRow.id).exists()
    over = _of_alerts(OrderState.VERIFIED, OrderState.CLOSED, of_drills=of_drills)
    back = over.where(is_active, ~has_later)
    return [(row, STILL_THERE) for row in session.scalars(still)] + [(row, CAME_BACK) for row in session.scalars(back)]


def _of_alerts(*states: OrderState, of_drills: bool) -> Select[OrderRow]:
    joined = select(OrderRow).join(AlertRow, AlertRow.id == OrderRow.alert_id)
    wanted = joined.where(OrderRow.state.in_([s.value for s in states]))
    if of_drills:
        wanted = with_drills(wanted.where(OrderRow.drill.is_not(None)))
    return wanted.order_by(OrderRow.id).with_for_update(of=OrderRow, skip_locked=True)
