"""From the orders' history to messages: each line that the platform is told of becomes one, once."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alerts.database import Database
from alerts.models import AlertRow
from alerts.orders.listing import events_after, events_of, photos_of_order
from alerts.orders.models import OrderEventRow, OrderRow
from alerts.orders.rows import order_of
from alerts.orders.states import OrderState
from alerts.orders.values import OrderAction, OrderEvent
from alerts.platform.document import DocumentWriter
from alerts.platform.models import LinkRow, PlatformPositionRow, SentRow
from alerts.platform.queue import enqueue
from alerts.platform.values import PLATFORM, Says
from alerts.rows import alert_of, ms_of
from alerts.users.models import AccountRow
from alerts.users.roles import Role
from alerts.values import Clock, utc_now

_AT_ONCE = 200
_ONLY = 1


class PlatformFeed:
    """Follows the orders' history by its numbers. `told` are the actions that the settings want told.

    settle  called with each order that was verified, in the same transaction: what the platform said may hold now;
            None: the platform says nothing
    """

    def __init__(
        self,
        database: Database,
        writer: DocumentWriter,
        told: frozenset[OrderAction],
        settle: Callable[[Session, OrderRow], None] | None,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._writer = writer
        self._told = told
        self._settle = settle
        self._clock = clock

    def begin(self) -> None:
        """From here on: what was before there was a platform stays untold, unless somebody asks for it."""
        with self._database.writing() as session:
            if session.get(PlatformPositionRow, _ONLY) is None:
                last = session.scalar(select(func.max(OrderEventRow.id))) or 0
                session.add(PlatformPositionRow(id=_ONLY, event_id=last))

    def turn(self) -> bool:
        """Write the next messages; whether there was anything."""
        with self._database.reading() as session:
            position = session.get_one(PlatformPositionRow, _ONLY).event_id
            if not events_after(session, position, 1):
                return False
        with self._database.writing() as session:
            place = session.get_one(PlatformPositionRow, _ONLY, with_for_update=True)
            events = events_after(session, place.event_id, _AT_ONCE)
            _hold_orders(session, events)
            for event in events:
                self._take(session, event)
                place.event_id = event.id
        return bool(events)

    def tell_all_of(self, session: Session, order_id: int) -> int:
        """Messages of what of this order was never told (it is older than the platform); how many."""
        place = session.get(PlatformPositionRow, _ONLY)  # none: the program that sends has not begun
        last = None if place is None else place.event_id
        told = 0
        for event in events_of(session, order_id):
            is_before = last is None or event.id <= last
            if is_before and event.actor != PLATFORM and session.get(SentRow, event.id) is None:
                told += self._tell(session, event)
        return told

    def _take(self, session: Session, event: OrderEvent) -> None:
        if (order := session.get(OrderRow, event.order_id)) is None:  # of a drill: the platform hears nothing of it
            return
        if event.action is OrderAction.VERIFIED and self._settle is not None:
            self._settle(session, order)
        if event.actor != PLATFORM or self._says_more(session, event):
            self._tell(session, event)

    def _says_more(self, session: Session, event: OrderEvent) -> bool:
        """The platform hears nothing of its own acts, but that what it calls closed awaits the meters."""
        if event.action is not OrderAction.DONE:
            return False
        order, link = session.get_one(OrderRow, event.order_id), session.get(LinkRow, event.order_id)
        is_waiting = order.alert_id is not None and order.state == OrderState.DONE.value
        return is_waiting and link is not None and link.said == Says.CLOSED.value

    def _tell(self, session: Session, event: OrderEvent) -> bool:
        if event.action not in self._told:
            return False
        order = order_of(session.get_one(OrderRow, event.order_id))
        alert = None if order.alert_id is None else session.get(AlertRow, order.alert_id)
        photos = tuple(photo.id for photo in photos_of_order(session, order.id))
        account = session.scalars(select(AccountRow).where(AccountRow.name == event.detail.get("assignee"))).first()
        document = self._writer.write(
            order, event, None if alert is None else alert_of(alert), photos,
            is_contractor=account is not None and account.role == Role.CONTRACTOR.value,
        )  # fmt: skip
        enqueue(session, order.id, event.action, event.id, document, ms_of(self._clock()))
        return True


def _hold_orders(session: Session, events: Iterable[OrderEvent]) -> None:
    """All at once and by their numbers, before anything is written: whoever acts on one has it before the history."""
    numbers = {event.order_id for event in events}
    held = select(OrderRow.id).where(OrderRow.id.in_(numbers)).order_by(OrderRow.id).with_for_update()
    session.scalars(held).all()
