"""`aquavolt backtest --compare`: two rules files over a file or what is stored, for a range of time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli import command_inside

SITE = """\
site: {id: school, timezone: Asia/Shanghai}
nodes: [{id: canteen, kind: building}]
meters: [{id: w, medium: water, node: canteen}]
"""
RULE = """\
threshold:
  rules:
    - {{id: much, en: Much water, when: flow > {above}, for: 1 h}}
"""
THERE = ("--site", "site.yaml", "--out", "out")


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Any]:
    """Two days of 1 m3/h, from 6:00 to 8:00 ten; rules of 5 m3/h, of 20 and of 0.5."""
    register, rows = 0.0, ["meter,quantity,time,value"]
    for i in range(2 * 96 + 1):
        day, minutes = divmod(i * 15, 1440)
        rows.append(f"w,water_volume,2026-11-{1 + day:02}T{minutes // 60:02}:{minutes % 60:02}:00+08:00,{register}")
        register += 2.5 if 360 <= minutes < 480 else 0.25
    (tmp_path / "readings.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "site.yaml").write_text(SITE)
    for name, above in (("five", 5), ("twenty", 20), ("half", 0.5)):
        (tmp_path / f"{name}.yaml").write_text(RULE.format(above=above))
    return lambda *arguments: command_inside(tmp_path, "backtest", *THERE, *arguments)


def document(tmp_path: Path) -> Any:
    return json.loads((tmp_path / "out").read_text())


def test_what_disappears_appears_and_changes(run, tmp_path):
    file = ("--readings", "readings.csv")
    said = run(*file, "--rules", "five.yaml", "--compare", "twenty.yaml")
    assert said.code == 0, said.err
    assert "out: 0 appear, 2 disappear, 0 change, 0 stay" in said.out
    assert "2026-11-01 07:00 - 2026-11-01 08:15" in said.out
    found = document(tmp_path)
    assert [r["alerts"] for r in found["rules"]] == [2, 0]
    assert [line["detected_at"] for line in found["disappears"]] == [
        "2026-10-31T23:00:00+00:00",
        "2026-11-01T23:00:00+00:00",
    ]
    assert "2 appear, 0 disappear" in run(*file, "--compare", "five.yaml").out, "against the defaults"
    said = run(*file, "--rules", "five.yaml", "--compare", "half.yaml")
    assert "0 appear, 1 disappear, 1 change, 0 stay" in said.out
    assert document(tmp_path)["changed"][0]["what"] == ["severity", "detected_at", "closed_at"]


def test_a_stored_range(run, tmp_path):
    where = ("--site", "site.yaml", "--data", "data")
    assert command_inside(tmp_path, "import", *where, "readings.csv").code == 0
    rules = ("--data", "data", "--rules", "five.yaml", "--compare", "twenty.yaml")
    assert "2 disappear" in run(*rules).out
    assert "1 disappear" in run(*rules, "--start", "2026-11-02").out
    assert "1 disappear" in run(*rules, "--end", "2026-11-02").out
    assert run("--data", "data", "--rules", "five.yaml", "--start", "2026-11-02").out.startswith("out: 1 alerts")


def test_what_does_not_go_together_is_refused(run, tmp_path):
    said = run("--readings", "readings.csv", "--compare", "five.yaml", "--findings", "f")
    assert said.message.strip() == "aquavolt: --findings and --compare do not go together"
    (tmp_path / "bad.yaml").write_text("threshold: {rules: [{id: a, when: flow}]}\n")
    assert "bad.yaml:1: threshold.rules.0.when" in run("--readings", "readings.csv", "--compare", "bad.yaml").message
