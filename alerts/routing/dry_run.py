"""Who would be told of an alert at a moment, when and why, without telling anybody. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.routing.book import Book
from alerts.routing.matching import labels_of, routes_of
from alerts.routing.muting import Explanations, Mute, mutes_of
from alerts.routing.receivers import Receiver, receivers_of
from alerts.routing.routes import Route
from alerts.values import Alert
from alerts.weights import is_burst


@dataclass(frozen=True, slots=True)
class Hearing:
    """Who is told at `at`: `step` 0 by the route itself, from 1 on where nobody acknowledges."""

    step: int
    at: datetime
    receivers: tuple[Receiver, ...]


@dataclass(frozen=True, slots=True)
class RouteRun:
    """What one route would do: the group it gathers in, what mutes it, and who hears when."""

    route_id: str
    route: Route
    labels: dict[str, str]
    mutes: tuple[Mute, ...]
    hearings: tuple[Hearing, ...]


def dry_run(alert: Alert, moment: datetime, book: Book, active: Iterable[Alert] = ()) -> tuple[RouteRun, ...]:
    """Every route that takes the alert, were it raised at that moment with these others active."""
    explanations = Explanations(active)
    found = []
    for route_id in routes_of(alert, moment, book):
        if (route := book.route(route_id)) is not None:
            mutes = mutes_of(alert, route_id, route, moment, book, explanations)
            hearings = _hearings(alert, route, _told_at(alert, route, mutes, moment), book)
            found.append(RouteRun(route_id, route, labels_of(route, alert, book), mutes, hearings))
    return tuple(found)


def _told_at(alert: Alert, route: Route, mutes: tuple[Mute, ...], moment: datetime) -> datetime | None:
    """When the first message goes out; None where something without a known end mutes it."""
    if any(mute.until is None for mute in mutes):
        return None
    wait_s = 0 if is_burst(alert) else route.group_wait_s
    return max([moment + timedelta(seconds=wait_s), *(m.until for m in mutes if m.until is not None)])


def _hearings(alert: Alert, route: Route, first: datetime | None, book: Book) -> tuple[Hearing, ...]:
    if first is None:
        return ()
    hearings = [Hearing(0, first, receivers_of(route.targets, alert, first, book))]
    for number, step in enumerate(route.steps, start=1):
        at = first + timedelta(seconds=step.after_s)
        hearings.append(Hearing(number, at, receivers_of(step.targets, alert, at, book, must_reach=False)))
    return tuple(hearings)
