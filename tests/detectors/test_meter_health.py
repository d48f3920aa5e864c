"""Meter health: silent, frozen, reset, replaced, reversed and held meters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from metering.incident import Category
from metering.register_event import RegisterEvent, RegisterEventKind
from rules.detectors.meter_health import MeterHealth


def hours(delta: Any) -> float:
    return float(delta / np.timedelta64(1, "h"))


def event(campus: Any, kind: RegisterEventKind, meter: str, day: float, code: int = 50) -> RegisterEvent:
    at = campus.moment(day)
    return RegisterEvent(kind, meter, code, at - np.timedelta64(15, "m"), at, 1200.0, 3.0)


def told(campus: Any, *events: RegisterEvent) -> list[Any]:
    """Findings, with register events observed when the day that holds them begins to be judged."""
    detector = campus.detector(MeterHealth)
    findings, waiting = [], sorted(events, key=lambda e: e.time)
    for block in campus.blocks(iter(lambda: 4, None)):
        findings += detector.process(block)
        while waiting and waiting[0].time <= block.judged_at[-1]:
            findings += detector.observe([waiting[0]], block.judged_at[-1])
            waiting.pop(0)
    return findings


def test_a_silent_meter_is_told_after_some_hours_and_closed_when_it_is_back(tools: Any) -> None:
    campus = tools.campus(30)
    campus.usage[campus.steps(20, 22), campus.at("r3")] = np.nan
    findings = campus.run(MeterHealth)
    assert [(f.phase, f.subject, f.category) for f in findings] == [
        ("open", "r3", Category.DATA_QUALITY),
        ("close", "r3", Category.DATA_QUALITY),
    ]
    assert findings[0].evidence["condition"] == "offline"
    assert hours(findings[0].at - campus.moment(20)) <= 4
    assert findings[0].onset == campus.moment(20)
    assert hours(findings[1].at - campus.moment(22)) <= 2


def test_a_meter_with_gaps_by_habit_is_given_longer(tools: Any) -> None:
    campus = tools.campus(30)
    for day in range(30):
        campus.usage[campus.steps(day + 0.5, day + 0.7), campus.at("r3")] = np.nan
    campus.usage[campus.steps(25, 25.4), campus.at("r3")] = np.nan
    found = tools.opened(campus.run(MeterHealth))
    assert all(f.at < campus.moment(3) for f in found), "only while its habit was not known"


def test_when_the_collector_was_down_no_meter_is_at_fault(tools: Any) -> None:
    campus = tools.campus(30)
    down = campus.steps(20, 21)
    campus.usage[down, 3:] = np.nan
    campus.ours[down] = True
    campus.usage[campus.steps(24, 26)] = np.nan
    campus.ours[campus.steps(24, 26)] = True
    assert campus.run(MeterHealth) == []


def test_silence_of_all_while_the_collector_was_there_is_told(tools: Any) -> None:
    """Of each meter; that it is one incident is the incidents' matter."""
    campus = tools.campus(30)
    campus.usage[campus.steps(24, 26)] = np.nan
    opened = {f.subject for f in campus.run(MeterHealth) if f.phase == "open"}
    assert len(opened) == campus.usage.shape[1]


def test_a_meter_never_heard_is_told_after_a_day(tools: Any) -> None:
    campus = tools.campus(3)
    campus.usage[:, campus.at("b4")] = np.nan
    found = campus.run(MeterHealth)
    assert [(f.subject, hours(f.at - campus.moment(0)) <= 25) for f in found] == [("b4", True)]


@pytest.mark.parametrize(("meter", "least", "most"), [("r5", 12, 24), ("b4", 12, 24), ("f1", 12, 24)])
def test_a_frozen_register_is_told(meter: str, least: float, most: float, tools: Any) -> None:
    """A room always uses something; what a floor does not count is missing from what the meter above it counts."""
    campus = tools.campus(45)
    campus.usage[campus.steps(29.5, 38), campus.at(meter)] = 0.0
    findings = campus.run(MeterHealth)
    assert [(f.phase, f.subject, f.evidence["condition"]) for f in findings] == [
        ("open", meter, "stuck"),
        ("close", meter, "stuck"),
    ]
    assert least <= hours(findings[0].at - campus.moment(29.5)) <= most
    assert abs(hours(findings[0].onset - campus.moment(29.5))) <= 6


def test_a_parent_that_stands_while_its_children_count_is_certain(tools: Any) -> None:
    campus = tools.campus(30)
    campus.usage[campus.steps(20.4, 22), campus.at("inlet")] = 0.0
    found = tools.opened(campus.run(MeterHealth))
    assert [(f.subject, hours(f.at - campus.moment(20.4)) <= 4) for f in found] == [("inlet", True)]


def test_an_empty_house_is_not_stuck(tools: Any) -> None:
    """Rooms without anybody in the vacation, and a home on a week's holiday after a long weekend before."""
    campus = tools.campus(60)
    for i in range(12):
        campus.usage[campus.steps(30, 45), campus.at(f"r{i}")] = 0.0
    campus.usage[campus.steps(17, 20), campus.at("home")] = 0.0
    campus.usage[campus.steps(40, 47), campus.at("home")] = 0.0
    found = tools.opened(campus.run(MeterHealth, days=tools.days(vacation=range(30, 45))))
    assert [f.subject for f in found if f.subject != "board"] == []


def test_a_reset_is_told_at_once_and_over_after_a_good_day(tools: Any) -> None:
    campus = tools.campus(6)
    findings = told(campus, event(campus, RegisterEventKind.RESET, "b4", 2.5))
    assert [(f.phase, f.evidence["condition"]) for f in findings] == [("open", "reset"), ("close", "reset")]
    assert (findings[0].observed, findings[0].expected, findings[0].unit) == (3.0, 1200.0, "m3")
    assert 23 <= hours(findings[1].at - findings[0].at) <= 26


def test_the_worst_condition_wins_in_one_finding(tools: Any) -> None:
    campus = tools.campus(8)
    findings = told(
        campus,
        event(campus, RegisterEventKind.RESET, "b4", 2.5),
        event(campus, RegisterEventKind.UNDECLARED_REPLACEMENT, "b4", 2.8),
        event(campus, RegisterEventKind.RESET, "b4", 3.0),
    )
    assert [(f.phase, f.evidence["condition"]) for f in findings] == [
        ("open", "reset"),
        ("update", "undeclared_replacement"),
        ("close", "undeclared_replacement"),
    ]


def test_a_held_jump_is_told_only_if_it_stays_held(tools: Any) -> None:
    campus = tools.campus(6)
    held = event(campus, RegisterEventKind.HELD, "b4", 2.5)
    assert [f.evidence["condition"] for f in tools.opened(told(campus, held))] == ["held"]
    glitch = event(campus, RegisterEventKind.GLITCH, "b4", 2.52)
    assert told(campus, held, glitch) == []


def test_what_resolves_a_jump_may_be_noted_before_it(tools: Any) -> None:
    campus = tools.campus(6)
    detector = campus.detector(MeterHealth)
    held, released = (event(campus, k, "b4", 2.5) for k in (RegisterEventKind.HELD, RegisterEventKind.RELEASED))
    for block in campus.blocks():
        findings = detector.process(block)
        if block.judged_at[-1] >= held.time > block.judged_at[0]:
            findings = [*findings, *detector.observe([released, held], block.judged_at[-1])]
        assert list(findings) == []


def test_one_small_fall_is_no_reversal_but_two_are(tools: Any) -> None:
    campus = tools.campus(6)
    falls = [event(campus, RegisterEventKind.REVERSED, "b4", day) for day in (1.0, 3.0, 3.2)]
    assert told(campus, falls[0]) == []
    found = tools.opened(told(campus, *falls))
    assert [(f.evidence["condition"], f.at > falls[2].time) for f in found] == [("reversed", True)]


def test_events_of_other_quantities_and_declared_changes_say_nothing(tools: Any) -> None:
    campus = tools.campus(4)
    assert (
        told(
            campus,
            event(campus, RegisterEventKind.RESET, "r4", 1.5, code=2),
            event(campus, RegisterEventKind.REPLACED, "b4", 1.6),
            event(campus, RegisterEventKind.ROLLOVER, "b4", 1.7),
            event(campus, RegisterEventKind.RESET, "nowhere", 1.8),
        )
        == []
    )


def test_a_room_frozen_early_in_a_vacation_is_told_by_what_is_usual_for_the_others(tools: Any) -> None:
    campus = tools.campus(45, away=range(30, 45))
    campus.usage[campus.steps(34, 38), campus.at("r3")] = 0.0
    found = tools.opened(campus.run(MeterHealth, days=tools.days(vacation=range(30, 45))))
    assert [(f.subject, 10 <= hours(f.at - campus.moment(34)) <= 48) for f in found] == [("r3", True)]


def _vacation_floors(tools: Any, at_rest: float) -> Any:
    """Two floors, few people on both; the first stands still from day 36 on, the main goes on with its share."""
    campus = tools.campus(45, away=range(30, 45))
    campus.usage[campus.steps(30, 45), campus.at("f0")] *= 4
    campus.usage[campus.steps(30, 45), campus.at("f1")] *= 4
    both = campus.usage[:, campus.at("f0")] + campus.usage[:, campus.at("f1")]
    still = campus.steps(36, 40)
    both[still] -= at_rest * campus.usage[still, campus.at("f0")]
    campus.usage[:, campus.at("b0")] = np.diff(np.floor(np.cumsum(both) * 100 + 1e-9), prepend=0.0) / 100
    campus.usage[still, campus.at("f0")] = 0.0
    return campus.run(MeterHealth, days=tools.days(vacation=range(30, 45)))


def test_a_floor_frozen_in_the_vacation_is_told_by_what_is_missing_above(tools: Any) -> None:
    assert "f0" in [f.subject for f in tools.opened(_vacation_floors(tools, at_rest=0.0))]


def test_a_floor_that_empties_in_the_vacation_is_not_stuck(tools: Any) -> None:
    assert [f for f in _vacation_floors(tools, at_rest=1.0) if f.subject == "f0"] == []


@pytest.mark.parametrize("kind", [RegisterEventKind.CONFLICT, RegisterEventKind.CLOCK_BACK])
def test_contradicting_readings_are_told_at_the_second_within_a_day(kind: RegisterEventKind, tools: Any) -> None:
    campus = tools.campus(30)
    assert told(campus, event(campus, kind, "b3", 20), event(campus, kind, "b3", 21.5)) == []
    opened, closed = told(campus, event(campus, kind, "b3", 20), event(campus, kind, "b3", 20.5))
    assert (opened.phase, opened.evidence["condition"], closed.phase) == ("open", kind.value, "close")
    assert hours(closed.at - campus.moment(20.5)) == pytest.approx(24, abs=2)


def test_a_held_fall_that_proves_small_is_no_longer_held(tools: Any) -> None:
    """It was held for ever, and with it all that was found at the meter."""
    campus = tools.campus(30)
    held = event(campus, RegisterEventKind.HELD, "b3", 20)
    assert told(campus, held, event(campus, RegisterEventKind.REVERSED, "b3", 20.02)) == []
    found = told(campus, held, event(campus, RegisterEventKind.REVERSED, "b3", 20.3))
    assert [(f.phase, f.evidence["condition"]) for f in found] == [("open", "held"), ("close", "held")]


@pytest.mark.parametrize(("still_h", "is_told"), [(4, True), (2, False)])
def test_an_energy_meter_that_never_rested_is_stuck_after_three_hours(
    still_h: int, *, is_told: bool, tools: Any
) -> None:
    campus = tools.campus(30)
    board = campus.at("board")
    campus.usage[:, board] = np.maximum(campus.usage[:, board], 0.01)
    campus.usage[campus.steps(20.5, 20.5 + still_h / 24), board] = 0.0
    found = [f for f in tools.opened(campus.run(MeterHealth, stuck_parent_h=100.0)) if f.subject == "board"]
    assert [f.evidence["condition"] for f in found] == ["stuck"] * is_told
