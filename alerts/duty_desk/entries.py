"""Reading and changing what people set. Every change is checked, has a version and an author, and is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import structlog
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alerts.database import Database
from alerts.duty.roster import Absence, Duty, EntryId, Strict
from alerts.duty_desk.models import EntryChangeRow, EntryRow
from alerts.errors import EntryConflictError, RefusedError, UnknownEntryError
from alerts.routing.routes import Contact, Digest, Route, Silence
from alerts.rows import moment_of, ms_of
from alerts.values import Actor, Clock, utc_now

_log = structlog.get_logger(__name__)
_ID: TypeAdapter[str] = TypeAdapter(EntryId)
_LONGEST_NAME = 100


class EntryKind(StrEnum):
    """What people set."""

    DUTY = "duty"
    ABSENCE = "absence"
    ROUTE = "route"
    SILENCE = "silence"
    CONTACT = "contact"
    DIGEST = "digest"


FORMS: dict[EntryKind, type[Strict]] = {
    EntryKind.DUTY: Duty,
    EntryKind.ABSENCE: Absence,
    EntryKind.ROUTE: Route,
    EntryKind.SILENCE: Silence,
    EntryKind.CONTACT: Contact,
    EntryKind.DIGEST: Digest,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One of them as it stands. `id` is chosen by people; of a contact it is the person's name."""

    kind: EntryKind
    id: str
    content: Strict
    version: int
    author: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class EntryChange:
    """Who changed an entry, when and from where; `document` is as it was after it, or last before it was removed."""

    at: datetime
    actor: str
    origin: str
    action: str
    version: int
    document: dict[str, Any]


class DutyEntries:
    """The entries of one site. Thread-safe; every change is one transaction."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def all(self, kind: EntryKind) -> tuple[Entry, ...]:
        """Those of a kind, by id."""
        with self._database.reading() as session:
            return tuple(e for e in read_entries(session) if e.kind is kind)

    def get(self, kind: EntryKind, entry_id: str) -> Entry:
        """Raises: UnknownEntryError."""
        for entry in self.all(kind):
            if entry.id == entry_id:
                return entry
        raise UnknownEntryError(f"there is no {_said(kind)} {entry_id!r}")

    def put(
        self, kind: EntryKind, entry_id: str, content: Strict, actor: Actor, *, expected_version: int | None = None
    ) -> Entry:
        """Create it, or put it in the place of what stands.

        Raises:
            RefusedError: the id is none.
            EntryConflictError: it is at another version than expected (0: it must be new).
        """
        _check_id(kind, entry_id)
        with self._database.writing() as session:
            row = session.get(EntryRow, (kind.value, entry_id), with_for_update=True)
            _check_version(row, expected_version)
            is_new = row is None
            if row is None:
                row = EntryRow(kind=kind.value, id=entry_id, version=_last_version(session, kind, entry_id))
                session.add(row)
            row.document, row.author = content.model_dump(mode="json"), actor.name
            row.version, row.updated_ms = row.version + 1, ms_of(self._clock())
            session.add(_change(row, actor, "created" if is_new else "changed"))
            return Entry(kind, entry_id, content, row.version, row.author, moment_of(row.updated_ms))

    def remove(self, kind: EntryKind, entry_id: str, actor: Actor, *, expected_version: int | None = None) -> None:
        """Take it away; its history stays. Raises: UnknownEntryError, EntryConflictError."""
        with self._database.writing() as session:
            row = session.get(EntryRow, (kind.value, entry_id), with_for_update=True)
            if row is None:
                raise UnknownEntryError(f"there is no {_said(kind)} {entry_id!r}")
            _check_version(row, expected_version)
            row.version, row.updated_ms = row.version + 1, ms_of(self._clock())
            session.add(_change(row, actor, "removed"))
            session.flush()
            session.delete(row)

    def history(self, kind: EntryKind, entry_id: str) -> tuple[EntryChange, ...]:
        """Every change, oldest first; also of an entry that was removed."""
        query = select(EntryChangeRow).where(EntryChangeRow.kind == kind.value, EntryChangeRow.entry_id == entry_id)
        with self._database.reading() as session:
            return tuple(
                EntryChange(moment_of(r.at_ms), r.actor, r.origin, r.action, r.version, r.document)
                for r in session.scalars(query.order_by(EntryChangeRow.id))
            )


def read_entries(session: Session) -> tuple[Entry, ...]:
    """Every entry. One that this program cannot read (an older or newer one wrote it) is left out and told."""
    found = []
    for row in session.scalars(select(EntryRow).order_by(EntryRow.kind, EntryRow.id)):
        try:
            kind = EntryKind(row.kind)
            content = FORMS[kind].model_validate(row.document)
        except (ValidationError, ValueError) as error:
            _log.error("an entry of the roster or routes cannot be read", kind=row.kind, id=row.id, error=str(error))
            continue
        found.append(Entry(kind, row.id, content, row.version, row.author, moment_of(row.updated_ms)))
    return tuple(found)


def revision_of(session: Session) -> int:
    """Grows with every change of any entry."""
    return session.scalar(select(func.max(EntryChangeRow.id))) or 0


def _last_version(session: Session, kind: EntryKind, entry_id: str) -> int:
    """An id that was removed and is used again goes on counting: an old page's version never fits."""
    query = select(func.max(EntryChangeRow.version))
    return session.scalar(query.where(EntryChangeRow.kind == kind.value, EntryChangeRow.entry_id == entry_id)) or 0


def _change(row: EntryRow, actor: Actor, action: str) -> EntryChangeRow:
    return EntryChangeRow(
        kind=row.kind, entry_id=row.id, at_ms=row.updated_ms, actor=actor.name, origin=actor.origin, action=action,
        version=row.version, document=row.document,
    )  # fmt: skip


def _check_version(row: EntryRow | None, expected: int | None) -> None:
    stands = 0 if row is None else row.version
    if expected is not None and expected != stands:
        raise EntryConflictError(f"somebody changed it in between: it is at version {stands}, not {expected}", stands)


def _check_id(kind: EntryKind, entry_id: str) -> None:
    if kind is EntryKind.CONTACT:
        is_name = bool(entry_id.strip()) and len(entry_id) <= _LONGEST_NAME and entry_id.isprintable()
        if not is_name:
            raise RefusedError("a contact's id is the person's account name, of up to 100 printable characters")
        return
    try:
        _ID.validate_python(entry_id)
    except ValidationError as error:
        raise RefusedError(
            f"{entry_id!r} is no id; allowed: 1 to 63 lower case letters, digits, `.`, `_` and `-`, a letter or "
            "digit first"
        ) from error


def _said(kind: EntryKind) -> str:
    return kind.value.replace("_", " ")
