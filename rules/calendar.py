"""What kind of day a local day is: the site's school calendar first, then public holidays, then the week."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import holidays

from metering.site import Period, SchoolCalendar, Site
from metering.zone_country import country_of

WORKDAY, WEEKEND, HOLIDAY, VACATION = "workday", "weekend", "holiday", "vacation"
_EPOCH = date(1970, 1, 1)


class CalendarError(ValueError):
    """The calendar cannot be used; the message names what is allowed."""


class SchoolDays:
    """The kinds of a site's days.

    A vacation outweighs a holiday, a holiday the week; a weekend day that China's calendar makes a workday (调休) is
    a workday. Where terms are given, a day outside all of them is vacation.
    """

    def __init__(self, calendar: SchoolCalendar, country: str | None = None) -> None:
        """Take the calendar; `country` counts where it names none. Without either there are no public holidays.

        Raises:
            CalendarError: a country whose holidays are not known.
        """
        known = holidays.list_supported_countries()
        if calendar.country is not None and calendar.country not in known:
            raise CalendarError(
                f"holidays of country {calendar.country!r} are not known; allowed: {', '.join(sorted(known))}"
            )
        self._calendar = calendar
        country = calendar.country or country
        self._public: Any = holidays.country_holidays(country) if country in known else holidays.HolidayBase()
        self._kinds: dict[int, str] = {}

    def kind(self, local_day: int) -> str:
        """`workday`, `weekend`, `holiday` or `vacation` of a day since 1970-01-01."""
        if local_day not in self._kinds:
            self._kinds[local_day] = self._kind(_EPOCH + timedelta(local_day))
        return self._kinds[local_day]

    def _kind(self, day: date) -> str:
        calendar = self._calendar
        taught = (*calendar.terms, *calendar.exams)
        if _lies_in(day, calendar.vacations) or (calendar.terms and not _lies_in(day, taught)):
            return VACATION
        if day in self._public:
            return HOLIDAY
        return WORKDAY if self._public.is_working_day(day) else WEEKEND


def _lies_in(day: date, periods: tuple[Period, ...]) -> bool:
    return any(p.first <= day <= p.last for p in periods)


def school_days(site: Site) -> SchoolDays:
    """The kinds of the site's days."""
    return SchoolDays(site.calendar, country_of(site.timezone))
