"""Whether a match takes an alert at a moment, and which group of a route the alert belongs to."""

from __future__ import annotations

from datetime import datetime

from alerts.duty.calendar import day_of_span, is_named
from alerts.routing.book import Book
from alerts.routing.routes import GroupKey, Match, Route
from alerts.values import Alert
from alerts.weights import is_burst


def matches(match: Match, alert: Alert, moment: datetime, book: Book) -> bool:
    """Whether everything that the match names holds for the alert at that moment."""
    return (
        _one_of(match.categories, alert.category)
        and _one_of(match.severities, alert.severity)
        and _one_of(match.media, alert.medium)
        and _one_of(match.rules, alert.rule)
        and (match.burst is None or match.burst is is_burst(alert))
        and (not match.nodes or not set(match.nodes).isdisjoint(book.path(alert.node)))
        and _is_time(match, moment, book)
    )


def _one_of(allowed: tuple[str, ...], value: str) -> bool:
    return not allowed or value in allowed


def _is_time(match: Match, moment: datetime, book: Book) -> bool:
    at = book.local.at(moment)
    day = at.date() if match.hours is None else day_of_span(at, *match.hours)
    return day is not None and is_named(day, match.days, book.local.kind)


def routes_of(alert: Alert, moment: datetime, book: Book) -> tuple[str, ...]:
    """Ids of the routes that take the alert, in order; at least one, as the last takes everything."""
    taken = []
    for route_id, route in book.asked:
        if matches(route.match, alert, moment, book):
            taken.append(route_id)
            if not route.goes_on:
                break
    return tuple(taken)


def labels_of(route: Route, alert: Alert, book: Book) -> dict[str, str]:
    """What the alert has in common with the others of its group, by the route's `group_by`."""
    return {str(key): _label(key, alert, book) for key in route.group_by}


def _label(key: GroupKey, alert: Alert, book: Book) -> str:
    match key:
        case GroupKey.CATEGORY:
            return alert.category
        case GroupKey.MEDIUM:
            return alert.medium
        case GroupKey.SEVERITY:
            return alert.severity
        case GroupKey.RULE:
            return alert.rule
        case GroupKey.NODE:
            return alert.node
    return _ancestor(key, alert.node, book)


def _ancestor(kind: str, node: str, book: Book) -> str:
    """The place of that kind above the node; one that lies above all such places (a main) stands for itself."""
    for place in reversed(book.path(node)):
        if place in book.site.nodes and book.site.nodes[place].kind == kind:
            return place
    return node
