"""The book as it stands in the records, read anew only after a change."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from alerts.desk.entries import Entry, EntryKind, read_entries, revision_of
from alerts.duty.calendar import KindOfDay, LocalTime
from alerts.duty.on_duty import Roster
from alerts.routing.book import Book, everybody
from metering.site import Site


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the book needs beside the records.

    site         as it is now (it may be reloaded)
    kind_of_day  for the site's calendar
    channels     names of the channels there are
    is_active    whether an account may still act
    """

    site: Callable[[], Site]
    kind_of_day: KindOfDay
    channels: tuple[str, ...] = ()
    is_active: Callable[[str], bool] = everybody


class BookSource:
    """Gives the book. Thread-safe."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._lock = threading.Lock()
        self._known: tuple[int, Site, Book] | None = None

    def read(self, session: Session) -> tuple[Book, int]:
        """The book, and its revision: a number that grows with each change."""
        site, revision = self._surroundings.site(), revision_of(session)
        with self._lock:
            if self._known is None or self._known[0] != revision or self._known[1] is not site:
                self._known = (revision, site, book_of(read_entries(session), self._surroundings, site))
            return self._known[2], revision


def book_of(entries: tuple[Entry, ...], around: Surroundings, site: Site) -> Book:
    """The book that these entries make."""

    def of(kind: EntryKind) -> dict[str, Any]:
        return {e.id: e.content for e in entries if e.kind is kind}

    return Book(
        site=site,
        local=LocalTime(site.zone, around.kind_of_day),
        channels=around.channels,
        roster=Roster(of(EntryKind.DUTY), of(EntryKind.ABSENCE)),
        routes=of(EntryKind.ROUTE),
        silences=of(EntryKind.SILENCE),
        contacts=of(EntryKind.CONTACT),
        digests=of(EntryKind.DIGEST),
        is_active=around.is_active,
    )
