"""What people say is kept for the rules: in order, once, correctable, and undone exactly."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from alerts.errors import ConflictError, RefusedError, UnknownAlertError
from alerts.feedback import FeedbackBook, UnknownPlanError
from alerts.values import Actor, Outcome
from metering.incident import ChangeKind
from metering.site import PlannedUse

LI, WANG = Actor("li", "127.0.0.1"), Actor("wang")
NIGHT = ("minimum_night_flow", "W-D2-MAIN")
NOW = np.datetime64("2026-11-20T09:00:00", "ms")
JOINED = {
    "findings": [
        {"rule": "minimum_night_flow", "subject": "W-D2-MAIN", "role": "own"},
        {"rule": "burst_flow", "subject": "W-D2-MAIN", "role": "own"},
        {"rule": "burst_flow", "subject": "W-CAMPUS", "role": "echo"},
    ]
}


@pytest.fixture
def book(records: Any, clock: Any) -> FeedbackBook:
    return FeedbackBook(records.database, clock)


@pytest.fixture
def leak(records: Any, rules: Any) -> str:
    records.apply([rules.raised(evidence=JOINED)], 1)
    return "leak-1"


def said(book: FeedbackBook, after: int = 0) -> list[tuple[Any, ...]]:
    return [(w.id, w.outcome, w.alert, w.who, w.replaces) for w in book.give_out(after, NOW)]


def caution(book: FeedbackBook, rule: str = NIGHT[0], subject: str = NIGHT[1]) -> float:
    return {c.rule: c.caution for c in book.cautions([subject])}.get(rule, 1.0)


def test_an_outcome_counts_for_each_finding_but_its_echoes(book, records, leak):
    records.resolve(leak, LI, Outcome.FALSE, note="洗衣房")
    assert {(c.rule, c.subject): c.caution for c in book.cautions()} == {
        NIGHT: 1.25,
        ("burst_flow", "W-D2-MAIN"): 1.25,
    }
    (word,) = book.give_out(0, NOW)
    assert word.judged == (NIGHT, ("burst_flow", "W-D2-MAIN"))
    assert (word.outcome, word.alert, word.who, word.time) == ("false", leak, "li", NOW)
    (reason,) = book.cautions(["W-D2-MAIN"])[0].words
    assert (reason.outcome, reason.alert_id, reason.who) == ("false", leak, "li")


def test_a_correction_stands_in_the_place_of_what_was_said(book, records, leak):
    records.resolve(leak, LI, Outcome.FALSE)
    records.resolve(leak, LI, Outcome.REPAIRED)
    assert caution(book) == 1.0
    assert said(book) == [(1, "false", leak, "li", None), (2, "repaired", leak, "li", 1)]


def test_the_same_outcome_again_is_no_second_word(book, records, leak):
    records.resolve(leak, LI, Outcome.FALSE)
    records.resolve(leak, LI, Outcome.FALSE, note="又看了一遍")
    assert caution(book) == 1.25
    assert len(said(book)) == 1


def test_an_outcome_withdrawn_is_as_if_it_had_not_been(book, records, leak, clock):
    records.resolve(leak, LI, Outcome.FALSE)
    alert = book.withdraw(leak, LI, note="其实是真的")
    assert (alert.outcome, alert.resolved_by, alert.acknowledged) == (None, None, True)
    assert caution(book) == 1.0
    assert book.cautions() == ()
    assert said(book) == [(1, "false", leak, "li", None), (2, "withdrawn", leak, "li", 1)]
    last = records.audit_of(leak)[-1]
    assert (last.action.value, last.actor, last.text) == ("withdrawn", "li", "其实是真的")
    assert last.detail["outcome_before"] == "false"
    assert book.withdraw(leak, LI) == alert
    assert len(said(book)) == 2


def test_an_alert_opened_again_from_the_desk_tells_the_rules_too(book, records, leak):
    """ "It is not settled": the outcome is taken back, and with it what it did to the rules."""
    records.resolve(leak, LI, Outcome.FALSE)
    assert (said(book), caution(book)) == ([(1, "false", leak, "li", None)], 1.25)
    records.reopen(leak, WANG, note="it still runs", expected_version=1)
    assert (said(book, 1), caution(book)) == ([(2, "withdrawn", leak, "wang", 1)], 1.0)
    records.reopen(leak, WANG, expected_version=2)
    assert said(book, 2) == [], "pressed twice"
    records.resolve(leak, WANG, Outcome.CONFIRMED)
    assert said(book, 2) == [(3, "confirmed", leak, "wang", None)]


def test_planned_use_goes_when_its_alert_is_opened_again(book, records, leak, clock):
    records.resolve(leak, LI, Outcome.PLANNED_USE)
    assert len(book.plans(clock() - timedelta(days=9))) == 1
    records.reopen(leak, LI)
    assert book.plans(clock() - timedelta(days=9)) == ()


def test_anothers_outcome_is_withdrawn_by_who_has_seen_it(book, records, leak):
    version = records.resolve(leak, LI, Outcome.FALSE).version
    with pytest.raises(ConflictError, match="li"):
        book.withdraw(leak, WANG)
    with pytest.raises(ConflictError):
        book.withdraw(leak, WANG, expected_version=version - 1)
    assert caution(book) == 1.25
    assert book.withdraw(leak, WANG, expected_version=version).outcome is None
    with pytest.raises(UnknownAlertError):
        book.withdraw("no-such", WANG)


def test_an_alert_that_came_back_is_a_case_of_its_own(book, records, rules, leak):
    records.resolve(leak, LI, Outcome.FALSE)
    records.apply([rules.cleared(evidence=JOINED)], 2)
    records.apply([rules.change(ChangeKind.REOPENED, hours=20, evidence=JOINED)], 3)
    assert records.get_alert(leak).outcome is None
    assert caution(book) == 1.25
    records.resolve(leak, LI, Outcome.FALSE)
    assert caution(book) == 1.5625
    book.withdraw(leak, LI)
    assert caution(book) == 1.25


def test_a_reset_ends_what_was_said_before_it_alone(book, records, rules, leak):
    records.resolve(leak, LI, Outcome.FALSE)
    assert book.reset(*NIGHT, WANG).caution == 1.0
    assert [w.outcome for w in book.cautions(["W-D2-MAIN"])[1].words] == ["false", "reset"]
    assert caution(book, "burst_flow") == 1.25
    records.apply([rules.raised("leak-2")], 2)
    records.resolve("leak-2", LI, Outcome.FALSE)
    assert caution(book) == 1.25
    count = len(said(book))
    book.reset("burst_flow", "nobody", WANG)  # nothing to reset
    assert len(said(book)) == count
    with pytest.raises(RefusedError, match="zone_balance"):
        book.reset("meter_health", "W-D2-MAIN", WANG)


def test_planned_use_as_an_outcome_holds_over_the_alerts_time(book, records, rules, leak, clock):
    records.apply([rules.cleared(evidence=JOINED)], 2)
    records.resolve(leak, LI, Outcome.PLANNED_USE, note="泳池注水")
    assert caution(book) == 1.0
    (plan,) = book.plans(clock() - timedelta(days=30))
    alert = records.get_alert(leak)
    assert plan.use == PlannedUse("dorm-2", alert.onset_at, alert.closed_at, "泳池注水", "water")
    assert plan.alert_id == leak
    assert book.give_out(0, NOW)[0].use == plan.use
    with pytest.raises(RefusedError, match="withdraw"):
        book.unplan(plan.id, LI)
    book.withdraw(leak, LI)
    assert book.plans(clock() - timedelta(days=30)) == ()


def test_planned_use_of_an_open_alert_holds_up_to_now(book, records, leak, clock):
    records.resolve(leak, LI, Outcome.PLANNED_USE)
    (plan,) = book.plans(clock() - timedelta(days=30))
    assert plan.use.end == clock()


def test_planned_use_is_entered_listed_and_taken_back(book, clock):
    use = PlannedUse("gym", clock() + timedelta(days=2), clock() + timedelta(days=3), " 消防演习 ", None)
    plan = book.plan(use, LI)
    assert plan.use.text == "消防演习"
    later = book.plan(PlannedUse("gym", clock(), clock() + timedelta(hours=1), "", "water"), WANG)
    assert book.plans(clock()) == (later, plan)
    assert book.plans(clock() + timedelta(days=1)) == (plan,)
    book.unplan(plan.id, WANG)
    assert book.plans(clock()) == (later,)
    assert said(book) == [
        (1, "planned_use", "", "li", None),
        (2, "planned_use", "", "wang", None),
        (3, "withdrawn", "", "wang", 1),
    ]
    for gone in (plan.id, 99):
        with pytest.raises(UnknownPlanError):
            book.unplan(gone, LI)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"medium": "wine"}, "allowed: electricity, water"),
        ({"hours": 0}, "ends after it begins"),
        ({"hours": 24 * 367}, "366 days"),
        ({"text": "x" * 201}, "200"),
        ({"text": "\0"}, "NUL"),
    ],
)
def test_planned_use_that_makes_no_sense_is_refused(book, clock, change, says):
    given = {"medium": "water", "hours": 1, "text": ""} | change
    use = PlannedUse("gym", clock(), clock() + timedelta(hours=given["hours"]), given["text"], given["medium"])
    with pytest.raises(RefusedError, match=says):
        book.plan(use, LI)
    assert book.plans(clock() - timedelta(days=9)) == ()


def test_each_word_is_given_out_in_one_order_with_one_event_time(book, records, rules, leak, open_records):
    records.resolve(leak, LI, Outcome.FALSE)
    first = book.give_out(0, NOW)
    assert book.give_out(1, NOW) == ()
    records.resolve(leak, LI, Outcome.CONFIRMED)
    assert len(book.given_out()) == 1, "nobody was told of the second yet"
    second = book.give_out(1, NOW + np.timedelta64(60, "s"))
    again = FeedbackBook(open_records().database)
    assert again.give_out(0, NOW + np.timedelta64(999, "s")) == (*first, *second) == again.given_out()
    assert [w.time for w in again.given_out()] == [NOW, NOW + np.timedelta64(60, "s")]
