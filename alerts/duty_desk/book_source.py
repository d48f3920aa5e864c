"""The book as it stands in the records, read anew only after a change."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.duty.calendar import KindOfDay, LocalTime
from alerts.duty.on_duty import Roster
from alerts.duty_desk.entries import Entry, EntryKind, read_entries, revision_of
from alerts.routing.book import Book
from alerts.users.accounts import normal_name
from alerts.users.models import AccountRow
from alerts.users.values import AccountState
from metering.site import Site


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the book needs beside the records.

    site         as it is now (it may be reloaded)
    kind_of_day  for the site's calendar
    channels     names of the channels there are
    """

    site: Callable[[], Site]
    kind_of_day: KindOfDay
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BookRevision:
    """What the book is made of: the number of the latest change of an entry, and the accounts that may not act."""

    entries: int
    gone: frozenset[str]


class BookSource:
    """Gives the book. Thread-safe."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._lock = threading.Lock()
        self._known: tuple[BookRevision, Site, Book] | None = None

    def read(self, session: Session) -> tuple[Book, BookRevision]:
        """The book, and its revision: another one after each change."""
        site, revision = self._surroundings.site(), BookRevision(revision_of(session), gone_accounts(session))
        with self._lock:
            if self._known is None or self._known[0] != revision or self._known[1] is not site:
                made = book_of(read_entries(session), self._surroundings, site, revision.gone)
                self._known = (revision, site, made)
            return self._known[2], revision


def gone_accounts(session: Session) -> frozenset[str]:
    """Names of the accounts that are disabled or deleted."""
    return frozenset(session.scalars(select(AccountRow.name).where(AccountRow.state != AccountState.ACTIVE.value)))


def book_of(entries: tuple[Entry, ...], around: Surroundings, site: Site, gone: frozenset[str]) -> Book:
    """The book that these entries make. A person without an account (a contractor's number) is not gone."""

    def of(kind: EntryKind) -> dict[str, Any]:
        return {e.id: e.content for e in entries if e.kind is kind}

    return Book(
        site=site,
        local=LocalTime(site.zone, around.kind_of_day),
        channels=around.channels,
        roster=Roster(of(EntryKind.DUTY), of(EntryKind.ABSENCE), lambda name: normal_name(name) not in gone),
        routes=of(EntryKind.ROUTE),
        silences=of(EntryKind.SILENCE),
        contacts=of(EntryKind.CONTACT),
        digests=of(EntryKind.DIGEST),
    )
