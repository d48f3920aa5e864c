"""What waits for a receiver, and how it becomes messages: apart while it is little, joined where it storms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from alerts.drills.mark import with_drills
from alerts.models import AlertRow, OutboxAlertRow, OutboxRow
from alerts.notices import stable_id
from alerts.notify.brake import WINDOW, earliest, may_go_apart
from alerts.notify.groups import FIRST, News
from alerts.notify.models import MemberRow, TellingRow
from alerts.routing.book import Book
from alerts.routing.receivers import Receiver, Why, in_place_of
from alerts.routing.routes import Address
from alerts.rows import alert_of, moment_of, ms_of
from alerts.values import Alert, DeliveryState, NotifyReason
from alerts.weights import is_burst, weight_of, worst
from metering.incident import Severity

KEPT = timedelta(days=1)  # tellings that went out; what they became stands in the outbox
# Why an alert is told, the weightiest first: of several reasons in one message the weightiest is named.
_WEIGHTS = (
    NotifyReason.UNANSWERED, NotifyReason.ESCALATED, NotifyReason.ASSIGNED, NotifyReason.REOPENED, NotifyReason.RAISED,
    NotifyReason.REPEATED, NotifyReason.CLEARED,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to one receiver: its alerts with why each is told, the weightiest first."""

    id: str
    receiver: Receiver
    news: tuple[News, ...]


def write_telling(session: Session, receiver: Receiver, group_id: str, news: Sequence[News], now: datetime) -> None:
    """Leave it to the brake."""
    session.add(
        TellingRow(
            receiver=receiver.key, group_id=group_id, items=[[n.alert.id, n.reason.value, n.step] for n in news],
            has_burst=any(is_burst(n.alert) for n in news), why=receiver.why.value, about=receiver.about,
            at_ms=ms_of(now), letter=None, sent_ms=None, drill=news[0].alert.drill,
        )
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Released:
    """How many messages were written, and when the next may be; None where none waits."""

    letters: int
    next_at: datetime | None


def release(session: Session, book: Book, now: datetime) -> Released:
    """Write the messages that may go now."""
    waiting: dict[tuple[str, str | None], list[TellingRow]] = {}
    session.flush()
    unsent = select(TellingRow).where(TellingRow.sent_ms.is_(None)).order_by(TellingRow.id)
    for row in session.scalars(with_drills(unsent)):
        waiting.setdefault((row.receiver, row.drill), []).append(row)
    done = [_release_to(session, key, rows, book, now) for key, rows in waiting.items()]
    later = [one.next_at for one in done if one.next_at is not None]
    return Released(sum(one.letters for one in done), min(later, default=None))


def _release_to(
    session: Session, key: tuple[str, str | None], rows: list[TellingRow], book: Book, now: datetime
) -> Released:
    sent = _sent(session, *key, now)
    due = earliest(sent, now, has_burst=any(r.has_burst for r in rows))
    if due > now:
        return Released(0, due)
    letters = 0
    for heap in [[row] for row in rows] if may_go_apart(sent, len(rows), now) else [rows]:
        letter = _letter(session, heap)
        for row in heap:
            # What turned out to be nothing any more does not count against the receiver's next message.
            row.sent_ms, row.letter = ms_of(now), letter.id if letter.news else None
        if letter.news:
            _post(session, letter, book, now)
            letters += 1
    return Released(letters, None)


def _sent(session: Session, receiver: str, drill: str | None, now: datetime) -> list[datetime]:
    """When messages went to the receiver; tellings that were joined are one. A drill brakes nothing but itself."""
    query = select(TellingRow.letter, TellingRow.sent_ms).where(
        TellingRow.receiver == receiver, TellingRow.drill.is_(None) if drill is None else TellingRow.drill == drill,
        TellingRow.sent_ms > ms_of(now - WINDOW), TellingRow.letter.is_not(None),
    )  # fmt: skip
    sent = session.execute(with_drills(query.distinct()))
    return [moment_of(ms) for _, ms in sent if ms is not None]


def _letter(session: Session, rows: Sequence[TellingRow]) -> Letter:
    """What is still true of all that waited: nobody is told of what was acknowledged or explained meanwhile."""
    alerts = _alerts(session, {str(item[0]) for row in rows for item in row.items})
    said: dict[str, News] = {}
    for row in rows:
        for alert_id, reason, step in row.items:
            news = News(alerts[alert_id], NotifyReason(reason), int(step))
            if not is_current(news, row.receiver):
                _take_back(session, row.group_id, news)
            elif alert_id not in said or _weight(news) <= _weight(said[alert_id]):
                said[alert_id] = news
    first = rows[0]
    return Letter(
        stable_id(first.receiver, *(str(row.id) for row in rows)),
        Receiver(first.receiver, Why(first.why), first.about),
        tuple(sorted(said.values(), key=lambda n: weight_of(n.alert))),
    )


def is_current(news: News, receiver: str) -> bool:
    """Whether the receiver still has to be told, as the alert stands now."""
    alert = news.alert
    if news.reason is NotifyReason.CLEARED:
        return not alert.is_active
    if alert.inhibited_by is not None or not alert.is_active:
        return False
    if news.reason is NotifyReason.ASSIGNED:
        return receiver in {f"person:{alert.assigned_to}", f"person:{alert.acknowledged_by}"}
    if not alert.acknowledged or news.reason is NotifyReason.ESCALATED:
        return True
    return news.reason is NotifyReason.REOPENED and receiver == f"person:{alert.acknowledged_by}"


def _take_back(session: Session, group_id: str, news: News) -> None:
    """It was not told after all: should the alert stand by itself again, it is new."""
    if news.reason in FIRST:
        session.execute(
            update(MemberRow)
            .where(MemberRow.group_id == group_id, MemberRow.alert_id == news.alert.id)
            .values(told_severity=None, told_active=None, first_ms=None, told_ms=None, steps=0)
            .execution_options(synchronize_session=False)
        )


def _alerts(session: Session, wanted: set[str]) -> dict[str, Alert]:
    rows = session.scalars(with_drills(select(AlertRow).where(AlertRow.id.in_(wanted))))
    return {row.id: alert_of(row) for row in rows}


def _weight(news: News) -> int:
    return _WEIGHTS.index(news.reason)


def _post(session: Session, letter: Letter, book: Book, now: datetime) -> None:
    """A row of the outbox for every address of the receiver."""
    lead = letter.news[0]
    severity = worst([n.alert.severity for n in letter.news])
    reason = min(letter.news, key=_weight).reason
    for to, address, language in addresses_of(letter.receiver, severity, book):
        notification = stable_id(letter.id, address.channel, address.address)
        detail = {"why": to.why.value, "about": to.about, "letter": letter.id}
        session.add(
            OutboxRow(
                id=notification, alert_id=lead.alert.id, channel=address.channel, receiver=to.key,
                address=address.address, language=language, detail=detail, reason=reason.value,
                state=DeliveryState.PENDING.value, attempts=0, created_ms=ms_of(now), due_ms=ms_of(now), last_error="",
                drill=lead.alert.drill,
            )
        )  # fmt: skip
        session.flush()
        about = [{"outbox_id": notification, "alert_id": n.alert.id, "reason": n.reason.value} for n in letter.news]
        session.execute(insert(OutboxAlertRow), about)


def addresses_of(receiver: Receiver, severity: Severity, book: Book) -> list[tuple[Receiver, Address, str]]:
    """Who is told where and in which language (empty: the channel's): a person who cannot be reached is every channel.

    What goes to a channel is nobody's own: its link asks whoever follows it to sign in.
    """
    if (person := receiver.person) is None:
        return [(receiver, Address(channel=receiver.key.partition(":")[2]), "")]
    found = book.addresses(person, severity)
    if not found:
        return [(to, Address(channel=to.key.partition(":")[2]), "") for to in in_place_of(receiver, book)]
    return [(receiver, address, book.contacts[person].language) for address in found]


def drop_old(session: Session, now: datetime) -> None:
    """Forget tellings that went out long ago: what they became stands in the outbox."""
    session.execute(with_drills(delete(TellingRow).where(TellingRow.sent_ms < ms_of(now - KEPT))))
