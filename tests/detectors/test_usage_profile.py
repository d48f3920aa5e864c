"""Usage profile: a building against its own days of that kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from metering.incident import Category
from metering.quantities import ELECTRICITY
from metering.site import Meter, Node, Site
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


def heat_rooms(campus: Any, days: range, kw: float) -> None:
    """A cold spell: all rooms of the building heat, and its meter counts it."""
    here = campus.steps(days.start, days.stop)
    for room in [m.id for m in campus.columns.meters if m.id.startswith("r")]:
        campus.usage[here, campus.at(room)] += kw / 4
        campus.usage[here, campus.at("board")] += kw / 4


def test_what_all_rooms_use_more_is_no_fault_of_their_building(tools: Any) -> None:
    campus = tools.campus(70)
    heat_rooms(campus, range(50, 58), 0.25)
    assert campus.run(UsageProfile) == []


def test_a_load_of_the_building_itself_is_told_in_a_cold_spell_too(tools: Any) -> None:
    campus = tools.campus(70)
    heat_rooms(campus, range(50, 58), 0.25)
    campus.usage[campus.steps(52, 58), campus.at("board")] += 3.0 / 4
    findings = campus.run(UsageProfile)
    assert [(f.phase, f.subject) for f in findings if f.phase != "update"] == [("open", "board"), ("close", "board")]
    last = [f for f in findings if f.phase == "update"][-1]
    assert last.size == pytest.approx(3.0, rel=0.25)
    assert last.expected > 12 * 0.25  # the heating is expected, once the rooms show it


def test_some_rooms_without_readings_stand_for_as_much_as_the_others(tools: Any) -> None:
    campus = tools.campus(70)
    heat_rooms(campus, range(50, 58), 0.25)
    for room in ("r0", "r1", "r2"):
        campus.usage[campus.steps(49, 70), campus.at(room)] = np.nan
    assert campus.run(UsageProfile) == []


def test_a_load_left_on_at_night_is_told_in_a_cold_spell_that_all_alike_show(tools: Any) -> None:
    """What all alike show is taken off before it is said how far one hour may count, not after."""
    nodes = {f"b{i}": Node(f"b{i}", "building", use="teaching") for i in range(1, 9)}
    meters = {n: Meter(n, ELECTRICITY, n, resolution=0.01) for n in nodes}
    campus = tools.campus(70, site=Site("eight", "Eight", "Asia/Shanghai", nodes, meters))
    rng = np.random.default_rng(3)
    campus.usage[:] = 1.25 * np.exp(rng.normal(0, 0.05, campus.usage.shape))
    campus.usage[campus.steps(50, 60)] += 0.5
    for day in range(51, 60):
        campus.usage[campus.steps(day, day + 0.25), campus.at("b3")] += 2.0
    assert {f.subject for f in tools.opened(campus.run(UsageProfile))} == {"b3"}


def test_a_router_where_nothing_is_used_is_no_case(tools: Any) -> None:
    campus = tools.campus(70)
    rng = np.random.default_rng(4)
    campus.usage[:, campus.at("board")] = 0.0001 * rng.uniform(0.9, 1.1, len(campus.usage))
    campus.usage[campus.steps(50, 60), campus.at("board")] += 0.012 / 4
    assert campus.run(UsageProfile) == []
