"""From a student's report to the office's rating, in a real browser, each on the phone or desk they have."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from held_requests import Held

from alerts.orders.orders import Orders
from alerts.orders.states import OrderState
from alerts.users.roles import Role
from alerts.users.users import users_of
from alerts.values import Actor
from metering.batch import to_ms
from metering.incident import ChangeKind, Incident, IncidentChange

DESKTOP = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
OWN = "quiet-river-4711"
TOUCH = 44


def fits(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def press(place: Any, name: str) -> None:
    """A button that a thumb finds, and the page that comes after it."""
    button = place.get_by_role("button", name=name)
    page = getattr(place, "page", place)
    assert button.bounding_box()["height"] >= TOUCH or page.viewport_size["width"] > PHONE["viewport"]["width"]
    with page.expect_navigation():
        button.click()
    page.wait_for_load_state("networkidle")


@pytest.fixture
def orders(site: Any) -> Orders:
    parts = site.campus.parts
    return Orders(parts.records.database, parts.site, parts.playbook, parts.now)


def clear(site: Any, alert: str) -> None:
    """The meters see it no more."""
    records, now = site.campus.records, to_ms(site.campus.parts.now())
    known = records.get_alert(alert)
    incident = Incident(
        id=known.id, rule=known.rule, category=known.category, medium=known.medium, subject=known.subject,
        node=known.node, severity=known.severity, detected_at=to_ms(known.detected_at), onset_at=to_ms(known.onset_at),
        closed_at=now, observed=known.observed, expected=known.expected, unit=known.unit, loss_rate=known.loss_rate,
        loss_total=known.loss_total, evidence=known.evidence, rules_revision=known.rules_revision,
    )  # fmt: skip
    records.apply([IncidentChange(ChangeKind.CLEARED, incident, now)], records.applied_seq() + 1)


def builder_on_the_phone(open_tab: Callable[..., Any], site: Any, name: str) -> Any:
    """A contractor who has signed in for the first time."""
    given = users_of(site.campus.records.database).accounts.add(name, Role.CONTRACTOR, ["*"], Actor("system", "test"))
    page = open_tab("zh-CN", PHONE).page
    page.goto("/sign-in")
    page.fill("#name", name)
    page.fill("#password", given)
    page.click("main button")
    page.wait_for_url("**/account")
    for field, value in {"#old": given, "#new": OWN, "#again": OWN}.items():
        page.fill(field, value)
    page.locator("form[action='/account/password'] button").click()
    page.wait_for_url("**/account?notice=password")
    page.wait_for_load_state("networkidle")
    return page


def test_from_the_students_report_to_the_rating(  # noqa: PLR0915 - one story
    open_tab: Callable[..., Any], site: Any, orders: Orders, photo: str
) -> None:
    alert = site.raise_leak()
    builder = builder_on_the_phone(open_tab, site, "builder")

    student = open_tab("zh-CN", PHONE).page
    student.goto("/report?node=dorm-2")
    assert fits(student)
    student.fill("#spot", "3层水房")
    student.fill("#words", "水龙头关不上")
    student.set_input_files("input[type=file]", photo)
    press(student, "提交报修")
    status = student.url.partition("?")[0]
    student.get_by_text("已收到报修", exact=False).first.wait_for()
    assert fits(student)

    office = open_tab("zh-CN", DESKTOP).page
    office.goto("/reports")
    told = office.locator("[data-report]").filter(has_text="水龙头关不上")
    assert told.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 1200
    told.locator("select[name=alert]").select_option(alert)
    told.locator("select[name=assignee]").select_option("builder")
    press(told, "开立工单")
    order = int(office.url.rpartition("/")[2])
    assert orders.get(order).alert_id == alert
    assert site.campus.records.get_alert(alert).assigned_to == "builder"

    builder.goto("/orders")
    assert fits(builder)
    with builder.expect_navigation():
        builder.locator(f"[data-order='{order}'] a").tap()
    assert fits(builder)
    builder.get_by_text("水龙头关不上").wait_for()
    press(builder, "我开始处理")
    first = builder.locator(".av-checklist button").first
    with builder.expect_navigation():
        first.tap()
    builder.locator(".av-checklist button[aria-pressed=true]").wait_for()
    builder.wait_for_load_state("networkidle")
    builder.locator("summary.av-done").tap()
    builder.locator(".av-outcomes").get_by_text("已修复", exact=True).tap()
    builder.locator("form[action$='/done'] textarea").fill("换了DN25球阀")
    builder.set_input_files("#closing-photos", photo)
    press(builder, "完工")
    builder.get_by_text("是否修好由表计确认", exact=False).first.wait_for()
    done = orders.get(order)
    assert (done.state, done.photos, done.done_by) == (OrderState.DONE, 1, "builder")

    clear(site, alert)
    assert orders.get(order).verified_by == "meters"
    student.goto(status)
    student.get_by_text("已确认修好").wait_for()
    text = student.locator("main").inner_text()
    assert "builder" not in text
    assert "球阀" not in text

    office.goto(f"/orders/{order}")
    office.get_by_text("换了DN25球阀").wait_for()
    office.locator(".av-rating label").nth(4).click()
    office.locator("form[action$='/close'] textarea").fill("来得很快")
    press(office, "关闭工单")
    closed = orders.get(order)
    assert (closed.state, closed.rating, closed.rating_words) == (OrderState.CLOSED, 5, "来得很快")
    office.goto("/orders?view=closed")
    assert office.locator(f"[data-order='{order}'] .av-stars").get_attribute("aria-label") == "5 分（满分 5 分）"


def test_a_patrol_is_ticked_off_with_one_tap(offline_tab: Callable[..., Any], site: Any) -> None:
    alert = site.raise_leak("dorm-3", "w-dorm-3")
    # The campus's clock stands still: a phone that went on would be put right to before the alert was raised. The
    # worker's clock cannot be stopped, and it may be the one that sends.
    page = offline_tab("en", service_workers="block")
    page.clock.set_fixed_time(site.campus.parts.now() + timedelta(seconds=30))
    page.goto("/patrol")
    assert fits(page)
    stop = page.locator(f"[data-item='alert:{alert}']")
    stop.locator("input[name=note]").fill("dry")
    stop.get_by_role("button", name="Fine").tap()
    stop = page.locator(f"[data-item='alert:{alert}'].is-done")
    stop.wait_for()
    assert re.search(r"looked at .* fine “dry”", stop.inner_text())


def test_two_quick_ticks_are_both_on_the_page(offline_tab: Callable[..., Any], site: Any) -> None:
    """The list that comes for the first tick was written before the second, and takes its form away."""
    first, second = site.raise_leak("dorm-3", "w-dorm-3"), site.raise_leak()
    page = offline_tab("en", service_workers="block")
    page.clock.set_fixed_time(site.campus.parts.now() + timedelta(seconds=30))
    page.goto("/patrol")
    reading = Held(page, "**/patrol", asks=True)
    page.locator(f"[data-item='alert:{first}']").get_by_role("button", name="Fine").tap()
    reading.wait()
    ticking = Held(page, "**/api/v1/patrol/ticks")
    stop = page.locator(f"[data-item='alert:{second}']")
    stop.get_by_role("button", name="Fine").tap()
    ticking.wait()
    reading.go()
    page.locator(f"[data-item='alert:{first}'].is-done").wait_for()
    ticking.go()
    page.locator(f"[data-item='alert:{second}'].is-done").wait_for(timeout=30_000)
    stop.get_by_text("Kept on this phone").wait_for(state="detached")


def test_a_photo_that_is_none_is_said_on_the_form(open_tab: Callable[..., Any], tmp_path: Path) -> None:
    tab = open_tab("en", PHONE)
    page = tab.page
    page.goto("/report?node=dorm-2")
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"%PDF-1.7\n" + b"\0" * 99)
    page.set_input_files("input[type=file]", str(path))
    press(page, "Send the report")
    page.get_by_role("alert").get_by_text("This is no photo that is read here").wait_for()
    assert page.locator("#node").input_value() == "dorm-2"
    (refused,) = tab.complaints
    assert "422" in refused
    tab.complaints.clear()
