"""The book of what people said, for views, and planned use of both sources in one list."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends

from alerts.errors import UnknownAlertError
from alerts.feedback import Caution, FeedbackBook, Plan, is_past
from alerts.plan_calendar import PlanCalendar
from alerts.rows import ms_of
from alerts.users.reach import AlertsWithin, Reach
from api.dependencies import CurrentAlerts, Parts
from api.parts import ApiParts
from metering.site import PlannedUse

SHOWN_AFTER = timedelta(days=30)  # of its end: planned use of so long ago is listed only when it is asked for


def book_of(parts: ApiParts) -> FeedbackBook:
    """The book, on the records' database."""
    return FeedbackBook(parts.records.database, parts.now)


def plans_of(parts: ApiParts) -> PlanCalendar:
    """Planned use as a calendar."""
    return PlanCalendar(parts.records.database, parts.now)


def get_plans(parts: Parts) -> PlanCalendar:
    """For views."""
    return plans_of(parts)


def get_book(parts: Parts) -> FeedbackBook:
    """For views."""
    return book_of(parts)


Book = Annotated[FeedbackBook, Depends(get_book)]
Plans = Annotated[PlanCalendar, Depends(get_plans)]


@dataclass(frozen=True, slots=True)
class ListedUse:
    """Planned use; `plan` None: it stands in the site file."""

    use: PlannedUse
    plan: Plan | None

    @property
    def source(self) -> str:
        """`site`, `alert` (an alert's outcome) or `entered`."""
        if self.plan is None:
            return "site"
        return "entered" if self.plan.alert_id is None else "alert"

    def is_past(self, now: datetime) -> bool:
        """Whether it stays as it was."""
        said = self.use.start if self.plan is None else self.plan.at
        return is_past(ms_of(self.use.end), ms_of(said), ms_of(now))


@dataclass(slots=True)
class AlertsNamed:
    """Ids of alerts that were judged, as far as they may be told: one of another part of the site is nobody's."""

    alerts: AlertsWithin
    _known: dict[str, bool] = field(default_factory=dict)

    def told(self, alert_id: str | None) -> str | None:
        """The id; None where there is none, or the one who asks does not see the alert."""
        if alert_id is None:
            return None
        if alert_id not in self._known:
            try:
                self.alerts.get(alert_id)
            except UnknownAlertError:
                self._known[alert_id] = False
            else:
                self._known[alert_id] = True
        return alert_id if self._known[alert_id] else None


def get_named(alerts: CurrentAlerts) -> AlertsNamed:
    """For views."""
    return AlertsNamed(alerts)


Named = Annotated[AlertsNamed, Depends(get_named)]


def cautions_within(book: FeedbackBook, reach: Reach, node: str | None) -> tuple[Caution, ...]:
    """What people said of the meters at a place and below it (None: of all), as far as they are within."""
    site = reach.site
    if node is not None:
        return book.cautions([m for below in site.subtree(node) for m in site.meters_at[below]])
    return book.cautions(None if reach.nodes is None else list(site.meters))


def uses_between(calendar: PlanCalendar, reach: Reach, start: datetime, end: datetime) -> list[ListedUse]:
    """Planned use that goes on at some time of [start, end), as far as it is within; by begin."""
    listed = [ListedUse(use, None) for use in reach.site.planned if use.end > start and use.start < end]
    listed += [ListedUse(plan.use, plan) for plan in calendar.between(start, end) if reach.covers(plan.use.node)]
    return sorted(listed, key=lambda one: (one.use.start, one.use.node))


def planned_uses(book: FeedbackBook, reach: Reach, since: datetime, node: str | None) -> list[ListedUse]:
    """Planned use that ends after a moment, at a place and below it (None: all), as far as it is within; by begin."""
    nodes = reach.nodes if node is None else frozenset(reach.site.subtree(node))
    listed = [ListedUse(use, None) for use in reach.site.planned if use.end > since]
    listed += [ListedUse(plan.use, plan) for plan in book.plans(since)]
    shown = [one for one in listed if nodes is None or one.use.node in nodes]
    return sorted(shown, key=lambda one: (one.use.start, one.use.node))
