"""Continuous flow: leaks and toilets at a meter that is usually quiet at night."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rules.detectors.continuous_flow import ContinuousFlow
from rules.detectors.flow_memory import UsualDays
from rules.detectors.flow_runs import TESTS


def hours(delta: Any) -> float:
    return float(delta / np.timedelta64(1, "h"))


def home(tools: Any, days: int, *extra: tuple[str, float, float, float]) -> Any:
    return tools.campus(days, extra=extra)


def test_five_litres_an_hour_are_found_within_fifty_hours(tools: Any) -> None:
    campus = home(tools, 40, ("home", 30.3, 38, 0.0055))
    found = tools.opened(campus.run(ContinuousFlow))
    assert [(f.subject, f.node) for f in found] == [("home", "home")]
    assert 44 <= hours(found[0].at - campus.moment(30.3)) <= 50
    assert abs(hours(found[0].onset - campus.moment(30.3))) <= 6
    assert 0.005 <= found[0].size < 0.01  # its quietest six hours, with what else flowed in them


def test_two_litres_an_hour_are_found_within_a_week(tools: Any) -> None:
    campus = home(tools, 45, ("home", 30.3, 42, 0.0024))
    found = tools.opened(campus.run(ContinuousFlow))
    assert [f.subject for f in found] == ["home"]
    assert hours(found[0].at - campus.moment(30.3)) <= 7 * 24 + 2


def test_a_toilet_that_refills_now_and_then_is_found(tools: Any) -> None:
    campus = home(tools, 42)
    refills = np.arange(int(30 * tools.per_day), int(40 * tools.per_day), 5)  # 6 L every 75 minutes
    campus.usage[refills, campus.at("home")] += 0.006
    found = tools.opened(campus.run(ContinuousFlow))
    assert [f.subject for f in found] == ["home"]
    assert found[0].size == pytest.approx(0.0048, rel=0.4)


def test_a_toilet_that_refills_every_third_hour_is_found(tools: Any) -> None:
    campus = home(tools, 42)
    refills = np.arange(int(30 * tools.per_day), int(40 * tools.per_day), 12)
    campus.usage[refills, campus.at("home")] += 0.006
    found = tools.opened(campus.run(ContinuousFlow))
    assert [f.subject for f in found] == ["home"]
    assert hours(found[0].at - campus.moment(30)) <= 8 * 24
    assert abs(hours(found[0].onset - campus.moment(30))) <= 24, "what was drawn on the day before hides its beginning"
    assert found[0].size == pytest.approx(0.002, rel=0.5)


def test_days_that_water_fills_by_themselves_make_a_run_wait_longer(tools: Any) -> None:
    """Someone is up in a night of the week: two such nights on end happen, ten do not."""
    habit = [("home", day, day + 1.25, 0.007) for day in range(3, 44, 8)]
    campus = home(tools, 70, *habit, ("home", 45, 47.5, 0.007))
    assert campus.run(ContinuousFlow) == []
    found = tools.opened(home(tools, 70, *habit, ("home", 45, 60, 0.007)).run(ContinuousFlow))
    assert [2 * 24 < hours(f.at - campus.moment(45)) <= 10 * 24 for f in found] == [True]


def test_what_others_found_teaches_nothing_for_five_weeks_only(tools: Any) -> None:
    """An alert of its use stays open for good; how the home is then is learned in the end."""
    campus = home(tools, 90)
    campus.flagged_days = range(20, 90)
    detector, blocks = campus.detector(ContinuousFlow), list(campus.blocks())
    known = []
    for first, end in ((0, 30), (30, 55), (55, 90)):
        campus.findings(detector, blocks[first:end])
        known.append(detector.state()["memory"]["usual"]["total"])
    assert np.array_equal(known[0], known[1], equal_nan=True)
    assert not np.array_equal(known[1], known[2], equal_nan=True)


def test_the_fading_of_a_leak_does_not_halve_it(tools: Any) -> None:
    campus = home(tools, 45, ("home", 30.3, 36.3, 0.02), ("home", 36.3, 39.5, 0.008))
    said = [f for f in campus.run(ContinuousFlow) if f.subject == "home"]
    sizes = [f.size for f in said if campus.moment(33) < f.at < campus.moment(37.2)]
    assert min(sizes) > 0.018
    assert tools.closed(said)[0].size < 0.012


def test_clears_when_the_meter_is_quiet_again(tools: Any) -> None:
    campus = home(tools, 45, ("home", 30, 38, 0.02))
    ended = tools.closed(campus.run(ContinuousFlow))
    assert [hours(f.at - campus.moment(38)) <= 12 for f in ended] == [True]
    assert ended[0].total == pytest.approx(0.02 * 8 * 24, rel=0.15)


def test_coarse_pulses_need_a_larger_leak_but_hide_none(tools: Any) -> None:
    site = home(tools, 1).site
    site.meters["home"] = tools.replace(site.meters["home"], resolution=None)
    campus = tools.campus(45, extra=[("home", 30, 45, 0.007)], site=site)
    column = campus.at("home")
    campus.usage[:, column] = np.diff(np.floor(np.cumsum(campus.usage[:, column]) / 0.01 + 1e-9), prepend=0.0) * 0.01
    found = tools.opened(campus.run(ContinuousFlow))
    assert [f.subject for f in found] == ["home"]
    assert found[0].evidence["pulse_m3"] == pytest.approx(0.01, rel=0.05)


def test_a_house_with_guests_for_a_night_is_no_leak(tools: Any) -> None:
    campus = home(tools, 40)
    night = campus.steps(31, 31.25)
    campus.usage[night, campus.at("home")] += 0.004
    assert campus.run(ContinuousFlow) == []


def test_a_building_that_never_sleeps_is_not_judged(tools: Any) -> None:
    campus = tools.campus(60, extra=[("b3", 0, 60, 0.2)])
    assert campus.run(ContinuousFlow) == []


def test_a_gap_proves_nothing(tools: Any) -> None:
    campus = home(tools, 40, ("home", 30, 31, 0.02))
    campus.usage[campus.steps(31, 36), campus.at("home")] = np.nan
    assert campus.run(ContinuousFlow) == []


def test_an_estimate_spread_over_days_is_no_flow(tools: Any) -> None:
    campus = home(tools, 40)
    gap = campus.steps(30, 33)
    campus.usage[gap, campus.at("home")] = 0.0025
    campus.quality[gap, campus.at("home")] = 1
    assert campus.run(ContinuousFlow) == []


def test_what_pauses_for_a_reading_or_two_does_not_stand_still() -> None:
    """A main whose nights are below the least flow by its size never rests: of a leak there no window tells the end."""
    usual = UsualDays.of(3)
    run = np.zeros((len(TESTS), 3), np.int64)
    for day in range(30):
        usual.day_sum[:], usual.day_hours[:] = 1.0, 24
        usual.close_day(run, np.array([0.25, 6.0, 6.0 if day % 3 == 0 else 0.0]), np.ones(3, bool), 0.0)
    assert usual.stands_still(1.0).tolist() == [False, True, False]
