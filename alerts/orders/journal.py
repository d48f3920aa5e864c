"""How an order is moved on and what of it is written down, within one open transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from alerts.orders.errors import OrderStateError
from alerts.orders.models import OrderEventRow, OrderRow
from alerts.orders.states import OrderState, Step, after
from alerts.orders.values import OrderAction
from alerts.values import Actor

METERS = Actor("meters", "rules")


def in_order(session: Session) -> None:
    """Let one transaction write after the other, so that the numbers of events rise as they become visible.

    Who follows them by number would else step over one that commits late. SQLite has one writer anyway. Always the
    last lock that is taken (alerts come before), so that nobody waits for each other in a circle.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE work_order_events IN EXCLUSIVE MODE"))


def move(row: OrderRow, step: Step) -> OrderState:
    """Bring the order to the state that the step leads to; the state before.

    Raises:
        OrderStateError: the step cannot be taken.
    """
    before = OrderState(row.state)
    if (state := after(before, step)) is None:
        raise OrderStateError(
            f"{last_to_act(row)}: the order is {before.value}, where nobody can {step.value} it", by=last_actor(row)
        )
    row.state = state.value
    return before


def last_to_act(row: OrderRow) -> str:
    """The last who moved it on and how, as a conflict says it."""
    return " ".join(_last_act(row))


def last_actor(row: OrderRow) -> str:
    """The last who moved it on."""
    return _last_act(row)[0]


def _last_act(row: OrderRow) -> tuple[str, str]:
    acts = (
        (row.assigned_ms, row.assigned_by, "gave it away"),
        (row.started_ms, row.assignee, "began"),
        (row.done_ms, row.done_by, "said that it is done"),
        (row.verified_ms, row.verified_by, "agreed"),
        (row.closed_ms, row.closed_by, "closed it"),
    )
    # Of two at the same moment the later in this list is the later one.
    done = [(at, i, by, what) for i, (at, by, what) in enumerate(acts) if at is not None and by is not None]
    return max(done)[2:] if done else (row.created_by, "opened it")


def maker_of(session: Session, row: OrderRow) -> str:
    """Whose act made the version that stands."""
    events = select(OrderEventRow).where(OrderEventRow.order_id == row.id).order_by(OrderEventRow.id)
    return next((e.actor for e in session.scalars(events) if e.detail["version"] == row.version), row.created_by)


def write(
    session: Session,
    row: OrderRow,
    action: OrderAction,
    actor: Actor,
    now_ms: int,
    *,
    words: str = "",
    before: OrderState | None = None,
    is_new_version: bool = True,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add a line to the order's history, as it stands now."""
    in_order(session)
    row.version += is_new_version
    row.updated_ms = now_ms
    session.flush()
    standing = {
        "state": row.state, "state_before": None if before is None else before.value, "version": row.version,
        "assignee": row.assignee,
        **({} if row.drill is None else {"drill": row.drill}),
    }  # fmt: skip
    session.add(
        OrderEventRow(
            order_id=row.id, at_ms=now_ms, actor=actor.name, origin=actor.origin, action=action.value, text=words,
            detail={**(detail or {}), **standing},
        )
    )  # fmt: skip
    session.flush()


def agree(session: Session, row: OrderRow, actor: Actor, now_ms: int, words: str = "") -> None:
    """What was done holds. Raises: OrderStateError."""
    before = move(row, Step.AGREE)
    row.verified_ms, row.verified_by = now_ms, actor.name
    write(session, row, OrderAction.VERIFIED, actor, now_ms, words=words, before=before)


def open_again(
    session: Session, row: OrderRow, actor: Actor, now_ms: int, words: str = "", reason: str = "person"
) -> None:
    """It does not hold. Who had it has it again; what was said of it stays in the history. Raises: OrderStateError."""
    before = move(row, Step.REOPEN)
    said = {"outcome_before": row.outcome, "rating_before": row.rating, "reason": reason}
    row.done_ms = row.done_by = row.verified_ms = row.verified_by = row.closed_ms = row.closed_by = None
    row.outcome, row.rating, row.rating_words = None, None, ""
    row.reopened += 1
    write(session, row, OrderAction.REOPENED, actor, now_ms, words=words, before=before, detail=said)
