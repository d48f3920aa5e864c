"""Thresholds: rules of the user's own over the steps of a meter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from metering.incident import Category, Severity
from rules.detectors.threshold import Threshold

LEAK = {"id": "leak", "when": "flow > 0.5", "for": "1 h", "clear": "flow < 0.2", "clear_for": "30 min"}


def campus_with(tools: Any, flow: list[float], meter: str = "home") -> Any:
    """A day on which the meter shows these flows (m3/h) by step from midnight, then none; the day before too."""
    campus = tools.campus(2)
    campus.usage[:, campus.at(meter)] = 0.0
    campus.usage[tools.per_day : tools.per_day + len(flow), campus.at(meter)] = np.array(flow) / 4
    return campus


def said(campus: Any, *rules: dict[str, Any], **settings: Any) -> list[tuple[str, str, int]]:
    """Phase, rule and step of the second day at whose end it was said."""
    found = campus.run(Threshold, rules=[{"meters": ["home"]} | rule for rule in rules], **settings)
    start = campus.moment(1)
    return [(f.phase.value, f.rule, int((f.at - start) / np.timedelta64(15, "m"))) for f in found]


def test_it_must_last_and_clears_by_its_own_condition(tools: Any) -> None:
    flow = [0.6] * 3 + [0.4] + [0.6] * 4 + [0.3] * 6 + [0.1, 0.3, 0.1, 0.1]
    assert said(campus_with(tools, flow), LEAK) == [("open", "threshold:leak", 8), ("close", "threshold:leak", 18)]


def test_without_a_clear_condition_it_ends_where_it_no_longer_holds(tools: Any) -> None:
    rule = {"id": "leak", "when": "flow > 0.5"}
    flow = [0.6, 0.4, 0.6]
    assert said(campus_with(tools, flow), rule) == [
        (phase, "threshold:leak", step) for phase, step in (("open", 1), ("close", 2), ("open", 3), ("close", 4))
    ]


def test_what_is_not_known_neither_counts_nor_ends_it(tools: Any) -> None:
    nan = np.nan
    assert said(campus_with(tools, [0.6, 0.6, nan, nan, 0.6, 0.6, 0.4, nan]), LEAK)[0] == ("open", "threshold:leak", 6)
    long = [0.6] * 3 + [nan] * 5 + [0.6] * 4
    assert said(campus_with(tools, long), LEAK)[0] == ("open", "threshold:leak", 12), "five unknown: it starts anew"
    silent = campus_with(tools, [0.6] * 4 + [nan] * 92)
    assert [p for p, *_ in said(silent, LEAK)] == ["open"], "silence clears nothing"


def test_steps_that_never_came_are_not_known(tools: Any) -> None:
    for missing, expected in ((2, 6), (6, 12)):
        campus = campus_with(tools, [0.6] * 20)
        detector = campus.detector(Threshold, rules=[LEAK | {"meters": ["home"]}])
        first = tools.per_day
        blocks = [campus.block(first, first + 2), campus.block(first + 2 + missing, first + 20)]
        (opened, *_) = campus.findings(detector, blocks)
        assert opened.at == campus.moment(1) + np.timedelta64(expected * 15 * 60 + 1, "s"), missing


def test_windows_reach_over_steps_that_never_came(tools: Any) -> None:
    campus = campus_with(tools, [2.0] * 8)
    detector = campus.detector(Threshold, rules=[{"id": "day", "when": "sum(usage, 1 d) > 3.9", "meters": ["home"]}])
    first = tools.per_day
    blocks = [campus.block(0, first + 4), campus.block(first + 8, first + 96)]
    assert campus.findings(detector, blocks) == [], "half of it was in the steps that never came"


def test_figures_and_words(tools: Any) -> None:
    rule = LEAK | {"severity": "critical", "category": "leak", "zh": "回水异常", "en": "Return flow"}
    campus = campus_with(tools, [0.7] * 8 + [0.0] * 4)
    opened, closed = campus.run(Threshold, rules=[rule | {"meters": ["home"]}])
    assert (opened.severity, opened.category, opened.unit) == (Severity.CRITICAL, Category.LEAK, "m3/h")
    assert (opened.observed, opened.expected) == pytest.approx((0.7, 0.5))
    assert opened.size == pytest.approx(0.2)
    assert opened.onset == campus.moment(1)
    assert opened.evidence["name"] == {"zh-CN": "回水异常", "en": "Return flow"}
    assert opened.evidence["when"] == "flow > 0.5"
    assert closed.total == pytest.approx(0.2 * 2), "0.2 m3/h too much for two hours"


def test_the_excess_of_a_sum_is_a_rate(tools: Any) -> None:
    campus = campus_with(tools, [2.0] * 4)
    rule = {"id": "quota", "when": "sum(usage, 1 d) > 1.5", "meters": ["home"]}
    opened = campus.run(Threshold, rules=[rule])[0]
    assert (opened.observed, opened.unit) == (pytest.approx(2.0), "m3")
    assert opened.size == pytest.approx(0.5 / 24)


def test_too_little_has_no_excess(tools: Any) -> None:
    campus = campus_with(tools, [])
    opened = campus.run(Threshold, rules=[{"id": "dry", "when": "flow < 0.1", "for": "6 h", "category": "supply",
                                           "meters": ["home"]}])[0]  # fmt: skip
    assert (opened.size, opened.total, opened.category) == (0.0, 0.0, Category.SUPPLY)


def test_which_meters_are_judged(tools: Any) -> None:
    def subjects(**rule: Any) -> set[str]:
        campus = tools.campus(1)
        campus.usage[:] = 1.0
        return {f.subject for f in campus.run(Threshold, rules=[{"id": "all", "when": "usage > 0.5"} | rule])}

    rooms, water = {f"r{i}" for i in range(12)}, {"inlet", "home", "f0", "f1", *(f"b{i}" for i in range(9))}
    assert subjects() == rooms | water | {"board"}
    assert subjects(when="flow > 1") == water
    assert subjects(medium="electricity") == rooms | {"board"}
    assert subjects(nodes=["b0"]) == {"b0", "f0", "f1"}
    assert subjects(nodes=["b1"], when="flow > 1") == {"b1"}
    assert subjects(meters=["home", "r3"]) == {"home", "r3"}


def test_two_rules_on_one_meter_speak_for_themselves(tools: Any) -> None:
    low = {"id": "low", "when": "flow > 0.3", "for": "30 min"}
    assert said(campus_with(tools, [0.6] * 5), LEAK, low)[:2] == [
        ("open", "threshold:low", 2),
        ("open", "threshold:leak", 4),
    ]


def test_where_both_conditions_hold_nothing_changes(tools: Any) -> None:
    rule = {"id": "odd", "when": "flow > 0.5", "clear": "flow > 0.4"}
    assert said(campus_with(tools, [0.6] * 5), rule) == []


def test_what_goes_on_is_told_once_a_day(tools: Any) -> None:
    campus = tools.campus(4)
    campus.usage[:, campus.at("home")] = 0.2
    found = campus.run(Threshold, rules=[LEAK | {"meters": ["home"]}])
    assert [f.phase.value for f in found] == ["open", "update", "update", "update"]
    assert found[-1].total == pytest.approx(0.3 * (72 + 1))
