"""How cautious what people say makes a rule about a meter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.feedback import MOST, caution_after

OUTCOMES = st.lists(st.sampled_from(["false", "confirmed", "repaired", "planned_use", "meter_fault", "reset"]))


@pytest.mark.parametrize(
    ("outcomes", "caution"),
    [
        ("", 1.0),
        ("false", 1.25),
        ("false false", 1.5625),
        ("false false false false", 2.0),
        ("false confirmed", 1.0),
        ("false false repaired", 1.25),
        ("false false false false confirmed", 1.6),
        ("confirmed false", 1.25),
        ("false planned_use meter_fault", 1.25),
        ("false false reset", 1.0),
        ("false reset false", 1.25),
    ],
)
def test_each_outcome_takes_its_step(outcomes: str, caution: float) -> None:
    assert caution_after(outcomes.split()) == caution


@given(OUTCOMES)
def test_it_never_leaves_its_bounds(outcomes: list[str]) -> None:
    assert 1.0 <= caution_after(outcomes) <= MOST
    assert caution_after([*outcomes, "reset"]) == 1.0
    assert caution_after([*outcomes, "false"]) >= caution_after(outcomes) >= caution_after([*outcomes, "repaired"])
