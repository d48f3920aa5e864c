"""Burst flow: above what a meter ever showed at that hour, for an hour on end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rules.detectors.burst_flow import BurstFlow


def hours(delta: Any) -> float:
    return float(delta / np.timedelta64(1, "h"))


def test_a_burst_is_told_within_two_hours_and_closed_within_two(tools: Any) -> None:
    campus = tools.campus(40, extra=[("b3", 30.5, 31.25, 8.0)])
    findings = [f for f in campus.run(BurstFlow) if f.subject == "b3"]
    assert [hours(f.at - campus.moment(30.5)) < 2 for f in tools.opened(findings)] == [True]
    assert [hours(f.at - campus.moment(31.25)) < 2 for f in tools.closed(findings)] == [True]
    assert tools.opened(findings)[0].size == pytest.approx(8.0, rel=0.2)
    assert tools.closed(findings)[0].total == pytest.approx(8.0 * 18, rel=0.2)


def test_half_an_hour_is_no_burst(tools: Any) -> None:
    campus = tools.campus(40, extra=[("b3", 30.5, 30.5 + 2 / 96, 8.0)])
    assert campus.run(BurstFlow) == []


def test_what_was_as_high_at_that_hour_before_is_none(tools: Any) -> None:
    """The pool is filled every Monday noon."""
    campus = tools.campus(60, extra=[("b3", day + 0.5, day + 0.6, 8.0) for day in range(1, 60, 7)])
    found = tools.opened(campus.run(BurstFlow))
    assert [f for f in found if f.at > campus.moment(30)] == []


def test_one_reading_in_an_hour_is_not_several(tools: Any) -> None:
    """Hourly readings, one of them high: the four steps it stands for are one reading."""
    campus = tools.campus(40)
    column = campus.at("b3")
    hourly = campus.usage[:, column].reshape(-1, 4).mean(axis=1)
    hourly[30 * 24 + 12] += 3.0
    campus.usage[:, column] = np.repeat(hourly, 4)
    assert [f for f in campus.run(BurstFlow) if f.subject == "b3"] == []
    hourly[30 * 24 + 13 : 30 * 24 + 15] += 3.0
    campus.usage[:, column] = np.repeat(hourly, 4)
    assert len([f for f in tools.opened(campus.run(BurstFlow)) if f.subject == "b3"]) == 1


def test_a_pump_that_runs_at_another_hour_is_none(tools: Any) -> None:
    campus = tools.campus(40)
    day = np.arange(len(campus.usage)) % 96
    rng = np.random.default_rng(1)
    running = np.where((day >= 80) | (np.arange(len(day)) // 96 == 33) & (day > 40), 1.0, 0.0)
    campus.usage[:, campus.at("b3")] = 5.0 * running * rng.uniform(0.99, 1.01, len(day))
    assert [f for f in campus.run(BurstFlow) if f.subject == "b3"] == []


def test_nothing_new_is_said_of_what_is_known(tools: Any) -> None:
    """Night flow found the leak; it grows a little every day, and a day is busier."""
    grows = [("b3", 30.5 + day, 31.5 + day, 0.15 * day) for day in range(1, 12)]
    campus = tools.campus(42, extra=[*grows, ("b3", 38.5, 38.6, 0.5)])
    campus.flagged_days = range(31, 42)
    assert [f for f in campus.run(BurstFlow) if f.subject == "b3"] == []


def test_a_burst_is_told_while_a_slow_leak_is_known(tools: Any) -> None:
    campus = tools.campus(42, extra=[("b3", 28.5, 42, 0.9), ("b3", 34.5, 35.25, 8.0)])
    campus.flagged_days = range(29, 42)
    findings = [f for f in campus.run(BurstFlow) if f.subject == "b3"]
    assert [hours(f.at - campus.moment(34.5)) < 2 for f in tools.opened(findings)] == [True]
    assert [hours(f.at - campus.moment(35.25)) < 2 for f in tools.closed(findings)] == [True]


def test_a_burst_as_large_as_the_leak_that_is_known_is_none(tools: Any) -> None:
    """What flowed since the leak was found is the bar, not what flowed before it."""
    campus = tools.campus(42, extra=[("b3", 28.5, 42, 3.0), ("b3", 34.5, 35.25, 0.9)])
    campus.flagged_days = range(29, 42)
    found = tools.opened(campus.run(BurstFlow))
    assert [f for f in found if f.subject == "b3" and f.at > campus.moment(30)] == []
