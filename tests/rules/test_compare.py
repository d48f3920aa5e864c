"""Which alerts of two sets of rules are one, and which appear, disappear or change."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from metering.incident import Category, Incident, Severity
from rules.compare import compare, judge_both
from rules.settings import parse_rules

T0 = np.datetime64("2026-03-01T16:00:00", "ms")
HOUR = np.timedelta64(3_600_000, "ms")


def alert(first: float = 0, end: float | None = 10, **more: Any) -> Incident:
    made = Incident(
        id=f"{first}-{end}", rule="continuous_flow", category=Category.LEAK, medium="water", subject="W1",
        node="dorm-1", severity=Severity.WARNING, detected_at=T0 + int(first) * HOUR, onset_at=T0 + int(first) * HOUR,
        closed_at=None if end is None else T0 + int(end) * HOUR, observed=1.0, expected=0.0, unit="m3/h",
        loss_rate=1.0, loss_total=1.0,
    )  # fmt: skip
    return replace(made, **more)


def counts(before: list[Incident], after: list[Incident]) -> tuple[int, int, int, int]:
    found = compare(before, after)
    return len(found.appears), len(found.disappears), len(found.changed), len(found.same)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([alert()], [alert()], (0, 0, 0, 1)),
        ([alert()], [], (0, 1, 0, 0)),
        ([], [alert()], (1, 0, 0, 0)),
        ([alert()], [alert(11, 20)], (1, 1, 0, 0)),
        ([alert()], [alert(2)], (0, 0, 1, 0)),
        ([alert()], [alert(0, None)], (0, 0, 1, 0)),
        ([alert()], [alert(severity=Severity.CRITICAL)], (0, 0, 1, 0)),
        ([alert()], [alert(rule="minimum_night_flow")], (0, 0, 0, 1)),
        ([alert()], [alert(node="dorm-2")], (1, 1, 0, 0)),
        ([alert()], [alert(category=Category.CONSUMPTION)], (1, 1, 0, 0)),
        ([alert(0, 10)], [alert(0, 2), alert(3, 10)], (1, 0, 1, 0)),
        ([alert(0, 10), alert(12, 20)], [alert(12, 20)], (0, 1, 0, 1)),
    ],
)
def test_alerts_are_matched_one_to_one(before, after, expected):
    assert counts(before, after) == expected


def test_of_two_the_one_that_shares_more_is_the_same():
    (changed,) = compare([alert(0, 10)], [alert(0, 2), alert(3, 10)]).changed
    assert changed[1].onset_at == T0 + 3 * HOUR


def test_the_document_is_json_and_says_what_changed():
    document = compare([alert()], [alert(2), alert(node="dorm-2")]).document()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert [c["what"] for c in document["changed"]] == [["detected_at"]]
    assert [line["node"] for line in document["appears"]] == ["dorm-2"]


def test_both_are_judged_in_one_pass(site, make_readings):
    rule = {"id": "much", "when": "flow > 1.5", "for": "1 h", "meters": ["W2"], "category": "supply"}
    settings = tuple(parse_rules(d, site) for d in ({}, {"threshold": {"rules": [rule]}}))
    readings = [make_readings(["W", "W1", "W2"], "water_volume", T0, 40)]
    found = compare(*judge_both(site, settings, readings))
    assert [(i.rule, i.node) for i in found.appears] == [("threshold:much", "dorm-2")]
    assert found.disappears == ()
