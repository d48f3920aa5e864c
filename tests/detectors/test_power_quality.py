"""Supply, voltages and power factor against their limits: how long, which first, and when it is over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from metering.incident import Category, Severity
from metering.site_document import parse_site
from rules.blocks import Columns
from rules.detectors.base import Context
from rules.detectors.power_quality import PowerQuality
from rules.samples import WAIT_MS, SampleBlock

MINUTE = 60_000
START = 1_772_380_800_000
GOOD = (222.0, 221.0, 223.0)


def made(timezone: str = "Asia/Shanghai", kind: str = "building", **settings: Any) -> PowerQuality:
    site = parse_site(
        {
            "site": {"id": "s", "timezone": timezone},
            "nodes": [{"id": "a", "kind": kind}, {"id": "b", "kind": kind}],
            "meters": [{"id": m, "medium": "electricity", "node": m} for m in ("a", "b")],
        }
    )
    return PowerQuality(Context(Columns(site), None), lambda _node: PowerQuality.Settings(**settings))  # type: ignore[arg-type]


def block(rows: Any, first: int = 0, every: int = 1, column: int = 0) -> SampleBlock:
    """Rows of three voltages, or of voltages, kW and power factor; one every so many minutes."""
    value = np.full((len(rows), 5), np.nan)
    for place, row in enumerate(rows):
        value[place, : len(row)] = row
    time = START + (first + every * np.arange(len(rows))) * MINUTE
    return SampleBlock(np.full(len(rows), column), time, value, time + WAIT_MS, PowerQuality.quantities)


def said(detector: PowerQuality, *blocks: SampleBlock) -> list[tuple[str, str, float]]:
    """Phase, condition and minute of all findings."""
    found = [f for b in blocks for f in detector.sample(b)]
    return [(f.phase.value, f.evidence["condition"], (f.at.astype(int) - WAIT_MS - START) / MINUTE) for f in found]


@pytest.mark.parametrize(
    ("bad", "condition", "after"),
    [
        ((0.0, 0.0, 0.0), "supply_loss", 1),
        ((222.0, 3.0, 221.0), "phase_loss", 1),
        ((237.0, 230.0, 231.0), "overvoltage", 10),
        ((196.0, 197.0, 196.0), "undervoltage", 10),
        ((140.0, 141.0, 140.0), "undervoltage", 10),
        ((232.0, 210.0, 215.0), "voltage_imbalance", 10),
    ],
)
def test_each_condition_after_its_time_and_over_after_it_too(bad: Any, condition: str, after: int) -> None:
    rows = [GOOD] * 30 + [bad] * 40 + [GOOD] * 40
    assert said(made(), block(rows)) == [("open", condition, 30 + after), ("close", condition, 70 + after)]


def test_a_shorter_one_is_nothing() -> None:
    assert said(made(), block([GOOD] * 10 + [(240.0,) * 3] * 9 + [GOOD] * 20 + [(0.0, 0.0, 0.0)] + [GOOD] * 9)) == []


def test_it_is_over_only_well_within_the_limit() -> None:
    rows = [GOOD] * 5 + [(238.0,) * 3] * 20 + [(234.0,) * 3] * 60 + [GOOD] * 20
    assert said(made(), block(rows)) == [("open", "overvoltage", 15), ("close", "overvoltage", 95)]


@pytest.mark.parametrize("row", [(0.0, 0.0, 0.0), (57.7, 57.6, 57.8), (221.0, 0.0, 0.0), (380.0, 381.0, 379.0)])
def test_what_was_never_alive_and_voltages_between_lines_are_no_fault(row: Any) -> None:
    assert said(made(), block([row] * 120)) == []


def test_line_voltages_are_judged_as_such() -> None:
    assert [c for _, c, _ in said(made(), block([(381.0,) * 3] * 20 + [(412.0,) * 3] * 20))] == ["overvoltage"]


def test_the_nominal_is_the_countrys_or_as_set() -> None:
    rows = [(238.0,) * 3] * 30
    assert said(made(), block(rows))
    assert said(made("Europe/Berlin"), block(rows)) == []
    assert said(made(nominal_v=230), block(rows)) == []


def test_the_worst_is_named_and_a_change_is_told() -> None:
    detector = made()
    rows = [GOOD] * 5 + [(222.0, 190.0, 190.0)] * 20 + [(222.0, 0.0, 190.0)] * 30 + [GOOD] * 30
    found = detector.sample(block(rows))
    assert [(f.phase.value, f.evidence["condition"]) for f in found][:2] == [
        ("open", "undervoltage"), ("update", "phase_loss"),
    ]  # fmt: skip
    assert found[-1].phase.value == "close"
    assert {f.category for f in found} == {Category.SUPPLY}
    assert found[1].severity is Severity.CRITICAL
    assert (found[0].unit, found[0].expected, found[0].observed) == ("V", 220.0, pytest.approx(190))


def test_a_poor_power_factor_counts_under_load_in_buildings() -> None:
    rows = [(*GOOD, 40.0, 0.7)] * 110
    assert said(made(), block(rows, every=15)) == [("open", "low_power_factor", 24 * 60)]
    assert said(made(), block([(*GOOD, 2.0, 0.7)] * 110, every=15)) == []
    assert said(made(kind="room"), block(rows, every=15)) == []


def test_a_long_silence_is_no_duration() -> None:
    low = [(190.0,) * 3]
    assert said(made(), block([GOOD] * 3 + low), block(low, first=300)) == []


def test_cuts_and_restarts_change_nothing() -> None:
    rng = np.random.default_rng(2)
    rows = [GOOD if rng.random() < 0.5 else tuple(rng.choice([0.0, 150.0, 195.0, 221.0, 240.0], 3)) for _ in range(60)]
    rows = [row for row in rows for _ in range(7)]
    whole = said(made(), block(rows))
    assert len(whole) > 4
    detector, parts = made(), []
    for start in range(0, len(rows), 11):
        parts += said(detector, block(rows[start : start + 11], first=start))
        state = detector.state()
        detector = made()
        detector.restore(state)
    assert parts == whole
