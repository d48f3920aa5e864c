"""Usage profile: a building against its own days of that kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from metering.incident import Category
from rules.detectors.profile_pattern import PATTERNS
from rules.detectors.usage_profile import UsageProfile


def hours(delta: Any) -> float:
    return float(delta / np.timedelta64(1, "h"))


def add(campus: Any, days: range, first_h: int, end_h: int, kw: float) -> None:
    """A load on these days from one local hour to another."""
    for day in days:
        campus.usage[campus.steps(day + first_h / 24, day + end_h / 24), campus.at("board")] += kw / 4


def test_a_step_is_told_within_two_days_and_over_after_a_calm_one(tools: Any) -> None:
    campus = tools.campus(70, extra=[("board", 50, 58, 3.0)])
    findings = campus.run(UsageProfile)
    assert [(f.phase, f.subject) for f in findings if f.phase != "update"] == [("open", "board"), ("close", "board")]
    assert hours(findings[0].at - campus.moment(50)) <= 48
    assert hours(findings[-1].at - campus.moment(58)) <= 25
    assert findings[0].size == pytest.approx(3.0, rel=0.25)
    assert findings[-1].total == pytest.approx(3.0 * 24 * 8, rel=0.25)


def test_what_is_left_on_at_night_is_called_so(tools: Any) -> None:
    campus = tools.campus(80)
    add(campus, range(50, 72), 0, 6, 1.2)
    found = tools.opened(campus.run(UsageProfile))
    assert [f.evidence["pattern"] for f in found] == ["nights"]


def test_what_is_left_on_at_weekends_is_called_so(tools: Any) -> None:
    campus = tools.campus(90)
    weekends = [d for d in range(60, 90) if tools.days().kind(20_513 + d) == "weekend"]
    for day in weekends:
        add(campus, range(day, day + 1), 0, 24, 3.0)
    found = tools.opened(campus.run(UsageProfile))
    assert {f.evidence["pattern"] for f in found} == {"rest_days"}


def test_far_too_little_is_a_matter_of_supply(tools: Any) -> None:
    campus = tools.campus(70)
    campus.usage[campus.steps(50, 60), campus.at("board")] *= 0.1
    found = tools.opened(campus.run(UsageProfile))
    assert [(f.category, f.evidence["pattern"]) for f in found] == [(Category.SUPPLY, "too_little")]


def test_a_vacation_is_not_too_little(tools: Any) -> None:
    campus = tools.campus(70, away=range(45, 60))
    assert campus.run(UsageProfile, days=tools.days(vacation=range(45, 60))) == []


def test_one_long_evening_is_nothing(tools: Any) -> None:
    campus = tools.campus(60)
    add(campus, range(50, 51), 18, 24, 3.0)
    assert campus.run(UsageProfile) == []


def test_rooms_and_water_are_left_to_others(tools: Any) -> None:
    campus = tools.campus(60, extra=[("r4", 45, 60, 0.05), ("b3", 45, 60, 0.5)])
    assert {f.subject for f in campus.run(UsageProfile)} <= {"board"}


def test_every_pattern_is_a_word_of_its_own() -> None:
    assert len(set(PATTERNS)) == len(PATTERNS)
