"""The outbox: sent at least once, in order, slower when a channel is down, without a word to the others."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError

from alerts.backoff import Backoff
from alerts.channel import ChannelError, Message
from alerts.due import DueNotifications
from alerts.lane import Lane, LaneSettings
from alerts.outbox import Outbox
from alerts.values import DeliveryState
from alerts.words import Language
from metering.incident import ChangeKind


def compose(due):
    (alert,) = due.alerts
    text = f"{due.delivery.reason} {alert.id}"
    return {language: Message(text, alert.node, "http://x") for language in Language}


class Wire:
    """A channel that writes down what it is given and fails as told: an exception, or one for an alert."""

    def __init__(self, name="hook"):
        self.name = name
        self.sent = []
        self.attempts = 0
        self.fault = None
        self.faults = {}

    def send(self, notification):
        self.attempts += 1
        fault = self.faults.get(notification.alert.id, self.fault)
        if fault is not None:
            raise fault
        self.sent.append(notification)


def down(**more):
    return ChannelError("no answer", is_retryable=True, **more)


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def lane(records, wire, clock):
    settings = LaneSettings(clock=clock, backoff=Backoff(first_s=2, most_s=60), draw=lambda: 1.0)
    return Lane(wire, DueNotifications(records.database), compose, settings)


def drain(lane):
    while lane.step():
        pass


def state_of(records, alert="leak-1"):
    (delivery,) = records.deliveries_of(alert)
    return delivery


def test_what_is_due_is_sent_with_its_stable_id_and_marked(records, rules, lane, wire, clock):
    records.apply([rules.raised()], 1)
    expected = state_of(records).id
    clock.forward(3)
    assert lane.step()
    assert not lane.step()
    (notification,) = wire.sent
    assert (notification.id, notification.channel, notification.reason) == (expected, "hook", "raised")
    assert notification.alert == records.get_alert("leak-1")
    assert notification.messages[Language.EN].title == "raised leak-1"
    delivery = state_of(records)
    assert (delivery.state, delivery.attempts, delivery.delivered_at) == (DeliveryState.DELIVERED, 1, clock())


def test_a_notification_tells_of_the_alert_as_it_stands(records, rules, lane, wire):
    records.apply([rules.raised(loss_total=1.0)], 1)
    records.apply([rules.cleared(loss_total=9.0)], 2)
    drain(lane)
    assert (wire.sent[0].alert.loss_total, wire.sent[0].alert.is_active) == (9.0, False)


def test_the_id_is_the_same_on_every_attempt(records, rules, lane, wire, clock):
    records.apply([rules.raised()], 1)
    seen = []
    wire.send = lambda n: seen.append(n.id) or (_ for _ in ()).throw(down())
    for _ in range(4):
        lane.step()
        clock.forward(100)
    assert len(seen) == 4
    assert len(set(seen)) == 1


def test_a_channel_that_is_down_costs_one_attempt_a_pause_however_many_wait(records, rules, lane, wire, clock):
    records.apply([rules.raised(f"a{i}") for i in range(50)], 1)
    wire.fault = down()
    for _ in range(600):
        drain(lane)
        clock.forward(1)
    # Pauses of 2, 4, 8, 16, 32, then 60 s.
    assert wire.attempts == pytest.approx(5 + (600 - 62) / 60, abs=1)
    assert lane.status.failures == wire.attempts
    assert lane.status.last_error == "no answer"
    wire.fault = None
    for _ in range(61):
        drain(lane)
        clock.forward(1)
    assert sorted(n.alert.id for n in wire.sent) == sorted(f"a{i}" for i in range(50))
    assert (lane.status.failures, lane.status.paused_until) == (0, None)


def test_nothing_is_given_up_however_long_a_channel_is_down(records, rules, lane, wire, clock):
    records.apply([rules.raised()], 1)
    wire.fault = down()
    for _ in range(300):
        lane.step()
        clock.forward(61)
    assert wire.attempts == 300
    wire.fault = None
    lane.step()
    assert state_of(records).state is DeliveryState.DELIVERED
    assert state_of(records).attempts == 301


def test_one_that_always_fails_lets_the_others_pass(records, rules, lane, wire, clock):
    records.apply([rules.raised("poison"), *(rules.raised(f"a{i}") for i in range(20))], 1)
    wire.faults["poison"] = down()
    for _ in range(30):
        drain(lane)
        clock.forward(1)
    assert len(wire.sent) == 20
    assert state_of(records, "poison").state is DeliveryState.PENDING


def test_a_refusal_is_final_and_shown_and_stops_nothing(records, rules, lane, wire):
    records.apply([rules.raised("bad"), rules.raised("good")], 1)
    wire.faults["bad"] = ChannelError("answered 400 Bad Request", is_retryable=False)
    drain(lane)
    assert [n.alert.id for n in wire.sent] == ["good"]
    bad = state_of(records, "bad")
    assert (bad.state, bad.attempts, bad.last_error) == (DeliveryState.FAILED, 1, "answered 400 Bad Request")


def test_what_the_other_side_asks_for_is_waited(records, rules, lane, wire, clock):
    records.apply([rules.raised("a"), rules.raised("b")], 1)
    wire.fault = down(retry_after_s=120)
    lane.step()
    wire.fault = None
    clock.forward(119)
    assert not lane.step()
    clock.forward(1)
    drain(lane)
    assert len(wire.sent) == 2


def test_a_fault_of_ours_is_tried_again_and_shown_without_its_text(records, rules, lane, wire, clock):
    records.apply([rules.raised()], 1)
    wire.fault = KeyError("secret")
    lane.step()
    assert state_of(records).last_error == "KeyError in this program"
    wire.fault = None
    clock.forward(2)
    lane.step()
    assert len(wire.sent) == 1


def test_a_withdrawn_one_is_not_sent(records, rules, lane, wire):
    records.apply([rules.raised()], 1)
    records.apply([rules.change(ChangeKind.INHIBITED, inhibited_by="parent")], 2)
    drain(lane)
    assert wire.attempts == 0


def test_a_mark_that_cannot_be_written_is_kept_and_nothing_is_sent_twice(records, rules, wire, clock):
    due = DueNotifications(records.database)
    lane = Lane(wire, due, compose, LaneSettings(clock=clock))
    records.apply([rules.raised()], 1)
    mark = due.mark_delivered

    def disk_full(*_):
        raise OperationalError("UPDATE", {}, Exception("database or disk is full"))

    due.mark_delivered = disk_full
    for _ in range(3):
        with pytest.raises(OperationalError):
            lane.step()
    due.mark_delivered = mark
    drain(lane)
    assert wire.attempts == 1
    assert state_of(records).state is DeliveryState.DELIVERED


def test_backoff_doubles_to_its_cap_within_half_and_whole():
    backoff = Backoff(first_s=2, most_s=60)
    assert [backoff.wait_s(n, 1.0) for n in range(7)] == [0, 2, 4, 8, 16, 32, 60]
    assert [backoff.wait_s(n, 0.0) for n in (1, 2, 10_000)] == [1, 2, 30]


def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


class Stuck(Wire):
    """A channel that hangs until it is let go."""

    def __init__(self):
        super().__init__("stuck")
        self.entered = threading.Event()
        self.let_go = threading.Event()

    def send(self, notification):
        self.entered.set()
        assert self.let_go.wait(30)
        super().send(notification)


class TestThreads:
    """The worker as it runs."""

    def test_a_channel_that_hangs_leaves_the_others_alone_and_stop_waits_for_its_mark(self, open_records, rules, clock):
        records, stuck, hook = open_records("stuck", "hook"), Stuck(), Wire()
        outbox = Outbox(records, [stuck, hook], compose, LaneSettings(clock=clock), idle_s=60)
        outbox.start()
        records.apply([rules.raised("a"), rules.raised("b")], 1)
        outbox.wake()
        until(lambda: len(hook.sent) == 2)
        assert stuck.entered.wait(20)
        assert not outbox.stop(timeout_s=0.05)
        stuck.let_go.set()
        assert outbox.stop()
        states = {(d.channel, d.alert_id): d.state for d in records.recent_deliveries()}
        assert [states["hook", name] for name in "ab"] == [DeliveryState.DELIVERED] * 2
        assert sorted(states["stuck", name] for name in "ab") == [DeliveryState.DELIVERED, DeliveryState.PENDING]
        assert len(stuck.sent) == 1

    def test_it_finds_due_ones_by_itself(self, records, rules, wire, clock):
        outbox = Outbox(records, [wire], compose, LaneSettings(clock=clock), idle_s=0.01)
        outbox.start()
        records.apply([rules.raised()], 1)
        until(lambda: wire.sent)
        assert outbox.stop()
        assert outbox.status()[0].channel == "hook"

    def test_a_fault_of_the_records_does_not_end_it(self, records, rules, wire, clock, monkeypatch):
        faults = iter([OSError("disk"), OSError("disk")])
        real = DueNotifications.next

        def sometimes(self, *arguments):
            for fault in faults:
                raise fault
            return real(self, *arguments)

        monkeypatch.setattr(DueNotifications, "next", sometimes)
        outbox = Outbox(records, [wire], compose, LaneSettings(clock=clock), idle_s=0.01)
        outbox.start()
        records.apply([rules.raised()], 1)
        until(lambda: wire.sent)
        assert outbox.stop()

    def test_two_channels_of_one_name_are_refused(self, records):
        with pytest.raises(ValueError, match="two channels are named 'hook'"):
            Outbox(records, [Wire(), Wire()], compose)


def test_due_ones_come_in_the_order_they_were_written(records, rules, lane, wire, clock):
    for seq in range(5):
        records.apply([rules.raised(f"a{seq}")], seq + 1)
        clock.now += timedelta(milliseconds=1)
    drain(lane)
    assert [n.alert.id for n in wire.sent] == [f"a{i}" for i in range(5)]
