"""The book of head-counts: brought by people each term, each count kept with who brought it and when.

A correction is a newer count of the same place and day; nothing is changed or taken away. The rules are told in the
order of `number`, as they are of people's words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from alerts.actions import checked_name, checked_text
from alerts.database import Database
from alerts.head_count_models import HeadCountImportRow, HeadCountRow
from alerts.rows import moment_of, ms_of
from alerts.values import Actor, Clock, utc_now
from metering.entries import HeadCounts
from metering.head_counts import HeadCount

LONGEST_SOURCE = 200
_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Brought:
    """A count, who brought it, when, and out of what (a file's name, or empty)."""

    count: HeadCount
    who: str
    at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Change:
    """A count that was not brought so, and what holds on its first day so far; `before` None: nothing was brought."""

    line: int
    count: HeadCount
    before: Brought | None

    @property
    def corrects(self) -> bool:
        """Whether it stands in the place of a count of the same day."""
        return self.before is not None and self.before.count.first == self.count.first


class HeadCountBook:
    """Thread-safe; every write is one transaction."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def compare(self, rows: Iterable[tuple[int, HeadCount]]) -> tuple[Change, ...]:
        """Of counts with their lines those that change something; nothing is written."""
        with self._database.reading() as session:
            return _changes(session, tuple(rows))

    def bring(self, rows: Iterable[tuple[int, HeadCount]], actor: Actor, source: str = "") -> tuple[Change, ...]:
        """Take the counts that change something, together. Whoever asks has seen to it that the places exist.

        Raises: RefusedError.
        """
        name, source = checked_name(actor.name), checked_text(source, "the file's name", LONGEST_SOURCE)
        with self._database.writing() as session:
            changes = _changes(session, tuple(rows))
            if not changes:
                return changes
            brought = HeadCountImportRow(
                at_ms=ms_of(self._clock()), actor=name, origin=actor.origin, source=source, counts=len(changes)
            )
            session.add(brought)
            session.flush()
            session.add_all(_row(brought.id, change.count) for change in changes)
            return changes

    def on(self, day: date) -> dict[str, Brought]:
        """By place the count that holds on a local day."""
        with self._database.reading() as session:
            return _standing(session, day)

    def history(self, node: str) -> tuple[Brought, ...]:
        """All that was ever brought of a place, the newest first."""
        with self._database.reading() as session:
            query = _brought().where(HeadCountRow.node == node).order_by(HeadCountRow.id.desc())
            return tuple(_brought_of(row, by) for row, by in session.execute(query))

    def imports(self, limit: int = 50) -> tuple[HeadCountImportRow, ...]:
        """What was brought last, the newest first."""
        with self._database.reading() as session:
            query = select(HeadCountImportRow).order_by(HeadCountImportRow.id.desc()).limit(limit)
            rows = tuple(session.scalars(query))
            session.expunge_all()
            return rows

    # -- what the rules are told ----------------------------------------------------------------------------------

    def give_out(self, after: int, now: np.datetime64) -> tuple[HeadCounts, ...]:
        """Those beyond a number, in order; what nobody was told of yet counts from the next midnight after `now`."""
        unsaid = select(HeadCountImportRow).where(HeadCountImportRow.number.is_(None))
        with self._database.reading() as session:
            has_new = session.scalars(unsaid.limit(1)).first() is not None
        if has_new:
            with self._database.writing() as session:
                last = session.scalar(select(func.max(HeadCountImportRow.number))) or 0
                for i, row in enumerate(session.scalars(unsaid.order_by(HeadCountImportRow.id).limit(_AT_ONCE)).all()):
                    row.number, row.event_ms = last + 1 + i, ms_of(now)
        return self.given_out(after, _AT_ONCE)

    def given_out(self, after: int = 0, limit: int | None = None) -> tuple[HeadCounts, ...]:
        """Those that the rules were told, in that order."""
        wanted = select(HeadCountImportRow).where(HeadCountImportRow.number > after)
        with self._database.reading() as session:
            told = session.scalars(wanted.order_by(HeadCountImportRow.number).limit(limit)).all()
            return tuple(_entry_of(session, row) for row in told)


def _row(import_id: int, count: HeadCount) -> HeadCountRow:
    return HeadCountRow(
        import_id=import_id, node=count.node, first_day=count.first.isoformat(), beds=count.beds, people=count.people
    )


def _brought() -> Select[HeadCountRow, HeadCountImportRow]:
    return select(HeadCountRow, HeadCountImportRow).join(
        HeadCountImportRow, HeadCountImportRow.id == HeadCountRow.import_id
    )


def _brought_of(row: HeadCountRow, by: HeadCountImportRow) -> Brought:
    return Brought(_count_of(row), by.actor, moment_of(by.at_ms), by.source)


def _count_of(row: HeadCountRow) -> HeadCount:
    return HeadCount(row.node, date.fromisoformat(row.first_day), row.beds, row.people)


def _standing(session: Session, day: date) -> dict[str, Brought]:
    """By place the newest count of the latest day that has begun."""
    query = _brought().where(HeadCountRow.first_day <= day.isoformat())
    rows = session.execute(query.order_by(HeadCountRow.first_day, HeadCountRow.id))
    return {row.node: _brought_of(row, by) for row, by in rows}


def _changes(session: Session, rows: Sequence[tuple[int, HeadCount]]) -> tuple[Change, ...]:
    days = sorted({count.first for _, count in rows})
    standing = {day: _standing(session, day) for day in days}
    changes = []
    for line, count in rows:
        before = standing[count.first].get(count.node)
        if before is None or before.count != count:
            changes.append(Change(line, count, before))
    return tuple(changes)


def _entry_of(session: Session, told: HeadCountImportRow) -> HeadCounts:
    rows = session.scalars(select(HeadCountRow).where(HeadCountRow.import_id == told.id).order_by(HeadCountRow.id))
    return HeadCounts(np.datetime64(told.event_ms or 0, "ms"), told.number or 0, tuple(map(_count_of, rows)))
