"""Until when somebody must have an alert: minutes by severity, or a time of the next working day of the site."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.deadlines import due_at, is_burst, office_days, rule_of
from alerts.desk_policy import DEFAULT
from metering.incident import Category, Severity

SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YEAR, MAKE_UP_SUNDAY, FRIDAY = date(2026, 1, 1), date(2026, 1, 4), date(2026, 11, 20)


@pytest.mark.parametrize("country", [None, "XX", ""])
def test_of_no_country_or_an_unknown_one_there_are_weeks_and_no_holidays(country):
    days = office_days(SHANGHAI, country)
    assert [days.is_working_day(date(2026, 1, d)) for d in range(1, 8)] == [True, True, False, False, True, True, True]
    assert days.zone is SHANGHAI


def test_of_china_there_are_holidays_and_weekend_days_that_are_worked():
    days = office_days(SHANGHAI, "CN")
    assert not days.is_working_day(NEW_YEAR)
    assert days.is_working_day(MAKE_UP_SUNDAY)
    assert office_days(SHANGHAI, None).is_working_day(NEW_YEAR)
    assert not office_days(SHANGHAI, None).is_working_day(MAKE_UP_SUNDAY)


@pytest.mark.parametrize(
    ("told_at", "country", "day"),
    [
        (datetime(2026, 11, 20, 2, tzinfo=UTC), None, 23),  # Friday morning: Monday
        (datetime(2026, 11, 22, 17, tzinfo=UTC), None, 24),  # Monday 01:00 there, Sunday in UTC: Tuesday
        (datetime(2026, 9, 30, 2, tzinfo=UTC), "CN", 8),  # over the National Day's week, to the day after it
    ],
)
def test_the_next_working_day_is_counted_on_the_sites_calendar(told_at, country, day):
    assert office_days(SHANGHAI, country).next_after(told_at).day == day


@given(st.dates(date(2020, 1, 1), date(2030, 12, 1)), st.sampled_from([None, "CN", "DE", "US"]))
def test_the_next_working_day_is_later_worked_and_none_between_is(day, country):
    days = office_days(SHANGHAI, country)
    found = days.next_after(datetime(day.year, day.month, day.day, 12, tzinfo=SHANGHAI))
    assert found > day
    assert days.is_working_day(found)
    between = [day + timedelta(n) for n in range(1, (found - day).days)]
    assert not any(days.is_working_day(one) for one in between)


@pytest.fixture
def judged(rules):
    """A leak of 0.42 m3/h, with whatever a test wants otherwise."""
    return lambda **changed: replace(rules.incident(), **changed)


@pytest.mark.parametrize(
    ("changed", "rule", "due"),
    [
        ({"loss_rate": 5.0}, "burst", timedelta(minutes=15)),
        ({"severity": Severity.CRITICAL}, "leak", timedelta(hours=2)),
        ({}, "leak", timedelta(hours=2)),
        ({"category": Category.SUPPLY}, "supply", timedelta(hours=1)),
        # Friday 16:00 in Shanghai; Monday 18:00 there.
        ({"category": Category.CONSUMPTION, "medium": "electricity"}, "consumption", timedelta(days=3, hours=2)),
        ({"category": Category.APPLIANCE, "medium": "electricity"}, "appliance", timedelta(days=3, hours=2)),
        ({"category": Category.DATA_QUALITY}, "meter data", timedelta(days=3, hours=2)),
    ],
)
def test_each_kind_has_its_own_term_where_nobody_set_another(judged, clock, changed, rule, due):
    alert = judged(**changed)
    found = rule_of(alert, DEFAULT)
    assert (found.name, due_at(alert, DEFAULT, office_days(SHANGHAI, "CN"), clock())) == (rule, clock() + due)


def test_what_no_rule_fits_has_no_deadline(judged, clock):
    assert due_at(judged(), DEFAULT.model_copy(update={"deadlines": ()}), office_days(UTC, None), clock()) is None


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"loss_rate": 4.99}, False),
        ({"loss_rate": 5.0}, True),
        ({"loss_rate": 90.0, "medium": "electricity"}, False),
        ({"loss_rate": 90.0, "category": Category.CONSUMPTION}, False),
        ({"loss_rate": float("nan")}, False),
    ],
)
def test_a_burst_is_a_leak_of_water_by_its_flow(judged, changed, expected):
    assert is_burst(judged(**changed)) is expected
