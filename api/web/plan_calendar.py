"""The calendar of planned use: a week or a month, day by day, as its page needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from api.feedback.book import ListedUse, plans_of, uses_between
from api.parts import ApiParts
from api.web.rendering import Reader
from metering.site import Site

WEEK, MONTH = "week", "month"
_EARLIEST, _LATEST = date(2000, 1, 1), date(2199, 1, 1)


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A local day and what goes on in it."""

    day: date
    uses: tuple[ListedUse, ...]


@dataclass(frozen=True, slots=True)
class CalendarView:
    """A stretch of days; `before` and `after` are days in the stretches beside it. Of a month only days with a use."""

    view: str
    first: date
    last: date
    before: date
    after: date
    today: date
    days: tuple[CalendarDay, ...]


def build_calendar(parts: ApiParts, reader: Reader, query: Mapping[str, str]) -> CalendarView:
    """The week or month that the query asks for; what is none gives the present one."""
    site, now = reader.reach.site, parts.now()
    today = now.astimezone(site.zone).date()
    view = WEEK if query.get("view") == WEEK else MONTH
    first, end = _stretch(view, _day(query.get("day", ""), today))
    uses = uses_between(plans_of(parts), reader.reach, _midnight(first, site), _midnight(end, site))
    days = tuple(_of_day(first + timedelta(days=n), uses, site) for n in range((end - first).days))
    shown = tuple(day for day in days if view == WEEK or day.uses or day.day == today)
    return CalendarView(view, first, end - timedelta(days=1), first - timedelta(days=1), end, today, shown)


def _day(text: str, today: date) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return today
    return min(max(day, _EARLIEST), _LATEST)


def _stretch(view: str, day: date) -> tuple[date, date]:
    """From the first day to before the last one's next."""
    if view == WEEK:
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=7)
    first = day.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1)


def _midnight(day: date, site: Site) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=site.zone)


def _of_day(day: date, uses: list[ListedUse], site: Site) -> CalendarDay:
    start, end = _midnight(day, site), _midnight(day + timedelta(days=1), site)
    return CalendarDay(day, tuple(one for one in uses if one.use.start < end and one.use.end > start))
