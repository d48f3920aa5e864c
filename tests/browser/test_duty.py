"""Roster, routes with their dry run, silences and the log of notifications, in both languages and on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from alerts.duty_desk.desk import DutyDesk
from alerts.duty_desk.entries import FORMS, EntryKind
from alerts.values import Actor

DESKTOP = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
CASES = [pytest.param("zh-CN", PHONE, id="zh-phone"), pytest.param("en", DESKTOP, id="en-desk")]
SET_BY = Actor("chief", "test")
WORDS = {
    "zh-CN": {
        "nobody": "无人", "stands_in": "代班", "save": "保存", "away": "登记请假", "silence": "静默", "remove": "删除",
        "end": "立即结束", "show": "查看会通知谁", "hole": "无人值班", "told": "改为通知", "test": "测试",
        "sent": "发送中",
    },
    "en": {
        "nobody": "nobody", "stands_in": "stands in", "save": "Save", "away": "Somebody is away", "silence": "Silence",
        "remove": "Remove", "end": "End it now", "show": "Show who would be told", "hole": "nobody is on duty",
        "told": "is told instead", "test": "Test", "sent": "on its way",
    },
}  # fmt: skip


def fits(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def in_log(page: Any, text: str = "", has: str = "a, td") -> Any:
    """The row of the log. The campus's clock stands still, so that any page may have the latest message."""
    while not (row := page.locator(".av-log tbody tr", has_text=text, has=page.locator(has))).count():
        page.locator(".av-more a[href*=cursor]").click()
    return row


@pytest.fixture
def desk(site: Any) -> Iterator[DutyDesk]:
    """The served duty desk, empty again afterwards."""
    served: DutyDesk = site.campus.parts.duty_desk
    yield served
    for kind in EntryKind:
        for entry in served.entries.all(kind):
            served.entries.remove(kind, entry.id, SET_BY)


def put(desk: DutyDesk, kind: EntryKind, entry_id: str, **document: Any) -> None:
    desk.entries.put(kind, entry_id, FORMS[kind].model_validate(document), SET_BY)


def local(site: Any, hours: float) -> str:
    """A moment so far from now, as a field of a form takes it."""
    campus = site.campus.parts
    return (campus.now() + timedelta(hours=hours)).astimezone(campus.site().zone).strftime("%Y-%m-%dT%H:%M")


@pytest.mark.parametrize(("language", "size"), CASES)
def test_a_duty_is_written_and_shows_who_is_there_now(
    open_tab: Callable[..., Any], desk: DutyDesk, language: str, size: dict[str, Any]
) -> None:
    words, page = WORDS[language], open_tab(language, size).page
    page.goto("/duty")
    page.locator("a[href='/duty/duties/new']").click()
    page.fill("#name", "Pipes")
    page.fill("#people-0", "li.wei，wang")
    page.fill("#fallback", "boss")
    page.select_option("#nodes", ["dorm-1"])
    assert fits(page)
    page.get_by_role("button", name=words["save"], exact=True).click()
    page.wait_for_url(re.compile("/duty(#.*)?$"))
    (entry,) = desk.entries.all(EntryKind.DUTY)
    assert entry.content.shifts[0].people == ("li.wei", "wang")
    assert (entry.content.nodes, entry.content.fallback, entry.author) == (("dorm-1",), "boss", "demo")
    assert re.search("li.wei|wang", page.locator(".av-now-who").inner_text())
    assert page.locator(".av-week tbody tr").count() == 1
    assert fits(page)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_what_a_duty_says_outlives_a_change_on_the_page(
    open_tab: Callable[..., Any], desk: DutyDesk, language: str
) -> None:
    said = {
        "role": "plumber", "name": "Night", "fallback": "boss", "covers": ("20:00", "24:00"), "nodes": ("dorm-2",),
        "shifts": [{"start": "20:00", "end": "08:00", "people": ["a", "b"], "days": ["fri", "holiday"],
                    "turn_days": 7, "turn_from": "2026-02-02", "first": "2026-02-01", "last": "2030-01-01"}],
    }  # fmt: skip
    put(desk, EntryKind.DUTY, "night", **said)
    before = desk.entries.get(EntryKind.DUTY, "night").content
    page = open_tab(language).page
    page.goto("/duty/duties/night")
    page.fill("#fallback", "chief")
    page.get_by_role("button", name=WORDS[language]["save"], exact=True).click()
    page.wait_for_url(re.compile("/duty(#.*)?$"))
    assert desk.entries.get(EntryKind.DUTY, "night").content == before.model_copy(update={"fallback": "chief"})


@pytest.mark.parametrize(("language", "size"), CASES)
def test_holes_are_told_and_a_stand_in_fills_the_place(
    open_tab: Callable[..., Any], site: Any, desk: DutyDesk, language: str, size: dict[str, Any]
) -> None:
    words = WORDS[language]
    put(desk, EntryKind.DUTY, "m", role="maintainer", fallback="boss", shifts=[{"people": ["li.wei"]}])
    tab = open_tab(language, size)
    page = tab.page
    page.goto("/duty")
    assert page.locator(".av-holes").count() == 0
    page.get_by_text(words["away"], exact=True).click()
    page.fill("#away-person", "li.wei")
    page.fill("#away-start", local(site, -1))
    page.fill("#away-end", local(site, 30))
    page.locator("form[action='/duty/absences'] button").click()
    page.locator(".av-holes").get_by_text(words["told"]).first.wait_for()
    assert words["nobody"] in page.locator(".av-now-who").inner_text()
    page.get_by_text(words["away"], exact=True).click()
    page.fill("#away-person", "boss")
    page.fill("#away-start", local(site, 5))
    page.fill("#away-end", local(site, 4))
    page.locator("form[action='/duty/absences'] button").click()
    page.get_by_role("alert").filter(has_text=re.compile("the end must lie after|结束时间须晚于")).wait_for()
    tab.complaints.clear()  # the browser says that it was refused
    page.goto("/duty")
    page.locator("#away li").get_by_role("button", name=words["remove"]).click()
    page.locator(".av-holes").wait_for(state="detached")
    put(desk, EntryKind.ABSENCE, "a", person="li.wei", stand_in="zhou",
        start=(site.campus.parts.now() - timedelta(hours=1)).isoformat(),
        end=(site.campus.parts.now() + timedelta(hours=9)).isoformat())  # fmt: skip
    page.reload()
    assert "zhou" in page.locator(".av-now-who").inner_text()
    assert words["stands_in"] in page.locator("#away").inner_text()


@pytest.mark.parametrize(("language", "size"), CASES)
def test_a_dry_run_says_who_would_be_told_and_why(
    open_tab: Callable[..., Any], desk: DutyDesk, language: str, size: dict[str, Any]
) -> None:
    words = WORDS[language]
    put(desk, EntryKind.DUTY, "m", role="maintainer", name="Pipes", fallback="boss")
    put(desk, EntryKind.CONTACT, "boss", addresses=[{"channel": "webhook"}])
    put(desk, EntryKind.ROUTE, "leaks", name="Leaks first", position=1, match={"categories": ["leak"]},
        targets=["role:maintainer"], steps=[{"after_s": 900, "targets": ["channel:email"]}])  # fmt: skip
    page = open_tab(language, size).page
    page.goto("/duty/routes")
    page.select_option("#dry-node", "dorm-2")
    page.get_by_role("button", name=words["show"]).click()
    told = page.locator(".av-dry .av-timeline li")
    told.nth(1).wait_for()
    assert told.count() == 2
    first = told.first.inner_text()
    assert "boss" in first
    assert f"{words['hole']}" in first
    assert "Pipes" in first
    assert "email" in told.nth(1).inner_text()
    assert "Leaks first" in page.locator(".av-routes li.is-hit").inner_text()
    assert page.request.get("/api/v1/deliveries?channel=webhook&limit=1").ok
    assert fits(page)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_what_a_route_says_outlives_a_change_on_the_page(
    open_tab: Callable[..., Any], desk: DutyDesk, language: str
) -> None:
    put(
        desk, EntryKind.ROUTE, "all-of-it", name="All of it", position=7,
        match={"nodes": ["dorm-1"], "media": ["water"], "categories": ["leak"], "severities": ["critical"],
               "rules": ["zone_balance"], "days": ["workday"], "hours": ["08:00", "24:00"], "burst": True},
        targets=["role:own_role", "person:li", "channel:gone"], group_by=["zone", "rule"], group_wait_s=45,
        group_interval_s=90, repeat_s=5400, tell_cleared=True, goes_on=True,
        steps=[{"after_s": 90, "targets": ["person:li"]}, {"after_s": 900, "targets": ["channel:*"]}],
        quiet=[{"start": "22:00", "end": "07:00", "days": ["weekend"]}, {"start": "12:00", "end": "24:00"}],
    )  # fmt: skip
    before = desk.entries.get(EntryKind.ROUTE, "all-of-it").content
    page = open_tab(language).page
    page.goto("/duty/routes/all-of-it")
    page.fill("#position", "8")
    page.get_by_role("button", name=WORDS[language]["save"], exact=True).click()
    page.wait_for_url(re.compile("/duty/routes$"))
    saved = desk.entries.get(EntryKind.ROUTE, "all-of-it").content
    assert sorted(saved.targets) == sorted(before.targets)
    assert saved.model_copy(update={"targets": before.targets}) == before.model_copy(update={"position": 8})


@pytest.mark.parametrize(("language", "size"), CASES)
def test_a_silence_has_an_end_and_an_author_and_ends_early(
    open_tab: Callable[..., Any], site: Any, desk: DutyDesk, language: str, size: dict[str, Any]
) -> None:
    words, page = WORDS[language], open_tab(language, size).page
    site.raise_leak("dorm-3", "w-dorm-3")
    page.goto("/duty/silences")
    page.select_option("#nodes", ["dorm-3"])
    page.fill("#start", local(site, -1))
    page.fill("#end", local(site, 3))
    page.fill("#reason", "valve <b>is changed</b>")
    page.get_by_role("button", name=words["silence"], exact=True).click()
    line = page.locator(".av-lines li")
    line.get_by_text("valve <b>is changed</b>").wait_for()
    (entry,) = desk.entries.all(EntryKind.SILENCE)
    assert (entry.author, entry.content.match.nodes) == ("demo", ("dorm-3",))
    assert re.search(r"holds \d+ active|暂缓通知 \d+ 条", line.inner_text())
    assert fits(page)
    line.get_by_role("button", name=words["end"]).click()
    line.get_by_role("button").wait_for(state="detached")
    assert desk.entries.get(EntryKind.SILENCE, entry.id).content.end == site.campus.parts.now()


def test_a_silence_of_everything_is_refused_and_what_was_typed_stays(
    open_tab: Callable[..., Any], site: Any, desk: DutyDesk
) -> None:
    tab = open_tab("zh-CN")
    page = tab.page
    page.goto("/duty/silences")
    page.fill("#end", local(site, 3))
    page.fill("#reason", "全部")
    page.get_by_role("button", name="静默", exact=True).click()
    page.get_by_role("alert").filter(has_text="不接受静默全部告警").wait_for()
    assert page.locator("#reason").input_value() == "全部"
    assert desk.entries.all(EntryKind.SILENCE) == ()
    tab.complaints.clear()  # the browser says that it was refused


@pytest.mark.parametrize(("language", "size"), CASES)
def test_a_channel_is_tested_and_the_log_shows_how_it_stands(
    open_tab: Callable[..., Any], site: Any, desk: DutyDesk, language: str, size: dict[str, Any]
) -> None:
    words, alert = WORDS[language], site.raise_leak()
    page = open_tab(language, size).page
    page.goto("/notifications")
    card = page.locator(".av-channels article", has_text="email")
    card.locator("input[name=address]").fill(f"ops-{language.lower()}@example.edu")
    card.get_by_role("button", name=words["test"]).click()
    page.get_by_role("status").wait_for()
    assert words["sent"] in in_log(page, f"ops-{language.lower()}@example.edu").inner_text()
    for channel in ("webhook", "email"):
        page.goto(f"/notifications?channel={channel}")
        in_log(page, has=f"a[href='/alerts/{alert}']")
    page.goto("/notifications?state=failed")
    assert page.locator(".av-log a").count() == 0
    assert fits(page)


def test_a_contact_is_added_and_changed(open_tab: Callable[..., Any], desk: DutyDesk) -> None:
    put(desk, EntryKind.CONTACT, "li.wei", language="en",
        addresses=[{"channel": "email", "address": "a@x", "severities": ["critical"]}])  # fmt: skip
    page = open_tab("en").page
    page.goto("/duty")
    page.get_by_role("link", name="li.wei").click()
    page.fill("#address-0", "b@x")
    page.locator("form[action='/duty/contacts'] button").click()
    page.get_by_text("b@x").wait_for()
    saved = desk.entries.get(EntryKind.CONTACT, "li.wei").content
    assert [(a.channel, a.address, [s.value for s in a.severities]) for a in saved.addresses] == [
        ("email", "b@x", ["critical"])
    ]
    assert saved.language == "en"
