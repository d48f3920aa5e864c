"""The book of what people said, for views, and planned use of both sources in one list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends

from alerts.feedback import FeedbackBook, Plan
from api.dependencies import Parts
from api.parts import ApiParts
from metering.site import PlannedUse, Site

SHOWN_AFTER = timedelta(days=30)  # of its end: planned use of so long ago is listed only when it is asked for


def book_of(parts: ApiParts) -> FeedbackBook:
    """The book, on the records' database."""
    return FeedbackBook(parts.records.database, parts.now)


def get_book(parts: Parts) -> FeedbackBook:
    """For views."""
    return book_of(parts)


Book = Annotated[FeedbackBook, Depends(get_book)]


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


def planned_uses(book: FeedbackBook, site: Site, since: datetime, nodes: frozenset[str] | None) -> list[ListedUse]:
    """Planned use that ends after a moment, at these nodes (None: all), by its begin."""
    listed = [ListedUse(use, None) for use in site.planned if use.end > since]
    listed += [ListedUse(plan.use, plan) for plan in book.plans(since)]
    shown = [one for one in listed if nodes is None or one.use.node in nodes]
    return sorted(shown, key=lambda one: (one.use.start, one.use.node))
