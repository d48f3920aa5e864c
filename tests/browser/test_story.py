"""List, alert, acknowledge: in both languages, on a desk and on a phone."""

from __future__ import annotations

import re
from typing import Any

import pytest

from api.parts import Readiness

DESKTOP = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
WORDS = {
    "zh-CN": {"title": "告警", "taken": "已确认", "button": "确认：我来处理"},
    "en": {"title": "Alerts", "taken": "Acknowledged", "button": "Acknowledge: I take care of it"},
}
CASES = [("zh-CN", DESKTOP), ("zh-CN", PHONE), ("en", DESKTOP), ("en", PHONE)]


def fits(page: Any) -> bool:
    """Nothing is wider than the screen."""
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize(("language", "size"), CASES, ids=["zh-desk", "zh-phone", "en-desk", "en-phone"])
def test_an_alert_is_found_read_and_acknowledged(open_tab, site, language, size):
    words, alert, page = WORDS[language], site.raise_leak(), open_tab(language, size).page
    page.goto("/")
    assert words["title"] in page.title()
    assert fits(page)
    page.locator(f'[data-alert="{alert}"] .av-title').click()
    page.wait_for_url(re.compile(f"/alerts/{alert}"))
    page.wait_for_selector("#curve[data-drawn] canvas")
    assert fits(page)
    button = page.get_by_role("button", name=words["button"])
    if size is PHONE:
        box = button.bounding_box()
        assert box["height"] >= 44
        assert box["width"] > 300
        assert box["y"] + box["height"] <= 844, "the button is on the screen without scrolling"
    button.click()
    button.wait_for(state="detached")
    page.get_by_text(words["taken"]).first.wait_for()
    assert site.campus.records.get_alert(alert).acknowledged_by == "demo"


def test_what_another_person_does_arrives_by_itself(open_tab, site):
    alert = site.raise_leak()
    desk, other = open_tab("en").page, open_tab("zh-CN", PHONE).page
    desk.goto(f"/alerts/{alert}")
    desk.wait_for_selector("body.is-live")
    desk.locator(".av-comment textarea").fill("half a sentence")
    other.goto(f"/alerts/{alert}")
    other.locator(".av-comment textarea").fill("到场，正在关阀")
    other.locator(".av-comment button").click()
    desk.get_by_text("到场，正在关阀").wait_for()
    assert desk.locator(".av-comment textarea").input_value() == "half a sentence"


def test_the_desk_follows_the_stream_without_a_reload(open_tab, site):
    alert = site.raise_leak()
    page = open_tab("en").page
    page.goto("/alerts")
    page.wait_for_selector("body.is-live")
    page.evaluate("window.stays = true")
    answer = page.request.post(f"/api/v1/alerts/{alert}/resolve", data={"outcome": "confirmed"})
    assert answer.ok
    page.locator(f'[data-alert="{alert}"]').get_by_text("Confirmed").wait_for()
    assert page.evaluate("window.stays") is True


def test_chips_narrow_the_list_in_place(open_tab):
    page = open_tab("en").page
    page.goto("/alerts")
    page.evaluate("window.stays = true")
    page.get_by_role("link", name="Electricity").click()
    page.wait_for_url(re.compile("medium=electricity"))
    page.wait_for_selector(".av-chip[aria-current]")
    assert page.evaluate("window.stays") is True
    assert page.locator(".av-row:not(.is-head) .av-medium.water").count() == 0


def test_the_outcome_is_recorded(open_tab, site):
    alert = site.raise_leak()
    page = open_tab("zh-CN", PHONE).page
    page.goto(f"/alerts/{alert}")
    page.get_by_role("radiogroup", name="处理结果").get_by_text("已修复").click()
    page.locator(".av-resolve textarea").fill("更换DN50阀门")
    page.get_by_role("button", name="登记结果").click()
    page.locator(".av-timeline").get_by_text("更换DN50阀门").wait_for()
    assert site.campus.records.get_alert(alert).outcome == "repaired"


@pytest.mark.parametrize(("language", "size"), CASES, ids=["zh-desk", "zh-phone", "en-desk", "en-phone"])
def test_the_tree_opens_and_closes(open_tab, language, size):
    page = open_tab(language, size).page
    page.goto("/site")
    twist = page.locator('tr[data-node="dorm-1"] button.av-twist')
    twist.click()
    floor = page.locator('tr[data-node="dorm-1-f2"]')
    floor.wait_for()
    floor.locator("button.av-twist").click()
    page.locator('tr[data-node="dorm-1-201"]').wait_for()
    assert fits(page)
    twist.click()
    assert not floor.is_visible()
    assert not page.locator('tr[data-node="dorm-1-201"]').is_visible()
    twist.click()
    assert floor.is_visible()
    assert not page.locator('tr[data-node="dorm-1-201"]').is_visible()


def test_the_phones_tree_shows_one_medium_at_a_time(open_tab):
    page = open_tab("zh-CN", PHONE).page
    page.goto("/site")
    row = page.locator('tr[data-node="dorm-1"]')
    assert row.locator("td.water").first.is_visible()
    assert not row.locator("td.electricity").first.is_visible()
    page.get_by_role("button", name="电 kWh").click()
    assert row.locator("td.electricity").first.is_visible()
    assert not row.locator("td.water").first.is_visible()


@pytest.mark.parametrize(
    "path", ["/site/dorm-2", "/meters/w-dorm-2", "/collector", "/commissioning", "/docs", "/alerts?state=all"]
)
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desk", "phone"])
def test_every_page_fits_and_draws(open_tab, path, size):
    page = open_tab("en", size).page
    page.goto(path)
    for box in page.locator(".av-chart").all():
        page.wait_for_function("box => box.dataset.drawn === 'yes'", arg=box.element_handle())
    if path == "/docs":
        page.get_by_text("/api/v1/alerts", exact=True).first.wait_for()
    else:
        assert fits(page)


def test_the_banner_of_judging_goes_by_itself(open_tab, site):
    campus = site.campus
    campus.readiness = Readiness(is_ready=False, progress=0.4, detail="day 14 of 35")
    try:
        page = open_tab("en").page
        page.goto("/alerts")
        page.get_by_text("day 14 of 35").wait_for()
    finally:
        campus.readiness = Readiness(is_ready=True)
    page.locator(".av-banner").wait_for(state="detached")
    assert page.locator(".av-row").count() > 1


def test_the_language_switch_and_the_theme_stay(open_tab):
    page = open_tab("zh-CN").page
    page.goto("/alerts?state=all")
    page.get_by_role("link", name="English").click()
    page.wait_for_selector('html[lang="en"]')
    assert "state=all" in page.url
    page.get_by_role("button", name="Light or dark").click()
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"
    page.goto("/site")
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"


def test_without_scripts_an_alert_can_still_be_acknowledged(open_tab, site):
    alert = site.raise_leak()
    page = open_tab("en", PHONE, java_script_enabled=False).page
    page.goto(f"/alerts/{alert}")
    page.get_by_role("button", name="Acknowledge: I take care of it").click()
    page.locator(".av-ack-form").wait_for(state="detached")
    assert site.campus.records.get_alert(alert).acknowledged
