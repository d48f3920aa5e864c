"""What the records keep of drills: told apart from what is real, stamped, and ended with all that is of them."""

from __future__ import annotations

import pytest
from routed import SITE, Desk
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DatabaseError

from alerts.drills.keeping import DrillKeeper
from alerts.drills.mark import with_drills
from alerts.drills.models import DrillRow
from alerts.drills.report import report_of
from alerts.drills.rows import drill_of, note
from alerts.drills.values import DrillAction, Ending
from alerts.models import AlertRow
from alerts.orders.errors import OrderStateError
from alerts.orders.hand import Person
from alerts.orders.making import NewOrder
from alerts.orders.models import OrderRow
from alerts.orders.orders import Orders
from alerts.orders.states import OrderState
from alerts.orders.values import OrderFilter
from alerts.values import EVERY_DRILL, Actor, AlertFilter, Outcome
from alerts.words import Language

LI = Actor("li", "test")


@pytest.fixture
def desk(url, clock):
    desk = Desk(url, clock)
    yield desk
    desk.close()


def begin(desk, audience="routes"):
    with desk.records.database.writing() as session:
        row = DrillRow(
            id="drill-1", slot=1, state="running", kind="burst", node="dorm-2", meter="w", medium="water", size=8.0,
            speed=60, after_s=0, limit_s=60, audience=audience, note="", asked_by="li", asked_ms=0, detail="",
        )  # fmt: skip
        session.add(row)
        session.flush()
        note(session, row, DrillAction.ASKED, LI, 0)
    return DrillKeeper(desk.records.database, clock=desk.clock)


def test_a_drill_is_told_apart_from_what_is_real_and_stamped(desk, rules):
    keeper = begin(desk)
    desk.apply(rules.raised("real"))
    keeper.apply("drill-1", [rules.raised("drill-1-x")], "1")
    desk.run_for(120)
    real, drill = desk.records.deliveries_of("real"), desk.records.deliveries_of("drill-1-x")
    assert len(real) == len(drill) == 1
    assert {d.id for d in real}.isdisjoint(d.id for d in drill)
    assert (real[0].drill, drill[0].drill) == (None, "drill-1")
    assert desk.deliveries() == list(real)  # the log shows what is real


def test_only_who_asked_is_told_by_a_route_of_its_own(desk, rules):
    desk.join("li")
    desk.contact("li")
    keeper = begin(desk, "me")
    keeper.apply("drill-1", [rules.raised("drill-1-x")], "1")
    desk.run_for(30)
    assert [d.receiver for d in desk.records.deliveries_of("drill-1-x")] == ["person:li"]


def test_its_messages_say_so_in_both_languages(desk, rules):
    class Channel:
        name, sent = "team", []

        def send(self, notification):
            self.sent.append(notification)

    keeper = begin(desk)
    keeper.apply("drill-1", [rules.raised("drill-1-x")], "1")
    desk.run_for(120)
    assert desk.lane(Channel()).step()
    (told,) = Channel.sent
    for language, stamp in ((Language.ZH_CN, "【演练】"), (Language.EN, "[DRILL]")):
        message = told.messages[language]
        assert message.title.startswith(stamp)
        assert "DRILL" in message.text.splitlines()[0]
        assert "演练" in message.text.splitlines()[0]


def test_nothing_sees_it_that_does_not_say_so(desk, rules):
    keeper = begin(desk)
    before = desk.records.count_alerts()
    keeper.apply("drill-1", [rules.raised("drill-1-x")], "1")
    with desk.records.database.writing() as session:
        assert session.get(AlertRow, "drill-1-x") is None
        assert session.scalars(select(AlertRow)).all() == []
        assert session.execute(update(AlertRow).values(comments=7)).rowcount == 0
        assert session.execute(delete(AlertRow).where(AlertRow.id == "drill-1-x")).rowcount == 0
        assert [row.id for row in session.scalars(with_drills(select(AlertRow)))] == ["drill-1-x"]
    assert desk.records.count_alerts() == before
    assert desk.records.find_alerts().items == ()
    assert [a.id for a in desk.records.find_alerts(AlertFilter(drill=True)).items] == ["drill-1-x"]
    assert desk.records.reconcile([], 5, desk.clock()) == ()
    assert desk.records.notify_open() == 0
    assert desk.records.look_after() == ()
    assert desk.records.get_alert("drill-1-x").is_active


def test_a_deadline_of_a_drill_is_no_breach(desk, rules):
    keeper = begin(desk)
    keeper.apply("drill-1", [rules.raised("drill-1-x")], "1")
    assert desk.records.get_alert("drill-1-x").due_at is not None
    desk.clock.forward(30 * 86_400)
    desk.records.acknowledge("drill-1-x", LI)
    assert desk.records.get_alert("drill-1-x").breaches == 0
    assert desk.records.past.breaches().items == ()


def test_the_end_closes_its_alerts_once_and_frees_the_place(desk, rules):
    keeper = begin(desk)
    keeper.apply("drill-1", [rules.raised("drill-1-x")], "1")
    assert [a.id for a in keeper.end("drill-1", Ending.STOPPED, by="li")] == ["drill-1-x"]
    assert keeper.end("drill-1", Ending.FAILED) == ()
    assert keeper.current() is None
    with desk.records.database.reading() as session:
        row = session.get(DrillRow, "drill-1")
        report = report_of(session, drill_of(row))
        assert row.ending == "stopped"
    steps = {step.name: step for step in report.first.steps}
    assert steps["confirmed"].at is None  # nobody's meters said so


def ordered(desk, alert_id):
    """An order of the alert, given to kong; and the book of orders."""
    orders = Orders(desk.records.database, lambda: SITE, clock=desk.clock)
    return orders, orders.open(Person(LI, manages=True), NewOrder(alert_id=alert_id, assignee="kong")).id


def test_an_order_of_its_alert_is_of_the_drill_and_among_no_real_ones(desk, rules):
    keeper = begin(desk)
    desk.apply(rules.raised("real"))
    keeper.apply("drill-1", [rules.raised("drill-1-x")], "1")
    orders, real = ordered(desk, "real")
    counted = orders.count()
    _, of_drill = ordered(desk, "drill-1-x")
    assert (orders.get(real).drill, orders.get(of_drill).drill) == (None, "drill-1")
    assert orders.events_of(of_drill)[0].detail["drill"] == "drill-1"
    assert [o.id for o in orders.find().items] == [real]
    assert orders.count() == counted
    assert [o.id for o in orders.find(OrderFilter(drill=EVERY_DRILL)).items] == [of_drill]
    assert [o.id for o in orders.find(OrderFilter(drill=True)).items] == [of_drill, real]
    with desk.records.database.reading() as session:
        assert [row.id for row in session.scalars(select(OrderRow))] == [real]
    with pytest.raises(OrderStateError, match="already"):
        orders.open(Person(LI, manages=True), NewOrder(alert_id="drill-1-x"))


def test_the_copys_meters_agree_with_an_order_of_it_and_real_ones_wait(desk, rules):
    keeper = begin(desk)
    desk.apply(rules.raised("real"))
    keeper.apply("drill-1", [rules.raised("drill-1-x")], "1")
    orders, real = ordered(desk, "real")
    _, of_drill = ordered(desk, "drill-1-x")
    for order in (real, of_drill):
        orders.finish(order, Person(Actor("kong")), Outcome.REPAIRED)
    assert keeper.current().repaired_by == "kong"
    keeper.apply("drill-1", [rules.cleared("drill-1-x")], "2")
    assert (orders.get(of_drill).state, orders.get(of_drill).verified_by) == (OrderState.VERIFIED, "meters")
    assert orders.get(real).state is OrderState.DONE


@pytest.mark.parametrize("outcome", [None, Outcome.REPAIRED])
def test_its_end_closes_its_orders_for_good(desk, rules, outcome):
    keeper = begin(desk)
    desk.apply(rules.raised("real"))
    keeper.apply("drill-1", [rules.raised("drill-1-x")], "1")
    orders, real = ordered(desk, "real")
    _, of_drill = ordered(desk, "drill-1-x")
    if outcome is not None:
        orders.finish(of_drill, Person(Actor("kong")), outcome)
    keeper.end("drill-1", Ending.STOPPED, by="li")
    ended = orders.get(of_drill)
    assert (ended.state, ended.closed_by, ended.rating) == (OrderState.CLOSED, "drill", None)
    assert orders.events_of(of_drill)[-1].detail["reason"] == "drill_over"
    assert orders.get(real).state is OrderState.ASSIGNED
    with pytest.raises(OrderStateError, match="drill"):
        orders.reopen(of_drill, Person(LI, manages=True), words="once more")
    with pytest.raises(OrderStateError, match="is over"):
        orders.open(Person(LI, manages=True), NewOrder(alert_id="drill-1-x"))


def test_its_history_is_only_added_to(desk):
    begin(desk)
    for statement in ("UPDATE drill_audit SET actor = 'x'", "DELETE FROM drill_audit"):
        with pytest.raises(DatabaseError), desk.records.database.writing() as session:
            session.execute(text(statement))
