"""Where `watch` takes in what collectors push: each entry once, in the collector's order, journaled before the answer.

A gap in a collector's order becomes a gap in ours: whoever judges finds it and rebuilds from the store.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from aquavolt.pushing.coverage import Coverage
from aquavolt.pushing.event_clock import EventClock
from aquavolt.pushing.owners import Owners
from aquavolt.pushing.places import Place, forgotten_marks, meters_mark, meters_of, place_mark, places_of
from aquavolt.pushing.reports import Reports
from aquavolt.pushing.wire import NAME, Hello, Push, PushHeader, Welcome
from collector.journal import Journal, JournalError
from metering.entries import Entry, Tick
from metering.health import HealthReport
from metering.site import Site

POSTED = "posted"
"""The collector that is `watch` itself: readings that people post."""


class RefusedError(Exception):
    """Not taken, and never will be as it is; the text is for whoever runs the collector."""


class StrangerError(Exception):
    """A push of a collector, or of a journal, that has not said hello."""


class BusyError(Exception):
    """Not taken now: the same may be pushed again later."""


class Intake:
    """Takes hellos and pushes; for any thread."""

    def __init__(self, journal: Journal, site: Callable[[], Site], clock: Callable[[], np.datetime64]) -> None:
        self._journal, self._site = journal, site
        marks = journal.marks()
        self._places = places_of(marks)
        self._owners = Owners(meters_of(marks))
        self._clock = EventClock({name: place.tick for name, place in self._places.items()})
        self._coverage = Coverage(journal, self._pushed())
        self._reports = Reports(clock, self._places)
        self._refused: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()
        self._is_closed = False

    def hello(self, collector: str, hello: Hello) -> Welcome:
        """Meet a collector, or meet it again with other meters.

        Raises:
            RefusedError: of another site, or another one has this name.
            BusyError: the journal cannot be written now.
        """
        self._check(collector, hello)
        with self._lock:
            self._check_open()
            place = self._places.get(collector) or Place(hello.epoch)
            if hello.epoch in place.former:
                raise RefusedError(
                    f"collector {collector!r} has gone on with another journal since: if two collectors have this "
                    f"name, give one another; if not, `aquavolt watch --forget {collector}`"
                )
            if hello.epoch != place.epoch:
                place = place.with_epoch(hello.epoch)
            granted, refused = self._owners.claim(collector, hello.meters)
            self._journal.append([], place_mark(collector, place) | meters_mark(collector, granted))
            self._places[collector], self._refused[collector] = place, refused
            self._clock.hear(collector)
            self._reports.hear(collector, refused)
            return Welcome(place.next, refused)

    def push(self, push: Push) -> Welcome:
        """Journal what is new of a push.

        Raises:
            StrangerError, BusyError, JournalError: nothing, or only the first part, was taken; see what is `next`.
        """
        header = push.header
        with self._lock:
            self._check_open()
            place = self._places.get(header.collector)
            if place is None or place.epoch != header.epoch or header.collector not in self._refused:
                raise StrangerError(f"collector {header.collector!r} has to say hello first")
            self._clock.hear(header.collector)
            if not place.next or header.from_seq <= place.next:
                for group in _groups(push, place.next):
                    self._take(header, group)
            self._coverage.stored(header.collector, header.stored)
            refused = self._refused[header.collector]
            self._reports.hear(header.collector, refused, header.health)
            return Welcome(self._places[header.collector].next, refused)

    def _take(self, header: PushHeader, group: Sequence[tuple[int, Entry]]) -> None:
        """Entries that follow each other, behind a gap unless they go on where we are."""
        name, place = header.collector, self._places[header.collector]
        if place.next and group[0][0] != place.next:
            self._journal.skip_to(self._journal.head() + 1)
        saved = self._clock.saved()
        entries = [kept for _, entry in group if (kept := self._ours(name, entry)) is not None]
        place = replace(place, next=group[-1][0] + 1, tick=self._clock.last(name))
        try:
            self._journal.append(entries, place_mark(name, place))
        except JournalError:
            self._clock.put_back(saved)
            raise
        self._places[name] = place
        self._coverage.note(self._pushed())

    def _ours(self, collector: str, entry: Entry) -> Entry | None:
        if isinstance(entry, Tick):
            return self._clock.tick(collector, entry)
        if collector == POSTED:  # what people bring in may be of any meter
            return entry
        kept, foreign = self._owners.own_part(collector, entry)
        self._reports.set_aside(collector, foreign)
        return kept

    def tick(self, tick: Tick) -> None:
        """This program's own clock: it counts only where there is no collector, and people post readings."""
        with self._lock:
            is_alone = set(self._places) == {POSTED} and self._places[POSTED].next > 1
            if is_alone and not self._is_closed:
                self._journal.append([tick])
                self._coverage.note(self._pushed())

    def forget(self, collector: str) -> bool:
        """Free a collector's meters and wait for it no longer; whether it was known."""
        with self._lock:
            known = self._places.pop(collector, None)
            self._journal.append([], forgotten_marks(collector))
            self._owners.forget(collector)
            self._clock.forget(collector)
            self._coverage.forget(collector)
            self._reports.forget(collector)
            self._refused.pop(collector, None)
            return known is not None

    def health(self) -> HealthReport:
        """How collecting goes, of all collectors."""
        return self._reports.joined(self._journal.health())

    def close(self) -> None:
        """Take nothing more; what is under way is finished."""
        with self._lock:
            self._is_closed = True

    def _pushed(self) -> dict[str, int]:
        return {name: place.next - 1 for name, place in self._places.items() if place.next}

    def _check(self, collector: str, hello: Hello) -> None:
        if not NAME.fullmatch(collector):
            raise RefusedError(f"a collector's name is of a-z, 0-9, '.', '_', '-', at most 40; not {collector!r}")
        site = self._site()
        if hello.site != site.id:
            raise RefusedError(f"collector {collector!r} is of site {hello.site!r}; this is {site.id!r}")

    def _check_open(self) -> None:
        if self._is_closed:
            raise BusyError("this program is ending")
        if not self._journal.is_accepting():
            raise BusyError("the journal of this program is at its free-disk floor")


def _groups(push: Push, wanted: int) -> Iterator[list[tuple[int, Entry]]]:
    """What is new, in runs without a gap."""
    group: list[tuple[int, Entry]] = []
    for seq, entry in zip(push.header.seqs, push.entries, strict=True):
        if seq < wanted:
            continue
        if group and seq != group[-1][0] + 1:
            yield group
            group = []
        group.append((seq, entry))
    if group:
        yield group
