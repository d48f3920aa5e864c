"""What joins the pages of orders: a due time, the alert that the meters raise later, one's tasks, the scorecard."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from signed_in import person

from alerts.orders.hand import Person
from alerts.orders.making import NewOrder
from alerts.orders.values import OrderAction
from alerts.users.roles import Role
from alerts.values import Actor

PAGE = {"Accept": "text/html", "Accept-Language": "en"}
PERIOD = "start=2026-06-01&end=2027-01-01"  # the clock stands: what is done now is before no other moment


@pytest.fixture
def orders(guarded):
    return guarded.app.state.orders


@pytest.fixture
def office(guarded):
    return person(guarded, "office", Role.ENERGY_MANAGER)


@pytest.fixture
def builder(guarded):
    return person(guarded, "builder", Role.CONTRACTOR)


def of_report(orders, office, **fields) -> str:
    """The page of a new order that the office made of a report."""
    report = orders.report("dorm-1", "水一直流", "3层水房", "zh-CN")
    answer = office.post("/orders", report=str(report.id), **fields)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def order_of(orders, page):
    return orders.get(int(page.rpartition("/")[2]))


def test_the_office_says_until_when_on_the_sites_clock(guarded, orders, office):
    page = of_report(orders, office, due="2026-12-01T18:30")
    due = order_of(orders, page).due_at
    assert due.astimezone(guarded.parts.site().zone).isoformat() == "2026-12-01T18:30:00+08:00"
    office.post(f"{page}/due", due="2026-12-02T09:00", version="1")
    moved = order_of(orders, page)
    assert moved.due_at - due == timedelta(hours=14.5)
    assert "set another due time" in office.client.get(page, headers=PAGE).text
    assert office.post(f"{page}/due", due="soon", version="2").status_code == 422
    late = office.post(f"{page}/due", due="2026-12-03T09:00", version="1")
    assert late.headers["Location"].endswith("notice=conflict")
    assert order_of(orders, of_report(orders, office)).due_at is not None, "else by the policy"


def test_the_alert_that_comes_later_is_joined_from_either_page(guarded, orders, office):
    page = of_report(orders, office)
    assert f'action="{page}/alert"' in office.page("/alerts/leak").text
    shown = office.client.get(page, headers=PAGE).text
    assert "The meters see this too" in shown
    chosen = re.search(r'<option value="leak"', shown)
    assert chosen
    office.post(f"{page}/alert", alert="leak", version="1")
    order = order_of(orders, page)
    assert order.alert_id == "leak"
    after = office.client.get(page, headers=PAGE).text
    assert "found it to be what the meters see" in after
    assert "The meters see this too" not in after
    assert "/alert" not in re.findall(r'action="(/orders/[^"]*)"', office.page("/alerts/leak").text)
    other = of_report(orders, office)
    again = office.post(f"{other}/alert", alert="leak", version="1")
    assert again.headers["Location"].endswith("notice=exists")
    assert office.post(f"{other}/alert", alert="none").status_code == 404


def test_ones_orders_stand_among_the_tasks_and_their_alerts_not_beside_them(guarded, orders, office, builder):
    office.post("/orders", alert="leak", assignee="builder")
    page = of_report(orders, office, assignee="builder")
    tasks = builder.client.get("/tasks", headers=PAGE).text
    assert re.findall(r'data-order="(\d+)"', tasks) == ["1", "2"]
    assert 'data-alert="leak"' not in tasks, "it is the order's"
    assert "水一直流" in tasks
    assert f'data-queue="/api/v1{page}/start"' in tasks
    csrf = {"X-CSRF-Token": builder.csrf()}
    for step, body in (("start", {"version": 1}), ("done", {"version": 2, "outcome": "repaired", "note": "换了阀门"})):
        said = body | {"said_at": guarded.parts.now().isoformat()}
        answer = builder.client.post(f"/api/v1{page}/{step}", json=said, headers=csrf)
        assert answer.status_code == 200, answer.text
    assert re.findall(r'data-order="(\d+)"', builder.client.get("/tasks", headers=PAGE).text) == ["1"]
    assert OrderAction.DONE in [e.action for e in orders.events_of(2)]
    assert "data-order" not in office.client.get("/tasks", headers=PAGE).text


def test_the_scorecard_names_its_orders(guarded, orders, office, builder):
    page = of_report(orders, office, assignee="builder")
    order = order_of(orders, page)
    builder.post(f"{page}/start", version="1")
    data = {"csrf": builder.csrf(), "outcome": "repaired", "version": "2"}
    builder.client.post(f"{page}/done", data=data, files=[("photo", ("", b"", "application/octet-stream"))])
    office.post(f"{page}/verify", version="3")
    office.post(f"{page}/close", version="4", rating="4", note="来得很快")
    for reader in (builder, office):
        card = reader.client.get(f"/statistics/contractors?{PERIOD}", headers=PAGE).text
        row = card[card.index(f'data-order="{order.id}"') :]
        assert "4 of 5" in row
        assert "来得很快" in row
    usual = office.client.get("/statistics/contractors", headers=PAGE).text
    tomorrow = (guarded.parts.now().astimezone(guarded.parts.site().zone) + timedelta(days=1)).date()
    assert f'name="end" value="{tomorrow}"' in usual, "shown once more it has what is given today"
    another = person(guarded, "another", Role.CONTRACTOR)
    assert "data-order" not in another.client.get(f"/statistics/contractors?{PERIOD}", headers=PAGE).text


def test_an_order_of_somebody_else_is_no_task(orders, office, builder):
    orders.open(Person(Actor("office"), manages=True), NewOrder(node="dorm-1", assignee="somebody"))
    assert "data-order" not in builder.client.get("/tasks", headers=PAGE).text
