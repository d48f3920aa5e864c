"""Events of the platform, read by the mapping. Pure."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from alerts.orders.hand import MOST_COST
from alerts.platform.json_path import MISSING, read, read_text
from alerts.platform.mapping import Receive
from alerts.platform.values import Inbound
from alerts.texts import is_storable

LONGEST_ID, LONGEST_NOTE, LONGEST_NAME = 200, 4000, 100
MOST_PHOTOS = 8
_BEST_RATING = 5
_MS_FROM = 10**11
_LAST_SECOND = 4_102_444_800  # the year 2100


def digest_of(body: bytes) -> str:
    """What tells one body from another."""
    return hashlib.sha256(body).hexdigest()


def read_event(document: Any, digest: str, receive: Receive, zone: tzinfo) -> Inbound:
    """What the platform says. What the mapping does not name is left alone; what it names and is odd is as not said."""
    code = read_text(document, receive.event, LONGEST_NAME)
    person = read_text(document, receive.person, LONGEST_NAME)
    return Inbound(
        id=_id(read_text(document, receive.id, LONGEST_ID)) or digest,
        at=_moment(read(document, receive.at), zone),
        says=receive.events.get(code),
        code=code,
        order=read_text(document, receive.order, LONGEST_NAME),
        number=read_text(document, receive.number, LONGEST_NAME),
        person=person and receive.people.get(person, ""),
        has_person=bool(person),
        note=read_text(document, receive.note, LONGEST_NOTE),
        rating=_rating(read(document, receive.rating)),
        cost=_cost(read(document, receive.cost)),
        photos=_photos(read(document, receive.photos)),
    )


def _id(text: str) -> str:
    return text if is_storable(text) else ""


def _moment(given: Any, zone: tzinfo) -> datetime | None:
    """ISO 8601, Unix seconds or milliseconds, or `2026-11-23 12:00:00` of the site's own clock."""
    if isinstance(given, bool) or given is MISSING:
        return None
    text = str(given).strip()
    if text.isascii() and text.isdigit() and len(text) <= 15:  # noqa: PLR2004 - milliseconds have 13
        seconds = int(text) / 1000 if int(text) >= _MS_FROM else float(text)
        return datetime.fromtimestamp(seconds, UTC) if seconds < _LAST_SECOND else None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def at_or_now(at: datetime | None, now: datetime, most_ahead: timedelta) -> datetime:
    """The platform's time; where it says none, or its clock runs ahead, when it came here."""
    return now if at is None or at > now + most_ahead else at


def _rating(given: Any) -> int | None:
    try:
        number = None if isinstance(given, bool) else round(float(given))
    except (TypeError, ValueError, OverflowError):
        return None
    return number if number is not None and 1 <= number <= _BEST_RATING else None


def _cost(given: Any) -> float | None:
    try:
        cost = None if isinstance(given, bool) else float(given)
    except (TypeError, ValueError, OverflowError):
        return None
    return cost if cost is not None and 0 <= cost <= MOST_COST else None  # no number is not in it either


def _photos(given: Any) -> tuple[str, ...]:
    items = given if isinstance(given, list) else [given]
    return tuple(item for item in items if isinstance(item, str) and item.strip())[:MOST_PHOTOS]
