"""The roster as its page needs it: who is there now, the week ahead, who is away, and what nobody has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from alerts.duty.on_duty import Hole, OnDuty
from alerts.duty.roster import Absence, Duty
from alerts.duty_desk.desk import DutyDesk
from alerts.duty_desk.entries import Entry, EntryKind
from alerts.routing.routes import Contact
from api.web.duty.turns import Turn, by_day, turns_of
from metering.incident import Severity

WEEK = 7
AHEAD = timedelta(days=14)
_LOOK = 3  # days in which the next change of a duty is looked for


@dataclass(frozen=True, slots=True)
class DutyRow:
    """One duty: who has it now, who after that and from when, and its days.

    unreachable  people who have it now and whom no channel reaches
    """

    id: str
    duty: Duty
    version: int
    now: tuple[OnDuty, ...]
    is_hole: bool
    next: Turn | None
    days: tuple[tuple[date, list[Turn]], ...]
    unreachable: frozenset[str]


@dataclass(frozen=True, slots=True)
class Away:
    """Somebody who is or will be away."""

    id: str
    absence: Absence
    author: str
    is_now: bool


@dataclass(frozen=True, slots=True)
class RosterView:
    """The page. `days` are the local days of the table."""

    rows: tuple[DutyRow, ...]
    days: tuple[date, ...]
    today: date
    holes: tuple[Hole, ...]
    away: tuple[Away, ...]
    contacts: tuple[tuple[str, Contact, int], ...]
    channels: tuple[str, ...]
    names: dict[str, str]


def build_roster(desk: DutyDesk, now: datetime) -> RosterView:
    """The roster from today on."""
    book = desk.book()
    today = book.local.at(now).date()
    duties = desk.entries.all(EntryKind.DUTY)
    rows = tuple(_row(desk, entry, now, today) for entry in duties if entry.id in book.roster.duties)
    away = [e for e in desk.entries.all(EntryKind.ABSENCE) if isinstance(e.content, Absence) and e.content.end > now]
    return RosterView(
        rows=tuple(sorted(rows, key=lambda row: (row.duty.role, row.duty.name, row.id))),
        days=tuple(today + timedelta(days=n) for n in range(WEEK)),
        today=today,
        holes=desk.holes(now, now + AHEAD),
        away=tuple(sorted((_away(e, now) for e in away), key=lambda a: a.absence.start)),
        contacts=tuple(
            (e.id, e.content, e.version) for e in desk.entries.all(EntryKind.CONTACT) if isinstance(e.content, Contact)
        ),
        channels=desk.channels,
        names={row.id: row.duty.name or row.id for row in rows},
    )


def _row(desk: DutyDesk, entry: Entry, now: datetime, today: date) -> DutyRow:
    book = desk.book()
    duty = book.roster.duties[entry.id]
    turns = turns_of(book.roster, entry.id, today, WEEK, book.local)
    at = next(i for i, turn in enumerate(turns) if turn.start <= now < turn.end)
    later = [turn for turn in turns[at + 1 :] if turn.people]
    people = {p.person for p in turns[at].people} or ({duty.fallback} if turns[at].is_hole else set())
    return DutyRow(
        id=entry.id,
        duty=duty,
        version=entry.version,
        now=turns[at].people,
        is_hole=turns[at].is_hole,
        next=later[0] if later and later[0].start <= now + timedelta(days=_LOOK) else None,
        days=tuple(by_day(turns, today, WEEK, book.local)),
        unreachable=frozenset(p for p in people if not book.addresses(p, Severity.CRITICAL)),
    )


def _away(entry: Entry, now: datetime) -> Away:
    assert isinstance(entry.content, Absence)  # noqa: S101 - chosen by its kind
    return Away(entry.id, entry.content, entry.author, entry.content.start <= now)
