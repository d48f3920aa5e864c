"""The routes as their page needs them, and who would be told of an alert."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from alerts.duty_desk.desk import DutyDesk
from alerts.duty_desk.entries import EntryKind
from alerts.routing.dry_run import RouteRun
from alerts.routing.routes import EVERY_CHANNEL, Route
from alerts.users.reach import AlertsWithin
from alerts.values import Alert
from api.duty.views import made_up
from api.web.duty.reading import moment
from api.web.duty.words import DUTY_ROLES
from metering.incident import Category, Severity
from metering.site import Site


@dataclass(frozen=True, slots=True)
class RouteRow:
    """One route in the order in which they are asked. `is_own`: people made it, and may change it."""

    id: str
    route: Route
    is_own: bool
    author: str


def route_rows(desk: DutyDesk) -> tuple[RouteRow, ...]:
    """Those that people made, then those of the program."""
    authors = {e.id: e.author for e in desk.entries.all(EntryKind.ROUTE)}
    return tuple(RouteRow(name, route, name in authors, authors.get(name, "")) for name, route in desk.book().asked)


def all_targets(desk: DutyDesk, people: Iterable[str], chosen: Iterable[str] = ()) -> tuple[str, ...]:
    """Everybody and every channel a route can name, and what it names already."""
    roles = dict.fromkeys([*DUTY_ROLES, *(duty.role for duty in desk.book().roster.duties.values())])
    known = [
        *(f"role:{role}" for role in roles),
        EVERY_CHANNEL,
        *(f"channel:{name}" for name in desk.channels),
        *(f"person:{name}" for name in people),
    ]
    return tuple(dict.fromkeys([*known, *chosen]))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a dry run is about: a stored alert, or one made up; `at` as the browser wrote it, empty: now."""

    alert: str = ""
    node: str = ""
    category: Category = Category.LEAK
    medium: str = "water"
    severity: Severity = Severity.CRITICAL
    at: str = ""


def read_asked(query: Mapping[str, str], site: Site) -> Asked | None:
    """The dry run of an address; None where none is asked for. What is not known there is as if it were not given."""
    if "dry" not in query:
        return None
    categories, severities = {c.value: c for c in Category}, {s.value: s for s in Severity}
    return Asked(
        alert=query.get("alert", ""),
        node=query["node"] if query.get("node") in site.nodes else "",
        category=categories.get(query.get("category", ""), Category.LEAK),
        medium=query.get("medium", "water")[:20],
        severity=severities.get(query.get("severity", ""), Severity.CRITICAL),
        at=query.get("at", ""),
    )


def run_dry(desk: DutyDesk, asked: Asked, alerts: AlertsWithin, now: datetime) -> tuple[Alert, tuple[RouteRun, ...]]:
    """The alert, and what each route would do. Raises: UnknownAlertError."""
    site = alerts.reach.site
    at = moment(asked.at, site) or now
    root = next((n.id for n in site.nodes.values() if n.parent is None), "")
    alert = (
        alerts.get(asked.alert)
        if asked.alert
        else made_up(asked.node or root, asked.category, asked.medium, asked.severity, at)
    )
    return alert, desk.dry_run(alert, at)
