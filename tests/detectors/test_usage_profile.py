"""Usage profile: a building against its own days of that kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from metering.incident import Category
from metering.site import Meter, Node, Site
from rules.blocks import Columns
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


def nine_like_buildings(tools: Any, days: int) -> Any:
    """Nine buildings that use 5 kW by night and 25 kW by day, each with a little of its own."""
    names = [f"lib{i}" for i in range(9)]
    nodes = {n: Node(n, "building", "campus", use="teaching") for n in names}
    meters = {n: Meter(n, "electricity", n, resolution=0.01) for n in names}
    campus = tools.campus(days)
    campus.columns = Columns(
        Site("test", "Test", "Asia/Shanghai", {"campus": Node("campus", "campus"), **nodes}, meters)
    )
    hour = np.arange(days * tools.per_day) % tools.per_day / 4
    own = np.random.default_rng(2).normal(1, 0.03, (len(hour), len(names)))
    campus.usage = np.where(hour < 6, 5.0, 25.0)[:, np.newaxis] / 4 * own
    campus.quality = np.zeros(campus.usage.shape, np.uint16)
    return campus


def test_a_load_of_one_building_is_told_though_all_use_more(tools: Any) -> None:
    """What the weather makes of all is taken off the whole of it, not off what one night can prove at most."""
    campus = nine_like_buildings(tools, 50)
    nights = np.isin(np.arange(len(campus.usage)) // 4 % 24, range(6))
    cold = (np.arange(len(campus.usage)) >= 35 * tools.per_day) & nights
    campus.usage[cold] += 3.0 / 4
    assert campus.run(UsageProfile) == []
    campus.usage[cold, campus.at("lib4")] += 12.0 / 4
    found = tools.opened(campus.run(UsageProfile))
    assert [f.subject for f in found] == ["lib4"]
    assert hours(found[0].at - campus.moment(35)) <= 5 * 24
    assert found[0].size == pytest.approx(12.0, rel=0.3)


def test_a_router_where_nothing_is_used_is_no_case(tools: Any) -> None:
    campus = tools.campus(70)
    rng = np.random.default_rng(4)
    campus.usage[:, campus.at("board")] = 0.0001 * rng.uniform(0.9, 1.1, len(campus.usage))
    campus.usage[campus.steps(50, 60), campus.at("board")] += 0.012 / 4
    assert campus.run(UsageProfile) == []
