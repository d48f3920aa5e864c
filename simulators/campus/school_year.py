"""What kind of day it is at a Chinese university: terms, vacations, public holidays and make-up workdays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum
from functools import cache

import holidays

_EPOCH = date(1970, 1, 1)
_SATURDAY = 5


class DayKind(IntEnum):
    """What people do on a day."""

    WORKDAY = 0
    WEEKEND = 1
    HOLIDAY = 2
    VACATION = 3


@dataclass(frozen=True, slots=True)
class Stretch:
    """A named stretch of days, both ends included."""

    name: str
    first: date
    last: date

    def holds(self, day: date) -> bool:
        """Whether the day lies in it."""
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class SchoolYear:
    """Terms, their exam weeks and the vacations of one autumn-to-summer year."""

    terms: tuple[Stretch, ...]
    exams: tuple[Stretch, ...]
    vacations: tuple[Stretch, ...]


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - _EPOCH).days


def day_of(number: int) -> date:
    """The day of that number."""
    return _EPOCH + timedelta(number)


@cache
def _public(year: int) -> tuple[frozenset[date], frozenset[date]]:
    """Days off and make-up workdays of a year, as the `holidays` package knows them."""
    found = holidays.country_holidays("CN", years=year)
    off = frozenset(d for d in found if d.year == year)
    return off, frozenset(d for d in found.weekend_workdays if d.year == year)


def spring_festival(year: int) -> date:
    """Chinese New Year's day."""
    found = holidays.country_holidays("CN", years=year, language="en_US")
    days: list[date] = [
        d for d, name in found.items() if "Chinese New Year (Spring Festival)" in name and d.year == year
    ]
    return min(days)


def is_day_off(day: date) -> bool:
    """A weekend that is not made up for, or a public holiday."""
    off, made_up = _public(day.year)
    return day in off or (day.weekday() >= _SATURDAY and day not in made_up)


def _monday_at_or_after(day: date) -> date:
    return day + timedelta(-day.weekday() % 7)


@cache
def school_year(autumn: int) -> SchoolYear:
    """The school year that begins in the autumn of that year.

    Autumn term from the first Monday of September; the winter vacation takes six weeks, but does not begin before
    8 January, and ends on the Sunday about two weeks after the Spring Festival; the spring term has eighteen weeks or
    reaches the end of June; the summer vacation is the rest.
    """
    winter_end = _monday_at_or_after(spring_festival(autumn + 1) + timedelta(11)) - timedelta(1)
    winter_start = max(winter_end - timedelta(43), date(autumn + 1, 1, 8))
    end_of_june = _monday_at_or_after(date(autumn + 1, 6, 26)) - timedelta(1)
    spring_end = max(winter_end + timedelta(18 * 7), end_of_june)
    autumn_start = _monday_at_or_after(date(autumn, 9, 1))
    next_autumn = _monday_at_or_after(date(autumn + 1, 9, 1))
    one = timedelta(1)
    terms = (
        Stretch("秋季学期", autumn_start, winter_start - one),
        Stretch("春季学期", winter_end + one, spring_end),
    )
    exams = tuple(Stretch("考试周", t.last - timedelta(13), t.last) for t in terms)
    vacations = (
        Stretch("寒假", winter_start, winter_end),
        Stretch("暑假", spring_end + one, next_autumn - one),
    )
    return SchoolYear(terms, exams, vacations)


def school_years_around(first: date, last: date) -> tuple[SchoolYear, ...]:
    """The school years that touch the stretch, in order."""
    return tuple(
        year
        for year in map(school_year, range(first.year - 1, last.year + 1))
        if year.vacations[-1].last >= first and year.terms[0].first <= last
    )


@cache
def vacation_of(day: date) -> Stretch | None:
    """The vacation in which the day lies."""
    for year in school_years_around(day, day):
        for vacation in year.vacations:
            if vacation.holds(day):
                return vacation
    return None


@cache
def day_kind(day: date) -> DayKind:
    """The day's kind; a weekend inside a holiday's run of days off is holiday, a make-up workday is a workday."""
    if vacation_of(day) is not None:
        return DayKind.VACATION
    if days_off_around(day) is not None:
        return DayKind.HOLIDAY
    return DayKind.WEEKEND if is_day_off(day) else DayKind.WORKDAY


@cache
def days_off_around(day: date) -> Stretch | None:
    """The run of days off around the day if a public holiday is in it: the days on which people travel."""
    if not is_day_off(day):
        return None
    first = last = day
    while is_day_off(first - timedelta(1)):
        first -= timedelta(1)
    while is_day_off(last + timedelta(1)):
        last += timedelta(1)
    run = [first + timedelta(i) for i in range((last - first).days + 1)]
    return Stretch("", first, last) if any(d in _public(d.year)[0] for d in run) else None
