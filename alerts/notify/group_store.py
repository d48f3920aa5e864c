"""Groups as rows: found or opened for an alert, read with their members, written back after a look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from alerts.drills.mark import with_drills
from alerts.drills.only import LABEL, ONLY
from alerts.drills.rows import only_receiver
from alerts.models import AlertRow
from alerts.notices import stable_id
from alerts.notify.groups import Flush, GroupTimes, Member, Told
from alerts.notify.models import GroupRow, LookRow, MemberRow
from alerts.routing.book import Book
from alerts.routing.matching import labels_of, routes_of
from alerts.routing.muting import Explanations
from alerts.rows import alert_of, maybe_ms, moment_of, ms_of
from alerts.values import Alert
from metering.incident import Category, Severity


@dataclass(frozen=True, slots=True)
class Looked:
    """A group that is due, with the alerts in it and what was told of each."""

    row: GroupRow
    alerts: tuple[tuple[Alert, Told | None], ...]

    @property
    def times(self) -> GroupTimes:
        """Its timers."""
        flushed = None if self.row.flushed_ms is None else moment_of(self.row.flushed_ms)
        return GroupTimes(moment_of(self.row.opened_ms), flushed)


def take_changed(session: Session, book: Book, now: datetime, limit: int) -> int:
    """Put changed alerts into their groups, and have those looked at now; how many alerts there were."""
    query = select(LookRow, AlertRow).join(AlertRow, AlertRow.id == LookRow.alert_id)
    found = list(session.execute(with_drills(query.order_by(LookRow.at_ms, LookRow.alert_id).limit(limit))))
    held = _groups_holding(session, [alert.id for _, alert in found])
    seen: set[str] = set()
    for look, row in found:
        groups = held.get(row.id, set())
        seen |= groups
        if (row.is_active and not row.is_acknowledged) or groups:
            seen |= _join(session, alert_of(row), groups, book, now, moment_of(look.at_ms))
    session.execute(delete(LookRow).where(LookRow.alert_id.in_([row.id for _, row in found])))
    session.flush()
    session.execute(update(GroupRow).where(GroupRow.id.in_(seen)).values(due_ms=ms_of(now)))
    return len(found)


def _groups_holding(session: Session, alerts: Sequence[str]) -> dict[str, set[str]]:
    held: dict[str, set[str]] = {}
    query = select(MemberRow.alert_id, MemberRow.group_id).where(MemberRow.alert_id.in_(alerts))
    for alert, group in session.execute(query):
        held.setdefault(alert, set()).add(group)
    return held


def _join(
    session: Session, alert: Alert, groups: set[str], book: Book, now: datetime, changed_at: datetime
) -> set[str]:
    """Make the alert a member of its routes' groups; the groups. A route that has it already keeps it where it is."""
    if not alert.is_active:
        return set()
    only = only_receiver(session, alert.drill)
    if only is not None:
        return groups or {_join_group(session, alert, ONLY, {LABEL: only}, now, changed_at)}
    routes_held = set(session.scalars(select(GroupRow.route).where(GroupRow.id.in_(groups)))) if groups else set()
    joined = set()
    for route_id in routes_of(alert, now, book):
        route = book.route(route_id)
        if route is None or route_id in routes_held:
            continue
        joined.add(_join_group(session, alert, route_id, labels_of(route, alert, book), now, changed_at))
    return joined


def _join_group(
    session: Session, alert: Alert, route_id: str, labels: dict[str, str], now: datetime, changed_at: datetime
) -> str:
    """Make the alert a member of the route's group of these labels; the group. A drill's has none but its own."""
    if alert.drill is not None:
        labels = labels | {"drill": alert.drill}
    group_id = stable_id(route_id, *(f"{k}={v}" for k, v in sorted(labels.items())))
    if session.get(GroupRow, group_id) is None:
        opened = ms_of(changed_at)
        session.add(GroupRow(id=group_id, route=route_id, labels=labels, opened_ms=opened, due_ms=ms_of(now)))
        session.flush()
    session.add(MemberRow(group_id=group_id, alert_id=alert.id, steps=0))
    return group_id


def due_groups(session: Session, now: datetime, limit: int) -> list[Looked]:
    """The groups whose time has come, the longest waiting first."""
    query = select(GroupRow).where(GroupRow.due_ms <= ms_of(now)).order_by(GroupRow.due_ms, GroupRow.id)
    rows = list(session.scalars(query.limit(limit)))
    members: dict[str, list[tuple[Alert, Told | None]]] = {row.id: [] for row in rows}
    inside = (
        select(MemberRow, AlertRow)
        .join(AlertRow, AlertRow.id == MemberRow.alert_id)
        .where(MemberRow.group_id.in_(list(members)))
        .order_by(AlertRow.detected_ms, AlertRow.id)
    )
    for member, alert in session.execute(with_drills(inside)):
        members[member.group_id].append((alert_of(alert), _told(member)))
    return [Looked(row, tuple(members[row.id])) for row in rows]


def _told(row: MemberRow) -> Told | None:
    if row.told_ms is None or row.first_ms is None or row.told_severity is None:
        return None
    first, last = moment_of(row.first_ms), moment_of(row.told_ms)
    return Told(Severity(row.told_severity), bool(row.told_active), first, last, row.steps)


def write_back(session: Session, looked: Looked, flush: Flush) -> None:
    """The group's timers and what it has told, in the transaction that writes the messages."""
    row = looked.row
    before = {alert.id: told for alert, told in looked.alerts}
    kept = {member.alert.id for member in flush.members}
    gone = [alert_id for alert_id in before if alert_id not in kept]
    session.execute(delete(MemberRow).where(MemberRow.group_id == row.id, MemberRow.alert_id.in_(gone)))
    _write_told(session, row.id, (m for m in flush.members if m.told != before[m.alert.id]))
    if flush.is_over:
        session.delete(row)
        return
    row.flushed_ms = maybe_ms(flush.times.flushed_at)
    row.due_ms = maybe_ms(flush.due_at)


def _write_told(session: Session, group_id: str, members: Iterable[Member]) -> None:
    changed = [
        {
            "group_id": group_id, "alert_id": m.alert.id, "told_severity": m.told.severity.value,
            "told_active": m.told.is_active, "first_ms": ms_of(m.told.first_at), "told_ms": ms_of(m.told.at),
            "steps": m.told.steps,
        }
        for m in members
        if m.told is not None
    ]  # fmt: skip
    if changed:
        session.execute(update(MemberRow), changed)


def next_due(session: Session) -> datetime | None:
    """When the next group is to be looked at."""
    soonest = session.scalar(select(func.min(GroupRow.due_ms)))
    return None if soonest is None else moment_of(soonest)


def look_at_all(session: Session, now: datetime) -> None:
    """Have every group looked at: a route, silence or duty changed."""
    session.execute(update(GroupRow).values(due_ms=ms_of(now)))


def explanations_of(session: Session) -> Explanations:
    """The active alerts that may explain others."""
    query = select(AlertRow).where(
        AlertRow.is_inhibited.is_(False), AlertRow.is_active.is_(True),
        AlertRow.category.in_([Category.SUPPLY.value, Category.DATA_QUALITY.value]),
    )  # fmt: skip
    return Explanations(alert_of(row) for row in session.scalars(query))
