"""Head-counts out of an office's file, and the calendar of planned use, as people bring them on desk and phone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.feedback import FeedbackBook
from alerts.values import Actor
from metering.site import PlannedUse

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
SIZES = [
    pytest.param({"viewport": {"width": 1440, "height": 900}}, id="desk"),
    pytest.param({"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}, id="phone"),
]


def grave(page: Any) -> list[str]:
    """What axe-core calls serious or worse."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    violations = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    return [f"{v['id']}: {v['help']} at {[n['target'] for n in v['nodes'][:5]]}" for v in violations]


@pytest.mark.parametrize("size", SIZES)
def test_a_file_in_gbk_is_looked_at_and_taken(
    open_tab: Callable[..., Any], tmp_path: Path, size: dict[str, Any]
) -> None:
    file = tmp_path / "秋季.csv"
    people = size["viewport"]["width"]
    file.write_bytes(f"位置,起始日期,床位,人数\ndorm-2,2026-09-01,96,{people}\n三号楼,2026-09-01,4,4\n".encode("gbk"))
    page = open_tab("zh-CN", size).page
    page.goto("/head-counts")
    page.set_input_files("#file", file)
    page.wait_for_function("document.getElementById('text').value.includes('三号楼')")
    page.locator("form[action='/head-counts/preview'] button").click()
    page.locator("#preview").wait_for()
    assert "“三号楼”" in page.locator("[data-refused]").inner_text()
    assert str(people) in page.locator("#preview table").inner_text()
    assert grave(page) == []
    page.locator("form[action='/head-counts'] button").click()
    page.wait_for_url("**/head-counts?taken=1")
    assert "秋季.csv" in page.locator("main").inner_text()
    assert grave(page) == []


@pytest.mark.parametrize("size", SIZES)
def test_a_planned_use_is_changed_and_ended_in_the_calendar(
    open_tab: Callable[..., Any], site: Any, size: dict[str, Any]
) -> None:
    now, text = site.campus.parts.now(), f"注水 {size['viewport']['width']}"
    book = FeedbackBook(site.campus.records.database, site.campus.parts.now)
    book.plan(PlannedUse("dorm-2", now - timedelta(hours=1), now + timedelta(hours=5), text, "water"), Actor("demo"))
    page = open_tab("zh-CN", size).page
    page.goto("/planned?view=week")
    entry = page.locator("#calendar li", has_text=text).first
    entry.locator("summary").click()
    assert grave(page) == []
    entry.locator("input[name=expected]").fill("450")
    entry.get_by_role("button", name="保存").click()
    page.wait_for_url("**/planned")
    entry = page.locator("#calendar li", has_text=text).first
    assert "450 m³" in entry.inner_text()
    entry.get_by_role("button", name="立即结束").click()
    page.wait_for_url("**/planned")
    assert page.locator("#calendar li", has_text=text).get_by_role("button", name="立即结束").count() == 0
