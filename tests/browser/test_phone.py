"""The app on the phone: without a connection it shows the last state, keeps what is done, and sends it once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page
from without_connection import controlled, serving, settles, until

from alerts.users.roles import Role
from alerts.users.users import users_of
from alerts.values import Actor, Outcome
from api.parts import Access

OWN = "quiet-river-4711"
WORDS = {
    "zh-CN": {"take": "我来处理", "none": "没有网络", "as": "截至", "kept": "已保存在本机", "quicker": "已抢先处理",
              "ok": "知道了"},
    "en": {"take": "I take care of it", "none": "No connection", "as": "As it was at", "kept": "Kept on this phone",
           "quicker": "was quicker", "ok": "Dismiss"},
}  # fmt: skip


def acknowledged(campus: Any, alert: str) -> list[Any]:
    return [e for e in campus.records.audit_of(alert) if e.action == "acknowledged"]


def card_of(page: Page, alert: str) -> Any:
    return page.locator(f"article[data-alert='{alert}']")


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_what_is_ticked_without_a_connection_is_sent_once(
    offline_tab: Callable[..., Page], site: Any, language: str
) -> None:
    words, alert = WORDS[language], site.raise_leak()
    page = offline_tab(language)
    page.goto("/tasks")
    controlled(page)
    page.context.set_offline(True)
    page.goto("/tasks")
    page.get_by_role("heading", name=words["none"]).wait_for()
    page.get_by_text(words["as"]).first.wait_for()
    card_of(page, alert).get_by_role("button", name=words["take"]).tap()
    card_of(page, alert).get_by_text(words["kept"]).wait_for()
    assert acknowledged(site.campus, alert) == []
    page.reload()  # it is on the disk, not in the page
    card_of(page, alert).get_by_text(words["kept"]).wait_for()
    assert card_of(page, alert).get_by_role("button", name=words["take"]).is_disabled()
    page.context.set_offline(False)
    page.wait_for_selector("#main")
    assert until(lambda: acknowledged(site.campus, alert))
    settles(page, "async () => (await AquaVolt.items()).length === 0")
    page.reload()
    page.wait_for_selector("#main")
    (done,) = acknowledged(site.campus, alert)
    assert done.detail["said_at"].endswith("Z")
    assert done.actor == "demo"


def test_a_page_that_was_on_its_way_while_the_worker_began_is_the_workers(
    offline_tab: Callable[..., Page], site: Any
) -> None:
    page = offline_tab("en")
    other = page.context.new_page()
    begun = "async () => (await navigator.serviceWorker.getRegistration()).active.state === 'activated'"

    def let_the_worker_begin(route: Any) -> None:
        other.goto("/alerts")
        settles(other, begun)
        route.continue_()

    page.route("**/tasks", let_the_worker_begin, times=1)
    page.goto("/tasks")
    controlled(page)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_what_somebody_else_did_meanwhile_is_told(offline_tab: Callable[..., Page], site: Any, language: str) -> None:
    words, alert = WORDS[language], site.raise_leak()
    page = offline_tab(language)
    page.goto("/tasks")
    controlled(page)
    page.context.set_offline(True)
    card_of(page, alert).get_by_role("button", name=words["take"]).tap()  # the page itself is still open
    card_of(page, alert).get_by_text(words["kept"]).wait_for()
    site.campus.records.acknowledge(alert, Actor("wang"))
    page.context.set_offline(False)
    page.locator("#phone").get_by_text("wang").wait_for()
    assert words["quicker"] in page.locator("#phone").inner_text()
    assert [e.actor for e in acknowledged(site.campus, alert)] == ["wang"]
    page.locator("#phone").get_by_role("button", name=words["ok"]).tap()
    page.locator("#phone").wait_for(state="hidden")


def test_an_answer_that_was_lost_is_asked_for_again_and_nothing_is_done_twice(
    offline_tab: Callable[..., Page], site: Any
) -> None:
    alert = site.raise_leak()
    site.campus.records.acknowledge(alert, Actor("demo"))
    before = site.campus.records.get_alert(alert).comments
    page = offline_tab("en")
    page.goto("/tasks")
    controlled(page)

    def lose(route: Any) -> None:  # the server hears it, the phone does not hear the answer
        route.fetch()
        route.abort()

    page.route("**/api/v1/alerts/*/comments", lose)
    page.evaluate("id => AquaVolt.add(`/api/v1/alerts/${id}/comments`, { text: 'valve closed' }, 'a remark')", alert)
    assert page.evaluate("AquaVolt.send({ isFresh: true })")["stopped"] == "offline"
    assert site.campus.records.get_alert(alert).comments == before + 1
    page.unroute("**/api/v1/alerts/*/comments")
    assert page.evaluate("AquaVolt.send({ isFresh: true })")["sent"] == 1
    assert site.campus.records.get_alert(alert).comments == before + 1


def test_a_tick_has_its_key_and_time_in_itself_and_a_refused_one_is_told(
    offline_tab: Callable[..., Page], site: Any
) -> None:
    """As the patrol's operation takes them: each answered by itself."""
    page = offline_tab("en")
    page.goto("/tasks")
    controlled(page)
    heard: list[Any] = []

    def answer(route: Any) -> None:
        heard.append((route.request.headers["idempotency-key"], *route.request.post_data_json["ticks"]))
        result = "taken" if len(heard) == 1 else "refused"
        route.fulfill(json={"items": [{"id": "x", "result": result, "detail": "there is nothing to look at"}]})

    page.route("**/api/v1/patrol/ticks", answer)
    body, how = "{ item: 'meter:m', result: 'fine' }", "{ as: 'tick', about: 'm' }"
    tick = f"AquaVolt.add('/api/v1/patrol/ticks', {body}, 'Tap', {how})"
    for sent, refused in ((1, 0), (0, 1)):
        page.evaluate(tick)
        result = page.evaluate("AquaVolt.send({ isFresh: true })")
        assert (result["sent"], result["refused"]) == (sent, refused)
    for key, told in heard:
        assert told["id"] == key
        assert {"at", "item", "result", "id"} == set(told)
    page.reload()
    page.locator("#phone").get_by_text("there is nothing to look at").wait_for()


def test_a_server_that_is_really_stopped_and_comes_back(offline_tab: Callable[..., Page], site: Any) -> None:
    alert = site.raise_leak()
    site.campus.records.acknowledge(alert, Actor("demo"))
    with serving(site.campus.parts, 0) as port:
        page = offline_tab("en", f"http://127.0.0.1:{port}")
        page.goto("/tasks")
        controlled(page)
    page.goto("/tasks")
    page.get_by_role("heading", name="No connection").wait_for()
    card = card_of(page, alert)
    card.locator("summary").tap()
    card.get_by_text("Repaired", exact=True).tap()
    card.locator("textarea").fill("换了阀门")
    card.get_by_role("button", name="Record the outcome").tap()
    card.get_by_text("Kept on this phone").wait_for()
    assert site.campus.records.get_alert(alert).outcome is None
    with serving(site.campus.parts, port):
        assert until(lambda: site.campus.records.get_alert(alert).outcome) is Outcome.REPAIRED
        page.wait_for_selector("#main")
        told = [e for e in site.campus.records.audit_of(alert) if e.action == "resolved"]
        assert [e.text for e in told] == ["换了阀门"]
        page.goto("about:blank")


def sign_in(page: Page, name: str, password: str = OWN) -> None:
    page.goto("/sign-in")
    page.fill("#name", name)
    page.fill("#password", password)
    page.click("main button")
    page.wait_for_url(lambda url: "sign-in" not in url)


def first_sign_in(page: Page, site: Any, name: str) -> None:
    given = users_of(site.campus.records.database).accounts.add(name, Role.MAINTAINER, ["*"], Actor("system", "test"))
    sign_in(page, name, given)
    for field, value in {"#old": given, "#new": OWN, "#again": OWN}.items():
        page.fill(field, value)
    page.locator("form[action='/account/password'] button").click()
    page.wait_for_url("**/account?notice=password")


@pytest.fixture
def with_accounts(site: Any) -> Iterator[str]:
    """The same campus where nobody is let in without an account: no demo administrator takes over at a sign-out."""
    with serving(dataclasses.replace(site.campus.parts, access=Access()), 0) as port:
        yield f"http://127.0.0.1:{port}"


def test_signing_out_leaves_nothing_on_the_phone(
    offline_tab: Callable[..., Page], site: Any, with_accounts: str
) -> None:
    alert = site.raise_leak()
    page = offline_tab("en", with_accounts)
    first_sign_in(page, site, "phone-one")
    page.goto("/tasks")
    controlled(page)
    page.evaluate("AquaVolt.add('/api/v1/alerts/none/comments', { text: 'x' }, 'x').then(() => caches.keys())")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept()))
    page.locator("form[action='/sign-out'] button").click()
    page.wait_for_url("**/sign-in")
    assert ["Not sent yet: 1" in text for text in asked] == [True]
    settles(page, "() => self.AquaVolt !== undefined")
    left = "Promise.all([AquaVolt.kept(), AquaVolt.items(), AquaVolt.state()])"
    settles(page, "async () => (await AquaVolt.state()).language === 'en'")
    assert page.evaluate(left) == [[], [], {"language": "en"}]
    page.context.set_offline(True)
    page.goto("/tasks")
    page.get_by_text("This phone has kept nothing yet").wait_for()
    assert alert not in page.content()


def test_another_account_never_sees_what_the_first_one_kept(
    offline_tab: Callable[..., Page], site: Any, with_accounts: str
) -> None:
    alert = site.raise_leak()
    page = offline_tab("en", with_accounts)
    first_sign_in(page, site, "phone-two")
    page.goto("/tasks")
    controlled(page)
    page.evaluate("id => AquaVolt.add(`/api/v1/alerts/${id}/comments`, { text: 'mine' }, 'x')", alert)
    page.context.clear_cookies()  # the session is over without a sign-out
    page.goto("/sign-in")
    settles(page, "async () => (await AquaVolt.kept()).length === 0")
    assert page.evaluate("AquaVolt.items().then((items) => items.length)") == 1  # it waits for its owner
    first_sign_in(page, site, "phone-three")
    settles(page, "async () => (await AquaVolt.state()).owner === 'phone-three'")
    assert page.evaluate("AquaVolt.items()") == []
    assert "mine" not in [e.text for e in site.campus.records.audit_of(alert)]


def test_nobodys_pages_and_answers_are_in_the_workers_cache(offline_tab: Callable[..., Page], site: Any) -> None:
    page = offline_tab("en")
    page.goto("/tasks")
    controlled(page)
    page.goto("/alerts")
    page.goto("/tasks")
    addresses = page.evaluate(
        """async () => {
          const found = [];
          for (const name of await caches.keys()) {
            for (const request of await (await caches.open(name)).keys()) found.push(new URL(request.url).pathname);
          }
          return found;
        }"""
    )
    assert {"/offline/en", "/offline/zh-CN", "/static/offline.js"} <= set(addresses)
    assert all(a.startswith(("/static/", "/vendor/", "/offline/")) for a in addresses)


def test_it_can_be_installed_in_both_languages(offline_tab: Callable[..., Page], site: Any) -> None:
    for language, word in (("zh-CN", "我的任务"), ("en", "My tasks")):
        page = offline_tab(language)
        page.goto("/tasks")
        address = page.locator("link[rel=manifest]").get_attribute("href")
        manifest = page.evaluate("address => fetch(address).then((a) => a.json())", address)
        assert (manifest["lang"], manifest["shortcuts"][0]["name"]) == (language, word)
        assert "maskable" in {icon["purpose"] for icon in manifest["icons"]}
        for icon in manifest["icons"]:
            measure = "fetch(src).then((a) => a.blob()).then((b) => createImageBitmap(b))"
            size = page.evaluate(f"src => {measure}.then((i) => `${{i.width}}x${{i.height}}`)", icon["src"])
            assert size == icon["sizes"]
        session = page.context.new_cdp_session(page)
        errors = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
        assert {e["errorId"] for e in errors} == {"in-incognito"}  # every tab of a test is


def test_a_new_version_is_taken_at_the_next_start(
    offline_tab: Callable[..., Page], site: Any, monkeypatch: Any
) -> None:
    with serving(site.campus.parts, 0) as port:
        page = offline_tab("en", f"http://127.0.0.1:{port}")
        page.goto("/tasks")
        controlled(page)
        context, old = page.context, page.evaluate("caches.keys()")
    monkeypatch.setattr("api.web.rendering._version_of_files", lambda: "another-version")
    with serving(site.campus.parts, port):
        page.goto("/tasks")
        settles(
            page,
            """async () => {
              const registration = await navigator.serviceWorker.getRegistration();
              await registration.update();
              return registration.waiting !== null;
            }""",
        )
        assert set(old) < set(page.evaluate("caches.keys()"))  # the one in use stays
        page.close()

        def starts_anew() -> bool:  # the browser lets the old worker go some time after its last page is closed
            started = context.new_page()
            started.goto("/tasks")
            keys = started.evaluate("caches.keys()")
            started.close()
            return bool(keys == ["aquavolt-another-version"])

        assert until(starts_anew)
