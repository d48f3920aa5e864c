"""Groups, repeats, escalation, mutes and storms as people meet them: who is told what, and when."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import numpy as np
import pytest
from routed import SITE, Desk, local

from alerts.due import Due
from alerts.notify.letters import LetterWriter
from alerts.orders.hand import Person
from alerts.orders.making import NewOrder
from alerts.orders.orders import Orders
from alerts.values import Action, Actor, Outcome
from alerts.words import Language
from metering.incident import Category, ChangeKind, Severity


@pytest.fixture
def desk(url, clock):
    found = Desk(url, clock)
    yield found
    found.close()


def reasons(deliveries):
    return [(d.receiver, str(d.reason)) for d in deliveries]


def test_a_group_waits_and_tells_once_of_all_that_came_meanwhile(desk, rules):
    desk.apply(rules.raised("a"))
    assert desk.run_for(20) == []
    desk.apply(rules.raised("b"))
    (delivery,) = desk.run_for(10)
    assert desk.told_of(delivery) == ["a", "b"]
    desk.apply(rules.raised("c"))
    assert desk.run_for(299) == []
    (delivery,) = desk.run_for(2)
    assert desk.told_of(delivery) == ["c"]


def test_a_burst_does_not_wait_and_takes_the_waiting_along(desk, rules):
    desk.apply(rules.raised("small"))
    assert desk.run_for(1) == []
    desk.set("route", "all", targets=["channel:team"])
    desk.apply(rules.raised("burst", severity=Severity.CRITICAL))
    (delivery,) = desk.run_for(0)
    assert desk.told_of(delivery) == ["burst"]
    assert (delivery.alert_id, delivery.created_at) == ("burst", desk.clock())


def test_it_climbs_until_somebody_has_it(desk, rules):
    for role, person in [("maintainer", "li"), ("zone_manager", "wang"), ("head_of_logistics", "zhao")]:
        desk.set("duty", role, role=role, shifts=[{"people": [person]}], fallback="zhao")
        desk.contact(person)
    desk.set("route", "r", targets=["role:maintainer"], repeat_s=None, steps=[
        {"after_s": 900, "targets": ["role:zone_manager"]}, {"after_s": 1800, "targets": ["role:head_of_logistics"]},
    ])  # fmt: skip
    desk.apply(rules.raised(severity=Severity.CRITICAL))
    assert reasons(desk.run_for(899)) == [("person:li", "raised")]
    assert reasons(desk.run_for(2)) == [("person:wang", "unanswered")]
    desk.restart()
    desk.records.acknowledge("leak-1", Actor("wang"))
    assert desk.run_for(86400) == []
    (climbed,) = [e for e in desk.records.audit_of("leak-1") if e.action is Action.UNANSWERED]
    assert (climbed.actor, climbed.detail["step"], climbed.detail["route"]) == ("routes", 1, "r")
    assert (climbed.detail["asked"], climbed.detail["rules_revision"]) == (["person:wang"], "r1")


def test_nobody_acts_and_the_last_step_is_asked_too_and_it_is_repeated(desk, rules):
    desk.set(
        "route", "r", targets=["channel:team"], repeat_s=3600, steps=[{"after_s": 900, "targets": ["person:zhao"]}]
    )
    desk.contact("zhao")
    desk.apply(rules.raised(severity=Severity.CRITICAL))
    found = reasons(desk.run_for(2 * 3600))
    assert [e.detail["step"] for e in desk.records.audit_of("leak-1") if e.action is Action.UNANSWERED] == [1]
    assert found[:2] == [("channel:team", "raised"), ("person:zhao", "unanswered")]
    assert found[2:] == [("channel:team", "repeated")]


def test_quiet_hours_hold_all_but_bursts_until_their_end(desk, rules, clock):
    clock.now = local(2026, 11, 20, 23)
    desk.set("route", "r", targets=["channel:team"], quiet=[{"start": "22:00", "end": "06:00"}])
    desk.apply(rules.raised("small"))
    assert desk.run_for(6.9 * 3600) == []
    desk.apply(rules.raised("burst", severity=Severity.CRITICAL, node="dorm-1"))
    (delivery,) = desk.run_for(1)
    assert desk.told_of(delivery) == ["burst"]
    (delivery,) = desk.run_for(600)
    assert desk.told_of(delivery) == ["small"]
    assert delivery.created_at == local(2026, 11, 21, 6)


def test_a_silence_ends_and_what_is_still_active_is_told(desk, rules, clock):
    end = clock() + timedelta(hours=2)
    desk.set("silence", "works", match={"nodes": ["north"]}, start=clock(), end=end, reason="works on the main")
    desk.apply(rules.raised("muted"), rules.raised("elsewhere", node="library"))
    assert [d.alert_id for d in desk.run_for(7100)] == ["elsewhere"]
    (delivery,) = desk.run_for(200)
    assert (delivery.alert_id, delivery.created_at) == ("muted", end)


def test_a_planned_shutdown_explains_supply_but_never_a_leak(desk, rules, clock):
    desk.set("silence", "s", kind="planned_shutdown", match={"nodes": ["north"]}, start=clock(),
             end=clock() + timedelta(hours=2), reason="new valve")  # fmt: skip
    desk.apply(rules.raised("dry", category=Category.SUPPLY), rules.raised("leak"))
    assert [d.alert_id for d in desk.run_for(3600)] == ["leak"]


def test_a_power_cut_above_and_a_gateway_explain_silent_meters_below(desk, rules):
    dead = {"category": Category.DATA_QUALITY, "medium": "water", "node": "dorm-2-301"}
    cut = {"category": Category.SUPPLY, "medium": "electricity", "node": "north"}
    cut |= {"evidence": {"next_step": "check_supply"}}
    desk.apply(rules.raised("cut", **cut))
    desk.apply(rules.raised("dead", **dead), rules.raised("leak", node="dorm-2"))
    told = {a for d in desk.run_for(3600) for a in desk.told_of(d)}
    assert told == {"cut", "leak"}
    desk.apply(rules.cleared("cut", **cut))
    told = {a for d in desk.run_for(400) for a in desk.told_of(d)}
    assert "dead" in told


@pytest.mark.parametrize(("step", "hours"), [("check_voltage", 0), ("shed_load", 0), ("check_supply", 2)])
def test_what_was_there_first_or_has_power_is_told(desk, rules, step, hours):
    supply = {"category": Category.SUPPLY, "medium": "electricity", "node": "north"}
    supply |= {"onset_at": rules.start + np.timedelta64(hours, "h")}
    desk.apply(rules.raised("supply", **supply, evidence={"next_step": step}))
    desk.apply(rules.raised("dead", category=Category.DATA_QUALITY, medium="electricity", node="dorm-2-301"))
    assert "dead" in {a for d in desk.run_for(3600) for a in desk.told_of(d)}


def test_no_supply_fault_explains_an_excess(desk, rules):
    cut = {"category": Category.SUPPLY, "medium": "electricity", "node": "north"}
    desk.apply(rules.raised("cut", **cut, evidence={"next_step": "check_supply"}))
    desk.apply(rules.raised("lights", category=Category.CONSUMPTION, medium="electricity", node="dorm-2"))
    assert "lights" in {a for d in desk.run_for(3600) for a in desk.told_of(d)}


def test_holes_go_to_the_fallback_and_gone_accounts_are_holes(desk, rules):
    desk.set("duty", "m", role="maintainer", shifts=[{"people": ["li"]}], fallback="boss")
    desk.set("route", "r", targets=["role:maintainer"])
    desk.contact("li")
    desk.contact("boss")
    desk.lose("li")
    desk.apply(rules.raised(severity=Severity.CRITICAL))
    told = {str(d.reason): d for d in desk.run_for(0)}
    assert {d.receiver for d in told.values()} == {"person:boss"}
    assert set(told) == {"raised", "roster"}
    assert (told["raised"].detail["why"], told["raised"].detail["about"]) == ("hole", "m")


def test_a_storm_of_five_thousand_is_at_most_five_messages_a_person_and_tells_all(desk, rules):
    for number in range(10):
        changes = [
            rules.raised(f"s{number}-{i}", node=f"b{i % 200}", category=Category.SUPPLY, medium="electricity",
                         severity=Severity.CRITICAL if i % 100 == 0 else Severity.WARNING)
            for i in range(450)
        ]  # fmt: skip
        changes += [
            rules.raised(f"l{number}-{i}", node=f"b{i}", severity=Severity.CRITICAL) for i in range(50)
        ]  # fmt: skip
        desk.apply(*changes)
        desk.run_for(6)
    found = desk.deliveries() + desk.run_for(540)
    found = {d.id: d for d in found}.values()
    assert max(Counter(d.receiver for d in found).values()) <= 5
    with desk.records.database.reading() as session:
        from alerts.models import OutboxAlertRow  # noqa: PLC0415

        assert session.query(OutboxAlertRow.alert_id).distinct().count() == 5000


def test_inhibited_before_it_went_out_it_is_not_told_and_told_once_it_stands_alone(desk, rules):
    desk.apply(rules.raised("a"))
    desk.apply(rules.change(ChangeKind.INHIBITED, "a", inhibited_by="p"))
    assert desk.run_for(600) == []
    desk.apply(rules.change(ChangeKind.RELEASED, "a"))
    assert [d.alert_id for d in desk.run_for(600)] == ["a"]


# -- what people do, and alerts that come back ------------------------------------------------------------


def of_people(deliveries):
    return sorted((d.receiver, str(d.reason), d.detail["why"]) for d in deliveries)


@pytest.fixture
def routed_to_li(desk):
    """One route to one maintainer, told at once."""
    for person in ("li", "wang"):
        desk.contact(person)
    desk.set("route", "r", targets=["person:li"], group_wait_s=0, group_interval_s=1, repeat_s=None)
    return desk


def test_who_is_assigned_hears_of_it_and_who_takes_it_does_not(routed_to_li, rules):
    desk = routed_to_li
    desk.apply(rules.raised("a"), rules.raised("b"))
    desk.run_for(60)
    desk.records.assign("a", Actor("boss"), "wang")
    desk.records.assign("b", Actor("wang"), "wang")
    found = desk.run_for(60)
    assert of_people(found) == [("person:wang", "assigned", "named")]
    assert desk.told_of(found[0]) == ["a"]


def test_an_assignment_that_is_taken_back_before_it_was_told_is_not_told(routed_to_li, rules):
    desk = routed_to_li
    desk.apply(rules.raised("a"))
    desk.run_for(60)
    desk.records.assign("a", Actor("boss"), "wang")
    desk.records.assign("a", Actor("boss"), None, expected_version=1)
    assert desk.run_for(60) == []


def test_an_assignee_who_cannot_be_reached_is_told_on_the_channels_without_a_link_of_his(routed_to_li, rules):
    desk = routed_to_li
    desk.apply(rules.raised("a"))
    desk.run_for(60)
    desk.records.assign("a", Actor("boss"), "zhou")
    (delivery,) = desk.run_for(60)
    assert (delivery.receiver, delivery.detail["why"], delivery.detail["about"]) == (
        "channel:team", "unreachable", "person:zhou",
    )  # fmt: skip


def test_an_alert_that_comes_back_is_told_anew_where_nobody_has_it(routed_to_li, rules):
    desk = routed_to_li
    desk.apply(rules.raised("a"))
    desk.run_for(60)
    desk.apply(rules.cleared("a"))
    desk.apply(rules.raised("a"))
    assert of_people(desk.run_for(600)) == [("person:li", "reopened", "named")]


def test_who_has_an_alert_that_comes_back_hears_of_it_and_nobody_else(routed_to_li, rules):
    desk = routed_to_li
    desk.apply(rules.raised("a"))
    desk.run_for(60)
    desk.records.acknowledge("a", Actor("wang"))
    desk.apply(rules.cleared("a"))
    desk.run_for(60)
    desk.apply(rules.raised("a"))
    assert of_people(desk.run_for(600)) == [("person:wang", "reopened", "named")]


def test_an_alert_that_comes_and_goes_is_told_a_few_times_and_then_climbs_all_the_same(desk, rules):
    for person in ("li", "zhao"):
        desk.contact(person)
    step = {"after_s": 7200, "targets": ["person:zhao"]}
    desk.set("route", "r", targets=["person:li"], group_wait_s=0, group_interval_s=1, repeat_s=None, steps=[step])
    found = []
    for _ in range(12):
        desk.apply(rules.raised("a"))
        found += desk.run_for(300)
        desk.apply(rules.cleared("a"))
        found += desk.run_for(300)
    assert desk.records.get_alert("a").unstable
    times = desk.records.policy().policy.unstable_times
    assert [str(d.reason) for d in found] == ["raised", *["reopened"] * times]
    desk.apply(rules.raised("a"))
    assert of_people(desk.run_for(7200)) == [("person:zhao", "unanswered", "named")]


def test_an_account_that_leaves_gives_its_alerts_back_and_they_are_told_at_once(routed_to_li, rules):
    desk = routed_to_li
    desk.apply(rules.raised("a"))
    desk.run_for(60)
    desk.join("wang")
    desk.records.acknowledge("a", Actor("wang"))
    assert desk.run_for(60) == []
    desk.leave("wang")
    assert of_people(desk.run_for(1)) == [("person:li", "raised", "named")]


def test_an_outcome_that_is_taken_back_has_the_alert_told_anew(routed_to_li, rules):
    desk = routed_to_li
    desk.apply(rules.raised("a"))
    desk.run_for(60)
    desk.records.resolve("a", Actor("wang"), Outcome.REPAIRED)
    assert desk.run_for(60) == []
    desk.records.reopen("a", Actor("chief"), note="it still runs")
    assert of_people(desk.run_for(60)) == [("person:li", "raised", "named")]


def test_an_heir_hears_what_he_has_now(routed_to_li, rules):
    desk = routed_to_li
    desk.apply(rules.raised("a"))
    desk.run_for(60)
    desk.join("wang")
    desk.join("li")
    desk.records.acknowledge("a", Actor("li"))
    desk.leave("li", heir="wang")
    assert of_people(desk.run_for(60)) == [("person:wang", "assigned", "named")]


def test_the_only_one_of_a_duty_leaves_and_its_fallback_hears_of_the_hole_at_once_and_once(desk):
    desk.set("duty", "m", role="maintainer", shifts=[{"people": ["li"]}], fallback="boss")
    desk.contact("boss")
    desk.run_for(3600)
    desk.lose("li")
    (delivery,) = desk.run_for(2)
    assert (delivery.receiver, str(delivery.reason), delivery.detail["title"]) == ("person:boss", "roster", "m")
    assert desk.run_for(3 * 86400) == []
    desk.set("duty", "m", role="maintainer", shifts=[{"people": ["wang"]}], fallback="boss")
    assert desk.run_for(3600) == []
    desk.lose("wang")
    assert [str(d.reason) for d in desk.run_for(2)] == ["roster"]


def test_a_history_with_much_open_is_one_message_a_route(url, rules, clock):
    class Ticking:
        """A clock that goes on while rows are written."""

        def __call__(self):
            clock.forward(0.005)
            return clock()

        forward = clock.forward

    desk = Desk(url, Ticking())
    desk.set("route", "all", targets=["channel:*"], group_by=["building"])
    changes = [rules.raised(f"l{i}", node=f"b{i}") for i in range(12)]
    desk.records.apply(changes, 1, is_muted=True)
    assert desk.records.notify_open() == 12
    (delivery,) = desk.run_for(40)
    assert len(desk.told_of(delivery)) == 12
    desk.close()


def test_whoever_is_given_an_order_without_an_alert_hears_of_it_once(desk):
    orders = Orders(desk.records.database, lambda: SITE, clock=desk.clock)
    office = Person(Actor("boss"), manages=True)
    desk.contact("li")
    order = orders.open(office, NewOrder(node="dorm-2-301", words="水一直流", assignee="li"))
    (told,) = desk.run_for(120)
    assert (told.receiver, str(told.reason), told.detail["order"]) == ("person:li", "order", order.id)
    sent = LetterWriter(lambda: SITE, "https://a")(Due(told, ()))
    assert sent[Language.EN].link == f"https://a/orders/{order.id}"
    assert "301室" in sent[Language.ZH_CN].text
    assert "水一直流" in sent[Language.ZH_CN].text
    assert desk.run_for(86400) == []
    orders.finish(order.id, Person(Actor("li")), Outcome.REPAIRED)
    orders.reopen(order.id, office, words="还在滴")
    assert [str(d.reason) for d in desk.run_for(120)] == ["order"]
