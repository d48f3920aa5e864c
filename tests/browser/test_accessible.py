"""Every page, desk and phone, both languages, light and dark: axe-core finds nothing serious, all text is seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from looking import DESKTOP, PHONE, faults, grave

from alerts.drills.book import DrillBook
from alerts.drills.keeping import DrillKeeper
from alerts.drills.values import DrillPlan, Ending
from alerts.duty.roster import Absence, Duty, Shift
from alerts.duty_desk.entries import EntryKind
from alerts.orders.hand import Person
from alerts.orders.making import NewOrder
from alerts.orders.orders import Orders
from alerts.orders.pictures import take_picture
from alerts.orders.status_links import StatusLinks
from alerts.routing.routes import Address, Contact, Match, Route, Silence
from alerts.users.roles import Role
from alerts.users.users import users_of
from alerts.values import Actor
from api.web.pages import ROUTERS
from metering.batch import to_ms
from metering.drill_kinds import DrillKind
from metering.incident import Category, ChangeKind, Incident, IncidentChange, Severity

SIZES = [pytest.param(DESKTOP, id="desk"), pytest.param(PHONE, id="phone")]
PAGES = [
    "/alerts", "/alerts?state=cleared", "/alerts?q=nothing-like-it", "/alerts/{alert}", "/tasks", "/site",
    "/site/dorm-2", "/meters/w-dorm-2", "/collector", "/commissioning", "/users", "/users/audit", "/sign-in",
    "/duty", "/duty/duties/m", "/duty/routes?dry=1&node=dorm-2", "/duty/routes/r", "/duty/silences", "/notifications",
    "/planned", "/planned?view=week", "/head-counts", "/drills", "/drills/{drill}", "/repair-platform",
    "/orders", "/orders?view=done", "/orders/{order}", "/reports", "/patrol", "/report?node=dorm-2", "/report/{status}",
    "/reports/poster", "/reports/poster?node=dorm-2", "/statistics", "/statistics/contractors", "/offline/en",
    "/no-such-page", "/docs", "{link}",
]  # fmt: skip


def drawn(page: Any) -> None:
    for box in page.locator(".av-chart").all():
        page.wait_for_function("box => box.dataset.drawn === 'yes'", arg=box.element_handle())


@pytest.fixture(scope="module")
def alert(site: Any) -> Iterator[str]:
    """One that somebody spoke of, after another there; and as long a roster with a hole, a route and a silence."""
    site.raise_leak()
    site.campus.clear_leaks()
    raised = site.raise_leak()
    site.campus.records.comment(raised, Actor("wang"), "到场")
    desk, now = site.campus.parts.duty_desk, site.campus.parts.now()
    hours = {"start": now - timedelta(hours=1), "end": now + timedelta(hours=1)}
    entries = (
        (EntryKind.DUTY, "m", Duty(role="maintainer", fallback="boss", shifts=(Shift(people=("li",)),))),
        (EntryKind.ABSENCE, "a", Absence(person="li", **hours)),
        (EntryKind.CONTACT, "boss", Contact(addresses=(Address(channel="webhook"),))),
        (EntryKind.ROUTE, "r", Route(targets=("role:maintainer",))),
        (EntryKind.SILENCE, "s", Silence(match=Match(nodes=("dorm-3",)), reason="valve", **hours)),
    )
    for kind, entry_id, content in entries:
        desk.entries.put(kind, entry_id, content, Actor("chief"))
    yield str(raised)
    for kind, entry_id, _content in entries:
        desk.entries.remove(kind, entry_id, Actor("chief"))


@pytest.fixture(scope="module")
def link(site: Any, link_of: Callable[..., str]) -> str:
    """A message's link to two alerts: one to take, one that somebody has."""
    waiting, taken = site.raise_leak(), site.raise_leak()
    path = link_of("axe", waiting, taken)
    site.campus.records.acknowledge(taken, Actor("wang"))
    return path


@pytest.fixture(scope="module")
def drill(site: Any) -> Iterator[str]:
    """One that nobody runs; with an alert, so that the report has its tables and the desk its strip."""
    database, now = site.campus.records.database, site.campus.parts.now()
    plan = DrillPlan(kind=DrillKind.BURST, node="dorm-2", meter="", medium="", size=8.0)
    asked = DrillBook(database).ask(plan, site.campus.parts.site(), Actor("chief")).id
    keeper, of = DrillKeeper(database), incident_at(now, f"{asked}-x")
    keeper.start(asked, 0, 7)
    keeper.apply(asked, [IncidentChange(ChangeKind.RAISED, of, of.detected_at)], "1")
    yield asked
    keeper.end(asked, Ending.STOPPED)


def incident_at(now: datetime, name: str) -> Incident:
    return Incident(
        id=name, rule="burst_flow", category=Category.LEAK, medium="water", subject="w-dorm-2", node="dorm-2",
        severity=Severity.CRITICAL, detected_at=to_ms(now), onset_at=to_ms(now), closed_at=None, observed=9.0,
        expected=1.0, unit="m3/h", loss_rate=8.0, loss_total=4.0, evidence={},
    )  # fmt: skip


@pytest.fixture(scope="module")
def order(site: Any, alert: str) -> dict[str, str]:
    """An order that is worked on, with a photo and a report; another report that waits; and the link of the first."""
    parts = site.campus.parts
    orders, office = Orders(parts.records.database, parts.site, clock=parts.now), Person(Actor("demo"), manages=True)
    picture = take_picture(Path(__file__).parents[2].joinpath("docs", "screens", "alerts-desk-zh.png").read_bytes())
    told = orders.report("dorm-2", "水一直流", "3层水房", "zh-CN", [picture])
    orders.report("dorm-3", "滴水", "", "zh-CN", [picture])
    made = orders.open(office, NewOrder(alert_id=alert, report_id=told.id, assignee="demo"))
    orders.check(made.id, office, 0)
    orders.add_photo(made.id, office, picture)
    status = StatusLinks(parts.records.database, parts.now).token_of(told.id)
    return {"order": str(made.id), "status": status}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("language", "scheme"), [("zh-CN", "light"), ("en", "dark")])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_no_serious_fault(
    open_tab: Callable[..., Any], alert: str, link: str, drill: str, order: dict[str, str], path: str, language: str,
    scheme: str, size: dict[str, Any],
) -> None:  # fmt: skip
    tab = open_tab(language, size, color_scheme=scheme)
    tab.page.goto(path.format(alert=alert, link=link, drill=drill, **order))
    drawn(tab.page)
    if path == "/docs":
        tab.page.locator(".opblock").first.wait_for()
        assert grave(tab.page) == []  # how it is laid out is not ours
    else:
        assert faults(tab.page) == []
    if path == "/no-such-page":
        tab.complaints.clear()  # the browser says that it is not there


# Not pages: files, parts of a page, ways to another one; those of an account are looked at below.
NO_PAGES = {
    "/openapi.json", "/favicon.ico", "/language/{language}", "/", "/site/{node_id}/children", "/account",
    "/users/{name}", "/sign-in/with/{provider}", "/sign-in/with/{provider}/back", "/manifest.webmanifest", "/sw.js",
}  # fmt: skip


def test_no_page_is_left_out() -> None:
    """Every route of a page is looked at; a new one goes into the list."""
    looked_at = {path.partition("?")[0].replace("{link}", "/go/link") for path in PAGES}
    routes = [r for router in ROUTERS for r in router.routes if "GET" in r.methods and r.path not in NO_PAGES]
    assert len(routes) > 30
    assert [r.path for r in routes if not any(r.path_regex.match(path) for path in looked_at)] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_opens_on_the_desk_has_none_either(open_tab: Callable[..., Any], alert: str, scheme: str) -> None:
    page = open_tab("en", DESKTOP, color_scheme=scheme).page
    page.goto("/alerts")
    page.locator(f"[data-alert='{alert}'] input[name=alert]").check()
    page.locator(".av-menu summary").click()
    assert grave(page) == []
    page.keyboard.press("Escape")
    page.locator("[data-dialog=keys]").click()
    page.get_by_role("heading", name="Keys").wait_for()
    assert grave(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_opens_on_the_phone_has_none_either(
    open_tab: Callable[..., Any], site: Any, alert: str, scheme: str
) -> None:
    site.campus.records.acknowledge(site.raise_leak(), Actor("demo"))
    page = open_tab("en", PHONE, color_scheme=scheme).page
    page.goto("/tasks")
    page.locator("details[data-hold] summary").first.click()
    page.locator(".av-menu summary").click()
    assert grave(page) == []


@pytest.mark.parametrize("size", SIZES)
def test_the_pages_of_an_account_have_none(open_tab: Callable[..., Any], site: Any, size: dict[str, Any]) -> None:
    users, name = users_of(site.campus.records.database), f"axe-{size['viewport']['width']}"
    given = users.accounts.add(name, Role.ADMIN, ["*"], Actor("system", "test"))
    page = open_tab("en", size).page
    page.goto("/sign-in")
    page.fill("#name", name)
    page.fill("#password", given)
    page.click("main button")
    page.wait_for_url("**/account")
    assert grave(page) == []
    for field, value in {"#old": given, "#new": "quiet-river-4711", "#again": "quiet-river-4711"}.items():
        page.fill(field, value)
    page.locator("form[action='/account/password'] button").click()
    page.wait_for_url("**/account?notice=password")
    assert grave(page) == []
    page.goto(f"/users/{name}")
    assert grave(page) == []
