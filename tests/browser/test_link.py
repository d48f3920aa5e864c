"""The signed link of a message, followed on a phone by somebody who is not signed in, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from alerts.duty_desk.book_source import BookSource
from alerts.duty_desk.entries import EntryKind
from alerts.notices import look_at
from alerts.notify.dispatch import Dispatcher
from alerts.routing.routes import Contact, Route
from alerts.values import Actor
from aquavolt.telling import surroundings_of

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
ADMIN = Actor("admin", "test")


@pytest.fixture
def link_of(site: Any) -> Callable[..., str]:
    """The path of the link that `person` gets in one message about these alerts."""
    parts, records = site.campus.parts, site.campus.records

    def send(person: str, *alerts: str) -> str:
        contact = Contact.model_validate({"addresses": [{"channel": "webhook"}]})
        parts.duty_desk.entries.put(EntryKind.CONTACT, person, contact, ADMIN)
        route = Route(targets=(f"person:{person}",), group_by=(), group_wait_s=0, group_interval_s=1)
        parts.duty_desk.entries.put(EntryKind.ROUTE, f"to-{person}", route.model_copy(update={"position": 1}), ADMIN)
        with records.database.writing() as session:
            for alert in alerts:
                look_at(session, alert, 0)
        books = BookSource(surroundings_of(parts.site, ("webhook",)))
        Dispatcher(records.database, books, parts.now).turn()
        parts.duty_desk.entries.remove(EntryKind.ROUTE, f"to-{person}", ADMIN)
        (sent,) = [d for d in records.deliveries_of(alerts[0]) if d.receiver == f"person:{person}"]
        return "/go/" + parts.duty_desk.links.link_of(sent).url.rpartition("/")[2]

    return send


def tap(page: Any, button: str) -> None:
    """And wait for the page that comes after it."""
    with page.expect_navigation():
        page.get_by_role("button", name=button).tap()


@pytest.mark.parametrize(
    ("language", "take", "taken"),
    [("zh-CN", "确认：我来处理", "已确认"), ("en", "Acknowledge: I take care of it", "Acknowledged")],
)
def test_one_tap_takes_the_alert_and_nobody_signs_in(open_tab, site, link_of, language, take, taken):
    leak = site.raise_leak()
    link = link_of(f"li-{language.lower()}", leak)
    page = open_tab(language, PHONE).page
    assert page.goto(link).status == 200
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert not site.campus.records.get_alert(leak).acknowledged
    tap(page, take)
    assert taken in page.locator("article").inner_text()
    assert page.get_by_role("button", name=take).count() == 0
    assert site.campus.records.get_alert(leak).acknowledged_by == f"li-{language.lower()}"


def test_a_message_about_several_has_a_button_for_all(open_tab, site, link_of):
    first, second = site.raise_leak(), site.raise_leak()
    page = open_tab("en", PHONE).page
    page.goto(link_of("wang", first, second))
    tap(page, "Take all 2 alerts")
    assert [site.campus.records.get_alert(a).acknowledged_by for a in (first, second)] == ["wang", "wang"]


def test_a_link_that_was_changed_says_so_and_offers_to_sign_in(open_tab, site, link_of):
    link = link_of("zhou", site.raise_leak())
    tab = open_tab("en", PHONE)
    assert tab.page.goto(f"{link[:-4]}AAAA").status == 404
    assert "made here" in tab.page.locator("main").inner_text()
    tab.complaints.clear()  # the browser tells of the 404
