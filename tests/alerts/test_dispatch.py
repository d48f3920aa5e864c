"""Groups, repeats, escalation, mutes and storms as people meet them: who is told what, and when."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from routed import Desk, local

from alerts.values import Actor
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


def test_nobody_acts_and_the_last_step_is_asked_too_and_it_is_repeated(desk, rules):
    desk.set(
        "route", "r", targets=["channel:team"], repeat_s=3600, steps=[{"after_s": 900, "targets": ["person:zhao"]}]
    )
    desk.contact("zhao")
    desk.apply(rules.raised(severity=Severity.CRITICAL))
    found = reasons(desk.run_for(2 * 3600))
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
    desk.apply(rules.raised("cut", category=Category.SUPPLY, medium="electricity", node="north"))
    desk.apply(rules.raised("dead", **dead), rules.raised("leak", node="dorm-2"))
    told = {a for d in desk.run_for(3600) for a in desk.told_of(d)}
    assert told == {"cut", "leak"}
    desk.apply(rules.cleared("cut", category=Category.SUPPLY, medium="electricity", node="north"))
    told = {a for d in desk.run_for(400) for a in desk.told_of(d)}
    assert "dead" in told


def test_holes_go_to_the_fallback_and_gone_accounts_are_holes(desk, rules):
    desk.set("duty", "m", role="maintainer", shifts=[{"people": ["li"]}], fallback="boss")
    desk.set("route", "r", targets=["role:maintainer"])
    desk.contact("li")
    desk.contact("boss")
    desk.gone.add("li")
    desk.apply(rules.raised(severity=Severity.CRITICAL))
    (delivery,) = desk.run_for(0)
    assert (delivery.receiver, delivery.detail["why"], delivery.detail["about"]) == ("person:boss", "hole", "m")


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
