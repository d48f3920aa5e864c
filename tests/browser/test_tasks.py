"""My tasks on the phone, and what an alert's page adds: given, told, seen before, out of what balance."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from signing_in import first_sign_in

from alerts.duty.roster import Duty, Shift
from alerts.duty_desk.entries import EntryKind
from alerts.users.roles import Role
from alerts.users.users import users_of
from alerts.values import Actor, Outcome

DESKTOP = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
TOUCH = 44
WORDS = {
    "zh-CN": {
        "take": "我来处理", "done": "处理完毕", "repaired": "已修复", "record": "登记结果", "told": "已登记",
        "assign": "指派", "again": "重新打开", "up": "上报片区负责人", "seen": "以往类似告警", "balance": "区域平衡",
    },
    "en": {
        "take": "I take care of it", "done": "Done", "repaired": "Repaired", "record": "Record the outcome",
        "told": "Recorded", "assign": "Assign", "again": "Open again", "up": "Escalate to Zone manager",
        "seen": "Seen before", "balance": "Balance of the zone",
    },
}  # fmt: skip


def fits(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_one_tap_takes_it_and_two_more_say_what_it_was(open_tab: Callable[..., Any], site: Any, language: str) -> None:
    words, alert, records = WORDS[language], site.raise_leak(), site.campus.records
    page = open_tab(language, PHONE).page
    page.goto("/tasks")
    assert fits(page)
    card = page.locator(f"article[data-alert='{alert}']")
    take = card.get_by_role("button", name=words["take"])
    assert take.bounding_box()["height"] >= TOUCH
    take.tap()
    done = card.locator("summary")
    done.wait_for()
    assert records.get_alert(alert).acknowledged_by == "demo"
    assert words["done"] in done.inner_text()
    assert done.bounding_box()["height"] >= TOUCH
    done.tap()
    choice = card.get_by_text(words["repaired"], exact=True)
    assert choice.bounding_box()["height"] >= TOUCH
    choice.tap()
    card.locator("textarea").fill("换了阀门")
    card.get_by_role("button", name=words["record"]).tap()
    page.get_by_text(words["told"]).first.wait_for()
    assert records.get_alert(alert).outcome == "repaired"
    assert card.count() == 0
    assert fits(page)


def test_a_half_written_outcome_is_not_swapped_away(open_tab: Callable[..., Any], site: Any) -> None:
    mine = site.raise_leak()
    site.campus.records.acknowledge(mine, Actor("demo"))
    page = open_tab("en", PHONE).page
    page.goto("/tasks")
    page.wait_for_selector("body.is-live")
    card = page.locator(f"article[data-alert='{mine}']")
    card.locator("summary").tap()
    card.locator("textarea").fill("half a sentence")
    page.evaluate("htmx.on('htmx:beforeRequest', () => { window.asked = true })")
    late = site.raise_leak()
    site.campus.stream.publish({"type": "alert", "id": late, "node": "dorm-2"})
    page.wait_for_function("window.asked")
    assert card.locator("textarea").input_value() == "half a sentence"
    card.locator("summary").tap()
    site.campus.stream.publish({"type": "alert", "id": late, "node": "dorm-2"})
    page.locator(f"article[data-alert='{late}']").wait_for()


def test_who_goes_to_the_pipes_begins_with_tasks(open_tab: Callable[..., Any], site: Any) -> None:
    users = users_of(site.campus.records.database)
    given = users.accounts.add("pipe-man", Role.MAINTAINER, ["*"], Actor("system", "test"))
    page = open_tab("en", PHONE).page
    first_sign_in(page, "pipe-man", given)
    page.goto("/")
    page.wait_for_url("**/tasks")


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_an_alert_is_given_and_its_story_says_who_when_and_from_where(
    open_tab: Callable[..., Any], site: Any, language: str
) -> None:
    words, alert = WORDS[language], site.raise_leak()
    page = open_tab(language).page
    page.goto(f"/alerts/{alert}")
    page.get_by_role("button", name=words["assign"], exact=True).click()
    line = page.locator(".av-timeline .is-assigned")
    line.wait_for()
    assert "127.0.0.1" in line.inner_text()
    assert site.campus.records.get_alert(alert).assigned_to == "demo"
    page.locator("form[action$='/assign'] select").select_option("")
    page.get_by_role("button", name=words["assign"], exact=True).click()
    page.locator(".av-timeline .is-unassigned").wait_for()
    assert site.campus.records.get_alert(alert).assigned_to is None


def test_an_overdue_alert_says_so_and_that_its_deadline_was_missed(open_tab: Callable[..., Any], site: Any) -> None:
    campus, alert = site.campus, site.raise_leak()
    parts, now = campus.parts, campus.parts.now
    due = campus.records.get_alert(alert).due_at
    object.__setattr__(parts, "now", lambda: due + timedelta(minutes=90))
    try:
        page = open_tab("en").page
        page.goto("/alerts?overdue=1")
        page.locator(f"[data-alert='{alert}']").get_by_text("overdue for 1 h 30 min").wait_for()
        page.locator(f"[data-alert='{alert}'] .av-title").click()
        page.locator(".av-due.is-over").first.wait_for()
    finally:
        object.__setattr__(parts, "now", now)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_the_zones_balance_adds_up_and_marks_what_was_judged(
    open_tab: Callable[..., Any], site: Any, language: str
) -> None:
    words, alert = WORDS[language], site.raise_leak("dorm-2", "w-dorm-2")
    page = open_tab(language).page
    page.goto(f"/alerts/{alert}")
    card = page.locator(".av-balance")
    assert words["balance"] in card.inner_text()
    used = [float(re.sub(r"[^\d.\-]", "", text.replace("m³", ""))) / (1 if "m³" in text else 1000)
            for text in card.locator("tbody tr td:nth-of-type(1)").all_inner_texts()]  # fmt: skip
    assert used[0] > 0
    assert used[0] == pytest.approx(sum(used[1:]), rel=0.02)
    assert words["seen"] in page.locator("#alert-facts").inner_text()
    assert page.locator(".av-place-tree [aria-current=location]").count() == 1


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_it_is_handed_up_to_who_is_on_duty_there(open_tab: Callable[..., Any], site: Any, language: str) -> None:
    name, desk = f"zone-{language.lower()}", site.campus.parts.duty_desk
    users_of(site.campus.records.database).accounts.add(name, Role.DORM_MANAGER, ["dorm-2"], Actor("system", "test"))
    duty = Duty(role="zone_manager", nodes=("dorm-2",), fallback="boss", shifts=(Shift(people=(name,)),))
    desk.entries.put(EntryKind.DUTY, "zone", duty, Actor("chief"))
    alert = site.raise_leak()
    page = open_tab(language).page
    page.goto(f"/alerts/{alert}")
    page.get_by_role("button", name=f"{WORDS[language]['up']}").click()
    page.locator(".av-timeline .is-assigned", has_text=name).wait_for()
    assert site.campus.records.get_alert(alert).assigned_to == name
    assert page.locator(".av-escalate").count() == 0
    desk.entries.remove(EntryKind.DUTY, "zone", Actor("chief"))


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_an_outcome_that_was_not_right_is_taken_back(open_tab: Callable[..., Any], site: Any, language: str) -> None:
    alert = site.raise_leak()
    site.campus.records.resolve(alert, Actor("wang", "link 10.1.2.3"), Outcome.REPAIRED)
    page = open_tab(language).page
    page.goto(f"/alerts/{alert}")
    page.locator("#alert-reopen input[name=note]").fill("still runs")
    page.get_by_role("button", name=WORDS[language]["again"]).click()
    line = page.locator(".av-timeline .is-reopened")
    line.get_by_text("still runs").wait_for()
    assert site.campus.records.get_alert(alert).outcome is None
    assert "10.1.2.3" in page.locator(".av-timeline .is-resolved").inner_text()
