"""What the API asks about roster and routes, and does with them: one object over the records."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import select

from alerts.database import Database
from alerts.duty.on_duty import Hole
from alerts.duty_desk.book_source import BookSource, Surroundings
from alerts.duty_desk.entries import DutyEntries
from alerts.duty_desk.log import DeliveryLog
from alerts.errors import RefusedError, UnknownEntryError
from alerts.models import AlertRow, OutboxRow
from alerts.notify.links import Links
from alerts.routing.book import Book
from alerts.routing.dry_run import RouteRun, dry_run
from alerts.rows import alert_of, delivery_of, ms_of
from alerts.values import Actor, Alert, Clock, Delivery, DeliveryState, NotifyReason, utc_now

LONGEST_LOOK = timedelta(days=60)


class DutyDesk:
    """Thread-safe. Who may do what is for the caller to decide."""

    def __init__(self, database: Database, surroundings: Surroundings, clock: Clock = utc_now) -> None:
        self.entries = DutyEntries(database, clock)
        self.log = DeliveryLog(database)
        self.channels = surroundings.channels
        self.links = Links(database, "", clock)
        self._database = database
        self._books = BookSource(surroundings)
        self._clock = clock

    def book(self) -> Book:
        """Everything as it is set now."""
        with self._database.reading() as session:
            return self._books.read(session)[0]

    def dry_run(self, alert: Alert, moment: datetime) -> tuple[RouteRun, ...]:
        """Who would be told of the alert at that moment, beside what is active now."""
        with self._database.reading() as session:
            rows = session.scalars(select(AlertRow).where(AlertRow.is_active.is_(True)))
            active = [alert_of(row) for row in rows]
            return dry_run(alert, moment, self._books.read(session)[0], active)

    def holes(self, start: datetime, end: datetime) -> tuple[Hole, ...]:
        """Hours that nobody has. Raises: RefusedError, more than 60 days."""
        if not start < end <= start + LONGEST_LOOK:
            raise RefusedError(f"the roster is looked through for up to {LONGEST_LOOK.days} days at once")
        book = self.book()
        return book.roster.holes(start, end, book.local)

    def send_test(self, channel: str, address: str, actor: Actor) -> Delivery:
        """Write a test message; the outbox sends it like any other. Raises: UnknownEntryError, no such channel."""
        if channel not in self.channels:
            raise UnknownEntryError(f"there is no channel {channel!r}; there are: {', '.join(self.channels) or 'none'}")
        now_ms = ms_of(self._clock())
        row = OutboxRow(
            id=uuid4().hex, alert_id=None, channel=channel, receiver=f"channel:{channel}", address=address,
            language="", detail={"by": actor.name}, reason=NotifyReason.TEST.value, state=DeliveryState.PENDING.value,
            attempts=0, created_ms=now_ms, due_ms=now_ms, last_error="",
        )  # fmt: skip
        with self._database.writing() as session:
            session.add(row)
            session.flush()
            return delivery_of(row)
