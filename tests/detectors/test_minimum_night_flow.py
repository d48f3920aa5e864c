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


def test_clears_the_morning_after_the_repair(tools: Any) -> None:
    campus = tools.campus(50, extra=[("b3", 30, 40.5, 0.2)])
    ended = [f for f in tools.closed(campus.run(MinimumNightFlow)) if f.subject == "b3"]
    assert [nights(f.at - campus.moment(40.5)) < 1 for f in ended] == [True]
    assert ended[0].total == pytest.approx(0.2 * 24 * 10.5, rel=0.2)


def test_one_late_party_is_no_leak(tools: Any) -> None:
    campus = tools.campus(45)
    campus.usage[campus.steps(30, 30.25), campus.at("b3")] += 0.02
    assert campus.run(MinimumNightFlow) == []


def test_what_all_buildings_share_is_no_leak(tools: Any) -> None:
    """A heat wave: the nights of all are busier by three quarters for ten days."""
    campus = tools.campus(60)
    rng = np.random.default_rng(6)
    for i in range(9):
        for day in range(35, 45):
            night = campus.steps(day, day + 0.25)
            campus.usage[night, campus.at(f"b{i}")] += rng.poisson(0.15, 24) * 0.01
    assert [f.subject for f in campus.run(MinimumNightFlow) if f.subject.startswith("b")] == []


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
