"""Keeping photos of reports and orders, within one open transaction."""

from __future__ import annotations

import secrets

from sqlalchemy.orm import Session

from alerts.orders.errors import OrderStateError
from alerts.orders.hand import OrderHand
from alerts.orders.journal import write
from alerts.orders.models import OrderRow, PhotoRow
from alerts.orders.pictures import Picture
from alerts.orders.states import OrderState
from alerts.orders.values import OrderAction, PhotoStage
from alerts.values import Actor

MOST_PHOTOS = 8


def add_photo(hand: OrderHand, row: OrderRow, picture: Picture, stage: PhotoStage) -> PhotoRow:
    """Raises: OrderStateError, the order is closed, somebody else's, or has as many as there may be."""
    hand.check_may_work(row)
    if row.state == OrderState.CLOSED.value:
        raise OrderStateError("a closed order takes no more photos")
    return put_photo(hand.session, row, picture, stage, hand.person.actor, hand.now_ms)


def put_photo(
    session: Session, row: OrderRow, picture: Picture, stage: PhotoStage, actor: Actor, now_ms: int
) -> PhotoRow:
    """Whoever brings it and however the order stands. Raises: OrderStateError, it has as many as there may be."""
    if row.photos >= MOST_PHOTOS:
        raise OrderStateError(f"an order has at most {MOST_PHOTOS} photos", "full")
    kept = keep_photo(session, picture, stage, actor.name, now_ms, order_id=row.id)
    row.photos += 1
    about = {"photo": kept.id, "stage": stage.value}
    write(session, row, OrderAction.PHOTO_ADDED, actor, now_ms, is_new_version=False, detail=about)
    return kept


def keep_photo(
    session: Session, picture: Picture, stage: PhotoStage, by: str, now_ms: int, *, order_id: int | None = None,
    report_id: int | None = None,
) -> PhotoRow:  # fmt: skip
    """A row of its own, of an order or a report."""
    row = PhotoRow(
        id=secrets.token_hex(16), stage=stage.value, by=by, at_ms=now_ms, width=picture.width, height=picture.height,
        size_bytes=len(picture.content), content=picture.content, order_id=order_id, report_id=report_id,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row
