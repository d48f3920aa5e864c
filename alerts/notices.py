"""What is to be told of a change, written in the same transaction as the change."""

from __future__ import annotations

from hashlib import sha256

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from alerts.drills.mark import WITH_DRILLS
from alerts.models import AlertRow, OutboxAlertRow, OutboxRow
from alerts.notify.models import LookRow, MemberRow, TellingRow
from alerts.routing.receivers import Why
from alerts.rows import alert_of
from alerts.values import DeliveryState, NotifyPolicy, NotifyReason
from alerts.weights import is_burst


def stable_id(*parts: str) -> str:
    """A notification's id: the same whenever the same cause is worked through again."""
    return sha256("\n".join(parts).encode()).hexdigest()[:32]


def look_at(session: Session, alert_id: str, now_ms: int) -> None:
    """Have the dispatcher look at the alert: something about it changed that people may have to hear."""
    if session.get(LookRow, alert_id) is None:
        session.add(LookRow(alert_id=alert_id, at_ms=now_ms))


def forget(session: Session, alert_id: str) -> None:
    """Nothing more is told of the alert by the groups it is in."""
    session.execute(delete(MemberRow).where(MemberRow.alert_id == alert_id))


def tell_person(session: Session, alert: AlertRow, person: str, reason: NotifyReason, now_ms: int) -> None:
    """Tell one account of the alert, whatever the routes say: it is theirs."""
    session.add(
        TellingRow(
            receiver=f"person:{person}", group_id="", items=[[alert.id, reason.value, 0]],
            has_burst=is_burst(alert_of(alert)), why=Why.NAMED.value, about="", at_ms=now_ms, letter=None, sent_ms=None,
            drill=alert.drill,
        )
    )  # fmt: skip


def enqueue(
    session: Session, policy: NotifyPolicy, alert: AlertRow, reason: NotifyReason, *, cause: str, now_ms: int
) -> None:
    """One notification for each channel, due at once, if the policy wants this reason told; without any route."""
    if reason not in policy.reasons:
        return
    for channel in policy.channels:
        notification = stable_id(alert.id, reason, cause, channel)
        session.add(
            OutboxRow(
                id=notification,
                alert_id=alert.id,
                channel=channel,
                receiver=f"channel:{channel}",
                drill=alert.drill,
                reason=reason.value,
                state=DeliveryState.PENDING.value,
                attempts=0,
                created_ms=now_ms,
                due_ms=now_ms,
                last_error="",
            )
        )
        session.flush()
        session.add(OutboxAlertRow(outbox_id=notification, alert_id=alert.id, reason=reason.value))


def withdraw(session: Session, alert_id: str) -> None:
    """What has not gone out yet of this alert alone never will; a message about several leaves it out."""
    pending = (OutboxRow.alert_id == alert_id, OutboxRow.state == DeliveryState.PENDING.value)
    others = select(OutboxAlertRow.alert_id).where(
        OutboxAlertRow.outbox_id == OutboxRow.id, OutboxAlertRow.alert_id != alert_id
    )
    session.execute(
        update(OutboxRow)
        .where(*pending, ~others.exists())
        .values(state=DeliveryState.WITHDRAWN.value)
        .execution_options(synchronize_session=False, **WITH_DRILLS)
    )


def untold(session: Session) -> list[AlertRow]:
    """The active alerts, inhibited ones left out, that nobody was told of and no group holds."""
    told = (
        select(OutboxAlertRow.alert_id)
        .join(OutboxRow, OutboxRow.id == OutboxAlertRow.outbox_id)
        .where(OutboxAlertRow.alert_id == AlertRow.id, OutboxRow.state != DeliveryState.WITHDRAWN.value)
    )
    held = select(MemberRow.alert_id).where(MemberRow.alert_id == AlertRow.id)
    wanted = select(AlertRow).where(
        AlertRow.is_inhibited.is_(False), AlertRow.is_active.is_(True), ~told.exists(), ~held.exists()
    )
    return list(session.scalars(wanted.order_by(AlertRow.detected_ms, AlertRow.id)))
