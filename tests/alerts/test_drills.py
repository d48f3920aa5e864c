"""What the records keep of drills: told apart from what is real, stamped, and ended with all that is of them."""

from __future__ import annotations

import pytest
from routed import Desk
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DatabaseError

from alerts.drills.keeping import DrillKeeper
from alerts.drills.mark import with_drills
from alerts.drills.models import DrillRow
from alerts.drills.report import report_of
from alerts.drills.rows import drill_of, note
from alerts.drills.values import DrillAction, Ending
from alerts.models import AlertRow
from alerts.values import Actor, AlertFilter
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


def test_its_history_is_only_added_to(desk):
    begin(desk)
    for statement in ("UPDATE drill_audit SET actor = 'x'", "DELETE FROM drill_audit"):
        with pytest.raises(DatabaseError), desk.records.database.writing() as session:
            session.execute(text(statement))
