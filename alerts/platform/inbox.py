"""Events of the platform as they come in: each taken once, done to its order or kept where people see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta, tzinfo
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from alerts.database import Database
from alerts.errors import AlertError, RefusedError
from alerts.models import AlertRow
from alerts.orders.errors import OrderConflictError
from alerts.orders.models import OrderRow
from alerts.platform.acting import PlatformHand, standing, state_said
from alerts.platform.links import learn_number, link_row, order_meant
from alerts.platform.mapping import Receive
from alerts.platform.models import LinkRow, ReceivedRow
from alerts.platform.photos import PhotoTaker, Ready, ready
from alerts.platform.reading import at_or_now, digest_of, read_event
from alerts.platform.signing import WINDOW_S
from alerts.platform.values import PLATFORM, REMARKS, Inbound, Placing, Says
from alerts.platform.whys import Why, in_english
from alerts.rows import ms_of
from alerts.texts import is_storable
from alerts.values import Clock, utc_now

_DEEPEST = 20
_BEFORE_DONE = frozenset({Says.ASSIGNED, Says.STARTED, Says.REJECTED})
_AHEAD = timedelta(seconds=WINDOW_S)


class EventReusedError(AlertError):
    """The id of an event stands for another event."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What is answered; `is_repeat`: it was answered before."""

    answer: dict[str, Any]
    is_repeat: bool = False


class Inbox:
    """Takes events. Thread-safe; each is one transaction."""

    def __init__(
        self,
        database: Database,
        receive: Receive,
        zone: Callable[[], tzinfo],
        photos: PhotoTaker,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._receive = receive
        self._zone = zone
        self._photos = photos
        self._clock = clock

    def take(self, body: bytes) -> Taken:
        """Take a signed body.

        Raises:
            RefusedError: it is no JSON object.
            EventReusedError: its id stands for another event.
        """
        document, digest = read_object(body), digest_of(body)
        said = read_event(document, digest, self._receive, self._zone())
        photos = ready(said.photos)
        with self._database.writing() as session:
            if (known := self._begin(session, said, document, digest)) is not None:
                if known.digest != digest:
                    raise EventReusedError(f"the event {said.id!r} was another one; each event needs its own id")
                return Taken(known.answer, is_repeat=True)
            row = session.get_one(ReceivedRow, said.id)
            self._place(session, row, said, photos)
            return Taken(row.answer)

    def place_waiting(self) -> int:
        """Events whose order was not known and is now: placed; how many. A lost answer of theirs is the usual cause."""
        waiting = (
            select(ReceivedRow.id)
            .join(LinkRow, LinkRow.number == ReceivedRow.number)
            .where(ReceivedRow.placing == Placing.UNPLACED.value, ReceivedRow.order_id.is_(None))
            .where(ReceivedRow.number != "", ReceivedRow.our_number == "", ReceivedRow.says.is_not(None))
            .order_by(ReceivedRow.at_ms, ReceivedRow.received_ms)
        )
        with self._database.reading() as session:
            found = session.scalars(waiting.limit(100)).all()
        return sum(self.try_again(event_id) is Placing.APPLIED for event_id in found)

    def try_again(self, event_id: str) -> Placing:
        """Read an unplaced event once more: its order may be known by now, or the mapping mended.

        Raises:
            RefusedError: there is none of this id, or it was placed.
        """
        with self._database.reading() as session:
            kept = unplaced(session, event_id)
            said = read_event(kept.body, kept.digest, self._receive, self._zone())
        photos = ready(said.photos)
        with self._database.writing() as session:
            row = unplaced(session, event_id)
            row.says, row.code, row.our_number, row.number = said.says, said.code, said.order, said.number
            self._place(session, row, replace(said, id=row.id), photos)
            return Placing(row.placing)

    def settle(self, session: Session, row: OrderRow) -> None:
        """The meters agree: where the platform called the order closed, it is."""
        link = session.get(LinkRow, row.id)
        if link is not None and link.said == Says.CLOSED.value:
            said = Inbound(PLATFORM, None, Says.CLOSED, "", number=link.number)
            PlatformHand(session, row, said, self._receive.outcome, ms_of(self._clock())).close_if_verified()

    def _begin(self, session: Session, said: Inbound, document: dict[str, Any], digest: str) -> ReceivedRow | None:
        """Keep the event; of an id that is known what was kept. A second sender of the same waits for the first."""
        insert = (sqlite if session.get_bind().dialect.name == "sqlite" else postgresql).insert(ReceivedRow)
        now = self._clock()
        kept = (
            insert.values(
                id=said.id, received_ms=ms_of(now), at_ms=ms_of(at_or_now(said.at, now, _AHEAD)), our_number=said.order,
                number=said.number, says=said.says and said.says.value, code=said.code, whys=[],
                placing=Placing.UNPLACED.value, body=document, digest=digest, answer={},
            )
            .on_conflict_do_nothing()
            .returning(ReceivedRow.id)
        )  # fmt: skip
        # What comes back says whether it was put in; the count of rows is unknown to some drivers.
        is_new = session.scalars(kept).one_or_none() is not None
        return None if is_new else session.get_one(ReceivedRow, said.id)

    def _place(self, session: Session, row: ReceivedRow, said: Inbound, photos: Sequence[Ready]) -> None:
        placing, whys, order = self._placed(session, row, said, photos)
        row.placing, row.order_id = placing.value, None if order is None else order.id
        row.whys = [why.document() for why in whys]
        answer: dict[str, Any] = {"event": row.id, "result": placing.value, "reason": in_english(whys)}
        if placing is not Placing.UNPLACED:
            row.body = without_pictures(row.body)
        if order is not None:
            number = link_row(session, order.id).number
            answer |= standing(order, number)
        row.answer = answer

    def _placed(
        self, session: Session, row: ReceivedRow, said: Inbound, photos: Sequence[Ready]
    ) -> tuple[Placing, list[Why], OrderRow | None]:
        if said.says is None:
            known = ", ".join(self._receive.events)
            return Placing.UNPLACED, [Why("unknown_event", {"said": said.code or "–", "known": known})], None
        order = order_meant(session, said.order, said.number)
        if order is None:
            return Placing.UNPLACED, [Why("unknown_order", {"number": said.order or said.number or "–"})], None
        if order.alert_id is not None:  # held as people hold both, so that nobody waits in a circle
            session.get(AlertRow, order.alert_id, with_for_update=True)
        if said.number:
            learn_number(session, order.id, said.number)
        link, at_ms = link_row(session, order.id), row.at_ms or row.received_ms
        is_late = said.says not in REMARKS and link.said_ms is not None and at_ms < link.said_ms
        is_late = is_late or _is_overtaken(order, said.says, at_ms)
        try:
            with session.begin_nested():
                whys = self._do(session, order, said, is_late=is_late)
                whys += self._photos.take(session, order, photos, ms_of(self._clock()))
                if not is_late:
                    state_said(link, said.says, at_ms)
        except (AlertError, OrderConflictError) as error:
            session.refresh(order)
            return Placing.UNPLACED, [Why("refused", {"error": str(error)})], order
        return (Placing.LATE if is_late else Placing.APPLIED), whys, order

    def _do(self, session: Session, order: OrderRow, said: Inbound, *, is_late: bool) -> list[Why]:
        now_ms = ms_of(self._clock())
        hand = PlatformHand(session, order, said, self._receive.outcome, now_ms)
        whys = []
        if is_late:
            hand.remark()
            whys.append(Why("late"))
        elif said.says is not None:
            hand.act(said.says)
        return whys


def _is_overtaken(order: OrderRow, says: Says, at_ms: int) -> bool:
    """Said before the work was done here: the platform hears of that, and says so if it does not agree."""
    return says in _BEFORE_DONE and order.done_ms is not None and at_ms < order.done_ms


def read_object(body: bytes) -> dict[str, Any]:
    """Raises: RefusedError."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError("the event must be a JSON object in UTF-8") from error
    if not isinstance(document, dict) or not _can_be_kept(document, 0):
        raise RefusedError(f"the event must be a JSON object, at most {_DEEPEST} deep and without NUL")
    return document


def _can_be_kept(value: Any, depth: int) -> bool:
    if depth > _DEEPEST:
        return False
    if isinstance(value, str):
        return is_storable(value)
    if isinstance(value, dict):
        return all(is_storable(k) and _can_be_kept(v, depth + 1) for k, v in value.items())
    return all(_can_be_kept(v, depth + 1) for v in value) if isinstance(value, list) else True


def without_pictures(value: Any, longest: int = 5000) -> Any:
    """The event as it is kept: a picture in it stands with the order, or was refused."""
    if isinstance(value, dict):
        return {key: without_pictures(inner, longest) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_pictures(inner, longest) for inner in value]
    return f"{value[:60]}… ({len(value)} characters)" if isinstance(value, str) and len(value) > longest else value


def unplaced(session: Session, event_id: str) -> ReceivedRow:
    """Raises: RefusedError."""
    row = session.get(ReceivedRow, event_id, with_for_update=True) if is_storable(event_id) else None
    if row is None or row.placing != Placing.UNPLACED.value:
        raise RefusedError(f"no unplaced event is called {event_id!r}")
    return row
