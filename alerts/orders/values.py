"""Orders, reports, photos and ticks as values. Every time is an aware UTC datetime."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from alerts.orders.states import FINISHED, OrderState
from alerts.values import Outcome
from metering.incident import Severity


class OrderAction(StrEnum):
    """What an event of an order records."""

    CREATED = "created"
    ASSIGNED = "assigned"
    UNASSIGNED = "unassigned"
    CHANGED = "changed"  # its words, owner or due time
    STARTED = "started"
    CHECKED = "checked"  # a line of the checklist, or taken back
    NOTED = "noted"
    PHOTO_ADDED = "photo_added"
    REPORT_JOINED = "report_joined"
    DONE = "done"
    VERIFIED = "verified"
    REOPENED = "reopened"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One line of a checklist, in each language by its tag, and who ticked it off when."""

    texts: dict[str, str]
    done_by: str | None = None
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One work order.

    alert_id   the alert that it mends; None: of a person's report or the office's own. Of an alert it ends only when
               the meters agree
    node       the place
    owner      who answers for it in the office; `assignee` who works on it: a maintainer's or contractor's account
    due_at     to be done by then
    outcome    what whoever worked on it found; None until it is done
    rating     1 to 5 with `rating_words`, by the office; None until it is closed
    cost       what the repair cost in all, in the site's currency; None: nobody has said
    reopened   how often it was
    photos     how many it has
    version    counts what was done to it, notes, photos and checked lines left out: those never conflict
    drill      id of the drill whose alert it is of; None: it is real
    """

    id: int
    state: OrderState
    alert_id: str | None
    node: str
    title: str
    words: str
    severity: Severity
    owner: str
    assignee: str | None
    assigned_by: str | None
    created_by: str
    created_at: datetime
    due_at: datetime | None
    assigned_at: datetime | None
    started_at: datetime | None
    done_at: datetime | None
    done_by: str | None
    verified_at: datetime | None
    verified_by: str | None
    closed_at: datetime | None
    closed_by: str | None
    outcome: Outcome | None
    rating: int | None
    rating_words: str
    cost: float | None
    checklist: tuple[CheckLine, ...]
    reopened: int
    photos: int
    version: int
    updated_at: datetime
    drill: str | None = None

    def is_overdue(self, now: datetime) -> bool:
        """Whether it should be done by now and is not."""
        return self.state not in FINISHED and self.due_at is not None and self.due_at <= now


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """One line of an order's history; written once, never changed. Numbers rise with the order of writing.

    detail  JSON-able: `state`, `state_before`, `version`, `assignee`, `drill` where it is of one, and what the action
            is about
    """

    id: int
    order_id: int
    at: datetime
    actor: str
    origin: str
    action: OrderAction
    text: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders: None means any.

    nodes       ids as they stand (a caller asks for a subtree by listing it)
    assignee    an account; the empty text asks for those of nobody
    overdue_at  only those that should be done at this moment and are not
    drill       those of drills: none (False), too (True), only those (`EVERY_DRILL`)
    """

    states: tuple[OrderState, ...] | None = None
    nodes: tuple[str, ...] | None = None
    assignee: str | None = None
    alert_id: str | None = None
    overdue_at: datetime | None = None
    drill: bool | str = False


@dataclass(frozen=True, slots=True)
class OrderPage:
    """Orders, the latest first; `next_cursor` is the number to go on below, None at the end."""

    items: tuple[Order, ...]
    next_cursor: int | None


class ReportState(StrEnum):
    """What became of a person's report."""

    NEW = "new"
    ORDERED = "ordered"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class Report:
    """What somebody saw, without a name: where, in their words.

    order_id  the order that it led to; several reports may lead to one
    answer    what the office says where it is dismissed; shown to whoever reported
    drill     id of the drill whose order that is; None: it is real
    """

    id: int
    state: ReportState
    node: str
    spot: str
    words: str
    language: str
    at: datetime
    order_id: int | None
    handled_by: str | None
    handled_at: datetime | None
    answer: str
    photos: int
    version: int
    drill: str | None = None


class PhotoStage(StrEnum):
    """When a photo was taken."""

    REPORT = "report"
    WORK = "work"
    CLOSING = "closing"


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo without its content: always a JPEG that was written here, without any metadata."""

    id: str
    order_id: int | None
    report_id: int | None
    stage: PhotoStage
    by: str
    at: datetime
    width: int
    height: int
    size_bytes: int
