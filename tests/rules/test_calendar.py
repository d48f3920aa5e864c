"""Kinds of days: the school's calendar, public holidays, and China's make-up workdays."""

from __future__ import annotations

from datetime import date

import pytest

from metering.site import Period, SchoolCalendar
from rules.calendar import CalendarError, SchoolDays


def kind(calendar: SchoolCalendar, day: str) -> str:
    return SchoolDays(calendar).kind((date.fromisoformat(day) - date(1970, 1, 1)).days)


def period(first: str, last: str) -> Period:
    return Period("", date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2025-09-24", "workday"),
        ("2025-09-27", "weekend"),
        ("2025-09-28", "workday"),  # a Sunday worked in for the National Day week
        ("2025-10-03", "holiday"),
        ("2025-10-11", "workday"),  # a Saturday worked in
        ("2026-01-01", "holiday"),
    ],
)
def test_china(day, expected):
    assert kind(SchoolCalendar(country="CN"), day) == expected


@pytest.mark.parametrize(
    ("country", "day", "expected"),
    [("IT", "2025-04-25", "holiday"), ("GB", "2025-12-25", "holiday"), ("SA", "2025-04-04", "weekend")],
)
def test_other_countries(country, day, expected):
    assert kind(SchoolCalendar(country=country), day) == expected


def test_a_vacation_outweighs_the_rest():
    calendar = SchoolCalendar(vacations=(period("2025-09-27", "2025-10-08"),))
    assert {kind(calendar, d) for d in ("2025-09-27", "2025-09-28", "2025-10-03", "2025-10-08")} == {"vacation"}
    assert kind(calendar, "2025-10-09") == "workday"


def test_outside_all_terms_is_vacation():
    calendar = SchoolCalendar(terms=(period("2025-09-01", "2026-01-10"),), exams=(period("2026-01-11", "2026-01-16"),))
    assert kind(calendar, "2025-09-02") == "workday"
    assert kind(calendar, "2026-01-12") == "workday"
    assert kind(calendar, "2026-01-20") == "vacation"


def test_an_unknown_country_is_refused():
    with pytest.raises(CalendarError, match=r"'XX'.*allowed: .*CN"):
        SchoolDays(SchoolCalendar(country="XX"))
