"""Meters' own words through the shard: into alerts, beside what other rules see, over restarts and rebuilds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from metering.batch import MeterEvent, ReadingBatch, batch_of
from metering.entries import EventBatch
from metering.incident import Category, ChangeKind, Severity
from metering.quantities import BY_NAME
from metering.site import Site
from metering.site_document import parse_site
from rules.blocks import Columns
from rules.incidents import IncidentBook
from rules.rebuild import rebuild
from rules.settings import IncidentSettings, RulesSettings
from rules.shard import Shard

T0 = np.datetime64("2026-03-01T16:00:00", "ms")
LEAK_M3_PER_H = 0.03


def hours(count: float) -> np.datetime64:
    return T0 + np.timedelta64(round(count * 3_600_000), "ms")


def house() -> Site:
    nodes = [{"id": "campus", "kind": "campus"}, {"id": "home", "kind": "building", "parent": "campus"}]
    meters = [
        {"id": "main", "medium": "water", "node": "campus", "poll_s": 900},
        {"id": "tap", "medium": "water", "node": "home", "parent": "main", "poll_s": 900},
    ]
    return parse_site({"site": {"id": "house", "timezone": "Asia/Shanghai"}, "nodes": nodes, "meters": meters})


def readings(first_h: float, end_h: float) -> ReadingBatch:
    """Registers of both meters: use by day, and a leak that never stops."""
    step = np.arange(round(first_h * 4), round(end_h * 4))
    day = np.where((np.arange(step[-1] + 1) // 4 % 24) < 7, 0.0, 0.1 / 4)
    register = np.cumsum(day + LEAK_M3_PER_H / 4)[step]
    time = T0 + (step * 900_000).astype("m8[ms]")
    return batch_of(
        ("main", "tap"), np.tile([0, 1], len(step)), BY_NAME["water_volume"].code, np.repeat(time, 2),
        np.repeat(np.round(register, 4), 2),
    )  # fmt: skip


def said(at_h: float, code: str, text: str, meter: str = "tap") -> EventBatch:
    return EventBatch((MeterEvent(meter, hours(at_h), code, text),))


def through(shard: Shard, *entries: Any) -> list[Any]:
    return [c for i, e in enumerate(entries) for c in shard.process(shard.applied_seq + 1 + i, e).changes]


def test_a_reported_leak_is_an_alert_at_the_meters_pipe_until_the_meter_says_otherwise() -> None:
    shard = Shard(house())
    raised = through(shard, readings(0, 30), said(29, "leak", "on"), readings(30, 31))
    (change,) = [c for c in raised if c.kind is ChangeKind.RAISED]
    incident = change.incident
    assert (incident.category, incident.rule, incident.node) == (Category.LEAK, "reported_leak", "home")
    assert incident.loss_rate == pytest.approx(LEAK_M3_PER_H, rel=0.05)
    assert incident.onset_at == hours(29)
    details = incident.evidence["findings"][0]["details"]
    assert [r["code"] for r in details["reported"]] == ["leak"]
    assert incident.evidence["next_step"] == "check_fixtures"
    later = through(shard, readings(31, 40), said(40, "leak", "off"), readings(40, 48))
    assert [c.kind for c in later if c.incident.id == incident.id][-1] is ChangeKind.CLEARED


def test_an_event_that_comes_before_any_reading_waits_for_its_time() -> None:
    shard = Shard(house())
    assert through(shard, said(5, "leak", "on")) == []
    assert [c.kind for c in through(shard, readings(0, 4))] == []
    assert [c.kind for c in through(shard, readings(4, 7))] == [ChangeKind.RAISED]


@pytest.mark.parametrize("cut", [False, True], ids=["going on", "restarted in between"])
def test_what_was_said_outlives_a_restart(cut: bool) -> None:
    shard = Shard(house())
    first = through(shard, readings(0, 30), said(29, "leak", "on"), said(40, "tamper", "on"), readings(30, 31))
    if cut:
        shard = Shard.restore(shard.snapshot(), house())
    after = through(shard, said(32, "leak", "on"), readings(31, 45))
    assert [c.incident.rule for c in (*first, *after) if c.kind is ChangeKind.RAISED] == [
        "reported_leak",
        "reported_fault",
    ]
    gone = through(shard, said(45, "leak", "off"), said(45, "tamper", "off"), readings(45, 50))
    assert [c.kind for c in gone if c.kind is not ChangeKind.UPDATED] == [ChangeKind.CLEARED] * 2


def test_a_rebuild_from_the_store_keeps_what_meters_had_said() -> None:
    """No store has these words: they come from the alerts that are open."""
    before = Shard(house())
    through(before, readings(0, 30), said(29, "leak", "on"), said(29, "low_battery", "on"), readings(30, 36))
    made = rebuild(house(), RulesSettings(), [readings(0, 36)], before.open_incidents, seq=9, at=hours(36))
    assert {i.id for i in made.shard.open_incidents} == {i.id for i in before.open_incidents}
    assert {c.kind for c in made.changes} == {ChangeKind.UPDATED}
    gone = through(made.shard, said(37, "leak", "off"), said(37, "low_battery", "off"), readings(36, 42))
    assert [c.kind for c in gone if c.kind is not ChangeKind.UPDATED] == [ChangeKind.CLEARED] * 2


LEAK_PLACES = [
    ([("continuous_flow", "W11", 0.5), ("reported_leak", "W11", 0.4)], {"floor-1": 0.5}),
    ([("reported_leak", "W11", 0.0), ("continuous_flow", "W11", 0.5)], {"floor-1": 0.5}),
    ([("minimum_night_flow", "W1", 0.52), ("reported_leak", "W11", 0.5)], {"floor-1": 0.5}),
    ([("reported_leak", "W11", 0.5), ("minimum_night_flow", "W1", 0.52)], {"floor-1": 0.5}),
    ([("reported_leak", "W1", 0.0), ("continuous_flow", "W11", 0.5)], {"floor-1": 0.5}),
    ([("reported_leak", "W1", 0.5), ("zone_balance", "W1", 0.5)], {"dorm-1": 0.5}),
]


@pytest.mark.parametrize(("told", "places"), LEAK_PLACES)
def test_one_leak_is_one_alert(told: list[Any], places: dict[str, float], site: Site, make_finding: Any) -> None:
    book = IncidentBook(Columns(site), IncidentSettings(), "rev")
    for hour, (rule, meter, size) in enumerate(told):
        finding = make_finding(rule, meter, hours=hour, size=size)
        book.apply([finding], finding.at)
    shown = [i.written for i in book.incidents.values()]
    assert {i.node: round(i.loss_rate, 2) for i in shown if i and i.inhibited_by is None} == places


def test_a_low_battery_puts_no_reading_in_doubt(site: Site, make_finding: Any, make_fault: Any) -> None:
    low = make_finding("reported_fault", "W11", size=0.0, category=Category.DATA_QUALITY, severity=Severity.INFO,
                       evidence={"condition": "low_battery"})  # fmt: skip
    for fault, raised in ((low, {"data_quality", "leak"}), (make_fault("reset", "W11"), {"data_quality"})):
        book = IncidentBook(Columns(site), IncidentSettings(), "rev")
        book.apply([fault], fault.at)
        leak = make_finding("continuous_flow", "W11", hours=1)
        book.apply([leak], leak.at)
        assert {i.category.value for i in book.incidents.values()} == raised


@pytest.mark.parametrize("kind", ["offline", "stuck", "reset"])
def test_a_meter_whose_readings_are_in_doubt_is_believed_when_it_reports_a_leak(
    kind: str, site: Site, make_finding: Any, make_fault: Any
) -> None:
    book = IncidentBook(Columns(site), IncidentSettings(), "rev")
    fault = make_fault(kind, "W11")
    book.apply([fault], fault.at)
    for hour, phase, leaks in ((1, "open", 1), (2, "close", 0)):
        finding = make_finding("reported_leak", "W11", phase, hours=hour, size=0.0)
        book.apply([finding], finding.at)
        assert sum(i.category is Category.LEAK for i in book.incidents.values()) == leaks


def test_a_meter_that_falls_silent_outranks_its_low_battery(site: Site, make_finding: Any, make_fault: Any) -> None:
    low = make_finding("reported_fault", "W11", size=0.0, category=Category.DATA_QUALITY, severity=Severity.INFO,
                       evidence={"condition": "low_battery"})  # fmt: skip
    book = IncidentBook(Columns(site), IncidentSettings(), "rev")
    assert [c.incident.evidence["next_step"] for c in book.apply([low], low.at)] == ["mend_meter"]
    silent = make_fault("offline", "W11", hours=5)
    (change,) = book.apply([silent], silent.at)
    assert change.kind is ChangeKind.ESCALATED  # people are told, though it is the same alert
    assert change.incident.evidence["next_step"] == "check_meter_link"
