"""Messages to the platform: in order for each order, sent until they are taken, sent again when asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session, aliased

from alerts.database import Database
from alerts.due import LONGEST_ERROR
from alerts.orders.values import OrderAction
from alerts.platform.links import learn_number
from alerts.platform.models import SentRow
from alerts.platform.values import Sent, SentState
from alerts.rows import maybe_moment, moment_of, ms_of

LONGEST_ANSWER = 500
_PENDING = SentState.PENDING.value


@dataclass(frozen=True, slots=True)
class PlatformAnswer:
    """What the platform answered to a message that it took: its own number of the order (empty: none), and a piece."""

    number: str
    text: str


def enqueue(
    session: Session, order_id: int, event: OrderAction, event_id: int, document: dict[str, Any], now_ms: int
) -> SentRow:
    """Write a message, due now. Its id follows from the event, so that it is the same whoever writes it."""
    row = SentRow(
        id=hashlib.sha256(f"platform/{order_id}/{event_id}".encode()).hexdigest()[:32],
        order_id=order_id, event_id=event_id, event=event.value, document=document, state=_PENDING, attempts=0,
        replays=0, created_ms=now_ms, due_ms=now_ms, last_error="", answer="",
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def sent_of(row: SentRow) -> Sent:
    """The message that a row holds."""
    return Sent(
        id=row.id,
        event_id=row.event_id,
        order_id=row.order_id,
        event=OrderAction(row.event),
        document=row.document,
        state=SentState(row.state),
        attempts=row.attempts,
        replays=row.replays,
        created_at=moment_of(row.created_ms),
        due_at=moment_of(row.due_ms),
        delivered_at=maybe_moment(row.delivered_ms),
        last_error=row.last_error,
        answer=row.answer,
    )


class PlatformQueue:
    """What waits for the platform: the `Queue` of its sender."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def next(self, now: datetime) -> Sent | None:
        """The oldest that is due, of an order whose earlier ones are not waiting any more."""
        earlier = aliased(SentRow)
        waits = (
            select(earlier.event_id)
            .where(earlier.order_id == SentRow.order_id, earlier.state == _PENDING, earlier.event_id < SentRow.event_id)
            .exists()
        )
        query = select(SentRow).where(SentRow.state == _PENDING, SentRow.due_ms <= ms_of(now), ~waits)
        with self._database.reading() as session:
            row = session.scalars(query.order_by(SentRow.event_id).limit(1)).one_or_none()
            return None if row is None else sent_of(row)

    def known(self, item: Sent) -> tuple[str, int]:
        """Its id, and how often it was tried before."""
        return item.id, item.attempts

    def mark_delivered(self, item: Sent, answer: PlatformAnswer, now: datetime) -> None:
        """The platform has it, and may have said what it calls the order."""
        with self._database.writing() as session:
            self._set(
                session, item, state=SentState.DELIVERED.value, delivered_ms=ms_of(now), last_error="",
                answer=answer.text[:LONGEST_ANSWER],
            )  # fmt: skip
            if answer.number:
                learn_number(session, item.order_id, answer.number)

    def mark_failed(self, item: Sent, error: str) -> None:
        """The platform refused it for good."""
        with self._database.writing() as session:
            self._set(session, item, state=SentState.FAILED.value, last_error=_shown(error))

    def put_off(self, item: Sent, until: datetime, error: str) -> None:
        """The platform could not take it now."""
        with self._database.writing() as session:
            self._set(session, item, due_ms=ms_of(until), last_error=_shown(error))

    def sent_within(self, since: datetime, now: datetime) -> list[datetime]:
        """When the latest were taken, oldest first."""
        query = select(SentRow.delivered_ms).where(
            SentRow.delivered_ms > ms_of(since), SentRow.delivered_ms <= ms_of(now)
        )
        with self._database.reading() as session:
            return sorted(moment_of(ms) for ms in session.scalars(query) if ms is not None)

    @staticmethod
    def _set(session: Session, item: Sent, **values: Any) -> None:
        """Only where it still waits as it was read: one that is sent again meanwhile goes again."""
        is_same = (SentRow.event_id == item.event_id, SentRow.state == _PENDING, SentRow.replays == item.replays)
        session.execute(update(SentRow).where(*is_same).values(attempts=SentRow.attempts + 1, **values))


def send_again(session: Session, now_ms: int, *which: ColumnElement[bool]) -> list[tuple[str, int]]:
    """Let these messages go once more, with the ids they had; id and order of each."""
    found = session.scalars(select(SentRow).where(*which).order_by(SentRow.event_id)).all()
    for row in found:
        row.state, row.due_ms, row.attempts, row.replays = _PENDING, now_ms, 0, row.replays + 1
        row.delivered_ms, row.last_error = None, ""
    return [(row.id, row.order_id) for row in found]


def counts_of(session: Session) -> dict[SentState, int]:
    """How many messages stand where."""
    counted = select(SentRow.state, func.count()).group_by(SentRow.state)
    found = {SentState(state): number for state, number in session.execute(counted)}
    return {state: found.get(state, 0) for state in SentState}


def oldest_waiting(session: Session) -> datetime | None:
    """Since when the oldest message waits."""
    found: int | None = session.scalar(select(func.min(SentRow.created_ms)).where(SentRow.state == _PENDING))
    return maybe_moment(found)


def page_of(session: Session, which: Sequence[ColumnElement[bool]], limit: int) -> list[Sent]:
    """The latest first."""
    query = select(SentRow).where(*which).order_by(SentRow.event_id.desc()).limit(limit)
    return [sent_of(row) for row in session.scalars(query)]


def _shown(error: str) -> str:
    text = error.replace("\0", "")
    return text if len(text) <= LONGEST_ERROR else text[: LONGEST_ERROR - 1] + "…"
