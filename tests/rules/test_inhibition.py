"""Data quality and the tree: who falls silent with whom, and what doubtful data may not do."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np
import pytest

from metering.incident import Category, ChangeKind, IncidentChange
from metering.site import Site
from rules.blocks import Columns
from rules.findings import Finding
from rules.incidents import IncidentBook
from rules.settings import IncidentSettings

T0 = np.datetime64("2026-03-01T16:00:00", "ms")
MNF, FLOW, BALANCE = "minimum_night_flow", "continuous_flow", "zone_balance"


def hours(count: float) -> np.datetime64:
    return T0 + np.timedelta64(round(count * 3_600_000), "ms")


def book_of(site: Site, **more: Any) -> IncidentBook:
    return IncidentBook(Columns(site), IncidentSettings(**more), "rev")


def tell(book: IncidentBook, findings: list[Finding]) -> list[IncidentChange]:
    changes = []
    for at, group in groupby(findings, key=lambda f: f.at):
        changes += book.apply(list(group), at)
    return changes


def seen(book: IncidentBook, category: Category) -> list[tuple[str, str]]:
    """(subject, place) of what people see of a category."""
    told = [i.written for i in book.incidents.values()]
    return sorted((i.subject, i.node) for i in told if i.category is category and i.inhibited_by is None)


def faults(book: IncidentBook) -> list[tuple[str, str]]:
    return seen(book, Category.DATA_QUALITY)


def leaks(book: IncidentBook) -> list[tuple[str, str]]:
    return seen(book, Category.LEAK)


def shown(changes: list[IncidentChange]) -> list[str]:
    return [c.incident.node for c in changes if c.kind is ChangeKind.RAISED and c.incident.inhibited_by is None]


# -- meters that fall silent together ----------------------------------------------------------------------------------

LINE = ("W1", "W11", "W12")
EVERYONE = ("W", "W1", "W2", "W11", "W12", "E1", "E2")
TOGETHER = {
    "one of a line": (["W11"], [("W11", "floor-1")]),
    "two of three of a line": (["W11", "W12"], [("W11", "floor-1"), ("W12", "floor-2")]),
    "a whole line": ([*LINE], [("W1", "dorm-1")]),
    "a line and a meter of no line": ([*LINE, "W2"], [("W1", "dorm-1"), ("W2", "dorm-2")]),
    "two lines": ([*LINE, "E1", "E2"], [("E1", "floor-1"), ("W1", "dorm-1")]),
    "the whole site": ([*EVERYONE], [("W", "campus")]),
}


@pytest.mark.parametrize("name", TOGETHER)
def test_meters_that_fall_silent_together_are_one_alert(site, make_fault, name):
    silent, expected = TOGETHER[name]
    book = book_of(site)
    changes = book.apply([make_fault("offline", m) for m in silent], T0)
    assert faults(book) == expected
    assert sorted(shown(changes)) == sorted(place for _, place in expected), "none of the single ones was shown"


def test_a_meter_that_was_silent_before_keeps_its_own_alert(site, make_fault):
    book = book_of(site)
    tell(book, [make_fault("offline", "W11")])
    later = [make_fault("offline", m, hours=100) for m in ("W1", "W12")]
    book.apply(later, hours(100))
    assert faults(book) == [("W1", "dorm-1"), ("W11", "floor-1")]


def test_the_rest_of_a_line_a_little_later_still_is_the_line(site, make_fault):
    book = book_of(site, together_min=60)
    tell(book, [make_fault("offline", "W11", hours=0), make_fault("offline", "W12", hours=0.25)])
    assert len(faults(book)) == 2
    tell(book, [make_fault("offline", "W1", hours=0.5)])
    assert faults(book) == [("W1", "dorm-1")]


def test_a_line_that_comes_back_but_for_one_meter(site, make_fault):
    book = book_of(site)
    book.apply([make_fault("offline", m) for m in LINE], T0)
    back = [make_fault("offline", m, "close", hours=5) for m in ("W1", "W12")]
    changes = book.apply(back, hours(5))
    assert faults(book) == [("W11", "floor-1")]
    kinds = sorted((c.kind.value, c.incident.node) for c in changes if c.incident.inhibited_by is None)
    assert ("released", "floor-1") in kinds
    assert ("cleared", "dorm-1") in kinds


def test_a_line_alert_names_what_is_shared(site, make_fault):
    book = book_of(site)
    changes = book.apply([make_fault("offline", m) for m in LINE], T0)
    (line,) = [c.incident for c in changes if c.incident.inhibited_by is None]
    assert line.evidence["place_reason"]["code"] == "silent_together"
    assert line.evidence["group"]["meters"] == sorted(LINE)
    assert line.evidence["next_step"] == "check_gateway"
    assert "tcp://10.0.0.1:502" in line.evidence["place_reason"]["text"]


def test_other_faults_of_parent_and_child_are_each_told(site, make_fault):
    book = book_of(site)
    book.apply([make_fault("stuck", "W"), make_fault("offline", "W11"), make_fault("reset", "W2")], T0)
    assert faults(book) == [("W", "campus"), ("W11", "floor-1"), ("W2", "dorm-2")]


def test_a_supply_failure_above_explains_those_below(site, make_finding):
    book = book_of(site)
    supply = {"category": Category.SUPPLY}
    tell(book, [make_finding("no_water", "W11", **supply), make_finding("no_water", "W1", hours=1, **supply)])
    assert seen(book, Category.SUPPLY) == [("W1", "dorm-1")]
    tell(book, [make_finding("no_water", "W1", "close", hours=2, **supply)])
    assert seen(book, Category.SUPPLY) == [("W11", "floor-1")]


# -- doubt -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["offline", "stuck", "reset", "undeclared_replacement"])
def test_a_meter_in_doubt_raises_no_leak(site, make_finding, make_fault, kind):
    book = book_of(site)
    tell(book, [make_fault(kind, "W11"), make_finding(FLOW, "W11", hours=1)])
    assert leaks(book) == []


def test_not_even_at_the_same_instant(site, make_finding, make_fault):
    book = book_of(site)
    book.apply([make_finding(FLOW, "W11"), make_fault("stuck", "W11")], T0)
    assert leaks(book) == []


@pytest.mark.parametrize("kind", ["offline", "stuck", "reset", "undeclared_replacement"])
def test_a_meter_in_doubt_clears_no_leak(site, make_finding, make_fault, kind):
    book = book_of(site)
    tell(book, [make_finding(FLOW, "W11"), make_fault(kind, "W11", hours=30)])
    changes = tell(book, [make_finding(FLOW, "W11", "close", hours=31)])
    assert [c.kind for c in changes] == []
    assert leaks(book) == [("W11", "floor-1")]


def test_what_closed_in_doubt_closes_after_it_unless_it_opens_again(site, make_finding, make_fault):
    for reopens in (False, True):
        book = book_of(site, doubt_grace_h=24)
        tell(book, [make_finding(FLOW, "W11"), make_fault("stuck", "W11", hours=30)])
        tell(book, [make_finding(FLOW, "W11", "close", hours=31), make_fault("stuck", "W11", "close", hours=40)])
        if reopens:
            tell(book, [make_finding(FLOW, "W11", hours=50)])
        book.review(hours(63))
        assert leaks(book) == [("W11", "floor-1")], "the grace still runs"
        book.review(hours(65))
        assert leaks(book) == ([("W11", "floor-1")] if reopens else [])


def test_what_opened_in_doubt_counts_if_it_outlasts_the_grace(site, make_finding, make_fault):
    book = book_of(site, doubt_grace_h=24)
    tell(book, [make_fault("stuck", "W11"), make_finding(FLOW, "W11", hours=1)])
    tell(book, [make_fault("stuck", "W11", "close", hours=10)])
    assert shown(book.review(hours(33))) == []
    assert shown(book.review(hours(35))) == ["floor-1"]


def test_silence_leaves_no_doubt_behind(site, make_finding, make_fault):
    book = book_of(site)
    tell(book, [make_fault("offline", "W11"), make_fault("offline", "W11", "close", hours=5)])
    assert shown(tell(book, [make_finding(FLOW, "W11", hours=6)])) == ["floor-1"]


def test_a_balance_rests_on_its_submeters_too(site, make_finding, make_fault):
    book = book_of(site)
    tell(book, [make_fault("stuck", "W12"), make_finding(BALANCE, "W1", hours=1), make_finding(MNF, "W2", hours=2)])
    assert leaks(book) == [("W2", "dorm-2")]


def test_a_leak_that_proves_to_be_a_stuck_meter_is_inhibited(site, make_finding, make_fault):
    """The sub-meter stood still at hour -10; the balance told a leak at 0, the meter's fault is told at 14."""
    book = book_of(site)
    tell(book, [make_finding(BALANCE, "W1", since=9.0)])
    assert leaks(book) == [("W1", "dorm-1")]
    tell(book, [make_fault("stuck", "W12", hours=14, since=24.0)])
    assert leaks(book) == []
    assert faults(book) == [("W12", "floor-2")]


def test_a_leak_from_before_the_fault_stays(site, make_finding, make_fault):
    book = book_of(site)
    tell(book, [make_finding(BALANCE, "W1", since=9.0), make_fault("stuck", "W12", hours=14, since=2.0)])
    assert leaks(book) == [("W1", "dorm-1")]


def test_a_silent_meter_makes_no_leak_suspect(site, make_finding, make_fault):
    book = book_of(site)
    tell(book, [make_finding(BALANCE, "W1", since=9.0), make_fault("offline", "W12", hours=14, since=24.0)])
    assert leaks(book) == [("W1", "dorm-1")]
