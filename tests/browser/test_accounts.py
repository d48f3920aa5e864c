"""Signing in for the first time, one's own part of the site, and the accounts' pages, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from signing_in import first_sign_in

from alerts.users.roles import Role
from alerts.users.users import Users, users_of
from alerts.values import Actor

DESKTOP = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
ADMIN = Actor("system", "test")


def fits(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@pytest.fixture
def users(site: Any) -> Users:
    return users_of(site.campus.records.database)


def press(page: Any, button: str) -> None:
    """As a thumb does on a phone: down to the end first, where the bar at the foot covers nothing."""
    page.wait_for_load_state("networkidle")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    page.get_by_role("button", name=button).click()


@pytest.mark.parametrize(("language", "size", "name"), [("zh-CN", PHONE, "phone-guard"), ("en", DESKTOP, "desk-guard")])
def test_a_guard_of_one_building_signs_in_hears_and_acknowledges(
    open_tab: Callable[..., Any], site: Any, users: Users, language: str, size: dict[str, Any], name: str
) -> None:
    given = users.accounts.add(name, Role.DUTY_GUARD, ["dorm-2"], ADMIN)
    page = open_tab(language, size).page
    first_sign_in(page, name, given)
    assert fits(page)
    page.goto("/alerts")
    page.wait_for_selector("body.is-live")
    leak = site.raise_leak()
    elsewhere = site.campus.raise_leak("dorm-1", "w-dorm-1")
    for alert, node in ((elsewhere, "dorm-1"), (leak, "dorm-2")):
        site.campus.stream.publish({"type": "alert", "id": alert, "node": node})
    row = page.locator(f"[data-alert='{leak}']")
    row.wait_for()
    assert page.locator(f"[data-alert='{elsewhere}']").count() == 0
    row.locator(".av-ack").click()
    row.locator(".av-pill.is-taken").wait_for()
    assert site.campus.records.get_alert(leak).acknowledged_by == name
    page.locator("form[action='/sign-out'] button").click()
    page.wait_for_url("**/sign-in")
    assert users.sessions.list(name) == ()


@pytest.mark.parametrize(("size", "name"), [(PHONE, "phone-admin"), (DESKTOP, "desk-admin")])
def test_an_administrator_makes_an_account(
    open_tab: Callable[..., Any], users: Users, size: dict[str, Any], name: str
) -> None:
    page = open_tab("en", size).page
    first_sign_in(page, name, users.accounts.add(name, Role.ADMIN, ["*"], ADMIN))
    page.goto("/users")
    assert fits(page)
    page.fill("#name", f"made-by-{name}")
    page.check("input[name=role][value=dorm_manager]")
    page.select_option("#nodes", ["dorm-1", "dorm-2"])
    press(page, "Make the account")
    given = page.locator("code.av-secret").inner_text()
    page.wait_for_load_state("networkidle")
    other = open_tab("zh-CN", PHONE).page
    first_sign_in(other, f"made-by-{name}", given)
    page.goto(f"/users/made-by-{name}")
    assert fits(page)
    press(page, "Disable")
    page.get_by_role("button", name="Let it in again").wait_for()
    page.wait_for_load_state("networkidle")
    assert users.sessions.list(f"made-by-{name}") == ()
