"""What joins what, what moves, what is an echo: scenarios as tables of findings and the incidents they make."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import Any

import numpy as np
import pytest

from metering.batch import to_datetime
from metering.incident import Category, ChangeKind, IncidentChange, Severity
from metering.site import Site
from rules.backtest import AlertLines
from rules.blocks import Columns, IntervalBlock
from rules.findings import Finding
from rules.incidents import IncidentBook
from rules.settings import IncidentSettings
from rules.snapshot import pack, unpack

T0 = np.datetime64("2026-03-01T16:00:00", "ms")


def hours(count: float) -> np.datetime64:
    return T0 + np.timedelta64(round(count * 3_600_000), "ms")


def book_of(site: Site, **more: Any) -> IncidentBook:
    return IncidentBook(Columns(site), IncidentSettings(**more), "rev")


def tell(book: IncidentBook, findings: list[Finding]) -> list[IncidentChange]:
    """The findings, instant by instant."""
    changes = []
    for at, group in groupby(findings, key=lambda f: f.at):
        changes += book.apply(list(group), at)
    return changes


def active(book: IncidentBook) -> dict[str, float]:
    """Place and rate of what people would see."""
    return {i.node: round(i.loss_rate, 3) for i in book_incidents(book) if i.inhibited_by is None}


def book_incidents(book: IncidentBook) -> list[Any]:
    return [i.written for i in book.incidents.values()]


def kinds(changes: list[IncidentChange]) -> list[str]:
    return [c.kind.value for c in changes]


MNF, FLOW, BALANCE, PEER = "minimum_night_flow", "continuous_flow", "zone_balance", "peer_usage"

# (what is told, hour by hour: rule, meter, size) -> (places and rates people see at the end)
SCENARIOS = {
    "a leak alone": ([(MNF, "W1", 0.5)], {"dorm-1": 0.5}),
    "two rules at one place are one incident": ([(MNF, "W11", 0.5), (FLOW, "W11", 0.4)], {"floor-1": 0.5}),
    "the parent's echo after the child": ([(FLOW, "W11", 0.5), (MNF, "W1", 0.52)], {"floor-1": 0.5}),
    "the parent first: it moves down": ([(MNF, "W1", 0.52), (FLOW, "W11", 0.5)], {"floor-1": 0.5}),
    "down two levels": ([(MNF, "W", 0.55), (MNF, "W1", 0.52), (FLOW, "W11", 0.5)], {"floor-1": 0.5}),
    "an echo over two levels": ([(FLOW, "W11", 0.5), (MNF, "W", 0.55), (MNF, "W1", 0.5)], {"floor-1": 0.5}),
    "more than the child explains": ([(FLOW, "W11", 0.5), (MNF, "W1", 2.0)], {"floor-1": 0.5, "dorm-1": 1.5}),
    "more, the parent first": ([(MNF, "W1", 2.0), (FLOW, "W11", 0.5)], {"dorm-1": 1.5, "floor-1": 0.5}),
    "the second child explains the rest": (
        [(MNF, "W1", 2.0), (FLOW, "W11", 0.5), (FLOW, "W12", 1.45)], {"floor-1": 0.5, "floor-2": 1.45},
    ),
    "two children explain the parent": (
        [(FLOW, "W11", 0.5), (FLOW, "W12", 1.0), (MNF, "W1", 1.5)], {"floor-1": 0.5, "floor-2": 1.0},
    ),
    "the middle takes its part, not the floor's": (
        [(MNF, "W", 6.0), (FLOW, "W11", 2.0), (MNF, "W1", 3.5)], {"campus": 2.5, "floor-1": 2.0, "dorm-1": 1.5},
    ),
    "a balance stands on its own": ([(FLOW, "W11", 0.5), (BALANCE, "W1", 0.5)], {"floor-1": 0.5, "dorm-1": 0.5}),
    "a balance does not move": ([(BALANCE, "W1", 0.5), (FLOW, "W11", 0.5)], {"dorm-1": 0.5, "floor-1": 0.5}),
    "night flow joins the balance of its place": ([(BALANCE, "W1", 0.5), (MNF, "W1", 0.55)], {"dorm-1": 0.5}),
    "a hidden leak echoes on the campus": ([(BALANCE, "W1", 0.5), (MNF, "W", 0.55)], {"dorm-1": 0.5}),
    "branches do not meet": ([(MNF, "W2", 0.5), (FLOW, "W11", 0.5)], {"dorm-2": 0.5, "floor-1": 0.5}),
    "media do not meet": ([(FLOW, "W11", 0.5), (PEER, "E1", 0.5)], {"floor-1": 0.5, "room-1": 0.5}),
}  # fmt: skip


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("apart", [1.0, 0.0], ids=["hours apart", "at one instant"])
def test_scenarios(site, make_finding, name, apart):
    told, expected = SCENARIOS[name]
    book = book_of(site)
    findings = [make_finding(rule, m, hours=i * apart, size=size) for i, (rule, m, size) in enumerate(told)]
    tell(book, findings)
    assert active(book) == expected


@pytest.mark.parametrize("name", SCENARIOS)
def test_at_one_instant_nothing_is_shown_that_is_explained(site, make_finding, name):
    told, expected = SCENARIOS[name]
    changes = book_of(site).apply([make_finding(rule, m, size=size) for rule, m, size in told], T0)
    shown = {c.incident.node for c in changes if c.kind is ChangeKind.RAISED and c.incident.inhibited_by is None}
    assert shown == set(expected)
    assert set(kinds(changes)) == {"raised"}


def test_a_move_keeps_the_incident(site, make_finding):
    book = book_of(site)
    raised, moved = tell(book, [make_finding(MNF, "W1", size=0.52), make_finding(FLOW, "W11", hours=3)])
    assert (raised.kind, moved.kind) == (ChangeKind.RAISED, ChangeKind.MOVED)
    assert moved.incident.id == raised.incident.id
    assert (raised.incident.node, moved.incident.node) == ("dorm-1", "floor-1")
    assert moved.incident.detected_at == raised.incident.detected_at
    assert moved.incident.evidence["moved_from"] == ["dorm-1"]
    roles = {(f["rule"], f["role"]) for f in moved.incident.evidence["findings"]}
    assert roles == {(FLOW, "own"), (MNF, "echo")}


def test_the_echo_of_a_cleared_incident_is_left_alone_for_its_grace(site, make_finding):
    book = book_of(site, echo_grace_h=36)
    tell(book, [make_finding(FLOW, "W11"), make_finding(MNF, "W1", size=0.52, hours=1)])
    assert kinds(tell(book, [make_finding(FLOW, "W11", "close", hours=20)])) == ["cleared"]
    assert kinds(book.review(hours(30))) == []
    assert kinds(tell(book, [make_finding(MNF, "W1", "close", hours=31)])) == []
    assert kinds(book.review(hours(90))) == []


def test_an_echo_that_stays_after_its_grace_is_an_incident(site, make_finding):
    book = book_of(site, echo_grace_h=36)
    tell(book, [make_finding(FLOW, "W11"), make_finding(MNF, "W1", size=0.52, hours=1)])
    tell(book, [make_finding(FLOW, "W11", "close", hours=20)])
    book.restore(unpack(pack(book.state())))
    changes = book.review(hours(57))
    assert kinds(changes) == ["raised"]
    assert changes[0].incident.node == "dorm-1"


def test_an_echo_that_grows_beyond_what_explains_it_is_an_incident(site, make_finding):
    book = book_of(site)
    tell(book, [make_finding(FLOW, "W11"), make_finding(MNF, "W1", size=0.52, hours=1)])
    changes = tell(book, [make_finding(MNF, "W1", "update", size=2.0, hours=25)])
    assert "raised" in kinds(changes)
    assert active(book) == {"floor-1": 0.5, "dorm-1": 1.5}


def test_a_parent_that_comes_to_be_explained_is_inhibited_and_released_again(site, make_finding):
    book = book_of(site)
    tell(book, [make_finding(FLOW, "W11"), make_finding(MNF, "W1", size=2.0, hours=1)])
    changes = tell(book, [make_finding(FLOW, "W11", "update", size=1.9, hours=5)])
    inhibited = next(c.incident for c in changes if c.kind is ChangeKind.INHIBITED)
    child = next(i for i in book_incidents(book) if i.node == "floor-1")
    assert (inhibited.node, inhibited.inhibited_by) == ("dorm-1", child.id)
    changes = tell(book, [make_finding(MNF, "W1", "update", size=9.0, hours=9)])
    assert ("released", "dorm-1") in [(c.kind.value, c.incident.node) for c in changes]


def test_an_inhibited_parent_may_outlast_the_child_that_explained_it(site, make_finding):
    book = book_of(site, echo_grace_h=36)
    tell(book, [make_finding(FLOW, "W11"), make_finding(MNF, "W1", size=2.0, hours=1)])
    tell(book, [make_finding(FLOW, "W11", "update", size=1.9, hours=5)])
    after = kinds(tell(book, [make_finding(FLOW, "W11", "close", hours=10)]))
    assert "cleared" in after
    assert "released" not in [*after, *kinds(book.review(hours(30)))]
    assert "released" in kinds(book.review(hours(47)))


def test_water_excess_joins_an_open_leak_and_a_leak_inhibits_it(site, make_finding):
    book = book_of(site)
    excess = {"category": Category.CONSUMPTION}
    assert kinds(tell(book, [make_finding(MNF, "W1"), make_finding("high_use", "W1", hours=1, **excess)])) == [
        "raised",
        "updated",
    ]
    other = book_of(site)
    changes = tell(other, [make_finding("high_use", "W1", **excess), make_finding(MNF, "W1", hours=1)])
    assert [(c.kind.value, c.incident.category.value) for c in changes] == [
        ("raised", "consumption"),
        ("inhibited", "consumption"),
        ("raised", "leak"),
    ]


def test_cleared_when_the_last_of_its_findings_closes(site, make_finding):
    book = book_of(site)
    tell(book, [make_finding(MNF, "W11"), make_finding(FLOW, "W11", hours=1)])
    assert "cleared" not in kinds(tell(book, [make_finding(FLOW, "W11", "close", hours=2)]))
    (cleared,) = tell(book, [make_finding(MNF, "W11", "close", hours=30, total=7.5)])
    assert cleared.kind is ChangeKind.CLEARED
    assert cleared.incident.closed_at == hours(30)
    assert cleared.incident.loss_rate == pytest.approx(0.5)
    assert cleared.incident.loss_total == pytest.approx(7.5), "the rule's own sum"
    assert not book.incidents


def test_one_that_comes_back_is_new_and_names_the_one_before(site, make_finding):
    book = book_of(site, previous_days=14, reopen_days=1)
    (first, _) = tell(book, [make_finding(MNF, "W1"), make_finding(MNF, "W1", "close", hours=30)])
    (again,) = tell(book, [make_finding(MNF, "W1", hours=60)])
    assert again.incident.id != first.incident.id
    assert again.incident.evidence["previous"] == first.incident.id
    tell(book, [make_finding(MNF, "W1", "close", hours=90)])
    (much_later,) = tell(book, [make_finding(MNF, "W1", hours=90 + 15 * 24)])
    assert "previous" not in much_later.incident.evidence


def test_flapping_never_shows_two_at_once(site, make_finding):
    book = book_of(site)
    findings = [make_finding(MNF, "W1", ("open", "close")[i % 2], hours=12 * i) for i in range(10)]
    changes = tell(book, findings)
    assert kinds(changes) == ["raised", "cleared", *["reopened", "cleared"] * 4]
    assert len({c.incident.id for c in changes}) == 1


def test_ids_say_nothing_but_what_happened(site, make_finding):
    ids = [tell(book_of(site), [make_finding(MNF, "W1")])[0].incident.id for _ in range(2)]
    assert ids[0] == ids[1]
    other = tell(book_of(site), [make_finding(MNF, "W1", hours=1)])[0].incident.id
    assert other != ids[0]


@pytest.mark.parametrize(
    ("size", "since", "expected"),
    [(0.1, 2, Severity.WARNING), (1.2, 2, Severity.CRITICAL), (0.1, 400, Severity.CRITICAL)],
)
def test_severity_follows_rate_and_duration(site, make_finding, size, since, expected):
    (change,) = tell(book_of(site), [make_finding(MNF, "W1", size=size, since=since)])
    assert change.incident.severity is expected


def test_a_leak_that_grows_escalates_once_and_never_back(site, make_finding):
    book = book_of(site)
    changes = tell(
        book,
        [
            make_finding(MNF, "W1", size=0.1),
            make_finding(MNF, "W1", "update", size=2.0, hours=24),
            make_finding(MNF, "W1", "update", size=0.1, hours=48),
        ],
    )
    assert kinds(changes) == ["raised", "escalated", "updated"]
    assert changes[-1].incident.severity is Severity.CRITICAL


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ([(MNF, "W11", 0.5)], "below_unmetered"),
        ([(MNF, "W2", 0.5)], "smallest_metered"),
        ([(BALANCE, "W1", 0.5)], "between_meters"),
        ([(MNF, "W1", 0.5)], "submeters_quiet"),
        ([(FLOW, "W11", 0.5), (MNF, "W1", 2.0)], "more_than_below"),
    ],
)
def test_the_place_says_why_not_smaller(site, make_finding, told, code):
    book = book_of(site)
    changes = tell(book, [make_finding(rule, m, hours=i, size=size) for i, (rule, m, size) in enumerate(told)])
    reason = changes[-1].incident.evidence["place_reason"]
    assert reason["code"] == code
    assert told[-1][1] in reason["text"]


def test_submeters_in_doubt_are_said(site, make_finding, make_fault):
    book = book_of(site)
    changes = tell(book, [make_fault("offline", "W12"), make_finding(MNF, "W1", hours=1)])
    reason = changes[-1].incident.evidence["place_reason"]
    assert (reason["code"], reason["params"]["doubtful"]) == ("submeters_in_doubt", 1)


def test_evidence_has_the_stretch_to_draw(site, make_finding):
    (change,) = tell(book_of(site), [make_finding(BALANCE, "W1")])
    series = change.incident.evidence["series"]
    assert series["meters"] == ["W1", "W11", "W12"]
    assert series["quantity"] == "water_volume"
    assert series["start"] < series["end"]
    assert change.incident.evidence["next_step"] == "walk_the_pipe"


@pytest.mark.parametrize("balance_at", [49, 51])
def test_a_balance_dates_the_leak_not_the_night_flow_that_sees_older_leaks_below(site, make_finding, balance_at):
    night = make_finding(MNF, "W1", hours=50, size=0.8, since=50)
    balance = make_finding(BALANCE, "W1", hours=balance_at, since=5)
    book = book_of(site)
    tell(book, sorted([night, balance], key=lambda f: f.at))
    assert [i.onset_at for i in book_incidents(book)] == [balance.onset]


def test_a_balance_keeps_the_loss_it_told_while_night_flow_settles(site, make_finding):
    book = book_of(site)
    tell(book, [make_finding(BALANCE, "W1", size=0.5), make_finding(MNF, "W1", hours=1, size=0.6)])
    tell(book, [make_finding(BALANCE, "W1", "close", hours=2), make_finding(MNF, "W1", "update", hours=26, size=0.1)])
    assert active(book) == {"dorm-1": 0.5}
    (ended,) = tell(book, [make_finding(MNF, "W1", "close", hours=50)])
    assert (ended.kind, ended.incident.loss_rate) == (ChangeKind.CLEARED, 0.5)


def test_nan_from_a_rule_reaches_nobody(site, make_finding):
    nan = float("nan")
    finding = make_finding(MNF, "W1", expected=nan, evidence={"noise": nan, "hours": np.arange(2)})
    (change,) = tell(book_of(site), [finding])
    assert change.incident.expected == 0.0
    assert change.incident.evidence["findings"][0]["details"] == {"noise": None, "hours": [0, 1]}


def test_baselines_stand_still_where_the_excess_is_and_go_on_below(site, make_finding):
    book = book_of(site)
    ids = [m.id for m in Columns(site).meters]
    tell(book, [make_finding(MNF, "W1")])
    assert {m for m, flag in zip(ids, book.flagged(), strict=True) if flag} == {"W1"}
    tell(book, [make_finding(MNF, "W11", hours=1)])
    assert {m for m, flag in zip(ids, book.flagged(), strict=True) if flag} == {"W1", "W11"}
    balance = book_of(site)
    tell(balance, [make_finding(BALANCE, "W1"), make_finding(MNF, "W2", hours=1), make_finding(MNF, "W", hours=1)])
    assert {m for m, flag in zip(ids, balance.flagged(), strict=True) if flag} >= {"W1", "W2", "W"}
    assert not balance.flagged()[ids.index("E1")]


def test_figures_alone_are_told_once_an_hour(site, make_finding):
    book = book_of(site)
    updates = [make_finding(MNF, "W1", "update", hours=i / 4) for i in range(1, 9)]
    assert kinds(tell(book, [make_finding(MNF, "W1"), *updates])) == ["raised", "updated", "updated"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_memory_goes_through_a_snapshot_at_any_place(site, make_finding, name):
    told, _ = SCENARIOS[name]
    findings = [make_finding(rule, m, hours=i, size=size) for i, (rule, m, size) in enumerate(told)]
    findings += [make_finding(rule, m, "close", hours=50 + i, size=size) for i, (rule, m, size) in enumerate(told)]
    whole = tell(book_of(site), findings)
    for place in range(len(findings) + 1):
        first, second = book_of(site), book_of(site)
        before = tell(first, findings[:place])
        second.restore(unpack(pack(first.state())))
        assert before + tell(second, findings[place:]) == whole


def test_alert_lines_leave_out_what_was_inhibited_at_once_and_show_what_is_released(site, make_finding, make_fault):
    book, lines = book_of(site), AlertLines()
    silent = [make_fault("offline", m) for m in ("W1", "W11", "W12")]
    lines.add(book.apply(silent, T0))
    assert [line["node"] for line in lines.lines()] == ["dorm-1"]
    back = [make_fault("offline", m, "close", hours=5) for m in ("W1", "W12")]
    lines.add(book.apply(back, hours(5)))
    shown = list(lines.lines())
    assert [(line["node"], line["closed_at"] is None) for line in shown] == [("dorm-1", False), ("floor-1", True)]
    assert shown[1]["detected_at"] == "2026-03-01T21:00:00+00:00", "when it was first shown"


def test_an_alert_line_follows_its_incident_to_the_end(site, make_finding):
    book, lines = book_of(site), AlertLines()
    lines.add(tell(book, [make_finding(MNF, "W1", size=0.52), make_finding(FLOW, "W11", hours=3)]))
    lines.add(tell(book, [make_finding(FLOW, "W11", "close", hours=9)]))
    (line,) = lines.lines()
    assert (line["node"], line["rule"], line["subject"]) == ("floor-1", MNF, "W1")
    assert (line["detected_at"], line["closed_at"]) == ("2026-03-01T16:00:00+00:00", "2026-03-02T01:00:00+00:00")


def test_what_fades_stays_where_it_was(site, make_finding):
    """A large loss at the campus that has nearly ended is no trickle of a floor, though as small by now."""
    book = book_of(site)
    tell(book, [make_finding(MNF, "W", size=0.8, total=1.6)])
    tell(book, [make_finding(MNF, "W", "update", size=0.8, hours=240, since=242, total=190.0)])
    tell(book, [make_finding(MNF, "W", "update", size=0.02, hours=264, since=266, total=191.0)])
    tell(book, [make_finding(FLOW, "W11", hours=270, size=0.015)])
    assert {i.node for i in book_incidents(book)} == {"campus", "floor-1"}


def test_the_reason_names_the_place_its_meter_and_what_has_none(site, make_finding):
    (change,) = tell(book_of(site), [make_finding(MNF, "W11")])
    reason = change.incident.evidence["place_reason"]
    assert reason["text"] == "floor-1 of dorm-1: its meter W11 shows it, and its 2 rooms have no water meters."
    assert reason["params"] == {
        "meter": "W11", "place": "floor-1", "count": 2, "kind": "room", "medium": "water",
    }  # fmt: skip


def test_the_share_of_branches_without_a_meter_is_said(site, make_finding):
    dorm = replace(site.nodes["dorm-1"], unmetered_children=2)
    part_metered = replace(site, nodes={**site.nodes, "dorm-1": dorm})
    (change,) = tell(book_of(part_metered), [make_finding(BALANCE, "W1")])
    reason = change.incident.evidence["place_reason"]
    assert (reason["params"]["unmetered"], reason["params"]["branches"]) == (2, 4)
    assert "2 of its 4 branches (50 %) have no meter" in reason["text"]


def test_one_that_comes_back_at_once_is_the_same_one_reopened(site, make_finding):
    book = book_of(site, reopen_days=3)
    first, cleared = tell(book, [make_finding(MNF, "W1"), make_finding(MNF, "W1", "close", hours=30, total=9.0)])
    book.restore(unpack(pack(book.state())))
    (again,) = tell(book, [make_finding(MNF, "W1", hours=60, size=0.3)])
    assert again.kind is ChangeKind.REOPENED
    assert again.incident.id == first.incident.id
    assert again.incident.closed_at is None
    assert again.incident.loss_total < cleared.incident.loss_total, "its own stretch alone"
    (stretch,) = again.incident.evidence["earlier"]
    assert stretch["loss_total"] == pytest.approx(9.0)
    assert stretch["closed"] == to_datetime(hours(30)).isoformat()
    assert "previous" not in again.incident.evidence


def test_one_that_is_explained_by_another_reopens_nothing(site, make_finding):
    """An alert that people saw cleared must not vanish because its place now echoes another's leak."""
    book = book_of(site, reopen_days=3)
    first, _ = tell(book, [make_finding(PEER, "E1"), make_finding(PEER, "E1", "close", hours=30)])
    leak = {"category": Category.LEAK}
    tell(book, [make_finding("usage_profile", "E1", hours=40, **leak)])
    (again,) = tell(book, [make_finding(PEER, "E1", hours=41)])
    assert again.incident.category is Category.LEAK, "it joined the leak of its place"
    assert again.incident.id != first.incident.id


def test_a_backtest_has_a_line_each_time(site, make_finding):
    lines = AlertLines()
    book = book_of(site, reopen_days=3)
    lines.add(tell(book, [make_finding(MNF, "W1"), make_finding(MNF, "W1", "close", hours=30)]))
    lines.add(tell(book, [make_finding(MNF, "W1", hours=60), make_finding(MNF, "W1", "close", hours=90)]))
    assert [(i.detected_at, i.closed_at) for i in lines.incidents()] == [(hours(0), hours(30)), (hours(60), hours(90))]


def test_what_has_cleared_says_why_and_for_how_long_it_is_back(site, make_finding):
    book = book_of(site)
    (w1, steps) = ([m.id for m in book.columns.meters].index("W1"), 12 * 96)
    usage = np.full((steps, len(book.columns.meters)), 0.05)
    usage[5 * 96 : 10 * 96, w1] += 0.125  # 0.5 m3/h from day 5 to day 10
    first = int(T0.astype(np.int64)) // 900_000
    for day in range(12):
        rows = slice(96 * day, 96 * (day + 1))
        ends = T0 + np.arange(96 * day + 1, 96 * day + 97) * np.timedelta64(900_000, "ms")
        local = np.arange(96) * 15
        book.recent.push(
            IntervalBlock(
                first + 96 * day, usage[rows], np.zeros(usage[rows].shape, np.uint16), ends, local, day,
                np.zeros(96, bool), np.zeros(len(book.columns.meters), bool),
            )
        )  # fmt: skip
    tell(book, [make_finding(MNF, "W1", hours=6 * 24, since=24)])
    (cleared,) = tell(book, [make_finding(MNF, "W1", "close", hours=11 * 24)])
    evidence = cleared.incident.evidence
    assert evidence["cleared_because"] == "back_at_usual"
    assert evidence["back_at_usual"]["hours"] == pytest.approx(24, abs=4)


def test_the_loss_has_its_uncertainty(site, make_finding):
    (change,) = tell(book_of(site), [make_finding(MNF, "W1", size=0.5, since=10, uncertainty=0.05)])
    loss = change.incident.evidence["loss"]
    assert (loss["rate_uncertainty"], loss["total_uncertainty"]) == pytest.approx((0.05, 0.5))
