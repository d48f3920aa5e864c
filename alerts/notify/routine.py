"""What is told without an alert's doing: holes of the roster at once, and the daily digest. Once each, by a mark."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from alerts.duty.calendar import is_named
from alerts.models import AlertRow, OutboxAlertRow, OutboxRow
from alerts.notices import stable_id
from alerts.notify.models import MarkRow
from alerts.notify.tellings import addresses_of
from alerts.orders.models import OrderRow
from alerts.orders.states import OrderState
from alerts.routing.book import Book
from alerts.routing.receivers import Receiver, Why
from alerts.routing.routes import Digest
from alerts.rows import alert_of, ms_of
from alerts.users.accounts import normal_name
from alerts.users.models import AccountRow
from alerts.users.rows import account_of
from alerts.values import DeliveryState, NotifyReason
from alerts.weights import weight_of
from metering.incident import Severity

AHEAD = timedelta(days=14)
_ENDLESS = "endless"  # in the place of a hole's end: nobody is there for as far as the roster is looked at
_NAMED = 5  # alerts that a digest names
_MOST_WORDS = 200
_GIVEN_ORDERS = select(OrderRow).where(
    OrderRow.alert_id.is_(None),
    OrderRow.state.in_([OrderState.ASSIGNED.value, OrderState.REOPENED.value]),
    OrderRow.assignee != OrderRow.assigned_by,
)


def tell_holes(session: Session, book: Book, now: datetime) -> int:
    """Tell each fallback of the hours that nobody has within two weeks, once an hour and duty; how many were told."""
    news: dict[tuple[str, str], list[dict[str, Any]]] = {}
    holes = book.roster.holes(now, now + AHEAD, book.local)
    _forget_filled(session, {hole.duty for hole in holes if hole.end >= now + AHEAD})
    for hole in holes:
        # The end names a hole: its start moves along with now, once it has begun. One without an end is its duty's.
        end = _ENDLESS if hole.end >= now + AHEAD else str(ms_of(hole.end))
        if _mark(session, "hole", f"{hole.duty}@{end}", now):
            said = {"duty": hole.duty, "start_ms": ms_of(hole.start), "end_ms": ms_of(hole.end)}
            news.setdefault((hole.fallback, hole.duty), []).append(said)
    for (fallback, duty), said_holes in news.items():
        _post(session, book, fallback, NotifyReason.ROSTER, {"holes": said_holes[:20], "title": duty}, [], now)
    return len(news)


def _forget_filled(session: Session, endless: set[str]) -> None:
    """A hole without an end that was filled is told again, should it open again."""
    marks = select(MarkRow).where(MarkRow.kind == "hole", MarkRow.key.like(f"%@{_ENDLESS}"))
    for mark in session.scalars(marks):
        if mark.key.removesuffix(f"@{_ENDLESS}") not in endless:
            session.delete(mark)


def tell_digests(session: Session, book: Book, now: datetime) -> int:
    """Send the digests whose time of day has come, once a local day; how many."""
    today, sent = book.local.at(now).date(), 0
    for digest_id, digest in book.digests.items():
        is_due = is_named(today, digest.days, book.local.kind) and now >= book.local.instant(today, digest.at)
        if is_due and _mark(session, "digest", f"{digest_id}@{today}", now):
            detail, named = _figures(session, book, digest, now)
            _post(session, book, digest.person, NotifyReason.DIGEST, detail, named, now)
            sent += 1
    return sent


def tell_orders(session: Session, book: Book, now: datetime) -> int:
    """Tell whoever was given a work order that no alert tells of, once each time it is given or opened again."""
    told = 0
    for row in session.scalars(_GIVEN_ORDERS):
        if row.assignee is None or not _mark(session, "order", f"{row.id}@{row.assigned_ms}@{row.reopened}", now):
            continue
        words = (row.title or row.words)[:_MOST_WORDS]
        detail = {"order": row.id, "node": row.node, "words": words, "due_ms": row.due_ms}
        _post(session, book, row.assignee, NotifyReason.ORDER, detail, [], now)
        told += 1
    return told


def _figures(session: Session, book: Book, digest: Digest, now: datetime) -> tuple[dict[str, Any], list[str]]:
    wanted: list[ColumnElement[bool]] = [AlertRow.is_inhibited.is_(False)]
    if digest.nodes:
        wanted.append(AlertRow.node.in_(_below(digest.nodes, book)))
    wanted += _seen_by(session, digest.person, book)
    if digest.categories:
        wanted.append(AlertRow.category.in_([c.value for c in digest.categories]))
    day_ago = ms_of(now - timedelta(days=1))
    active = [alert_of(r) for r in session.scalars(select(AlertRow).where(*wanted, AlertRow.is_active.is_(True)))]

    def count(*more: Any) -> int:
        return session.scalar(select(func.count()).select_from(AlertRow).where(*wanted, *more)) or 0

    counts = {
        "open": len(active),
        "waiting": sum(not a.acknowledged for a in active),
        "new": count(AlertRow.detected_ms > day_ago),
        "cleared": count(AlertRow.closed_ms > day_ago),
    }
    return {"counts": counts}, [a.id for a in sorted(active, key=weight_of)[:_NAMED]]


def _seen_by(session: Session, person: str, book: Book) -> list[ColumnElement[bool]]:
    """What the person's account lets see: its parts of the site; of a contractor what is assigned. None: everything."""
    row = session.scalars(select(AccountRow).where(AccountRow.name == normal_name(person))).one_or_none()
    if row is None:
        return []
    account = account_of(row)
    seen: list[ColumnElement[bool]] = []
    if not account.is_whole_site:
        seen.append(AlertRow.node.in_(_below(account.nodes, book)))
    if account.sees_own_alerts_only:
        seen.append(AlertRow.assigned_to == account.name)
    return seen


def _below(nodes: Sequence[str], book: Book) -> set[str]:
    return {below for node in nodes if node in book.site.nodes for below in book.site.subtree(node)}


def _mark(session: Session, kind: str, key: str, now: datetime) -> bool:
    """Whether this is the first time."""
    if session.get(MarkRow, (kind, key)) is not None:
        return False
    session.add(MarkRow(kind=kind, key=key, at_ms=ms_of(now)))
    return True


def _post(
    session: Session, book: Book, person: str, reason: NotifyReason, detail: dict[str, Any], alerts: list[str],
    now: datetime,
) -> None:  # fmt: skip
    receiver = Receiver(f"person:{person}", Why.NAMED)
    for to, address, language in addresses_of(receiver, Severity.WARNING, book):
        cause = (reason.value, person, address.channel, address.address, str(ms_of(now)), str(detail))
        row = OutboxRow(
            id=stable_id(*cause), alert_id=None, channel=address.channel, receiver=to.key,
            address=address.address, language=language, detail=detail, reason=reason.value,
            state=DeliveryState.PENDING.value, attempts=0, created_ms=ms_of(now), due_ms=ms_of(now), last_error="",
        )  # fmt: skip
        session.add(row)
        session.flush()
        session.add_all(OutboxAlertRow(outbox_id=row.id, alert_id=a, reason=reason.value) for a in alerts)
