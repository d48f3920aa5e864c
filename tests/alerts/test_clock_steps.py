"""The wall clock is set back or forward: what waits goes on by the time that was lived, and nothing is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from routed import Desk, local

from alerts.channel import ChannelError
from alerts.notify.dispatch import Dispatcher
from alerts.users.errors import ThrottledError, WrongPasswordError
from alerts.users.roles import WHOLE_SITE, Role
from alerts.users.values import Origin
from alerts.values import Actor
from metering.incident import Category, Severity

DAY, HOUR = 86_400, 3600


class Steady:
    """Seconds that pass whatever the wall clock says; `lived` moves both."""

    def __init__(self, clock):
        self.clock, self.passed = clock, 0.0

    def __call__(self):
        return self.passed

    def lived(self, seconds):
        self.passed += seconds
        self.clock.forward(seconds)


@pytest.fixture
def steady(clock):
    return Steady(clock)


@pytest.fixture
def desk(url, clock, steady):
    found = Desk(url, clock)
    found.dispatcher = Dispatcher(found.records.database, found.books, clock, steady)
    found.set("route", "r", targets=["person:li"], group_wait_s=30, repeat_s=None,
              steps=[{"after_s": 900, "targets": ["person:chief"]}])  # fmt: skip
    for person in ("li", "chief"):
        found.contact(person)
    yield found
    found.close()


def told(desk) -> list[str]:
    return sorted((d.receiver.removeprefix("person:") for d in desk.deliveries()), reverse=True)


def live(desk, steady, seconds, step=1.0) -> list[str]:
    """Turns as the program takes them, each second; who was told by the end."""
    for _ in range(round(seconds / step)):
        steady.lived(step)
        desk.dispatcher.turn()
    return told(desk)


@pytest.mark.parametrize("set_by", [-DAY, -HOUR, -60, 60, HOUR, DAY])
def test_a_group_that_waits_and_a_step_of_escalation_come_when_they_would_have(desk, rules, steady, clock, set_by):
    desk.apply(rules.raised())
    assert live(desk, steady, 10) == []
    clock.forward(set_by)
    assert live(desk, steady, 19) == []
    assert live(desk, steady, 2) == ["li"]
    live(desk, steady, 400, 10.0)
    clock.forward(set_by)
    assert live(desk, steady, 480, 10.0) == ["li"]
    assert live(desk, steady, 40, 10.0) == ["li", "chief"]


@pytest.mark.parametrize("set_by", [-DAY, HOUR])
def test_a_deadline_in_minutes_keeps_its_minutes_and_no_breach_is_made_up(desk, rules, steady, clock, set_by):
    desk.apply(rules.raised(severity=Severity.CRITICAL, loss_rate=9.0))
    live(desk, steady, 5)
    before = desk.records.get_alert("leak-1").due_at
    clock.forward(set_by)
    live(desk, steady, 1)
    assert desk.records.get_alert("leak-1").due_at - before == timedelta(seconds=set_by)
    assert desk.records.look_after() == ()
    live(desk, steady, 900, 100.0)
    assert [a.id for a in desk.records.look_after()] == ["leak-1"]
    assert len(desk.records.past.breaches(limit=10).items) == 1


def test_a_term_by_the_calendar_stays_where_it_is(desk, rules, steady, clock):
    desk.apply(rules.raised(category=Category.CONSUMPTION))
    live(desk, steady, 5)
    before = desk.records.get_alert("leak-1").due_at
    clock.forward(-HOUR)
    live(desk, steady, 1)
    assert desk.records.get_alert("leak-1").due_at == before


def test_a_program_that_starts_on_a_clock_that_went_back_does_not_wait_for_it_to_come_round(desk, rules, steady, clock):
    """A small computer without a clock of its own starts in the past; then the network sets it right."""
    desk.apply(rules.raised())
    live(desk, steady, 12)
    clock.forward(-30 * DAY)
    desk.dispatcher = Dispatcher(desk.records.database, desk.books, clock, steady)
    assert live(desk, steady, 30) == ["li"]
    clock.forward(30 * DAY)
    assert live(desk, steady, 800, 10.0) == ["li"]
    assert live(desk, steady, 120, 10.0) == ["li", "chief"]


def test_time_that_the_program_was_down_counts(desk, rules, steady, clock):
    desk.apply(rules.raised())
    live(desk, steady, 40)
    steady.lived(HOUR)
    desk.dispatcher = Dispatcher(desk.records.database, desk.books, clock, steady)
    assert live(desk, steady, 2) == ["li", "chief"]


def test_a_digest_of_a_day_that_comes_twice_comes_once(desk, rules, steady, clock):
    clock.now = local(2026, 11, 23, 7, 29)
    desk.set("digest", "d", person="li", at="07:30")
    live(desk, steady, 120, 10.0)
    clock.forward(-HOUR)
    assert [str(d.reason) for d in desk.run_for(2 * HOUR)] == []
    assert [str(d.reason) for d in desk.deliveries()] == ["digest"]


class Wire:
    """A channel that is down until it is mended."""

    name = "team"

    def __init__(self):
        self.is_down, self.tries, self.sent = True, 0, []

    def send(self, notification):
        self.tries += 1
        if self.is_down:
            raise ChannelError("no way", is_retryable=True)
        self.sent.append(notification.id)


@pytest.mark.parametrize("set_by", [-DAY, -HOUR])
def test_a_channel_that_was_down_is_tried_again_in_its_time_on_a_clock_that_went_back(
    desk, rules, steady, clock, set_by
):
    desk.apply(rules.raised(severity=Severity.CRITICAL, loss_rate=9.0))
    live(desk, steady, 2)
    wire = Wire()
    lane = desk.lane(wire)
    assert lane.step()
    clock.forward(set_by)
    assert not lane.step()
    live(desk, steady, 3)
    wire.is_down = False
    assert lane.step()
    assert (wire.tries, len(wire.sent)) == (2, 1)


def test_what_was_sent_in_the_future_does_not_fill_the_minute(desk, rules, steady, clock):
    desk.set("route", "r", targets=["person:li", "person:chief"], group_wait_s=0)
    desk.apply(rules.raised())
    live(desk, steady, 1)
    wire = Wire()
    wire.is_down = False
    lane = desk.lane(wire, per_minute={"team": 1})
    assert lane.step()
    assert not lane.step()
    clock.forward(-HOUR)
    live(desk, steady, 1)
    assert lane.step()
    assert len(wire.sent) == 2


def test_a_door_that_was_shut_does_not_stay_shut_until_the_clock_comes_round(desk, clock):
    """One more try, no more: what was counted stays counted."""
    desk.users.accounts.add("li", Role.MAINTAINER, (WHOLE_SITE,), Actor("system"))
    origin = Origin("10.0.0.7")
    for _ in range(6):
        with pytest.raises(WrongPasswordError):
            desk.users.sessions.sign_in("li", "wrong-password", origin)
    clock.forward(-DAY)
    with pytest.raises(WrongPasswordError):
        desk.users.sessions.sign_in("li", "wrong-password", origin)
    with pytest.raises(ThrottledError) as shut:
        desk.users.sessions.sign_in("li", "wrong-password", origin)
    assert shut.value.retry_after_s == 60
