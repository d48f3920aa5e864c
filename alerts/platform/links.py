"""What the platform calls our orders, and what it said of each last; within one open transaction."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.orders.models import OrderRow
from alerts.platform.models import LinkRow
from alerts.platform.values import Link
from alerts.rows import maybe_moment
from alerts.texts import is_storable

LONGEST_NUMBER = 100
_DIGITS = 15


def link_row(session: Session, order_id: int) -> LinkRow:
    """The order's, made where there is none."""
    row = session.get(LinkRow, order_id, with_for_update=True)
    if row is None:
        row = LinkRow(order_id=order_id, number="", said="", said_ms=None, rating=None)
        session.add(row)
        session.flush()
    return row


def learn_number(session: Session, order_id: int, number: str) -> None:
    """The platform says what it calls the order."""
    number = number.strip()[:LONGEST_NUMBER]
    if number and is_storable(number):
        link_row(session, order_id).number = number


def order_meant(session: Session, ours: str, number: str) -> OrderRow | None:
    """The order of our number, else of theirs; None: it is not known (yet)."""
    if ours.isascii() and ours.isdecimal() and len(ours) <= _DIGITS:
        return session.get(OrderRow, int(ours), with_for_update=True)
    if ours or not number or not is_storable(number):
        return None
    found = session.scalars(select(LinkRow.order_id).where(LinkRow.number == number).limit(2)).all()
    return session.get(OrderRow, found[0], with_for_update=True) if len(found) == 1 else None


def link_of(row: LinkRow) -> Link:
    """The link that a row holds."""
    return Link(row.order_id, row.number, row.said, maybe_moment(row.said_ms), row.rating)
