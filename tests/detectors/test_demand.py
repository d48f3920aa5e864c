"""Power of 15 minutes against contract, transformer and allowed power."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from metering.batch import Quality
from metering.incident import Severity
from metering.site_document import parse_site
from rules.blocks import Columns, IntervalBlock
from rules.detectors.base import Context
from rules.detectors.demand import Demand
from rules.settings import parse_rules

FIRST = 1_969_280


def site() -> Any:
    return parse_site(
        {
            "site": {"id": "s", "timezone": "Asia/Shanghai"},
            "nodes": [
                {"id": "campus", "kind": "campus", "contract_demand_kw": 100},
                {"id": "dorm", "kind": "building", "parent": "campus"},
                {"id": "room", "kind": "room", "parent": "dorm"},
            ],
            "meters": [
                {"id": "in1", "medium": "electricity", "node": "campus"},
                {"id": "in2", "medium": "electricity", "node": "campus"},
                {"id": "board", "medium": "electricity", "node": "dorm", "parent": "in1"},
                {"id": "part", "medium": "electricity", "node": "dorm", "parent": "board"},
                {"id": "e", "medium": "electricity", "node": "room", "parent": "board"},
            ],
        }
    )


def made(**overrides: Any) -> Demand:
    where = site()
    rules = parse_rules({"overrides": {n: {"demand": s} for n, s in overrides.items()}}, where)
    return Demand(Context(Columns(where), None), rules.settings_of("demand", where))  # type: ignore[arg-type]


def block(kw: dict[str, list[float]], first: int = FIRST, quality: int = 0) -> IntervalBlock:
    """kW by meter and step; meters not named draw 1 kW."""
    steps = len(next(iter(kw.values())))
    usage = np.stack([np.array(kw.get(m, [1.0] * steps)) / 4 for m in site().meters], axis=1)
    numbers = np.arange(first, first + steps)
    return IntervalBlock(
        first, usage, np.full(usage.shape, quality, np.uint16), ((numbers + 1) * 900_000).astype("M8[ms]"),
        numbers * 15 % 1440, int(first // 96), np.zeros(steps, bool), np.zeros(usage.shape[1], bool),
    )  # fmt: skip


def said(detector: Demand, *blocks: IntervalBlock) -> list[tuple[str, str, str, int]]:
    found = [f for b in blocks for f in detector.process(b)]
    return [
        (f.phase.value, f.subject, f.evidence["condition"], int(f.at.astype(int) // 900_000) - FIRST) for f in found
    ]


def test_the_contract_counts_all_meters_that_feed_the_campus() -> None:
    steps = {"in1": [60.0] * 4 + [70.0] * 3 + [30.0] * 20, "in2": [35.0] * 27}
    assert said(made(), block(steps)) == [
        ("open", "campus", "contract_demand", 5), ("close", "campus", "contract_demand", 16),
    ]  # fmt: skip


def test_one_missing_or_spread_proves_nothing() -> None:
    assert said(made(), block({"in1": [200.0] * 9, "in2": [np.nan] * 9})) == []
    assert said(made(), block({"in1": [200.0] * 9}, quality=Quality.ESTIMATED)) == []


def test_a_transformer_may_be_overloaded_for_a_while() -> None:
    dorm = made(dorm={"transformer_kva": 50})
    assert said(dorm, block({"board": [46.0] + [40.0] * 9})) == []
    (finding,) = made(dorm={"transformer_kva": 50}).process(block({"board": [20.0, 46.0, 47.0, 44.0]}))
    assert (finding.subject, finding.expected, finding.severity) == ("board", 45.0, Severity.WARNING)
    assert finding.observed == pytest.approx(47)


def test_far_above_is_critical_and_higher_peaks_are_told() -> None:
    found = made(dorm={"limit_kw": 10}).process(block({"board": [11.0, 11.5, 15.0, 15.5]}))
    assert [(f.phase.value, f.severity.value) for f in found] == [("open", "warning"), ("update", "critical")]


def test_a_limit_holds_below_and_a_contract_only_where_it_stands() -> None:
    detector = made(dorm={"limit_kw": 10, "contract_kw": 12})
    found = said(detector, block({"board": [20.0] * 2, "e": [13.0] * 2, "part": [90.0] * 2}))
    assert {(subject, condition) for _, subject, condition, _ in found} == {
        ("board", "contract_demand"), ("e", "place_limit"),
    }  # fmt: skip


def test_nothing_is_judged_without_a_limit() -> None:
    assert said(made(), block({"e": [900.0] * 5, "board": [900.0] * 5})) == []
    assert said(made(campus={"enabled": False}), block({"in1": [900.0] * 5})) == []


def test_cuts_and_restarts_change_nothing() -> None:
    rng = np.random.default_rng(1)
    kw = np.repeat(rng.choice([50.0, 96.0, 120.0, 150.0], 30), 5).tolist()
    whole = said(made(), block({"in1": kw}))
    assert len(whole) > 3
    detector, parts = made(), []
    for start in range(0, len(kw), 7):
        parts += said(detector, block({"in1": kw[start : start + 7]}, FIRST + start))
        state = detector.state()
        detector = made()
        detector.restore(state)
    assert parts == whole
