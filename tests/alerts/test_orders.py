"""Work orders: from the alert or report to the meters' word and the office's rating."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from alerts.desk_policy import DEFAULT, RepairTimes
from alerts.errors import RefusedError, UnknownAlertError
from alerts.once import AnsweredError, Once
from alerts.orders.errors import OrderConflictError, OrderStateError, UnknownOrderError
from alerts.orders.hand import Person
from alerts.orders.making import NewOrder
from alerts.orders.orders import Orders
from alerts.orders.states import OrderState
from alerts.orders.values import OrderAction, OrderFilter, ReportState
from alerts.users.roles import WHOLE_SITE, Role
from alerts.users.users import users_of
from alerts.users.values import AccountState
from alerts.values import Actor, Outcome
from metering.incident import ChangeKind, Severity
from metering.site_document import parse_site

OFFICE = Person(Actor("office", "127.0.0.1"), manages=True)
LI, WANG = Person(Actor("li")), Person(Actor("wang"))
SITE = parse_site(
    {
        "site": {"id": "s", "name": "校区", "timezone": "Asia/Shanghai"},
        "nodes": [{"id": "dorm-2", "kind": "building", "name": "梅园2号楼", "use": "dormitory"}],
        "meters": [{"id": "W-D2-MAIN", "medium": "water", "node": "dorm-2", "poll_s": 900}],
    }
)


@pytest.fixture
def orders(records: Any, clock: Any) -> Orders:
    return Orders(records.database, lambda: SITE, clock=clock)


@pytest.fixture
def leak(records: Any, rules: Any) -> str:
    records.apply([rules.raised()], 1)
    return "leak-1"


def opened(orders: Orders, leak: str, **more: Any) -> int:
    return orders.open(OFFICE, NewOrder(alert_id=leak, **more)).id


def actions(orders: Orders, order_id: int) -> list[OrderAction]:
    return [event.action for event in orders.events_of(order_id)]


def test_from_the_alert_to_the_rating(orders, records, rules, clock, leak):
    made = orders.open(OFFICE, NewOrder(alert_id=leak, assignee="li"))
    assert (made.state, made.node, made.owner, made.assignee) == (OrderState.ASSIGNED, "dorm-2", "office", "li")
    assert made.due_at == clock() + timedelta(hours=72)  # of a warning
    assert [set(line.texts) for line in made.checklist] == [{"zh-CN", "en"}] * len(made.checklist)
    assert made.checklist
    alert = records.get_alert(leak)
    assert (alert.acknowledged_by, alert.assigned_to) == ("office", "li")
    assert orders.start(made.id, LI).state is OrderState.IN_WORK
    assert orders.check(made.id, LI, 0).checklist[0].done_by == "li"
    done = orders.finish(made.id, LI, Outcome.REPAIRED, words="换了球阀")
    assert done.state is OrderState.DONE
    assert records.get_alert(leak).outcome is Outcome.REPAIRED
    with pytest.raises(OrderStateError, match="meters have not agreed") as caught:
        orders.close(made.id, OFFICE, 5)
    assert caught.value.code == "meters_disagree"
    with pytest.raises(OrderStateError, match="meters have not agreed"):
        orders.verify(made.id, OFFICE)
    records.apply([rules.cleared()], 2)
    agreed = orders.get(made.id)
    assert (agreed.state, agreed.verified_by) == (OrderState.VERIFIED, "meters")
    closed = orders.close(made.id, OFFICE, 4, words="来得很快")
    assert (closed.state, closed.rating, closed.rating_words) == (OrderState.CLOSED, 4, "来得很快")
    assert actions(orders, made.id) == [
        OrderAction.CREATED, OrderAction.STARTED, OrderAction.CHECKED, OrderAction.DONE, OrderAction.VERIFIED,
        OrderAction.CLOSED,
    ]  # fmt: skip


def test_what_the_repair_cost_is_kept_and_bills_may_come_late(orders, records, rules, leak):
    order = opened(orders, leak, assignee="li")
    assert orders.finish(order, LI, Outcome.REPAIRED, cost=380.1).cost == 380.1
    records.apply([rules.cleared()], 2)
    assert orders.close(order, OFFICE, 4).cost == 380.1
    assert orders.change(order, OFFICE, cost=412.5).cost == 412.5
    assert orders.events_of(order)[-1].detail["was"] == {"cost_cents": 38010}
    with pytest.raises(OrderStateError, match="closed order is not changed"):
        orders.change(order, OFFICE, cost=1, title="another")
    for impossible in (-0.01, float("nan"), 1e12):
        with pytest.raises(RefusedError, match="repair cost"):
            orders.change(order, OFFICE, cost=impossible)
    assert orders.get(order).cost == 412.5


def test_where_the_meters_agree_already_it_is_verified_at_once(orders, records, rules, leak):
    order = opened(orders, leak, assignee="li")
    records.apply([rules.cleared()], 2)
    assert orders.get(order).state is OrderState.ASSIGNED
    assert orders.finish(order, LI, Outcome.REPAIRED).state is OrderState.VERIFIED


def test_the_meters_disagree_when_the_alert_stays(orders, records, clock, leak):
    order = opened(orders, leak, assignee="li")
    orders.finish(order, LI, Outcome.REPAIRED)
    clock.forward(DEFAULT.repair_h.agree * 3600 - 1)
    records.look_after()
    assert orders.get(order).state is OrderState.DONE
    clock.forward(1)
    records.look_after()
    again = orders.get(order)
    assert (again.state, again.reopened, again.assignee, again.outcome) == (OrderState.REOPENED, 1, "li", None)
    assert orders.events_of(order)[-1].detail["reason"] == "still_there"
    assert records.get_alert(leak).outcome is None
    records.look_after()
    assert orders.get(order).reopened == 1


@pytest.mark.parametrize("is_closed", [False, True])
def test_the_meters_disagree_when_the_alert_comes_back(orders, records, rules, leak, is_closed):
    order = opened(orders, leak, assignee="li")
    orders.finish(order, LI, Outcome.REPAIRED)
    records.apply([rules.cleared()], 2)
    if is_closed:
        orders.close(order, OFFICE, 5)
    records.apply([rules.change(ChangeKind.RAISED, "leak-2", hours=9)], 3)
    again = orders.get(order)
    assert (again.state, again.rating) == (OrderState.REOPENED, None)
    assert orders.events_of(order)[-1].detail["reason"] == "came_back"


def test_only_the_latest_order_of_an_alert_is_opened_again(orders, records, rules, leak):
    first = opened(orders, leak, assignee="li")
    orders.finish(first, LI, Outcome.REPAIRED)
    records.apply([rules.cleared()], 2)
    orders.close(first, OFFICE, 5)
    second = opened(orders, leak)
    records.apply([rules.change(ChangeKind.RAISED, "leak-2", hours=9)], 3)
    assert [orders.get(o).state for o in (first, second)] == [OrderState.CLOSED, OrderState.OPEN]


def test_one_unfinished_order_an_alert(orders, leak):
    first = opened(orders, leak)
    with pytest.raises(OrderStateError, match=f"already: {first}") as caught:
        opened(orders, leak)
    assert caught.value.code == "exists"


def test_two_people_close_the_same_order(orders, records, rules, leak):
    order = opened(orders, leak, assignee="li")
    orders.finish(order, LI, Outcome.REPAIRED)
    records.apply([rules.cleared()], 2)
    seen = orders.get(order).version
    chief = Person(Actor("chief"), manages=True)
    orders.close(order, OFFICE, 4, expected_version=seen)
    with pytest.raises(OrderConflictError, match="office closed it in between") as caught:
        orders.close(order, chief, 2, expected_version=seen)
    assert caught.value.version == seen + 1
    with pytest.raises(OrderStateError, match="office closed it"):
        orders.close(order, chief, 2)
    assert orders.close(order, OFFICE, 4, expected_version=seen).rating == 4  # pressed twice
    assert actions(orders, order).count(OrderAction.CLOSED) == 1


def test_an_answer_that_was_lost_comes_again(orders, leak):
    once = Once("office", "key", "request", lambda order: str(order.id).encode())
    made = orders.open(OFFICE, NewOrder(alert_id=leak), once=once)
    with pytest.raises(AnsweredError) as caught:
        orders.open(OFFICE, NewOrder(alert_id=leak), once=once)
    assert caught.value.answer == str(made.id).encode()
    assert len(orders.find().items) == 1


def test_somebody_elses_order_is_not_worked_on(orders, leak):
    order = opened(orders, leak, assignee="li")
    for act in (lambda: orders.start(order, WANG), lambda: orders.finish(order, WANG, Outcome.FALSE)):
        with pytest.raises(OrderStateError, match="li's") as caught:
            act()
        assert caught.value.code == "not_yours"
    assert orders.finish(order, OFFICE, Outcome.FALSE).done_by == "office"


def test_what_is_not_seen_is_not_there(orders, leak):
    order = opened(orders, leak, assignee="li")
    blind = Person(Actor("wang"), sees=lambda o: o.assignee == "wang")
    with pytest.raises(UnknownOrderError):
        orders.start(order, blind)
    for number in (0, -1, 99, 10**18):
        with pytest.raises(UnknownOrderError):
            orders.get(number)
        with pytest.raises(UnknownOrderError):
            orders.note(number, OFFICE, "x")


def test_from_a_report_the_office_says_whether_it_holds(orders):
    report = orders.report("dorm-2", "水一直流", "3层水房", "zh-CN")
    made = orders.open(OFFICE, NewOrder(report_id=report.id, assignee="li"))
    assert (made.node, made.words, made.alert_id) == ("dorm-2", "水一直流", None)
    known = orders.get_report(report.id)
    assert (known.state, known.order_id) == (ReportState.ORDERED, made.id)
    with pytest.raises(OrderStateError, match="office has seen to the report"):
        orders.open(OFFICE, NewOrder(report_id=report.id))
    orders.finish(made.id, LI, Outcome.REPAIRED)
    assert orders.verify(made.id, OFFICE).state is OrderState.VERIFIED
    assert orders.close(made.id, OFFICE, 5).state is OrderState.CLOSED


def test_a_report_is_joined_or_dismissed_with_an_answer(orders, leak):
    order = opened(orders, leak)
    one, other = (orders.report("dorm-2", f"words {i}", "", "en") for i in range(2))
    orders.join_report(one.id, order, OFFICE)
    assert [r.id for r in orders.reports_of(order)] == [one.id]
    with pytest.raises(RefusedError, match="why"):
        orders.dismiss_report(other.id, OFFICE.actor, " ")
    assert orders.dismiss_report(other.id, OFFICE.actor, "It was the fountain.").answer == "It was the fountain."
    assert orders.reports([ReportState.NEW]) == ()


def test_a_person_opens_it_again_with_a_reason(orders, records, rules, leak):
    order = opened(orders, leak, assignee="li")
    orders.finish(order, LI, Outcome.REPAIRED)
    with pytest.raises(RefusedError, match="why"):
        orders.reopen(order, OFFICE, words="")
    assert orders.reopen(order, OFFICE, words="还在滴").state is OrderState.REOPENED
    assert records.get_alert(leak).outcome is None
    assert orders.start(order, LI).state is OrderState.IN_WORK


def test_the_history_is_only_ever_added_to(orders, records, leak):
    order = opened(orders, leak)
    orders.note(order, OFFICE, "a note")
    for words in ("DELETE FROM work_order_events", "UPDATE work_order_events SET text = ''"):
        with pytest.raises(DatabaseError, match="only ever added to"), records.database.writing() as session:
            session.execute(text(words))
    numbers = [event.id for event in orders.events_after(0)]
    assert numbers == sorted(numbers)
    assert orders.events_after(numbers[0])[0].text == "a note"


def test_times_are_of_the_desks_policy(orders, records, rules, clock):
    times = RepairTimes(critical=2, burst=1)
    records.put_policy(DEFAULT.model_copy(update={"repair_h": times}), OFFICE.actor, 0)
    raised = [rules.raised("a", severity=Severity.CRITICAL), rules.raised("b", node="dorm-1", loss_rate=9.0)]
    records.apply(raised, 1)
    hours = [(orders.get(opened(orders, name)).due_at - clock()) / timedelta(hours=1) for name in ("a", "b")]
    assert hours == [2, 1]


def test_lists_and_counts(orders, records, rules, clock):
    records.apply([rules.raised("a"), rules.raised("b", node="dorm-1")], 1)
    first, second = opened(orders, "a", assignee="li"), opened(orders, "b")
    assert [o.id for o in orders.find().items] == [second, first]
    page = orders.find(limit=1)
    assert [o.id for o in orders.find(cursor=page.next_cursor).items] == [first]
    assert [o.id for o in orders.find(OrderFilter(assignee="li")).items] == [first]
    assert [o.id for o in orders.find(OrderFilter(assignee="")).items] == [second]
    assert [o.id for o in orders.find(OrderFilter(nodes=("dorm-1",))).items] == [second]
    assert orders.find(OrderFilter(overdue_at=clock())).items == ()
    clock.forward(73 * 3600)
    assert len(orders.find(OrderFilter(overdue_at=clock())).items) == 2
    assert orders.count()[OrderState.OPEN] == 1


def test_what_cannot_be(orders, leak):
    with pytest.raises(UnknownAlertError):
        opened(orders, "no-such")
    with pytest.raises(RefusedError, match="needs a place"):
        orders.open(OFFICE, NewOrder(node="nowhere"))
    order = opened(orders, leak)
    with pytest.raises(RefusedError, match="1 to 5"):
        orders.close(order, OFFICE, 6)
    with pytest.raises(RefusedError, match="lines 0 to"):
        orders.check(order, OFFICE, 99)
    with pytest.raises(OrderStateError, match="nobody can agree"):
        orders.verify(order, OFFICE)


@pytest.mark.parametrize("heir", ["wang", None])
def test_the_orders_of_an_account_that_goes_are_handed_on(orders, records, leak, clock, heir):
    users = users_of(records.database, clock)
    for name in ("li", "wang"):
        users.accounts.add(name, Role.MAINTAINER, (WHOLE_SITE,), OFFICE.actor)
    order, other = opened(orders, leak, assignee="li"), opened_of_the_office(orders, "li")
    orders.finish(other, LI, Outcome.REPAIRED)
    users.leaving.leave("li", AccountState.DISABLED, OFFICE.actor, heir=heir)
    assert orders.get(order).assignee == heir
    assert orders.get(order).state is (OrderState.OPEN if heir is None else OrderState.ASSIGNED)
    assert orders.get(other).assignee == "li"  # it is done
    assert orders.events_of(order)[-1].detail["assigned_before"] == "li"


def opened_of_the_office(orders: Orders, assignee: str) -> int:
    return orders.open(OFFICE, NewOrder(node="dorm-2", assignee=assignee)).id
