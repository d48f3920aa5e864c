"""What is said to and by a repair platform, in our own words; the mapping turns them into the platform's."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from alerts.orders.values import OrderAction
from alerts.platform.whys import Why

PLATFORM = "repair-platform"
"""The actor of what the platform does, in the audit trail; and who has an order that somebody of theirs has."""


class Direction(StrEnum):
    """Which way orders are told."""

    BOTH = "both"
    OUT = "out"  # the platform hears of our orders, and says nothing
    IN = "in"  # it only tells


class Says(StrEnum):
    """What a platform may say of an order."""

    ASSIGNED = "assigned"
    REJECTED = "rejected"  # whoever had it will not do it
    STARTED = "started"
    DONE = "done"
    REOPENED = "reopened"
    CLOSED = "closed"
    NOTED = "noted"
    PHOTO_ADDED = "photo_added"
    RATED = "rated"


# Which of an order's events the platform is told of; a line of the checklist is nobody's business but ours.
TOLD = tuple(action for action in OrderAction if action is not OrderAction.CHECKED)
# These leave an order's state alone, so it does not matter that later ones came before them.
REMARKS = frozenset({Says.NOTED, Says.PHOTO_ADDED, Says.RATED})


class OrderCategory(StrEnum):
    """What is wrong: an alert's category, or that a person reported it."""

    LEAK = "leak"
    CONSUMPTION = "consumption"
    APPLIANCE = "appliance"
    SUPPLY = "supply"
    DATA_QUALITY = "data_quality"
    REPORT = "report"


class Urgency(StrEnum):
    """How soon it has to be seen to."""

    LOW = "low"
    NORMAL = "normal"
    URGENT = "urgent"


@dataclass(frozen=True, slots=True)
class Named:
    """What a name in a template stands for, and an example."""

    meaning: str
    example: Any


FIELDS: dict[str, Named] = {
    "delivery": Named("id of this message, the same at every attempt", "5f0c6a1be21d4a7c93d0b1f6a2c4e8d7"),
    "revision": Named("grows with each message of an order: drop what is older", 3),
    "event": Named("what happened", "created"),
    "event_at": Named("when", "2026-11-23T04:00:00Z"),
    "actor": Named("who did it: an account, no personal name", "wang"),
    "note": Named("what was written", "渗漏点在二层卫生间"),
    "order": Named("our number of the order", 42),
    "number": Named("the platform's number, null until it gave one", None),
    "status": Named("where the order stands", "open"),
    "urgency": Named("how soon", "urgent"),
    "category": Named("what is wrong", "leak"),
    "medium": Named("water, electricity, ...", "water"),
    "place": Named("the place's code: of `codes.place`, else its id in the site file", "dorm-2-f3"),
    "place_zh": Named("the place and what it is in, in Chinese words", "主校区 › 梅园2号楼 › 3层"),
    "place_en": Named("the same; names of places are as the site file has them", "主校区 › 梅园2号楼 › 3层"),
    "title_zh": Named("one line", "梅园2号楼 3层 疑似漏水"),
    "title_en": Named("one line", "Leak suspected: 梅园2号楼 3层"),
    "text_zh": Named("all that a repairer needs", "每小时约 480 升，自 11 月 21 日 02:00 起。"),
    "text_en": Named("the same in English", "About 480 litres an hour since 21 November, 02:00."),
    "assignee": Named("who has it: an account, empty: nobody", "wang"),
    "contractor": Named("who has it where that is a contractor's account, else empty", ""),
    "created_at": Named("when the order was made", "2026-11-23T04:00:00Z"),
    "due_at": Named("to be done by then, null: no deadline", "2026-11-24T04:00:00Z"),
    "link": Named("the order's page here", "https://aquavolt.example.edu.cn/orders/42"),
    "photos": Named("addresses of the photos here (a reader signs in)", []),
    "alert": Named("id of the alert it came from, null: from a person", "leak/water/dorm-2-f3/20261123T0400"),
    "is_verified": Named("whether the meters confirmed the repair; null: not asked yet", None),
    "rating": Named("1 to 5, null: not rated", None),
    "cost": Named("what the repair cost in all, in the site's currency; null: nobody has said", None),
}
CODED = ("event", "status", "urgency", "category", "place")
TIMES = ("event_at", "created_at", "due_at")


_STATUS_AFTER = {
    OrderAction.ASSIGNED: "assigned",
    OrderAction.STARTED: "in_work",
    OrderAction.DONE: "done",
    OrderAction.VERIFIED: "verified",
    OrderAction.REOPENED: "reopened",
    OrderAction.CLOSED: "closed",
}


def example_document(event: OrderAction = OrderAction.CREATED) -> dict[str, Any]:
    """An order as it may be told, for trials of a mapping."""
    made = {"event": event.value, "status": _STATUS_AFTER.get(event, "open")}
    return {name: found.example for name, found in FIELDS.items()} | made


@dataclass(frozen=True, slots=True)
class Inbound:
    """One event of the platform, read by the mapping.

    id       the platform's own, else a digest of the body
    at       the platform's time; None where it says none
    says     None: a code that the mapping does not know; `code` is what it was
    order    our number, `number` theirs; one of them is there
    person   our account of who has it; empty though `has_person`: somebody of theirs
    photos   addresses, or the pictures themselves (`data:` or base64)
    """

    id: str
    at: datetime | None
    says: Says | None
    code: str
    order: str = ""
    number: str = ""
    person: str = ""
    has_person: bool = False
    note: str = ""
    rating: int | None = None
    cost: float | None = None
    photos: tuple[str, ...] = ()


class Placing(StrEnum):
    """What became of an event of the platform."""

    APPLIED = "applied"
    LATE = "late"  # a later one of the same order was here before: kept, changes nothing
    UNPLACED = "unplaced"  # its order or meaning is not known (yet)
    SET_ASIDE = "set_aside"  # a person looked at an unplaced one and let it go


class SentState(StrEnum):
    """Where a message to the platform stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"  # refused for good; may be sent again by hand


@dataclass(frozen=True, slots=True)
class Sent:
    """A message to the platform. `document` is the order as of the event, in our words; `answer` what was answered."""

    id: str
    event_id: int
    order_id: int
    event: OrderAction
    document: dict[str, Any] = field(repr=False)
    state: SentState
    attempts: int
    replays: int
    created_at: datetime
    due_at: datetime
    delivered_at: datetime | None
    last_error: str
    answer: str


@dataclass(frozen=True, slots=True)
class Received:
    """An event of the platform as it was taken."""

    id: str
    received_at: datetime
    at: datetime | None
    order_id: int | None
    order: str
    number: str
    says: Says | None
    code: str
    placing: Placing
    reason: str
    whys: tuple[Why, ...]
    body: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Link:
    """What the platform calls an order, and what it said of it last."""

    order_id: int
    number: str
    said: str = ""
    said_at: datetime | None = None
    rating: int | None = None
