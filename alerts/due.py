"""The outbox table as its worker sees it: what is due on a channel, and the marks of what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from alerts.database import Database
from alerts.models import AlertRow, OutboxRow
from alerts.rows import alert_of, delivery_of, ms_of
from alerts.values import Alert, Delivery, DeliveryState

LONGEST_ERROR = 500


@dataclass(frozen=True, slots=True)
class Due:
    """A notification whose time has come, with its alert as it stands."""

    delivery: Delivery
    alert: Alert


class DueNotifications:
    """Takes and marks. One worker a channel: a row is not locked while it is being sent."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def next(self, channel: str, now: datetime) -> Due | None:
        """The one that has been due longest, None when none is."""
        query = (
            select(OutboxRow, AlertRow)
            .join(AlertRow, AlertRow.id == OutboxRow.alert_id)
            .where(OutboxRow.channel == channel, OutboxRow.state == DeliveryState.PENDING.value)
            .where(OutboxRow.due_ms <= ms_of(now))
            .order_by(OutboxRow.due_ms, OutboxRow.created_ms, OutboxRow.id)
            .limit(1)
        )
        with self._database.reading() as session:
            for outbox, alert in session.execute(query):
                return Due(delivery_of(outbox), alert_of(alert))
        return None

    def mark_delivered(self, notification_id: str, now: datetime) -> None:
        """The channel has it. It stays delivered even if it was withdrawn while it was on its way."""
        with self._database.writing() as session:
            session.execute(
                update(OutboxRow)
                .where(OutboxRow.id == notification_id)
                .values(
                    state=DeliveryState.DELIVERED.value, delivered_ms=ms_of(now),
                    attempts=OutboxRow.attempts + 1, last_error="",
                )
            )  # fmt: skip

    def mark_failed(self, notification_id: str, error: str) -> None:
        """The channel refused it for good."""
        self._mark_pending(notification_id, {"state": DeliveryState.FAILED.value}, error)

    def put_off(self, notification_id: str, until: datetime, error: str) -> None:
        """The channel could not take it now."""
        self._mark_pending(notification_id, {"due_ms": ms_of(until)}, error)

    def _mark_pending(self, notification_id: str, values: dict[str, str | int], error: str) -> None:
        still_pending = (OutboxRow.id == notification_id, OutboxRow.state == DeliveryState.PENDING.value)
        shown = error if len(error) <= LONGEST_ERROR else error[: LONGEST_ERROR - 1] + "…"
        with self._database.writing() as session:
            session.execute(
                update(OutboxRow)
                .where(*still_pending)
                .values(**values, attempts=OutboxRow.attempts + 1, last_error=shown.replace("\0", ""))
            )
