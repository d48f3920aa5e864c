"""What people do with an alert: their axis, conflicts, the audit trail."""

from __future__ import annotations

import threading

import pytest

from alerts.errors import ConflictError, RefusedError, UnknownAlertError
from alerts.once import AnsweredError, KeyReusedError, Once
from alerts.values import Action, Actor, AlertState, Outcome

LI = Actor("li", "phone 10.1.2.3")
WANG = Actor("wang", "office")


@pytest.fixture
def desk(records, rules):
    """Records with one active alert."""
    records.apply([rules.raised()], 1)
    return records


def test_acknowledging_says_who_when_and_from_where(desk, clock):
    clock.forward(90)
    alert = desk.acknowledge("leak-1", LI, note="going there ")
    assert (alert.acknowledged, alert.acknowledged_by, alert.acknowledged_at) == (True, "li", clock())
    assert (alert.state, alert.version) == (AlertState.ACTIVE, 1)
    entry = desk.audit_of("leak-1")[-1]
    assert (entry.action, entry.actor, entry.origin, entry.text) == (
        Action.ACKNOWLEDGED,
        "li",
        "phone 10.1.2.3",
        "going there",
    )
    assert (entry.at, entry.event_at) == (clock(), None)


def test_acknowledging_twice_changes_nothing(desk, clock):
    first = desk.acknowledge("leak-1", LI, expected_version=0)
    clock.forward(60)
    assert desk.acknowledge("leak-1", LI, expected_version=0) == first
    assert [e.action for e in desk.audit_of("leak-1")] == [Action.RAISED, Action.ACKNOWLEDGED]


def test_the_second_of_two_people_learns_who_has_it(desk):
    desk.acknowledge("leak-1", LI)
    with pytest.raises(ConflictError, match="li already has this alert") as caught:
        desk.acknowledge("leak-1", WANG)
    assert caught.value.current.acknowledged_by == "li"


def test_an_act_on_an_older_version_is_refused(desk):
    desk.acknowledge("leak-1", LI)
    with pytest.raises(ConflictError, match="version 1, not 0") as caught:
        desk.resolve("leak-1", WANG, Outcome.FALSE, expected_version=0)
    assert caught.value.current == desk.get_alert("leak-1")
    assert desk.get_alert("leak-1").outcome is None


def test_figures_of_the_rules_do_not_stand_in_the_way_of_people(desk, rules):
    seen = desk.get_alert("leak-1")
    desk.apply([rules.cleared()], 2)
    assert desk.acknowledge("leak-1", LI, expected_version=seen.version).acknowledged


def test_two_at_once_one_gets_it(desk):
    """Many people press at the same moment, on connections of their own: one has it, all others are told who."""
    people = [Actor(f"p{i}") for i in range(8)]
    gate = threading.Barrier(len(people))
    got: list[str] = []
    lost: list[str] = []

    def press(person):
        gate.wait()
        try:
            got.append(desk.acknowledge("leak-1", person, expected_version=0).acknowledged_by)
        except ConflictError as error:
            lost.append(error.current.acknowledged_by)

    threads = [threading.Thread(target=press, args=(p,)) for p in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    assert set(lost) == set(got)
    assert len(lost) == len(people) - 1
    assert [e.action for e in desk.audit_of("leak-1")] == [Action.RAISED, Action.ACKNOWLEDGED]


def test_comments_never_conflict_and_none_is_lost(desk):
    def write(n):
        for i in range(5):
            desk.comment("leak-1", Actor(f"p{n}"), f"{n}.{i}")

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    texts = {e.text for e in desk.audit_of("leak-1") if e.action is Action.COMMENTED}
    assert texts == {f"{n}.{i}" for n in range(4) for i in range(5)}
    alert = desk.get_alert("leak-1")
    assert (alert.comments, alert.version) == (20, 0)


def test_resolving_acknowledges_and_leaves_active_to_the_rules(desk, clock):
    alert = desk.resolve("leak-1", LI, Outcome.REPAIRED, note="valve in shaft 3")
    assert (alert.outcome, alert.resolved_by, alert.resolved_at) == (Outcome.REPAIRED, "li", clock())
    assert (alert.acknowledged_by, alert.state, alert.version) == ("li", AlertState.ACTIVE, 1)
    entry = desk.audit_of("leak-1")[-1]
    assert (entry.action, entry.detail["outcome"], entry.text) == (Action.RESOLVED, "repaired", "valve in shaft 3")


def test_a_later_outcome_replaces_the_first_and_both_stay_in_the_audit(desk):
    desk.resolve("leak-1", LI, Outcome.FALSE)
    with pytest.raises(ConflictError, match="li already resolved this alert as false"):
        desk.resolve("leak-1", WANG, Outcome.CONFIRMED)
    alert = desk.resolve("leak-1", WANG, Outcome.CONFIRMED, expected_version=1)
    assert (alert.outcome, alert.resolved_by, alert.version) == (Outcome.CONFIRMED, "wang", 2)
    details = [e.detail for e in desk.audit_of("leak-1") if e.action is Action.RESOLVED]
    assert [(d["outcome_before"], d["outcome"]) for d in details] == [(None, "false"), ("false", "confirmed")]


def test_an_outcome_taken_back_leaves_nobody_with_the_alert_and_a_new_deadline(desk, clock):
    desk.resolve("leak-1", LI, Outcome.REPAIRED)
    clock.forward(86_400)
    alert = desk.reopen("leak-1", WANG, note="it still runs", expected_version=1)
    assert (alert.outcome, alert.resolved_by, alert.acknowledged, alert.version) == (None, None, False, 2)
    assert alert.due_at is not None
    assert alert.due_at > clock()
    entry = desk.audit_of("leak-1")[-1]
    assert (entry.action, entry.actor, entry.text) == (Action.REOPENED, "wang", "it still runs")
    assert (entry.detail["outcome_before"], entry.detail["resolved_before"]) == ("repaired", "li")
    assert desk.reopen("leak-1", WANG, expected_version=1) == alert, "pressed twice"


def test_a_write_under_one_key_is_done_once_and_its_key_stands_for_nothing_else(desk):
    def once(request: str, account: str = "li") -> Once:
        return Once(account, "k1", request, lambda alert: f"comments: {alert.comments}".encode())

    assert desk.comment("leak-1", LI, "到场", once=once("r1")).comments == 1
    with pytest.raises(AnsweredError) as answered:
        desk.comment("leak-1", LI, "到场", once=once("r1"))
    assert answered.value.answer == b"comments: 1"
    with pytest.raises(KeyReusedError, match="was used for another request"):
        desk.comment("leak-1", LI, "another", once=once("r2"))
    assert desk.comment("leak-1", WANG, "到场", once=once("r1", "wang")).comments == 2, "another's key is another"


def test_of_two_at_once_under_one_key_one_is_done(desk):
    answers: list[str] = []

    def write() -> None:
        try:
            desk.comment("leak-1", LI, "到场", once=Once("li", "k1", "r1", lambda _: b"done"))
        except AnsweredError as error:
            answers.append(error.answer.decode())
        else:
            answers.append("done first")

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["done", "done", "done", "done first"]
    assert desk.get_alert("leak-1").comments == 1


@pytest.mark.parametrize(
    ("actor", "text", "message"),
    [
        (LI, "  ", "must have a text"),
        (LI, "x" * 4001, "may have 4,000 characters, this one has 4,001"),
        (LI, "a\0b", "NUL"),
        (LI, "a\ud800b", "UTF-8"),
        (Actor(" "), "text", "needs an actor's name"),
        (Actor("x" * 201), "text", "an actor's name may have 200"),
        (Actor("li", "x" * 201), "text", "the origin may have 200"),
    ],
)
def test_what_cannot_be_kept_is_refused(desk, actor, text, message):
    with pytest.raises(RefusedError, match=message):
        desk.comment("leak-1", actor, text)
    assert [e.action for e in desk.audit_of("leak-1")] == [Action.RAISED]


def test_script_in_a_comment_is_kept_as_text(desk):
    text = "<script>alert('漏水')</script> '; DROP TABLE alerts; --"
    desk.comment("leak-1", LI, text)
    assert desk.audit_of("leak-1")[-1].text == text


@pytest.mark.parametrize("name", ["nope", "", "a\0b", "\ud800"])
def test_an_unknown_alert_is_named(desk, name):
    acts = [
        lambda: desk.get_alert(name),
        lambda: desk.audit_of(name),
        lambda: desk.deliveries_of(name),
        lambda: desk.acknowledge(name, LI),
        lambda: desk.comment(name, LI, "text"),
        lambda: desk.resolve(name, LI, Outcome.FALSE),
    ]
    for act in acts:
        with pytest.raises(UnknownAlertError) as caught:
            act()
        assert repr(name) in str(caught.value)
