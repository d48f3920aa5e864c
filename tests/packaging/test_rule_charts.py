"""The charts of the rules: drawn from the campus as it is, each with what its rule said; small, without scripts."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import numpy as np
import pytest

DOCS = Path(__file__).parents[2] / "docs"
LARGEST_BYTES = 60_000
SVG = "{http://www.w3.org/2000/svg}"
CHARTS = sorted((DOCS / "rules").glob("*.svg"))


@pytest.fixture(scope="module")
def drawing() -> ModuleType:
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(DOCS))
        return importlib.import_module("make_rule_charts")


@pytest.fixture(scope="module")
def drawn(drawing: ModuleType) -> dict[str, str]:
    return dict(drawing.pictures(drawing.told()))


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 -- drawn by us


def texts(svg: str) -> list[str]:
    return [t.text or "" for t in parsed(svg).iter(f"{SVG}text")]


def test_those_committed_are_those_drawn(drawn: dict[str, str]) -> None:
    assert set(drawn) == {p.name for p in CHARTS}


def test_each_says_when_its_rule_spoke(drawn: dict[str, str]) -> None:
    """A rule that misses its fault raises while it is drawn; one that spoke has a mark within the picture."""
    for name, svg in drawn.items():
        words = ("found after", "alert after", "told at once", "发现用时", "告警")
        assert any(word in text for text in texts(svg) for word in words), name


@pytest.mark.parametrize("path", CHARTS, ids=lambda p: p.name)
def test_a_picture_is_small_and_only_a_picture(path: Path) -> None:
    svg = path.read_text(encoding="utf-8")
    assert len(svg.encode()) < LARGEST_BYTES
    tags = {e.tag.removeprefix(SVG) for e in parsed(svg).iter()}
    assert tags <= {"svg", "title", "rect", "path", "text"}


def test_a_gap_is_no_line_and_a_step_holds_to_the_end(drawing: ModuleType) -> None:
    time, value = np.array([0.0, 10, 20, 30]), np.array([1.0, np.nan, 2.0, 1.0])
    chart = drawing.Chart("t", "kW", 0, 40, [drawing.Line("x", time, value)])
    line = parsed(chart.svg()).findall(f"{SVG}path")[-1].get("d") or ""
    assert line.count("M") == 2
    assert line.startswith("M62.0")
