"""Peer usage: a room against like rooms and its own past among them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from metering.incident import Category
from rules.detectors.peer_usage import PeerUsage


def days(delta: Any) -> float:
    return float(delta / np.timedelta64(1, "D"))


def scaled(tools: Any, campus: Any, room: str, first: float, end: float, factor: float) -> Any:
    campus.usage[campus.steps(first, end), campus.at(room)] *= factor
    return campus


def test_a_heater_that_never_stops_is_found_in_days(tools: Any) -> None:
    campus = tools.campus(45, extra=[("r4", 30, 40, 0.3)])
    found = tools.opened(campus.run(PeerUsage))
    assert [(f.subject, f.node, f.category) for f in found] == [("r4", "r4", Category.CONSUMPTION)]
    assert days(found[0].at - campus.moment(30)) < 4
    assert days(found[0].onset - campus.moment(30)) == pytest.approx(0, abs=1.01)
    assert found[0].size == pytest.approx(0.3, rel=0.3)
    assert found[0].evidence["times_peers"] > 1.6


def test_it_clears_when_the_room_is_as_before(tools: Any) -> None:
    campus = tools.campus(50, extra=[("r4", 30, 40, 0.3)])
    assert [1 < days(f.at - campus.moment(40)) <= 3 for f in tools.closed(campus.run(PeerUsage))] == [True]


def test_a_heavy_room_is_not_abnormal_for_being_heavy(tools: Any) -> None:
    assert scaled(tools, tools.campus(60), "r4", 0, 60, 2.5).run(PeerUsage) == []


def test_a_light_room_that_becomes_like_others_is_no_case(tools: Any) -> None:
    campus = scaled(tools, tools.campus(60), "r2", 0, 60, 0.9)
    scaled(tools, campus, "r2", 0, 35, 0.4)
    assert campus.run(PeerUsage) == []


def test_an_extreme_room_is_told_even_if_it_always_was(tools: Any) -> None:
    campus = scaled(tools, tools.campus(60), "r4", 0, 60, 9.0)
    assert [f.subject for f in tools.opened(campus.run(PeerUsage))] == ["r4"]


def test_what_all_rooms_share_is_no_case(tools: Any) -> None:
    campus = tools.campus(60)
    for i in range(12):
        scaled(tools, campus, f"r{i}", 35, 45, 2.5)
    assert campus.run(PeerUsage) == []


def test_a_party_of_two_days_is_no_case(tools: Any) -> None:
    assert scaled(tools, tools.campus(45), "r4", 30, 32, 4.0).run(PeerUsage) == []


def test_who_stays_over_the_vacation_is_no_case(tools: Any) -> None:
    campus = tools.campus(70, away=range(30, 50))
    scaled(tools, campus, "r4", 30, 50, 10.0)
    assert campus.run(PeerUsage, days=tools.days(vacation=range(30, 50))) == []
    assert campus.run(PeerUsage) == [], "nor where nobody wrote the vacation down"


def test_fewer_than_eight_peers_are_no_measure(tools: Any) -> None:
    campus = tools.campus(45, extra=[("r4", 30, 40, 0.5)])
    for i in range(5, 12):
        campus.usage[campus.steps(25, 45), campus.at(f"r{i}")] = np.nan
    assert campus.run(PeerUsage) == []


def test_a_load_that_never_stops_is_told_in_the_vacation(tools: Any) -> None:
    """Peers are away and use nothing: only what the quietest hours take is comparable."""
    campus = tools.campus(60, away=range(30, 60), extra=[("r4", 40, 55, 0.25)])
    findings = campus.run(PeerUsage, days=tools.days(vacation=range(30, 60)))
    found = tools.opened(findings)
    assert [f.subject for f in found] == ["r4"]
    assert days(found[0].at - campus.moment(40)) <= 5
    assert found[0].size == pytest.approx(0.25, rel=0.3)
    assert found[0].evidence["standing_load_kw"] == pytest.approx(0.25, rel=0.3)
    assert [days(f.at - campus.moment(55)) <= 2 for f in tools.closed(findings)] == [True]


def test_a_room_that_cools_day_and_night_through_a_heat_wave_is_no_case(tools: Any) -> None:
    """Its load comes and goes with the weather, and others have some of it."""
    campus = tools.campus(60, away=range(30, 60))
    for day, heat in zip(range(40, 52), (0.1, 0.3, 0.5, 0.2, 0.1, 0.3, 0.4, 0.2, 0.35, 0.5, 0.2, 0.1), strict=True):
        for room, part in (("r4", 1.0), ("r5", 0.6), ("r6", 0.5)):
            campus.usage[campus.steps(day, day + 1), campus.at(room)] += heat * part / 4
    assert campus.run(PeerUsage, days=tools.days(vacation=range(30, 60))) == []


def test_a_room_that_uses_double_for_a_week_is_found_within_it(tools: Any) -> None:
    campus = scaled(tools, tools.campus(45), "r4", 30, 37, 2.0)
    found = tools.opened(campus.run(PeerUsage))
    assert [f.subject for f in found] == ["r4"]
    assert 3 <= days(found[0].at - campus.moment(30)) <= 7.1


def test_what_is_over_is_not_told_again(tools: Any) -> None:
    campus = scaled(tools, tools.campus(60), "r4", 30, 37, 3.0)
    findings = campus.run(PeerUsage)
    assert [f.phase for f in findings if f.phase != "update"] == ["open", "close"]


def test_one_monstrous_day_is_no_week_of_it(tools: Any) -> None:
    assert scaled(tools, tools.campus(45), "r4", 30, 31, 30.0).run(PeerUsage) == []


def test_who_comes_home_is_compared_with_the_days_at_home(tools: Any) -> None:
    campus = scaled(tools, tools.campus(70), "r4", 25, 55, 0.02)
    assert campus.run(PeerUsage) == []


def test_a_room_that_heats_more_than_others_is_no_case_in_its_second_cold_spell(tools: Any) -> None:
    campus = tools.campus(80)
    for first in (25, 60):
        for i in range(12):
            scaled(tools, campus, f"r{i}", first, first + 10, 2.4 if i == 4 else 1.5)
    assert [f for f in campus.run(PeerUsage) if f.at >= campus.moment(60)] == []


def test_twice_nearly_nothing_is_no_case(tools: Any) -> None:
    campus = tools.campus(45)
    for i in range(12):
        scaled(tools, campus, f"r{i}", 0, 45, 0.1)
    assert scaled(tools, campus, "r4", 30, 40, 2.5).run(PeerUsage) == []


def test_a_register_that_counts_down_says_nothing(tools: Any) -> None:
    campus = tools.campus(45)
    campus.usage[campus.steps(30, 45), campus.at("r4")] *= -1.0
    assert campus.run(PeerUsage) == []
