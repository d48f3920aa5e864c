"""Minimum night flow: excess of the small hours against like nights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rules.detectors.minimum_night_flow import MinimumNightFlow


def nights(delta: Any) -> float:
    return float(delta / np.timedelta64(1, "D"))


def test_a_large_leak_is_told_after_one_night(tools: Any) -> None:
    campus = tools.campus(45, extra=[("b3", 30.5, 40, 0.6)])
    found = [f for f in tools.opened(campus.run(MinimumNightFlow)) if f.subject == "b3"]
    assert [nights(f.at - campus.moment(30.5)) < 1 for f in found] == [True]
    assert found[0].size == pytest.approx(0.6, rel=0.1)


def test_a_small_leak_is_told_after_some_nights(tools: Any) -> None:
    campus = tools.campus(50, extra=[("b3", 30.5, 44, 0.05)])
    found = [f for f in tools.opened(campus.run(MinimumNightFlow)) if f.subject == "b3"]
    assert [2 < nights(f.at - campus.moment(30.5)) < 8 for f in found] == [True]
    assert nights(found[0].at - campus.moment(30.5)) > nights(found[0].onset - campus.moment(30.5)) - 1
    assert found[0].size == pytest.approx(0.05, rel=0.4)


def test_slow_growth_is_found_before_it_is_usual(tools: Any) -> None:
    steps = [("b3", 30 + i, 31 + i, 0.008 * i) for i in range(25)]
    found = [f for f in tools.opened(tools.campus(55, extra=steps).run(MinimumNightFlow)) if f.subject == "b3"]
    assert len(found) == 1


def test_a_season_that_day_and_night_share_is_no_leak_and_hides_none(tools: Any) -> None:
    """A town's inlet: its use rises by a seventh in six weeks; a leak that grows by less is told all the same."""
    rng = np.random.default_rng(3)
    days = 110
    hour = np.arange(days * tools.per_day) % tools.per_day / 4
    season = 1 + 0.15 * np.clip((np.arange(len(hour)) / tools.per_day - 45) / 42, 0, 1)
    flow = 500.0 * season * np.where(hour < 6, 0.5, 1.2) * rng.normal(1, 0.01, len(hour))
    grown = 0.7 * np.clip(np.arange(len(hour)) / tools.per_day - 45, 0, 60)
    found = []
    for leak in (0.0, grown):
        campus = tools.campus(days)
        campus.usage[:, campus.at("inlet")] = (flow + leak) / 4
        told = tools.opened(campus.run(MinimumNightFlow))
        found.append([nights(f.at - campus.moment(0)) for f in told if f.subject == "inlet"])
    assert found[0] == []
    assert [50 < night < 105 for night in found[1]] == [True]


def test_clears_the_morning_after_the_repair(tools: Any) -> None:
    campus = tools.campus(50, extra=[("b3", 30, 40.5, 0.2)])
    ended = [f for f in tools.closed(campus.run(MinimumNightFlow)) if f.subject == "b3"]
    assert [nights(f.at - campus.moment(40.5)) < 1 for f in ended] == [True]
    assert ended[0].total == pytest.approx(0.2 * 24 * 10.5, rel=0.2)


def test_one_late_party_is_no_leak(tools: Any) -> None:
    campus = tools.campus(45)
    campus.usage[campus.steps(30, 30.25), campus.at("b3")] += 0.02
    assert campus.run(MinimumNightFlow) == []


def test_late_use_that_ceases_by_day_is_no_leak(tools: Any) -> None:
    """Somebody works at night for a week; the same flow is a leak where it runs on by day."""
    campus = tools.campus(50)
    home = campus.at("home")
    for day in range(35, 42):
        campus.usage[campus.steps(day, day + 0.25), home] += 0.004
        campus.usage[campus.steps(day + 0.4, day + 0.7), home] = 0.0
    assert [f for f in campus.run(MinimumNightFlow) if f.subject == "home"] == []
    campus = tools.campus(50, extra=[("home", 35, 42, 0.016)])
    assert len([f for f in tools.opened(campus.run(MinimumNightFlow)) if f.subject == "home"]) == 1


def test_what_all_buildings_share_is_no_leak(tools: Any) -> None:
    """A heat wave: the nights of all are busier by three quarters for ten days."""
    campus = tools.campus(60)
    rng = np.random.default_rng(6)
    for i in range(9):
        for day in range(35, 45):
            night = campus.steps(day, day + 0.25)
            campus.usage[night, campus.at(f"b{i}")] += rng.poisson(0.15, 24) * 0.01
    assert [f.subject for f in campus.run(MinimumNightFlow) if f.subject.startswith("b")] == []


@pytest.mark.parametrize("wakeful", [0, 4])
def test_a_fortnight_in_which_a_few_people_are_up_is_no_leak(tools: Any, wakeful: int) -> None:
    """Four of them draw 10 L every other hour: small nights, again and again. A leak of 30 L/h is told."""
    campus = tools.campus(60, extra=[("b3", 35, 49, 0.03 if not wakeful else 0.0)])
    rng = np.random.default_rng(4)
    for day in range(35, 49):
        night = campus.steps(day, day + 0.25)
        campus.usage[night, campus.at("b3")] += rng.poisson(wakeful / 8, 24) * 0.01
    told = [f.subject for f in tools.opened(campus.run(MinimumNightFlow)) if f.subject == "b3"]
    assert told == ([] if wakeful else ["b3"])


def test_the_return_of_the_students_is_no_leak(tools: Any) -> None:
    campus = tools.campus(60, away=range(10, 35))
    assert campus.run(MinimumNightFlow, days=tools.days(vacation=range(10, 35))) == []


def test_a_night_of_estimates_is_not_judged(tools: Any) -> None:
    campus = tools.campus(45)
    for day in range(30, 38):
        night = campus.steps(day - 0.1, day + 0.3)
        campus.usage[night, campus.at("b3")] = 0.05
        campus.quality[night, campus.at("b3")] = 1
    assert campus.run(MinimumNightFlow) == []


def test_a_second_leak_is_told_while_the_first_runs(tools: Any) -> None:
    campus = tools.campus(60, extra=[("b3", 30.5, 55.5, 0.2), ("b3", 42.5, 50.5, 0.4)])
    findings = [f for f in campus.run(MinimumNightFlow) if f.subject == "b3"]
    told = [nights(f.at - campus.moment(0)) for f in tools.opened(findings)]
    assert [30 < told[0] < 35, 42 < told[1] < 46] == [True, True]
    assert len(told) == 2
    assert tools.opened(findings)[1].size == pytest.approx(0.6, rel=0.2)
    assert nights(tools.closed(findings)[-1].at - campus.moment(55.5)) < 1, "open as long as the first one runs"


def test_weekend_nights_that_differ_are_usual(tools: Any) -> None:
    """Friday and Saturday nights are busier by far; a leak smaller than that is told all the same."""
    campus = tools.campus(70, extra=[("b3", 60.5, 70, 0.03)])
    for day in range(70):
        if day % 7 in {5, 6}:
            campus.usage[campus.steps(day, day + 0.25), campus.at("b3")] += 0.01
    found = [f for f in tools.opened(campus.run(MinimumNightFlow)) if f.subject == "b3"]
    assert [60 < nights(f.at - campus.moment(0)) < 66 for f in found] == [True]


def test_two_inlets_of_one_zone_are_judged_together(tools: Any) -> None:
    """From day to day another of both carries the night; their sum tells a leak."""
    campus = tools.campus(50, site=tools.joint_site(), extra=[("inlet", 40.5, 50, 1.0)])
    carried = np.random.default_rng(5).random(50)
    total = campus.usage[:, campus.at("inlet")].copy()
    children = [campus.at(f"b{i}") for i in range(9)]
    campus.usage[:, children] *= 0.1  # most of the zone has no meters
    share = np.repeat(carried, tools.per_day)
    campus.usage[:, campus.at("inlet")] = share * total
    campus.usage[:, campus.at("inlet2")] = (1 - share) * total
    found = [f for f in tools.opened(campus.run(MinimumNightFlow)) if f.subject.startswith("inlet")]
    assert [(f.subject, 40 < nights(f.at - campus.moment(0)) < 45) for f in found] == [("inlet", True)]


def test_a_pump_that_runs_on_some_nights_says_nothing(tools: Any) -> None:
    campus = tools.campus(90)
    rng = np.random.default_rng(8)
    for day in range(90):
        campus.usage[campus.steps(day, day + 1), campus.at("b3")] = 0.0
        if day % 2 or rng.random() < 0.5:
            campus.usage[campus.steps(day + 0.04, day + 0.3), campus.at("b3")] = 0.5
    assert [f for f in campus.run(MinimumNightFlow) if f.subject == "b3"] == []
