"""What people see and do of the repair platform: messages and events; sending again, placing, setting aside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from alerts.database import Database
from alerts.duty_desk.models import EntryChangeRow
from alerts.errors import RefusedError, UnknownEntryError
from alerts.orders.models import OrderRow
from alerts.platform.feed import PlatformFeed
from alerts.platform.inbox import Inbox, unplaced
from alerts.platform.links import link_of
from alerts.platform.models import LinkRow, ReceivedRow, SentRow
from alerts.platform.queue import counts_of, oldest_waiting, page_of, send_again
from alerts.platform.values import Link, Placing, Received, Says, Sent, SentState
from alerts.platform.whys import in_english, why_of
from alerts.rows import maybe_moment, moment_of, ms_of
from alerts.texts import is_storable
from alerts.values import Actor, Clock, utc_now

MOST_AT_ONCE = 5000
LARGEST_PAGE = 500
_KIND = "platform"


@dataclass(frozen=True, slots=True)
class PlatformFigures:
    """How it goes: messages by state, since when the oldest waits, events by what became of them."""

    sent: dict[SentState, int]
    oldest_waiting: datetime | None
    received: dict[Placing, int]


class PlatformDesk:
    """Thread-safe; every act is one transaction and stands in the history of what people set.

    inbox  None: the platform says nothing
    wake   called when something is to be sent
    """

    def __init__(
        self,
        database: Database,
        inbox: Inbox | None,
        feed: PlatformFeed,
        wake: Callable[[], None] = lambda: None,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self.inbox = inbox
        self._feed = feed
        self._wake = wake
        self._clock = clock

    # -- what is shown --------------------------------------------------------------------------------------------

    def figures(self) -> PlatformFigures:
        """How it goes."""
        counted = select(ReceivedRow.placing, func.count()).group_by(ReceivedRow.placing)
        with self._database.reading() as session:
            placed = {Placing(placing): number for placing, number in session.execute(counted)}
            received = {placing: placed.get(placing, 0) for placing in Placing}
            return PlatformFigures(counts_of(session), oldest_waiting(session), received)

    def sent(
        self, *, state: SentState | None = None, order_id: int | None = None, before: int | None = None, limit: int = 50
    ) -> list[Sent]:
        """Messages, the latest first; `before` an event's number. Raises: RefusedError (limit not in 1..500)."""
        which: list[ColumnElement[bool]] = []
        if state is not None:
            which.append(SentRow.state == state.value)
        if order_id is not None:
            which.append(SentRow.order_id == order_id)
        if before is not None:
            which.append(SentRow.event_id < before)
        with self._database.reading() as session:
            return page_of(session, which, _checked_limit(limit))

    def received(
        self, *, placing: Placing | None = None, order_id: int | None = None, limit: int = 50
    ) -> list[Received]:
        """Events of the platform, the latest first. Raises: RefusedError."""
        query = select(ReceivedRow).order_by(ReceivedRow.received_ms.desc(), ReceivedRow.id.desc())
        if placing is not None:
            query = query.where(ReceivedRow.placing == placing.value)
        if order_id is not None:
            query = query.where(ReceivedRow.order_id == order_id)
        with self._database.reading() as session:
            return [_received(row) for row in session.scalars(query.limit(_checked_limit(limit)))]

    def link(self, order_id: int) -> Link | None:
        """What the platform calls the order; None: it never said anything of it."""
        with self._database.reading() as session:
            row = session.get(LinkRow, order_id)
            return None if row is None else link_of(row)

    def links(self, order_ids: list[int]) -> dict[int, Link]:
        """Of these orders."""
        with self._database.reading() as session:
            rows = session.scalars(select(LinkRow).where(LinkRow.order_id.in_(order_ids)))
            return {row.order_id: link_of(row) for row in rows}

    # -- what people do -------------------------------------------------------------------------------------------

    def replay(self, delivery_id: str, actor: Actor) -> None:
        """Send this message again, with its id. Raises: UnknownEntryError."""
        is_it = SentRow.id == (delivery_id if is_storable(delivery_id) else None)
        with self._database.writing() as session:
            if not self._again(session, actor, f"message {delivery_id}", is_it):
                raise UnknownEntryError(f"there is no message {delivery_id!r}")
        self._wake()

    def replay_range(self, since: datetime, until: datetime, actor: Actor, state: SentState | None = None) -> int:
        """Send again what was written in [since, until); how many. Raises: RefusedError: none, or too many at once."""
        which = [SentRow.created_ms >= ms_of(since), SentRow.created_ms < ms_of(until)]
        if state is not None:
            which.append(SentRow.state == state.value)
        if until <= since:
            raise RefusedError("the range ends after it begins")
        with self._database.writing() as session:
            count = session.scalar(select(func.count()).select_from(SentRow).where(*which)) or 0
            if count > MOST_AT_ONCE:
                raise RefusedError(f"that would be {count} messages; at most {MOST_AT_ONCE} go at once")
            self._again(session, actor, f"{since.isoformat()}/{until.isoformat()}", *which)
        self._wake()
        return count

    def replay_order(self, order_id: int, actor: Actor) -> int:
        """Send everything of this order, what was never told too; how many. Raises: UnknownEntryError."""
        with self._database.writing() as session:
            if session.get(OrderRow, order_id) is None:
                raise UnknownEntryError(f"there is no work order {order_id}")
            self._feed.tell_all_of(session, order_id)
            found = self._again(session, actor, f"order {order_id}", SentRow.order_id == order_id)
        self._wake()
        return len(found)

    def try_again(self, event_id: str, actor: Actor) -> Placing:
        """Read an unplaced event once more. Raises: RefusedError."""
        if self.inbox is None:
            raise RefusedError("this platform says nothing: `repair_platform.direction` is `out`")
        placing = self.inbox.try_again(event_id)
        with self._database.writing() as session:
            self._note(session, actor, event_id, "tried_again", {"placing": placing.value})
        return placing

    def set_aside(self, event_id: str, actor: Actor) -> None:
        """Let an unplaced event go. Raises: RefusedError."""
        with self._database.writing() as session:
            row = unplaced(session, event_id)
            row.placing = Placing.SET_ASIDE.value
            self._note(session, actor, event_id, "set_aside", {"whys": row.whys})

    def _again(self, session: Session, actor: Actor, about: str, *which: ColumnElement[bool]) -> list[tuple[str, int]]:
        found = send_again(session, ms_of(self._clock()), *which)
        if found:
            self._note(session, actor, about, "sent_again", {"messages": len(found)})
        return found

    def _note(self, session: Session, actor: Actor, about: str, action: str, document: dict[str, object]) -> None:
        session.add(
            EntryChangeRow(
                kind=_KIND, entry_id=about, at_ms=ms_of(self._clock()), actor=actor.name, origin=actor.origin,
                action=action, version=0, document=document,
            )
        )  # fmt: skip


def _received(row: ReceivedRow) -> Received:
    whys = [why_of(document) for document in row.whys]
    return Received(
        id=row.id,
        received_at=moment_of(row.received_ms),
        at=maybe_moment(row.at_ms),
        order_id=row.order_id,
        order=row.our_number,
        number=row.number,
        says=None if row.says is None else Says(row.says),
        code=row.code,
        placing=Placing(row.placing),
        reason=in_english(whys),
        whys=tuple(whys),
        body=row.body,
    )


def _checked_limit(limit: int) -> int:
    if not 1 <= limit <= LARGEST_PAGE:
        raise RefusedError(f"a page has 1 to {LARGEST_PAGE}, not {limit}")
    return limit
