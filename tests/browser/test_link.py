"""The signed link of a message, followed on a phone by somebody who is not signed in, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}


def tap(page: Any, button: str) -> None:
    """And wait for the page that comes after it."""
    with page.expect_navigation():
        page.get_by_role("button", name=button).tap()


@pytest.mark.parametrize(
    ("language", "take", "taken"),
    [("zh-CN", "确认：我来处理", "已确认"), ("en", "Acknowledge: I take care of it", "Acknowledged")],
)
def test_one_tap_takes_the_alert_and_nobody_signs_in(open_tab, site, link_of, language, take, taken):
    leak = site.raise_leak()
    link = link_of(f"li-{language.lower()}", leak)
    page = open_tab(language, PHONE).page
    assert page.goto(link).status == 200
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert not site.campus.records.get_alert(leak).acknowledged
    tap(page, take)
    assert taken in page.locator("article").inner_text()
    assert page.get_by_role("button", name=take).count() == 0
    assert site.campus.records.get_alert(leak).acknowledged_by == f"li-{language.lower()}"


def test_a_message_about_several_has_a_button_for_all(open_tab, site, link_of):
    first, second = site.raise_leak(), site.raise_leak()
    page = open_tab("en", PHONE).page
    page.goto(link_of("wang", first, second))
    tap(page, "Take all 2 alerts")
    assert [site.campus.records.get_alert(a).acknowledged_by for a in (first, second)] == ["wang", "wang"]


def test_a_link_that_was_changed_says_so_and_offers_to_sign_in(open_tab, site, link_of):
    link = link_of("zhou", site.raise_leak())
    tab = open_tab("en", PHONE)
    assert tab.page.goto(f"{link[:-4]}AAAA").status == 404
    assert "made here" in tab.page.locator("main").inner_text()
    tab.complaints.clear()  # the browser tells of the 404
