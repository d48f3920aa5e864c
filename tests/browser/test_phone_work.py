"""Patrol and work orders on a phone without a connection: the server is really stopped, and comes back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from signing_in import first_sign_in
from without_connection import controlled, serving, settles, until

from alerts.orders.hand import Person
from alerts.orders.making import NewOrder
from alerts.orders.orders import Orders
from alerts.orders.patrols import Patrols
from alerts.orders.states import OrderState
from alerts.orders.ticks import TickResult
from alerts.orders.values import Order, OrderAction
from alerts.users.roles import Role
from alerts.users.users import users_of
from alerts.values import Actor, Outcome
from api.parts import Access

WORDS = {
    "zh-CN": {
        "none": "没有网络", "kept": "已保存在本机", "fine": "正常", "wrong": "有异常", "quicker": "wang已抢先处理",
        "done": "完工", "note": "将文字存为备注", "again": "仍然发送", "no_photo": "这不是可以接收的照片",
        "ok": "知道了", "absent": "本机没有保存此页面",
    },
    "en": {
        "none": "No connection", "kept": "Kept on this phone", "fine": "Fine", "wrong": "Something is wrong",
        "quicker": "wang was quicker", "done": "It is done", "note": "Keep the words as a note",
        "again": "Send all the same", "no_photo": "This is no photo that is read here", "ok": "Dismiss",
        "absent": "This page is not on this phone",
    },
}  # fmt: skip
LANGUAGES = pytest.mark.parametrize("language", ["zh-CN", "en"])
OFFICE = Person(Actor("wang"), manages=True)


@pytest.fixture
def orders(site: Any) -> Orders:
    parts = site.campus.parts
    return Orders(parts.records.database, parts.site, parts.playbook, parts.now)


@pytest.fixture
def order(site: Any, orders: Orders) -> Order:
    """An order of a new leak, given to nobody."""
    return orders.open(OFFICE, NewOrder(alert_id=site.raise_leak()))


@pytest.fixture
def photo(tmp_path: Path) -> str:
    path = tmp_path / "water.jpg"
    Image.effect_noise((800, 600), 40).convert("RGB").save(path, "JPEG")
    return str(path)


def queue_is(page: Any, waiting: int) -> None:
    settles(page, f"async () => (await AquaVolt.items()).filter((item) => !item.refused).length === {waiting}")


def is_kept(page: Any, name: str) -> None:
    settles(page, f"async () => (await AquaVolt.kept()).some((part) => part.name === '{name}')")


@LANGUAGES
def test_a_patrol_is_walked_without_a_connection_and_sent_once(
    offline_tab: Callable[..., Any], site: Any, language: str
) -> None:
    words, now = WORDS[language], site.campus.parts.now().astimezone(UTC)
    first, second = f"alert:{site.raise_leak()}", f"alert:{site.raise_leak('dorm-3', 'w-dorm-3')}"
    walked = now - timedelta(hours=2)
    with serving(site.campus.parts, 0) as port:
        page = offline_tab(language, f"http://127.0.0.1:{port}")
        page.goto("/patrol")
        controlled(page)
        is_kept(page, "patrol")
        place = page.locator(f"[data-item='{first}'] b").inner_text()
    page.clock.set_fixed_time(walked)
    page.goto("/patrol")
    page.get_by_role("heading", name=words["none"]).wait_for()
    stop = page.locator(f"[data-item='{first}']")
    assert stop.locator("b").inner_text() == place
    stop.locator("input[name=note]").fill("听到水声")
    stop.get_by_role("button", name=words["wrong"]).tap()
    stop.get_by_text(words["kept"]).wait_for()
    page.reload()  # it is on the disk, and nobody ticks it twice
    stop.get_by_text(words["kept"]).wait_for()
    assert stop.get_by_role("button", name=words["fine"]).is_disabled()
    page.locator(f"[data-item='{second}']").get_by_role("button", name=words["fine"]).tap()
    queue_is(page, 2)
    patrols = Patrols(site.campus.records.database)
    assert patrols.latest([first, second]) == {}
    page.clock.set_fixed_time(now)
    with serving(site.campus.parts, port):
        assert until(lambda: len(patrols.latest([first, second])) == 2)
        page.wait_for_selector(f"#main [data-item='{first}'].is-done, #main [data-item='{first}'] small")
        queue_is(page, 0)
        page.goto("about:blank")
    found = patrols.latest([first, second])
    told = [(found[item].result, found[item].words, found[item].at) for item in (first, second)]
    assert told == [(TickResult.PROBLEM, "听到水声", walked), (TickResult.FINE, "", walked)]
    since = [t for t in patrols.since(walked - timedelta(hours=1)) if t.item in (first, second)]
    assert len(since) == 2


def contractor(page: Any, site: Any, name: str) -> None:
    given = users_of(site.campus.records.database).accounts.add(name, Role.CONTRACTOR, ["*"], Actor("system", "test"))
    first_sign_in(page, name, given)


def test_a_contractor_does_the_whole_order_in_the_basement(
    offline_tab: Callable[..., Any], site: Any, orders: Orders, photo: str
) -> None:
    """Its page was never opened: the list brought it along. Each act is on the version that the one before made."""
    guarded = dataclasses.replace(site.campus.parts, access=Access())
    with serving(guarded, 0) as port:
        page = offline_tab("zh-CN", f"http://127.0.0.1:{port}")
        contractor(page, site, "basement")
        order = orders.open(OFFICE, NewOrder(alert_id=site.raise_leak(), assignee="basement"))
        page.goto("/orders")
        controlled(page)
        is_kept(page, f"order-{order.id}")
        page.context.set_offline(True)
    page.goto("/orders")
    page.locator(f"[data-order='{order.id}'] a").tap()
    page.wait_for_url(f"**/orders/{order.id}")
    page.locator("form[action$='/start'] button").tap()
    page.locator(".av-checklist button").first.tap()
    note = page.locator("form[action$='/notes']")
    for words in ("缺阀门", "已借到"):
        note.locator("input[name=text]").fill(words)
        note.locator("button").tap()
        settles(page, "() => document.querySelector(\"form[action$='/notes'] input[name=text]\").value === ''")
    page.locator("summary.av-done").tap()
    page.locator(".av-outcomes").get_by_text("已修复", exact=True).tap()
    page.locator("form[action$='/done'] textarea").fill("换了球阀")
    page.set_input_files("#closing-photos", photo)
    page.locator("form[action$='/done'] button").tap()
    queue_is(page, 6)
    assert orders.get(order.id).state is OrderState.ASSIGNED
    assert fits(page)
    with serving(guarded, port):
        page.context.set_offline(False)
        assert until(lambda: orders.get(order.id).state is OrderState.DONE)
        queue_is(page, 0)
        page.locator("#main .av-timeline").wait_for()
        page.goto("about:blank")
    done = orders.get(order.id)
    assert (done.photos, done.done_by, done.outcome) == (1, "basement", Outcome.REPAIRED)
    assert done.checklist[0].done_by == "basement"
    events = orders.events_of(order.id)
    assert [e.action for e in events[1:]] == [
        OrderAction.STARTED, OrderAction.CHECKED, OrderAction.NOTED, OrderAction.NOTED, OrderAction.PHOTO_ADDED,
        OrderAction.DONE,
    ]  # fmt: skip
    assert all("said_at" in e.detail for e in events if e.action in {OrderAction.STARTED, OrderAction.DONE})


def fits(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def say_done(page: Any, words: dict[str, str], note: str) -> None:
    page.locator("summary.av-done").tap()
    page.locator(".av-outcomes label").first.tap()
    page.locator("form[action$='/done'] textarea").fill(note)
    page.locator("form[action$='/done']").get_by_role("button", name=words["done"]).tap()


@LANGUAGES
def test_who_was_quicker_is_told_and_no_word_is_lost(
    offline_tab: Callable[..., Any], site: Any, orders: Orders, order: Order, language: str
) -> None:
    words = WORDS[language]
    page = offline_tab(language)
    page.goto(f"/orders/{order.id}")
    controlled(page)
    page.context.set_offline(True)
    say_done(page, words, "三楼水房换了垫片")
    queue_is(page, 1)
    orders.finish(order.id, OFFICE, Outcome.FALSE)
    page.context.set_offline(False)
    box = page.locator("#phone")
    box.get_by_text(words["quicker"]).wait_for()
    assert "三楼水房换了垫片" in box.inner_text()
    box.get_by_role("button", name=words["note"]).tap()
    box.wait_for(state="hidden")
    found = orders.get(order.id)
    assert (found.done_by, found.outcome) == ("wang", Outcome.FALSE)
    (note,) = [e for e in orders.events_of(order.id) if e.action is OrderAction.NOTED]
    assert (note.actor, note.text) == ("demo", "三楼水房换了垫片")


def test_what_only_the_office_changed_meanwhile_is_sent_all_the_same(
    offline_tab: Callable[..., Any], site: Any, orders: Orders, order: Order
) -> None:
    words = WORDS["en"]
    page = offline_tab("en")
    page.goto(f"/orders/{order.id}")
    controlled(page)
    page.context.set_offline(True)
    say_done(page, words, "new washer")
    queue_is(page, 1)
    orders.change(order.id, OFFICE, due_at=datetime.now(UTC) + timedelta(days=2))
    page.context.set_offline(False)
    page.locator("#phone").get_by_text(words["quicker"]).wait_for()
    page.locator("#phone").get_by_role("button", name=words["again"]).tap()
    assert until(lambda: orders.get(order.id).state is OrderState.DONE)
    page.locator("#phone").wait_for(state="hidden")


@LANGUAGES
def test_a_photo_that_is_none_holds_nothing_up(
    offline_tab: Callable[..., Any], orders: Orders, order: Order, tmp_path: Path, photo: str, language: str
) -> None:
    words, fake = WORDS[language], tmp_path / "fake.jpg"
    fake.write_bytes(b"%PDF-1.7\n" + b"\0" * 99)
    page = offline_tab(language)
    page.goto(f"/orders/{order.id}")
    controlled(page)
    page.context.set_offline(True)
    page.set_input_files("#closing-photos", [str(fake), photo])
    say_done(page, words, "")
    queue_is(page, 3)
    page.context.set_offline(False)
    assert until(lambda: orders.get(order.id).state is OrderState.DONE)
    page.locator("#order .av-pill.is-done").wait_for()
    assert orders.get(order.id).photos == 1
    page.locator("#phone li", has_text="fake.jpg").get_by_text(words["no_photo"]).wait_for()
    page.locator("#phone").get_by_role("button", name=words["ok"]).tap()
    page.locator("#phone").wait_for(state="hidden")


@LANGUAGES
def test_a_page_that_was_not_kept_says_so_and_shows_what_was(
    offline_tab: Callable[..., Any], site: Any, language: str
) -> None:
    words = WORDS[language]
    page = offline_tab(language)
    for path in ("/tasks", "/patrol"):
        page.goto(path)
        controlled(page)
        is_kept(page, path[1:])
    page.context.set_offline(True)
    page.goto("/site")
    page.get_by_text(words["absent"]).wait_for()
    assert page.locator("#kept section").count() == 0
    page.locator("#other-pages a[href='/patrol']").tap()
    page.wait_for_url("**/patrol")
    page.locator("#kept .av-stops, #kept .av-empty").first.wait_for()
    assert page.locator("#kept section.card, #kept .av-empty").count() > 0
    assert [a.get_attribute("href") for a in page.locator("#other-pages a").all()] == ["/tasks"]
