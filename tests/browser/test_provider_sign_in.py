"""To a provider of sign-in and back in a real browser: on a phone, on a desk, and when the provider is down."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from of_the_api import api_module

from alerts.users.roles import WHOLE_SITE, Role
from alerts.users.users import users_of
from alerts.values import Actor
from api.app import create_app
from api.parts import Access
from api.sign_in import SignInWays

DESKTOP = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
PATIENCE_MS = 90_000
OWN = "quiet-river-4711"


@dataclass
class Joined:
    """The campus's pages with the provider as a way in."""

    address: str
    provider: Any
    users: Any


@pytest.fixture(scope="module")
def joined(site: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Joined]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    redirect = f"{address}/sign-in/with/campus/back"
    provider = api_module("provider").start(tmp_path_factory.mktemp("provider"), redirect)
    rules = [{"claim": "groups", "value": "plumbers", "role": "maintainer"}]
    ways = SignInWays((provider.oidc(roles=rules),), address)
    app = create_app(replace(site.campus.parts, access=Access(), sign_in=ways))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    yield Joined(address, provider, users_of(site.campus.records.database))
    server.should_exit = True
    thread.join(20)
    listener.close()
    ways.close()
    provider.child.stop()


@dataclass
class Tab:
    page: Any
    complaints: list[str] = field(default_factory=list)


@pytest.fixture
def open_page(chromium: Any, joined: Joined) -> Iterator[Callable[..., Any]]:
    """Opens a page; afterwards no policy of ours may have been broken on the way."""
    contexts, complaints = [], []

    def build(language: str, size: dict[str, Any]) -> Any:
        context = chromium.new_context(base_url=joined.address, locale=language, **size)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: complaints.append(m.text) if "Security Policy" in m.text else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield build
    for context in contexts:
        context.close()
    assert complaints == []


def grave(page: Any) -> list[str]:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [v["id"] for v in found["violations"] if v["impact"] in ("serious", "critical")]


@pytest.mark.parametrize(
    ("language", "size", "button", "out"),
    [("zh-CN", PHONE, "使用统一身份认证登录", "退出登录"), ("en", DESKTOP, "Sign in with 统一身份认证", "Sign out")],
)
def test_there_back_and_out_again(
    open_page: Callable[..., Any], joined: Joined, language: str, size: dict[str, Any], button: str, out: str
) -> None:
    subject = f"s-{language}"
    person = {"preferred_username": f"plumber-{language}", "groups": ["plumbers"]}
    joined.provider.told(persons={subject: person, "another": {}}, signed_in=None, faults=[])
    page = open_page(language, size)
    page.goto("/tasks")
    assert "/sign-in?back=%2Ftasks" in page.url
    assert grave(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_role("link", name=button).click()
    page.wait_for_url(f"{joined.provider.url}/**")
    page.get_by_role("link", name=subject).click()
    page.wait_for_url("**/tasks")
    assert joined.users.accounts.get(f"plumber-{language}").role is Role.MAINTAINER
    page.goto("/account")
    assert page.locator("h1").inner_text() == f"plumber-{language}".lower()
    assert page.locator("#old").count() == 0  # there is no password to change
    assert grave(page) == []
    page.wait_for_load_state("networkidle")
    page.get_by_role("button", name=out, exact=True).first.click()
    page.wait_for_url("**/sign-in")  # by way of the provider
    asked = joined.provider.told()["asked"]
    assert "/sign-out" in asked
    page.goto("/tasks")
    assert "/sign-in" in page.url


def test_who_may_not_come_in_reads_why_and_signs_in_otherwise(open_page: Callable[..., Any], joined: Joined) -> None:
    given = joined.users.accounts.add("night-watch", Role.DUTY_GUARD, (WHOLE_SITE,), Actor("system", "test"))
    joined.provider.told(persons={"nobody": {}}, signed_in="nobody", faults=[])
    page = open_page("zh-CN", PHONE)
    page.goto("/sign-in?back=/alerts")
    page.get_by_role("link", name="使用统一身份认证登录").click()
    page.wait_for_selector("[role=alert]")
    assert "没有角色" in page.locator("[role=alert]").inner_text()
    assert grave(page) == []
    page.fill("#name", "night-watch")
    page.fill("#password", given)
    page.click("main form button")
    page.wait_for_url("**/account")
