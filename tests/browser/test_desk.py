"""The desk: many alerts at once, keys, filters, search; live all the while. In both languages."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from held_requests import Held

from alerts.users.roles import Role
from alerts.users.users import users_of
from alerts.values import Actor

DESKTOP = {"viewport": {"width": 1440, "height": 900}}
WORDS = {
    "zh-CN": {"take": "我来处理", "done": "已处理 2 条告警", "assign": "指派", "mine": "我的", "overdue": "超时未确认"},
    "en": {"take": "I take care of it", "done": "2 alerts done", "assign": "Assign", "mine": "Mine",
           "overdue": "Overdue"},
}  # fmt: skip


def row(page: Any, alert: str) -> Any:
    return page.locator(f"[data-alert='{alert}']")


def mark(page: Any, *alerts: str) -> None:
    for alert in alerts:
        row(page, alert).locator("input[name=alert]").check()


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_marked_alerts_are_taken_together(open_tab: Callable[..., Any], site: Any, language: str) -> None:
    words, alerts = WORDS[language], [site.raise_leak(), site.raise_leak()]
    page = open_tab(language).page
    page.goto("/alerts")
    assert not page.locator("#bulk").is_visible()
    mark(page, *alerts)
    page.locator("#bulk").get_by_role("button", name=words["take"]).click()
    page.locator("#desk-notice").get_by_text(words["done"]).wait_for()
    assert {site.campus.records.get_alert(a).acknowledged_by for a in alerts} == {"demo"}
    row(page, alerts[0]).locator(".av-pill.is-taken").wait_for()
    page.locator("#bulk").wait_for(state="hidden")


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_marked_alerts_are_given_to_somebody(open_tab: Callable[..., Any], site: Any, language: str) -> None:
    words, name = WORDS[language], f"pipes-{language.lower()}"
    users_of(site.campus.records.database).accounts.add(name, Role.MAINTAINER, ["dorm-2"], Actor("system", "test"))
    alerts = [site.raise_leak(), site.raise_leak()]
    page = open_tab(language).page
    page.goto("/alerts")
    mark(page, *alerts)
    page.select_option("#bulk select", name)
    page.locator("#bulk").get_by_role("button", name=words["assign"]).click()
    page.locator("#desk-notice").get_by_text(words["done"]).wait_for()
    assert {site.campus.records.get_alert(a).assigned_to for a in alerts} == {name}


def test_what_somebody_else_took_in_between_stays_theirs_and_is_told(open_tab: Callable[..., Any], site: Any) -> None:
    quick, other = site.raise_leak(), site.raise_leak()
    page = open_tab("en").page
    page.goto("/alerts")
    mark(page, quick, other)
    site.campus.records.acknowledge(quick, Actor("wang"))
    page.locator("#bulk").get_by_role("button", name="I take care of it").click()
    page.get_by_text("1 stayed as before").wait_for()
    assert site.campus.records.get_alert(quick).acknowledged_by == "wang"
    assert site.campus.records.get_alert(other).acknowledged_by == "demo"


def test_an_alert_outside_of_the_givers_or_the_takers_part_is_left_alone(
    open_tab: Callable[..., Any], site: Any
) -> None:
    users = users_of(site.campus.records.database)
    users.accounts.add("only-dorm-3", Role.MAINTAINER, ["dorm-3"], Actor("system", "test"))
    alert = site.raise_leak("dorm-2", "w-dorm-2")
    page = open_tab("en").page
    page.goto("/alerts")
    mark(page, alert)
    page.select_option("#bulk select", "only-dorm-3")
    page.locator("#bulk").get_by_role("button", name="Assign").click()
    page.get_by_text("1 stayed as before").wait_for()
    assert site.campus.records.get_alert(alert).assigned_to is None


def test_marks_outlive_a_live_refresh(open_tab: Callable[..., Any], site: Any) -> None:
    kept, late = site.raise_leak(), site.raise_leak()
    page = open_tab("en").page
    page.goto("/alerts")
    page.wait_for_selector("body.is-live")
    mark(page, kept)
    page.request.post(f"/api/v1/alerts/{late}/resolve", data={"outcome": "confirmed"})
    row(page, late).get_by_text("Confirmed").wait_for()
    assert row(page, kept).locator("input[name=alert]").is_checked()
    assert page.locator("#bulk").get_by_text("1 marked").is_visible()


def test_what_changes_while_the_list_is_read_is_on_it_soon(open_tab: Callable[..., Any], site: Any) -> None:
    """The list that is on its way was written before the second change."""
    first, second = site.raise_leak(), site.raise_leak()
    page = open_tab("en").page
    page.goto("/alerts")
    page.wait_for_selector("body.is-live")
    reading = Held(page, re.compile(r"/alerts(\?|$)"), asks=True)
    page.evaluate("document.addEventListener('aquavolt:changed', () => { window.told = (window.told ?? 0) + 1; })")
    page.request.post(f"/api/v1/alerts/{first}/acknowledge", data={})
    page.wait_for_function("() => window.told > 0")
    reading.wait()
    before = page.evaluate("window.told")
    page.request.post(f"/api/v1/alerts/{second}/acknowledge", data={})
    page.wait_for_function("before => window.told > before", arg=before)
    reading.go()
    row(page, first).locator(".av-pill.is-taken").wait_for()
    # Before everything is read anew by the minute.
    row(page, second).locator(".av-pill.is-taken").wait_for(timeout=30_000)


def test_the_keys_do_without_a_mouse(open_tab: Callable[..., Any], site: Any) -> None:
    first = site.raise_leak()
    page = open_tab("en").page
    page.goto("/alerts")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('.av-row').dataset.alert") == first
    page.keyboard.press("a")
    row(page, first).locator(".av-pill.is-taken").wait_for()
    assert site.campus.records.get_alert(first).acknowledged
    page.wait_for_function("id => document.activeElement.closest('[data-alert]')?.dataset.alert === id", arg=first)
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert page.locator("#bulk").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#bulk").is_visible()
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("jax")
    assert page.locator("#search").input_value() == "jax", "what is typed is no command"


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_mine_and_overdue_narrow_the_list(open_tab: Callable[..., Any], site: Any, language: str) -> None:
    words, mine, others = WORDS[language], site.raise_leak(), site.raise_leak()
    site.campus.records.acknowledge(mine, Actor("demo"))
    page = open_tab(language).page
    page.goto("/alerts")
    chips = page.locator(".av-chips")
    chips.get_by_role("link", name=re.compile(f"^{words['mine']}")).click()
    page.wait_for_url(re.compile("who=mine"))
    row(page, others).wait_for(state="detached")
    assert row(page, mine).is_visible()
    page.goto("/alerts?overdue=1")
    assert chips.get_by_role("link", name=re.compile(f"^{words['overdue']}")).get_attribute("aria-current") == "true"
    assert row(page, mine).count() == 0, "somebody has it"


def test_a_word_finds_place_and_person_and_stands_in_the_address(open_tab: Callable[..., Any], site: Any) -> None:
    here, there = site.raise_leak(), site.raise_leak("dorm-1", "w-dorm-1")
    site.campus.records.assign(there, Actor("demo"), "sun.li")
    page = open_tab("en").page
    page.goto("/alerts?severity=critical")
    page.locator("#search").press_sequentially("sun.li")
    row(page, here).wait_for(state="detached")
    assert row(page, there).is_visible()
    page.wait_for_url(re.compile(r"/alerts\?severity=critical&q=sun.li$"))
    page.get_by_role("link", name="Clear filters").click()
    row(page, here).wait_for()
    assert page.locator("#search").input_value() == ""


def test_without_scripts_the_marks_still_work(open_tab: Callable[..., Any], site: Any) -> None:
    alert = site.raise_leak()
    page = open_tab("en", DESKTOP, java_script_enabled=False).page
    page.goto("/alerts")
    mark(page, alert)
    page.locator("#bulk").get_by_role("button", name="I take care of it").click()
    page.get_by_text("1 alert done").wait_for()
    assert site.campus.records.get_alert(alert).acknowledged


def test_a_list_that_is_read_anew_takes_no_word_from_whoever_types(open_tab: Callable[..., Any], site: Any) -> None:
    site.raise_leak()
    page = open_tab("en").page
    page.goto("/alerts")
    page.keyboard.press("j")
    page.evaluate("document.dispatchEvent(new Event('htmx:beforeSwap'))")
    page.keyboard.press("/")
    page.keyboard.type("ja")
    page.evaluate("document.dispatchEvent(new Event('htmx:afterSettle'))")
    page.keyboard.type("x")
    assert page.locator("#search").input_value() == "jax"
