"""From written alerts to people: the thread that decides who is told, and the outbox that tells them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from alerts.duty_desk.book_source import BookSource, Surroundings
from alerts.duty_desk.desk import DutyDesk
from alerts.lane import LaneSettings
from alerts.notify.dispatch import Dispatcher
from alerts.notify.letters import LetterWriter
from alerts.notify.links import Links
from alerts.outbox import Outbox
from alerts.playbook import Playbook, shipped_playbook
from alerts.records import Records
from alerts.values import Clock, utc_now
from aquavolt.channels.kinds import OpenChannel, read_alone
from aquavolt.clock import steady_s
from aquavolt.config.settings import Settings
from aquavolt.worker import Worker
from metering.site import Site
from rules.calendar import SchoolDays, school_days

_EPOCH = date(1970, 1, 1)


class SiteCalendar:
    """The kinds of days of the site as it is now."""

    def __init__(self, site: Callable[[], Site]) -> None:
        self._site = site
        self._known: tuple[Site, SchoolDays] | None = None

    def __call__(self, day: date) -> str:
        """`workday`, `weekend`, `holiday` or `vacation`."""
        site = self._site()
        if self._known is None or self._known[0] is not site:
            self._known = (site, school_days(site))
        return self._known[1].kind((day - _EPOCH).days)


def surroundings_of(site: Callable[[], Site], channels: Sequence[str]) -> Surroundings:
    """What routes, roster and silences are read with."""
    return Surroundings(site, SiteCalendar(site), tuple(channels))


@dataclass(frozen=True, slots=True)
class TellingParts:
    """What it is made from; `steady`: see ClockSteps."""

    settings: Settings
    site: Callable[[], Site]
    records: Records
    channels: Sequence[OpenChannel]
    clock: Clock = utc_now
    steady: Callable[[], float] | None = steady_s
    playbook: Playbook = field(default_factory=shipped_playbook)


class Telling:
    """`start` to `stop`; `wake` once something was written."""

    def __init__(self, parts: TellingParts) -> None:
        names = [channel.name for channel in parts.channels]
        self._clock = parts.clock
        self._wake = threading.Event()
        surroundings = surroundings_of(parts.site, names)
        books = BookSource(surroundings)
        self.duty_desk = DutyDesk(parts.records.database, surroundings, parts.clock)
        self._dispatcher = Dispatcher(parts.records.database, books, parts.clock, parts.steady)
        is_read_alone = read_alone(parts.settings.channels)
        links = Links(parts.records.database, parts.settings.page_url, parts.clock, is_read_alone)
        limits = {c.name: c.per_minute for c in parts.settings.channels if c.per_minute is not None}
        lanes = LaneSettings(clock=parts.clock, per_minute=limits)
        letters = LetterWriter(parts.site, parts.settings.page_url, parts.clock, links.link_of, parts.playbook)
        self.outbox = Outbox(parts.records, parts.channels, letters, lanes)
        self.worker = Worker("dispatch", self._turn)

    def start(self) -> None:
        """Start the threads."""
        self.worker.start()
        self.outbox.start()

    def stop(self) -> None:
        """End after what is under way."""
        self._wake.set()
        self.worker.stop()
        self.outbox.stop()

    def wake(self) -> None:
        """Something was written. Thread-safe, returns at once."""
        self._wake.set()

    def _turn(self) -> None:
        self._wake.clear()
        turn = self._dispatcher.turn()
        if turn.has_written:
            self.outbox.wake()
        wait_s = (turn.next_at - self._clock()).total_seconds()
        if wait_s > 0 and not self.worker.is_stopping:
            # What another program wrote (a new silence, a test message) is seen within a second.
            self._wake.wait(min(wait_s, 1.0))
