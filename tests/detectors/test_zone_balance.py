"""Zone balance: leaks between a parent and its children, and what only looks like one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from metering.incident import Category
from metering.site import Meter, Node, Site
from rules.blocks import Columns
from rules.detectors.zone_balance import ZoneBalance
from rules.detectors.zones import zones_of


def hours(delta: Any) -> float:
    return float(delta / np.timedelta64(1, "h"))


def test_finds_a_leak_of_some_percent_within_days(tools: Any) -> None:
    campus = tools.campus(50, extra=[("inlet", 30.4, 42, 0.12)])
    found = tools.opened(campus.run(ZoneBalance))
    assert [(f.subject, f.node, f.category) for f in found] == [("inlet", "campus", Category.LEAK)]
    assert hours(found[0].at - campus.moment(30.4)) < 96
    assert abs(hours(found[0].onset - campus.moment(30.4))) < 24
    assert found[0].size == pytest.approx(0.12, rel=0.35)
    assert found[0].evidence["children"] == [f"b{i}" for i in range(9)]


def test_tells_a_burst_within_hours(tools: Any) -> None:
    campus = tools.campus(40, extra=[("inlet", 30.5, 40, 1.5)])
    found = tools.opened(campus.run(ZoneBalance))
    assert hours(found[0].at - campus.moment(30.5)) <= 9
    assert found[0].severity == "critical"


def test_clears_when_the_balance_is_back(tools: Any) -> None:
    campus = tools.campus(50, extra=[("inlet", 30, 40, 0.4)])
    ended = tools.closed(campus.run(ZoneBalance))
    assert len(ended) == 1
    assert 0 < hours(ended[0].at - campus.moment(40)) <= 36
    assert ended[0].total == pytest.approx(0.4 * 24 * 10, rel=0.2)


def test_the_next_leak_does_not_begin_within_the_one_before(tools: Any) -> None:
    campus = tools.campus(60, extra=[("inlet", 30, 40, 0.8), ("inlet", 41.5, 52, 0.3)])
    findings = campus.run(ZoneBalance)
    first, second = tools.opened(findings)
    assert abs(hours(second.onset - campus.moment(41.5))) <= 12
    assert [f.total for f in tools.closed(findings)][1] == pytest.approx(0.3 * 24 * 10.5, rel=0.25)
    assert first.onset < campus.moment(31)


def test_a_leak_inside_a_building_is_not_one_between(tools: Any) -> None:
    assert tools.campus(50, extra=[("b3", 30, 40, 0.4)]).run(ZoneBalance) == []


def test_finds_the_right_zone_of_two(tools: Any) -> None:
    campus = tools.campus(50, extra=[("b0", 30, 40, 0.06)])
    assert [f.subject for f in tools.opened(campus.run(ZoneBalance))] == ["b0"]


@pytest.mark.parametrize("meter", ["b2", "f0"])
def test_a_frozen_child_is_no_leak(meter: str, tools: Any) -> None:
    campus = tools.campus(50)
    campus.usage[campus.steps(30.5, 40), campus.at(meter)] = 0.0
    assert campus.run(ZoneBalance) == []


def test_a_frozen_parent_is_neither_a_leak_nor_learned(tools: Any) -> None:
    campus = tools.campus(70, extra=[("inlet", 60, 70, 0.4)])
    campus.usage[campus.steps(25, 45), campus.at("inlet")] = 0.0
    found = tools.opened(campus.run(ZoneBalance))
    assert [hours(f.at - campus.moment(60)) > 0 for f in found] == [True]


def test_is_not_judged_without_a_member(tools: Any) -> None:
    campus = tools.campus(50, extra=[("inlet", 32, 38, 0.4)])
    campus.usage[campus.steps(31, 39), campus.at("b5")] = np.nan
    assert campus.run(ZoneBalance) == []


def test_vacation_and_return_are_no_leak(tools: Any) -> None:
    campus = tools.campus(70, away=range(30, 50))
    assert campus.run(ZoneBalance, days=tools.days(vacation=range(30, 50))) == []
    assert campus.run(ZoneBalance) == [], "nor where nobody wrote the vacation down"


def test_drifting_gains_and_wrong_clocks_are_no_leak(tools: Any) -> None:
    campus = tools.campus(120)
    days = np.arange(len(campus.usage)) / tools.per_day
    inlet = campus.at("inlet")
    campus.usage[:, inlet] = np.roll(campus.usage[:, inlet] * (1 + 0.01 * days / 30), 1)
    assert campus.run(ZoneBalance) == []


def test_an_unmetered_branch_is_learned(tools: Any) -> None:
    rng = np.random.default_rng(5)
    campus = tools.campus(60, extra=[("inlet", 40, 50, 0.5)])
    awake = np.arange(len(campus.usage)) % tools.per_day > 24
    campus.usage[:, campus.at("inlet")] += rng.poisson(np.where(awake, 1.5, 0.1)) * 0.03
    found = tools.opened(campus.run(ZoneBalance))
    assert [hours(f.at - campus.moment(40)) > 0 for f in found] == [True]
    assert found[0].size == pytest.approx(0.5, rel=0.3)


def test_meters_that_feed_together_are_one_zone() -> None:
    def meter(name: str, *parents: str, medium: str = "water") -> Meter:
        return Meter(name, medium, "z", parents)

    meters = [meter("p"), meter("q"), meter("c", "p", "q"), meter("d", "q"), meter("e", "d")]
    meters.append(meter("h", "p", medium="heat"))
    site = Site("s", "S", "UTC", {"z": Node("z", "zone")}, {m.id: m for m in meters})
    zones = zones_of(Columns(site), ("water",))
    assert zones.parents == ((0, 1), (3,))
    assert zones.children == ((2, 3), (4,))
    cells = np.arange(12.0).reshape(2, 6)
    assert zones.inflow(cells).tolist() == [[1.0, 3.0], [13.0, 9.0]]
    assert zones.outflow(cells).tolist() == [[5.0, 4.0], [17.0, 10.0]]
