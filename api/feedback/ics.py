"""Planned use as an iCalendar file (RFC 5545), out of here and in.

An event's LOCATION is the place's id, its CATEGORIES the medium (none: all), X-AQUAVOLT-EXPECTED its size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from api.feedback.book import ListedUse
from api.problems import Problem
from metering.quantities import MEDIA
from metering.site import PlannedUse, Site

MOST_EVENTS = 1000
_EXPECTED = "X-AQUAVOLT-EXPECTED"


@dataclass(frozen=True, slots=True)
class ReadEvent:
    """An event of a file: the planned use, or why it is none. `number` counts from 1."""

    number: int
    summary: str
    use: PlannedUse | None
    expected: float | None = None
    fault: str = ""


def ics_of(listed: Iterable[ListedUse], site: Site, now: datetime, root_of: Callable[[int], int]) -> bytes:
    """The uses as a calendar that other programs subscribe to."""
    from icalendar import Calendar, Event  # noqa: PLC0415 - takes memory that few need

    calendar = Calendar()
    calendar.add("prodid", "-//AquaVolt//planned use//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", f"AquaVolt {site.name}")
    for one in listed:
        event, use = Event(), one.use
        name = use.id if one.plan is None else f"planned-use-{root_of(one.plan.id)}"
        event.add("uid", f"{name}@{site.id}.aquavolt")
        event.add("dtstamp", now if one.plan is None else one.plan.at)
        event.add("dtstart", use.start)
        event.add("dtend", use.end)
        event.add("summary", use.text or "planned use")
        event.add("location", use.node)
        if use.medium:
            event.add("categories", [use.medium])
        if one.plan is not None and one.plan.expected is not None:
            event.add(_EXPECTED, str(one.plan.expected))
        calendar.add_component(event)
    content: bytes = calendar.to_ical()
    return content


def read_ics(body: bytes, site: Site) -> list[ReadEvent]:
    """The events of a file, each for itself.

    Raises:
        Problem: 413 too many events; 422 it is no calendar.
    """
    from icalendar import Calendar  # noqa: PLC0415 - takes memory that few need

    try:
        calendar = Calendar.from_ical(body)
        events = list(calendar.walk("VEVENT"))
    except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        raise Problem(422, f"The body is no iCalendar file: {' '.join(str(error).split())[:200]}") from error
    if len(events) > MOST_EVENTS:
        raise Problem(413, f"At most {MOST_EVENTS} events a file.")
    return list(_read_all(events, site))


def _read_all(events: Iterable[Any], site: Site) -> Iterator[ReadEvent]:
    for number, event in enumerate(events, start=1):
        summary = str(event.get("summary", ""))[:200]
        try:
            yield ReadEvent(number, summary, _use_of(event, summary, site), _expected(event))
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            yield ReadEvent(number, summary, None, fault=str(error)[:300])


def _use_of(event: Any, summary: str, site: Site) -> PlannedUse:
    for name in ("rrule", "rdate"):
        if name in event:
            raise ValueError(f"it repeats ({name.upper()}): enter each time as an event of its own")
    node = str(event.get("location", "")).strip()
    if node not in site.nodes:
        raise ValueError(f"LOCATION {node!r} is no place of this site: it must be a place's id")
    given = event.get("categories")
    named = [str(c) for c in getattr(given, "cats", ())] if given is not None else []
    media = [name for name in named if name in MEDIA]
    if len(media) > 1:
        raise ValueError(f"CATEGORIES name several media: {', '.join(media)}; give one, or none for all")
    start, end = (_moment(event, name, site) for name in ("DTSTART", "DTEND"))
    return PlannedUse(node, start, end, summary, media[0] if media else None)


def _moment(event: Any, name: str, site: Site) -> datetime:
    if name not in event:
        raise ValueError(f"it has no {name}")
    given = event.decoded(name)
    if not isinstance(given, date):
        raise ValueError(f"{name} is no time")  # noqa: TRY004 - of what people wrote
    if not isinstance(given, datetime):
        return datetime(given.year, given.month, given.day, tzinfo=site.zone)
    return given if given.tzinfo is not None else given.replace(tzinfo=site.zone)


def _expected(event: Any) -> float | None:
    given = event.get(_EXPECTED)
    return None if given is None else float(str(given))
