"""The outbox table as its worker sees it: what is due on a channel, and the marks of what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from alerts.database import Database
from alerts.drills.mark import with_drills
from alerts.models import AlertRow, OutboxAlertRow, OutboxRow
from alerts.rows import alert_of, delivery_of, moment_of, ms_of
from alerts.values import Alert, Delivery, DeliveryState
from alerts.weights import weight_of

LONGEST_ERROR = 500


@dataclass(frozen=True, slots=True)
class Due:
    """A notification whose time has come, with its alerts as they stand, the weightiest first."""

    delivery: Delivery
    alerts: tuple[Alert, ...]


class DueNotifications:
    """Takes and marks. One worker a channel: a row is not locked while it is being sent."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def next(self, channel: str, now: datetime) -> Due | None:
        """The one that has been due longest, None when none is.

        Alerts that another explains by now are left out; where nothing is left to tell, it is withdrawn.
        """
        query = (
            with_drills(select(OutboxRow))
            .where(OutboxRow.channel == channel, OutboxRow.state == DeliveryState.PENDING.value)
            .where(OutboxRow.due_ms <= ms_of(now))
            .order_by(OutboxRow.due_ms, OutboxRow.created_ms, OutboxRow.id)
            .limit(1)
        )
        while True:
            with self._database.reading() as session:
                if (row := session.scalars(query).one_or_none()) is None:
                    return None
                delivery, alerts = delivery_of(row), _alerts_of(session, row)
            if alerts or delivery.alert_id is None:
                return Due(delivery, alerts)
            self._mark_pending(delivery.id, {"state": DeliveryState.WITHDRAWN.value}, "", attempts=0)

    def mark_delivered(self, notification_id: str, now: datetime) -> None:
        """The channel has it. It stays delivered even if it was withdrawn while it was on its way."""
        with self._database.writing() as session:
            session.execute(
                with_drills(update(OutboxRow))
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

    def sent_within(self, channel: str, since: datetime, now: datetime) -> list[datetime]:
        """When the channel took its latest notifications, for its rate limit; oldest first."""
        query = select(OutboxRow.delivered_ms).where(
            OutboxRow.channel == channel, OutboxRow.delivered_ms > ms_of(since), OutboxRow.delivered_ms <= ms_of(now)
        )
        with self._database.reading() as session:
            return sorted(moment_of(ms) for ms in session.scalars(with_drills(query)) if ms is not None)

    def _mark_pending(
        self, notification_id: str, values: dict[str, str | int], error: str, *, attempts: int = 1
    ) -> None:
        still_pending = (OutboxRow.id == notification_id, OutboxRow.state == DeliveryState.PENDING.value)
        shown = error if len(error) <= LONGEST_ERROR else error[: LONGEST_ERROR - 1] + "…"
        with self._database.writing() as session:
            session.execute(
                with_drills(update(OutboxRow))
                .where(*still_pending)
                .values(**values, attempts=OutboxRow.attempts + attempts, last_error=shown.replace("\0", ""))
            )


def _alerts_of(session: Session, row: OutboxRow) -> tuple[Alert, ...]:
    query = select(AlertRow).join(OutboxAlertRow, OutboxAlertRow.alert_id == AlertRow.id)
    query = query.where(OutboxAlertRow.outbox_id == row.id, AlertRow.is_inhibited.is_(False))
    rows = session.scalars(with_drills(query))
    # Bursts and what is severe first; of equals the one that is known longest.
    return tuple(sorted((alert_of(r) for r in rows), key=weight_of))
