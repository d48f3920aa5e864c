"""What meters report of themselves becomes one finding a meter and rule, however often they say it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from metering.batch import MeterEvent
from metering.incident import Category, Severity
from metering.meter_alarms import METER_ALARMS, AlarmKind
from rules.detectors.reported import ReportedFault, ReportedLeak

HOUR = np.timedelta64(3_600_000, "ms")


def hear(detector: Any, campus: Any, day: float, *words: tuple[str, str, str]) -> list[Any]:
    moment = campus.moment(day)
    return list(detector.hear([MeterEvent(m, moment, code, text) for m, code, text in words], moment))


def go_on(detector: Any, campus: Any, first: float, end: float) -> list[Any]:
    steps = campus.steps(first, end)
    return [f for s in range(steps.start, steps.stop) for f in detector.process(campus.block(s, s + 1))]


@pytest.mark.parametrize("alarm", METER_ALARMS, ids=lambda a: a.code)
def test_every_code_is_told_by_one_rule_at_once(alarm: Any, tools: Any) -> None:
    campus = tools.campus(2)
    rules = {kind: campus.detector(kind) for kind in (ReportedLeak, ReportedFault)}
    found = {kind: hear(d, campus, 1, ("b3", alarm.code, "on")) for kind, d in rules.items()}
    leak, fault = found[ReportedLeak], found[ReportedFault]
    assert bool(leak) == (alarm.kind is AlarmKind.LEAK)
    assert bool(fault) == (alarm.kind in {AlarmKind.FAULT, AlarmKind.UPKEEP})
    for finding in (*leak, *fault):
        assert finding.evidence["condition"] == alarm.code
        assert (finding.subject, finding.node, finding.onset) == ("b3", "b3", campus.moment(1))
        assert finding.category is (Category.LEAK if leak else Category.DATA_QUALITY)


@pytest.mark.parametrize(
    ("code", "severity"), [("burst", Severity.CRITICAL), ("leak", Severity.WARNING), ("low_battery", Severity.INFO),
                           ("tamper", Severity.WARNING)]
)  # fmt: skip
def test_how_bad_it_is(code: str, severity: Severity, tools: Any) -> None:
    campus = tools.campus(2)
    kind = ReportedLeak if code in {"burst", "leak"} else ReportedFault
    assert [f.severity for f in hear(campus.detector(kind), campus, 1, ("b3", code, "on"))] == [severity]


def test_words_of_no_code_and_meters_of_no_site_are_nothing(tools: Any) -> None:
    campus = tools.campus(2)
    detector = campus.detector(ReportedFault)
    words = [("b3", "status_hex", "0x04"), ("nobody", "tamper", "on"), ("b3", "tamper", "off")]
    assert hear(detector, campus, 1, *words) == []
    assert detector.state()["memory"]["meters"] == {}


def test_it_is_over_once_it_has_been_off_for_a_while(tools: Any) -> None:
    campus = tools.campus(3)
    detector = campus.detector(ReportedFault, settle_h=2)
    hear(detector, campus, 1, ("b3", "tamper", "on"))
    assert go_on(detector, campus, 1, 1.5) == []
    assert hear(detector, campus, 1.5, ("b3", "tamper", "off")) == []
    over = go_on(detector, campus, 1.5, 2)
    assert [f.phase for f in over] == ["close"]
    assert campus.moment(1.5) + 2 * HOUR <= over[0].at < campus.moment(1.5) + 3 * HOUR


def test_an_alarm_that_comes_and_goes_is_one(tools: Any) -> None:
    campus = tools.campus(3)
    detector = campus.detector(ReportedLeak)
    found = []
    for quarter in range(96):
        found += hear(detector, campus, 1 + quarter / 96, ("b3", "leak", "on" if quarter % 2 == 0 else "off"))
        found += go_on(detector, campus, 1 + quarter / 96, 1 + (quarter + 1) / 96)
    assert [f.phase for f in found if f.phase != "update"] == ["open"]
    assert [f.phase for f in go_on(detector, campus, 2, 3) if f.phase != "update"] == ["close"]


def test_further_alarms_of_a_meter_are_news_of_its_finding(tools: Any) -> None:
    campus = tools.campus(3)
    detector = campus.detector(ReportedFault)
    first = hear(detector, campus, 1, ("b3", "low_battery", "on"))
    more = hear(detector, campus, 1.2, ("b3", "tamper", "on"), ("b3", "tamper", "on"))
    assert [f.phase for f in (*first, *more)] == ["open", "update"]
    assert (more[0].severity, more[0].onset) == (Severity.WARNING, campus.moment(1))
    assert [r["code"] for r in more[0].evidence["reported"]] == ["tamper", "low_battery"]
    hear(detector, campus, 1.3, ("b3", "tamper", "off"))
    left = go_on(detector, campus, 1.3, 2)
    assert [(f.phase, f.evidence["condition"]) for f in left] == [("update", "low_battery")]


def test_a_leak_is_as_large_as_what_never_stops(tools: Any) -> None:
    campus = tools.campus(4, extra=[("home", 1, 4, 0.05)])
    detector = campus.detector(ReportedLeak)
    go_on(detector, campus, 0, 3)
    (finding,) = hear(detector, campus, 3, ("home", "leak", "on"))
    assert finding.size == pytest.approx(0.05, rel=0.15)
    assert finding.unit == "m3/h"


def test_a_burst_is_as_large_as_the_last_hour(tools: Any) -> None:
    campus = tools.campus(3, extra=[("home", 1.5, 3, 2.0)])
    detector = campus.detector(ReportedLeak)
    go_on(detector, campus, 0, 1.5 + 2 / 24)
    (finding,) = hear(detector, campus, 1.5 + 2 / 24, ("home", "burst", "on"))
    assert finding.size == pytest.approx(2.0, rel=0.1)


def test_a_meter_of_unknown_flow_is_believed_all_the_same(tools: Any) -> None:
    campus = tools.campus(2)
    campus.usage[:] = np.nan
    detector = campus.detector(ReportedLeak)
    go_on(detector, campus, 0, 1)
    (finding,) = hear(detector, campus, 1, ("home", "leak", "on"))
    assert finding.size == 0
