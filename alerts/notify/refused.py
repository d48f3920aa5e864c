"""What a channel refused for good (a wrong address, an account that is closed) goes to every other channel, once.

A channel that is only down keeps what it has and is tried again; here nobody would ever hear. What was refused stays
in the log as refused, so that somebody mends the address.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from alerts.models import AlertRow, OutboxAlertRow, OutboxRow
from alerts.notices import stable_id
from alerts.notify.groups import News
from alerts.notify.models import MarkRow
from alerts.notify.tellings import is_current
from alerts.routing.book import Book
from alerts.routing.receivers import Why
from alerts.rows import alert_of, ms_of
from alerts.values import DeliveryState, NotifyReason

LOOKED_BACK = timedelta(days=1)
_NOT_ANOTHER_WAY = frozenset({NotifyReason.TEST.value, NotifyReason.DIGEST.value, NotifyReason.CLEARED.value})
_MARK = "refused"


def tell_otherwise(session: Session, book: Book, now: datetime) -> int:
    """Write the messages that go another way; how many."""
    return sum(_another_way(session, row, book, now) for row in _refused(session, book, now))


def _refused(session: Session, book: Book, now: datetime) -> list[OutboxRow]:
    """Those that nobody looked at yet."""
    marks = select(MarkRow.key).where(MarkRow.kind == _MARK, MarkRow.key == OutboxRow.id)
    query = select(OutboxRow).where(
        OutboxRow.channel.in_(book.channels), OutboxRow.state == DeliveryState.FAILED.value,
        OutboxRow.due_ms > ms_of(now - LOOKED_BACK), ~marks.exists(),
    )  # fmt: skip
    return list(session.scalars(query.order_by(OutboxRow.due_ms, OutboxRow.id).limit(100)))


def _another_way(session: Session, row: OutboxRow, book: Book, now: datetime) -> int:
    session.add(MarkRow(kind=_MARK, key=row.id, at_ms=ms_of(now)))
    told = list(session.scalars(select(OutboxAlertRow).where(OutboxAlertRow.outbox_id == row.id)))
    if row.reason in _NOT_ANOTHER_WAY or "instead_of" in row.detail or not _is_open(session, row, told):
        return 0
    others = _others(session, row, book)
    for channel in others:
        notification = stable_id(row.id, channel)
        detail = row.detail | {"why": Why.UNREACHABLE.value, "about": row.receiver, "instead_of": row.id}
        session.add(
            OutboxRow(
                id=notification, alert_id=row.alert_id, channel=channel, receiver=f"channel:{channel}", detail=detail,
                reason=row.reason, state=DeliveryState.PENDING.value, attempts=0, created_ms=ms_of(now),
                due_ms=ms_of(now), last_error="",
            )
        )  # fmt: skip
        session.flush()
        _about(session, notification, told)
    return len(others)


def _about(session: Session, notification: str, told: Iterable[OutboxAlertRow]) -> None:
    rows = [{"outbox_id": notification, "alert_id": t.alert_id, "reason": t.reason} for t in told]
    if rows:
        session.execute(insert(OutboxAlertRow), rows)


def _is_open(session: Session, row: OutboxRow, told: Iterable[OutboxAlertRow]) -> bool:
    """Whether there is still something in it that its receiver had to hear; a hole of the roster always is."""
    if row.alert_id is None:
        return True
    alerts = [(session.get_one(AlertRow, t.alert_id), t.reason) for t in told]
    return any(is_current(News(alert_of(alert), NotifyReason(why)), row.receiver) for alert, why in alerts)


def _others(session: Session, row: OutboxRow, book: Book) -> list[str]:
    """Channels that were not told of the same by now; none where its person heard of it another way."""
    living = (DeliveryState.PENDING.value, DeliveryState.DELIVERED.value)
    query = select(OutboxRow).where(
        OutboxRow.alert_id == row.alert_id, OutboxRow.reason == row.reason, OutboxRow.state.in_(living),
        OutboxRow.created_ms >= row.created_ms,
    )  # fmt: skip
    beside = list(session.scalars(query))
    if any(other.receiver == row.receiver for other in beside):
        return []
    told = {other.channel for other in beside if other.receiver.startswith("channel:")}
    return [name for name in book.channels if name not in told | {row.channel}]
