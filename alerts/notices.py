"""Rows of the outbox, written in the same transaction as the change they tell of."""

from __future__ import annotations

from hashlib import sha256

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from alerts.models import AlertRow, OutboxRow
from alerts.values import DeliveryState, NotifyPolicy, NotifyReason


def stable_id(alert_id: str, reason: NotifyReason, cause: str, channel: str) -> str:
    """The notification's id: the same whenever the same cause is worked through again."""
    return sha256(f"{alert_id}\n{reason}\n{cause}\n{channel}".encode()).hexdigest()[:32]


def enqueue(
    session: Session, policy: NotifyPolicy, alert: AlertRow, reason: NotifyReason, *, cause: str, now_ms: int
) -> None:
    """One notification for each channel, due at once, if the policy wants this reason told."""
    if reason not in policy.reasons:
        return
    for channel in policy.channels:
        session.add(
            OutboxRow(
                id=stable_id(alert.id, reason, cause, channel),
                alert_id=alert.id,
                channel=channel,
                reason=reason.value,
                state=DeliveryState.PENDING.value,
                attempts=0,
                created_ms=now_ms,
                due_ms=now_ms,
                last_error="",
            )
        )


def withdraw(session: Session, alert_id: str) -> None:
    """What has not gone out yet of this alert never will."""
    pending = (OutboxRow.alert_id == alert_id, OutboxRow.state == DeliveryState.PENDING.value)
    session.execute(update(OutboxRow).where(*pending).values(state=DeliveryState.WITHDRAWN.value))


def untold(session: Session) -> list[AlertRow]:
    """The active alerts, inhibited ones left out, that no notification was ever written for."""
    told = select(OutboxRow.alert_id).where(
        OutboxRow.alert_id == AlertRow.id, OutboxRow.state != DeliveryState.WITHDRAWN.value
    )
    wanted = select(AlertRow).where(AlertRow.is_inhibited.is_(False), AlertRow.is_active.is_(True), ~told.exists())
    return list(session.scalars(wanted.order_by(AlertRow.detected_ms, AlertRow.id)))
