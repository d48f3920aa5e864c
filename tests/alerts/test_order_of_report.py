"""An order that began with a person's report, and the alert of the same water that the meters raise later."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from alerts.errors import RefusedError, UnknownAlertError
from alerts.orders.errors import OrderConflictError, OrderStateError
from alerts.orders.hand import Person
from alerts.orders.making import NewOrder
from alerts.orders.orders import Orders
from alerts.orders.states import OrderState
from alerts.orders.values import OrderAction
from alerts.values import Actor, Outcome
from metering.incident import Severity
from metering.site_document import parse_site

OFFICE = Person(Actor("office", "127.0.0.1"), manages=True)
LI = Person(Actor("li"))
SITE = parse_site(
    {
        "site": {"id": "s", "name": "校区", "timezone": "Asia/Shanghai"},
        "nodes": [{"id": "dorm-2", "kind": "building", "name": "梅园2号楼", "use": "dormitory"}],
        "meters": [],
    }
)


@pytest.fixture
def orders(records: Any, clock: Any) -> Orders:
    return Orders(records.database, lambda: SITE, clock=clock)


@pytest.fixture
def order(orders: Orders) -> int:
    """Of a report, given to li."""
    report = orders.report("dorm-2", "水一直流", "3层水房", "zh-CN")
    return orders.open(OFFICE, NewOrder(report_id=report.id, assignee="li")).id


@pytest.fixture
def leak(records: Any, rules: Any) -> str:
    records.apply([rules.raised(severity=Severity.CRITICAL)], 1)
    return "leak-1"


def test_it_becomes_the_alerts_and_ends_when_the_meters_agree(orders, order, leak, records, rules):
    before = orders.get(order)
    joined = orders.attach_alert(order, OFFICE, leak, expected_version=before.version)
    assert (joined.alert_id, joined.state, joined.due_at) == (leak, OrderState.ASSIGNED, before.due_at)
    assert joined.severity is Severity.CRITICAL, "as urgent as the worse of both"
    alert = records.get_alert(leak)
    assert (alert.acknowledged_by, alert.assigned_to) == ("office", "li")
    written = orders.events_of(order)[-1]
    assert (written.action, written.detail["changed"]) == (OrderAction.CHANGED, {"alert_id": leak})
    assert orders.attach_alert(order, OFFICE, leak).version == joined.version, "pressed twice it is done once"
    orders.start(order, LI)
    orders.finish(order, LI, Outcome.REPAIRED)
    with pytest.raises(OrderStateError, match="meters have not agreed"):
        orders.verify(order, OFFICE)
    records.apply([rules.cleared(severity=Severity.CRITICAL)], 2)
    assert orders.get(order).verified_by == "meters"


@pytest.mark.parametrize("is_cleared", [False, True])
def test_of_what_is_done_already_the_meters_are_asked_from_then_on(orders, order, leak, records, rules, is_cleared):
    orders.finish(order, LI, Outcome.REPAIRED)
    if is_cleared:
        records.apply([rules.cleared()], 2)
    joined = orders.attach_alert(order, OFFICE, leak)
    assert joined.state is (OrderState.VERIFIED if is_cleared else OrderState.DONE)
    assert records.get_alert(leak).outcome is Outcome.REPAIRED


def test_what_cannot_be_joined_says_why(orders, order, leak, records, rules):
    with pytest.raises(UnknownAlertError):
        orders.attach_alert(order, OFFICE, "none")
    with pytest.raises(OrderConflictError):
        orders.attach_alert(order, OFFICE, leak, expected_version=77)
    other = orders.open(OFFICE, NewOrder(alert_id=leak)).id
    with pytest.raises(OrderStateError, match="order of this alert already") as caught:
        orders.attach_alert(order, OFFICE, leak)
    assert caught.value.code == "exists"
    assert orders.get(order).alert_id is None
    records.apply([rules.raised("leak-2", node="dorm-3")], 2)
    with pytest.raises(OrderStateError, match="takes no alert"):
        orders.attach_alert(other, OFFICE, "leak-2")
    orders.finish(order, LI, Outcome.REPAIRED)
    orders.verify(order, OFFICE)
    with pytest.raises(OrderStateError, match="takes no alert"):
        orders.attach_alert(order, OFFICE, "leak-2")
    assert not records.get_alert("leak-2").acknowledged, "what is refused leaves the alert alone"


def test_when_a_phone_says_it_was_done_stands_in_both_histories(orders, order, leak, records, clock):
    orders.attach_alert(order, OFFICE, leak)
    pressed = clock()
    clock.forward(1800)
    orders.start(order, LI, said_at=pressed)
    assert orders.get(order).started_at == clock(), "what counts is when it was heard"
    orders.finish(order, LI, Outcome.REPAIRED, said_at=pressed + timedelta(minutes=10))
    said = {e.action: e.detail.get("said_at") for e in orders.events_of(order)}
    assert said[OrderAction.STARTED] == "2026-11-20T08:00:00.000Z"
    assert said[OrderAction.DONE] == "2026-11-20T08:10:00.000Z"
    assert said[OrderAction.CREATED] is None
    (resolved,) = [e for e in records.audit_of(leak) if e.action == "resolved"]
    assert resolved.detail["said_at"] == "2026-11-20T08:10:00.000Z"
    with pytest.raises(RefusedError, match="30 days"):
        orders.start(order, LI, said_at=pressed - timedelta(days=31))
