"""From changed alerts to the outbox, in one transaction a turn: groups, mutes, receivers, the brake.

Nothing is kept in memory but a cache: groups, timers, what was told and what waits all stand in the records, so a
program that is killed at any point goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from alerts.audit import record
from alerts.database import Database
from alerts.drills.only import only_route
from alerts.duty_desk.book_source import BookRevision, BookSource
from alerts.notify.clock_steps import ClockSteps
from alerts.notify.group_store import (
    Looked,
    due_groups,
    explanations_of,
    look_at_all,
    next_due,
    take_changed,
    write_back,
)
from alerts.notify.groups import Flush, Member, News, flush
from alerts.notify.refused import tell_otherwise
from alerts.notify.routine import tell_digests, tell_holes, tell_orders
from alerts.notify.tellings import drop_old, release, write_telling
from alerts.routing.book import Book
from alerts.routing.muting import Explanations, mutes_of
from alerts.routing.receivers import Receiver, receivers_of
from alerts.routing.routes import DEFAULT_ROUTES, Route
from alerts.rows import ms_of
from alerts.values import Action, Actor, Clock, utc_now

# Bounds of one turn, so that no acknowledgement waits long for the database; a turn that met one is followed at once.
ALERTS_A_TURN = 1000
GROUPS_A_TURN = 100
_ROUTES = Actor("routes", "routes")
_LOOK_ANYWAY = timedelta(seconds=60)
_TIDY_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn comes to: when the next is due at the latest, and whether messages were written."""

    next_at: datetime
    has_written: bool = False


class Dispatcher:
    """Decides who is told. Not thread-safe: one thread takes its turns. `steady`: see ClockSteps."""

    def __init__(
        self,
        database: Database,
        books: BookSource,
        clock: Clock = utc_now,
        steady: Callable[[], float] | None = None,
    ) -> None:
        self._database = database
        self._books = books
        self._clock = clock
        self._steps = ClockSteps(steady)
        self._revision: BookRevision | None = None
        self._tidied_at: datetime | None = None

    def turn(self) -> Turn:
        """Everything that is due now. Raises what the database raises; nothing is lost by it."""
        now = self._clock()
        with self._database.writing() as session:
            if self._steps.follow(session, now):
                self._tidied_at = None
            book, revision = self._books.read(session)
            if revision != self._revision:  # also at the start: what was set meanwhile holds from now on
                look_at_all(session, now)
            taken = take_changed(session, book, now, ALERTS_A_TURN)
            groups = due_groups(session, now, GROUPS_A_TURN)
            explanations = explanations_of(session) if groups else Explanations(())
            for looked in groups:
                _look(session, looked, book, explanations, now)
            released = release(session, book, now)
            routine = tell_digests(session, book, now) + tell_orders(session, book, now)
            routine += tell_otherwise(session, book, now)
            if revision != self._revision or self._is_hourly(now):
                routine += tell_holes(session, book, now)
            self._tidy(session, now)
            is_full = taken == ALERTS_A_TURN or len(groups) == GROUPS_A_TURN
            moments = [now + _LOOK_ANYWAY, next_due(session), released.next_at, now if is_full else None]
        self._revision = revision
        self._steps.keep(now)
        return Turn(min(moment for moment in moments if moment is not None), released.letters + routine > 0)

    def _is_hourly(self, now: datetime) -> bool:
        return self._tidied_at is None or now - self._tidied_at >= _TIDY_EVERY

    def _tidy(self, session: Session, now: datetime) -> None:
        if self._is_hourly(now):
            drop_old(session, now)
            self._tidied_at = now


def _look(session: Session, looked: Looked, book: Book, explanations: Explanations, now: datetime) -> None:
    """A look at one group; a route that was taken away hands its alerts to the one that takes everything."""
    route_id = looked.row.route
    route = only_route(looked.row.labels) or book.route(route_id) or DEFAULT_ROUTES["default"]
    members = [
        Member(alert, mutes_of(alert, route_id, route, now, book, explanations), told) for alert, told in looked.alerts
    ]
    done = flush(looked.times, members, route, now)
    tellings = tellings_of(done, route, book, now)
    for receiver, news in tellings:
        write_telling(session, receiver, looked.row.id, news, now)
    _record_steps(session, looked.row.route, done, tellings, now)
    write_back(session, looked, done)


def _record_steps(
    session: Session, route_id: str, done: Flush, tellings: list[tuple[Receiver, list[News]]], now: datetime
) -> None:
    """That nobody acknowledged, and who was asked next, stands in the alert's history for good."""
    for news in done.news:
        if not news.step:
            continue
        asked = [receiver.key for receiver, told in tellings if news in told]
        detail = {
            "step": news.step, "route": route_id, "asked": asked, "severity": news.alert.severity.value,
            "rules_revision": news.alert.rules_revision,
        }  # fmt: skip
        record(session, news.alert.id, _ROUTES, Action.UNANSWERED, ms_of(now), detail)


def tellings_of(done: Flush, route: Route, book: Book, now: datetime) -> list[tuple[Receiver, list[News]]]:
    """Who is told of which news: by the targets of the route, or of the step that is asked."""
    told: dict[str, tuple[Receiver, list[News]]] = {}
    for news in done.news:
        for receiver in _receivers(news, route, book, now):
            told.setdefault(receiver.key, (receiver, []))[1].append(news)
    return list(told.values())


def _receivers(news: News, route: Route, book: Book, now: datetime) -> tuple[Receiver, ...]:
    if news.step:
        targets = route.steps[news.step - 1].targets
        return receivers_of(targets, news.alert, now, book, must_reach=False)
    return receivers_of(route.targets, news.alert, now, book)
