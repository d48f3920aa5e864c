"""The figures in a real browser: charts, periods, the workbook, and A4."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest

from alerts.users.roles import Role
from alerts.users.users import users_of
from alerts.values import Actor, Outcome

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
A4_PX = 794  # 210 mm at 96 dots per inch
WORDS = {
    "zh-CN": {"book": "导出 Excel", "saved": "节约（估算）", "year": "近一年", "sheet": "按月", "cards": "外包单位"},
    "en": {"book": "Excel workbook", "saved": "Saved, an estimate", "year": "A year", "sheet": "By month",
           "cards": "Contractors"},
}  # fmt: skip


def drawn(page: Any) -> None:
    for box in page.locator("[data-figures]").all():
        page.wait_for_function("box => box.dataset.drawn === 'yes'", arg=box.element_handle())


def fits(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_figures_are_looked_at_narrowed_and_taken_away(open_tab: Callable[..., Any], site: Any, language: str) -> None:
    words, alert = WORDS[language], site.raise_leak()
    site.campus.records.resolve(alert, Actor("demo"), Outcome.REPAIRED)
    page = open_tab(language).page
    page.goto("/statistics")
    drawn(page)
    page.get_by_text(words["saved"]).first.wait_for()
    found = page.locator(".av-kpi b").first
    assert int(found.inner_text()) > 0
    page.get_by_role("link", name=words["year"], exact=True).click()
    page.wait_for_load_state("networkidle")
    assert page.locator(".av-chip[aria-current]").inner_text() == words["year"]
    page.locator("select[name=category]").select_option("leak")
    page.locator(".av-period-form button").click()
    page.wait_for_url("**category=leak**")
    with page.expect_download() as waiting:
        page.get_by_role("link", name=words["book"]).click()
    with open(waiting.value.path(), "rb") as file:  # noqa: PTH123
        book = openpyxl.load_workbook(io.BytesIO(file.read()))
    assert words["sheet"] in book.sheetnames
    page.get_by_role("link", name=words["cards"], exact=True).click()
    page.get_by_role("heading", name=words["cards"], exact=True).wait_for()


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_it_fits_on_a_phone(open_tab: Callable[..., Any], language: str) -> None:
    page = open_tab(language, PHONE).page
    for path in ("/statistics", "/statistics/contractors"):
        page.goto(path)
        drawn(page)
        assert fits(page), path


def test_on_a4_stands_what_belongs_on_paper(open_tab: Callable[..., Any]) -> None:
    page = open_tab("zh-CN").page
    page.goto("/statistics")
    drawn(page)
    page.set_viewport_size({"width": A4_PX, "height": 1123})
    page.emulate_media(media="print")
    for hidden in (".av-top", ".av-period", ".av-figures-acts"):
        assert not page.locator(hidden).is_visible(), hidden
    assert page.locator("#steps").is_visible()
    assert fits(page)
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_a_contractor_has_a_scorecard_of_the_own(open_tab: Callable[..., Any], site: Any) -> None:
    users = users_of(site.campus.records.database)
    given = users.accounts.add("pipes-and-co", Role.CONTRACTOR, ["*"], Actor("system", "test"))
    users.accounts.add("another-firm", Role.CONTRACTOR, ["*"], Actor("system", "test"))
    page = open_tab("en", PHONE).page
    page.goto("/sign-in")
    page.fill("#name", "pipes-and-co")
    page.fill("#password", given)
    page.click("main button")
    page.wait_for_url("**/account")
    for field, value in {"#old": given, "#new": "quiet-river-4711", "#again": "quiet-river-4711"}.items():
        page.fill(field, value)
    page.locator("form[action='/account/password'] button").click()
    page.wait_for_url("**/account?notice=password")
    page.wait_for_load_state("networkidle")
    page.locator(".av-menu summary").tap()
    page.get_by_role("link", name="Scorecard").tap()
    page.get_by_role("heading", name="pipes-and-co").wait_for()
    assert page.get_by_text("another-firm").count() == 0
    assert page.get_by_role("link", name="Figures").count() == 0
