"""A repair from the student who sees water run to the contractor's scorecard, and one that the platform closes.

Nothing stands in for anything: simulated mains on sockets, the program as a process of its own, the rules' own
all-clear, the repair platform's simulator; everybody sits at a real browser. Only the clock is moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from repair_story import BUILDER, THEIR_BUILDER, Repair, repairing
from story import BEGAN

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

STEPS = ("received", "ordered", "in_work", "done", "confirmed")
NOTE, PRAISE, SPOT = "换了DN25球阀", "来得很快", "3层水房"
WORDS = {
    "zh-CN": {
        "send": "提交报修", "open": "开立工单", "this": "就是这一处", "start": "我开始处理", "kept": "已保存在本机",
        "repaired": "已修复", "finish": "完工", "rate": "评价并关闭", "close": "关闭工单", "card": "评分表",
        "stars": "{} 分（满分 5 分）", "waits": "平台已关闭，本系统待表计确认", "none": "没有网络", "closed": "已关闭",
    },
    "en": {
        "send": "Send the report", "open": "Open a work order", "this": "It is this one", "start": "I am at it",
        "kept": "Kept on this phone", "repaired": "Repaired", "finish": "It is done", "rate": "Rate and close",
        "close": "Close the order", "card": "Scorecard", "stars": "{} of 5", "none": "No connection",
        "waits": "closed there; here the meters have not confirmed it yet", "closed": "closed",
    },
}  # fmt: skip


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Callable[..., Repair]]:
    """Begins the story in a language. To be asked for before tabs, which end first then."""
    with ExitStack() as opened:
        yield lambda *given: opened.enter_context(repairing(tmp_path, *given))


def fits(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def press(place: Any, name: str) -> None:
    page = getattr(place, "page", place)
    with page.expect_navigation():
        place.get_by_role("button", name=name, exact=True).click()
    page.wait_for_load_state("networkidle")


def reports(student: Any, photo: str, words: dict[str, str]) -> str:
    """The report of water that runs in the teaching building; the address that shows what becomes of it."""
    student.goto("/report?node=teaching")
    assert fits(student)
    student.fill("#spot", SPOT)
    student.set_input_files("input[type=file]", photo)
    press(student, words["send"])
    return str(student.url.partition("?")[0])


def follows(student: Any, status: str, reached: str) -> None:
    """The way up to this step and nothing of whose, how or under which number."""
    student.goto(status)
    assert student.locator(".av-steps li.is-reached").count() == STEPS.index(reached) + 1
    assert fits(student)
    text = student.content()
    for private in (BUILDER, "chief", NOTE, PRAISE, "BX-", "/orders/", "/alerts", "★"):
        assert private not in text


def orders_it(office: Any, words: dict[str, str], **chosen: str) -> int:
    """The office makes an order of the report; its number."""
    office.goto("/reports")
    told = office.locator("[data-report]").filter(has_text=SPOT)
    assert told.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 1200
    for field, value in chosen.items():
        place = told.locator(f"[name={field}]")
        place.fill(value) if field == "due" else place.select_option(value)
    press(told, words["open"])
    return int(office.url.rpartition("/")[2])


def takes_it_in_the_basement(builder: Any, order: int, words: dict[str, str]) -> None:
    """Without a connection, from the tasks as the phone has kept them; it is sent when there is one again."""
    builder.goto("/tasks")
    builder.wait_for_function("navigator.serviceWorker.controller !== null")
    builder.wait_for_function("AquaVolt.kept().then((kept) => kept.length > 0)")
    builder.context.set_offline(True)
    builder.goto("/tasks")
    builder.get_by_role("heading", name=words["none"]).wait_for()
    card = builder.locator(f"article[data-order='{order}']")
    assert fits(builder)
    card.get_by_role("button", name=words["start"]).tap()
    card.get_by_text(words["kept"]).wait_for()
    builder.context.set_offline(False)
    builder.wait_for_selector(f"#main article[data-order='{order}'] summary")


def mends_it(builder: Any, order: int, photo: str, words: dict[str, str]) -> None:
    """On the order's page: a line of the checklist, what it was, a note, a photo."""
    builder.locator(f"article[data-order='{order}'] a").first.tap()
    builder.get_by_text(SPOT).wait_for()
    assert fits(builder)
    with builder.expect_navigation():
        builder.locator(".av-checklist button").first.tap()
    builder.locator(".av-checklist button[aria-pressed=true]").wait_for()
    builder.locator("summary.av-done").tap()
    builder.locator(".av-outcomes").get_by_text(words["repaired"], exact=True).tap()
    builder.locator("form[action$='/done'] textarea").fill(NOTE)
    builder.set_input_files("#closing-photos", photo)
    press(builder, words["finish"])


def scorecard_of(page: Any, order: int, stars: str) -> list[str]:
    """The words of the order's line on the contractor's card, which has its rating."""
    page.goto("/statistics/contractors")
    page.get_by_role("heading", name=BUILDER).wait_for()
    row = page.locator(f"tr[data-order='{order}']")
    row.get_by_role("img", name=stars).wait_for()
    assert fits(page)
    return str(row.inner_text()).split()


def seconds_between(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_from_the_students_photo_to_the_contractors_scorecard(
    play: Callable[..., Repair], open_tab_at: Callable[..., Any], chromium: Any, photo: str, language: str
) -> None:
    words, repair = WORDS[language], play(language, open_tab_at, chromium)
    story, due = repair.story, (BEGAN + timedelta(hours=8)).replace(second=0)
    with repair.builder() as builder:
        student, office = repair.student(), repair.office()
        fault = story.campus.break_main("teaching")
        status = reports(student, photo, words)
        follows(student, status, "received")

        order = orders_it(office, words, assignee=BUILDER, due=f"{due:%Y-%m-%dT%H:%M}")
        follows(student, status, "ordered")
        (made,) = repair.wait_over_there(order, "assigned")["taken"]
        assert (made["event"], made["order"]["contractor"]) == ("created", BUILDER)
        assert datetime.fromisoformat(made["order"]["due_at"]) == due
        assert repair.order(order)["alert_id"] is None, "the meters have not seen it yet"

        story.pass_until(story.alerts)
        alert = story.only_alert()
        office.goto(f"/alerts/{alert['id']}")
        press(office.locator("#alert-order"), words["this"])
        assert (repair.order(order)["alert_id"], repair.order(order)["assignee"]) == (alert["id"], BUILDER)

        takes_it_in_the_basement(builder, order, words)
        repair.wait_over_there(order, "in_work")
        follows(student, status, "in_work")
        mends_it(builder, order, photo, words)
        done = repair.order(order)
        assert (done["state"], done["done_by"], [p["stage"] for p in done["photo_list"]]) == (
            "done", BUILDER, ["report", "closing"],
        )  # fmt: skip
        follows(student, status, "done")
        office.goto(f"/orders/{order}")
        office.get_by_text(NOTE).wait_for()
        assert office.get_by_role("heading", name=words["rate"]).count() == 0, "the meters still see it"

        story.campus.repair(fault)
        story.pass_until(lambda: repair.order(order)["state"] == "verified")
        assert repair.order(order)["verified_by"] == "meters"
        follows(student, status, "confirmed")
        office.reload()
        office.locator(".av-rating label").nth(4).click()
        office.locator("form[action$='/close'] textarea").fill(PRAISE)
        press(office, words["close"])
        closed = repair.wait_over_there(order, "closed")["taken"][-1]["order"]
        assert (closed["rating"], closed["is_verified"]) == (5, True)

        stars = words["stars"].format(5)
        builder.goto("/tasks")
        builder.locator(".av-menu summary").tap()
        builder.get_by_role("link", name=words["card"]).tap()
        builder.wait_for_url("**/statistics/contractors")
        assert scorecard_of(builder, order, stars) == scorecard_of(office, order, stars)
        assert PRAISE in scorecard_of(office, order, stars)
        (card,) = story.get("/api/v1/statistics/contractors")["items"]
        assert [card[kept] for kept in ("contractor", "given", "done", "in_time", "rating")] == [BUILDER, 1, 1, 1, 5.0]
        took = seconds_between(done["assigned_at"], done["done_at"])
        assert card["to_repair"]["median_s"] == pytest.approx(took, abs=0.1)
        follows(student, status, "confirmed")


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_an_order_that_the_platform_closes_is_over_once_the_meters_agree(
    play: Callable[..., Repair], open_tab_at: Callable[..., Any], chromium: Any, photo: str, language: str
) -> None:
    words, repair = WORDS[language], play(language, open_tab_at, chromium)
    story = repair.story
    with repair.builder() as builder, repair.clerk() as clerk:
        student, office = repair.student(), repair.office()
        fault = story.campus.break_main("teaching")
        story.pass_until(story.alerts)
        alert = story.only_alert()
        status = reports(student, photo, words)
        order = orders_it(office, words, alert=alert["id"])
        number = repair.wait_over_there(order, "open")["number"]

        clerk.reload()
        row = clerk.locator(f"tr#{number}")
        for field, value in (("person", THEIR_BUILDER), ("note", NOTE), ("rating", "4")):
            row.locator(f"input[name={field}]").fill(value)
        with clerk.expect_navigation():
            row.get_by_role("button", name="closed", exact=True).click()
        waiting = repair.wait_over_there(order, "done")
        assert waiting["told"][-1]["answer"]["awaits"] == "meters"
        office.reload()
        for text in (number, words["waits"], NOTE):
            office.get_by_text(text).first.wait_for()
        follows(student, status, "done")
        assert repair.order(order)["assignee"] == BUILDER, "their person is our account"

        story.campus.repair(fault)
        story.pass_until(lambda: repair.order(order)["state"] == "closed")
        repair.wait_over_there(order, "verified")
        office.reload()
        office.locator(".av-pills .is-closed", has_text=words["closed"]).wait_for()
        office.get_by_role("img", name=words["stars"].format(4)).wait_for()
        follows(student, status, "confirmed")
        clerk.reload()
        assert row.locator(".t").inner_text() == "verified"
        scorecard_of(builder, order, words["stars"].format(4))
