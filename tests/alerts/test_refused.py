"""A message that its channel refuses for good reaches people another way, once; what is only down is waited for."""

from __future__ import annotations

import pytest
from routed import Desk

from alerts.channel import ChannelError
from alerts.values import Actor
from metering.incident import Severity


class Wire:
    """A channel that takes everything, or refuses it."""

    def __init__(self, name, error=None):
        self.name, self.error, self.sent = name, error, []

    def send(self, notification):
        if self.error is not None:
            raise self.error
        self.sent.append((notification.receiver, notification.messages["zh-CN"].text))


REFUSED = ChannelError("https://hook.example answered 404 Not Found", is_retryable=False)
DOWN = ChannelError("no answer", is_retryable=True)


@pytest.fixture
def desk(url, clock):
    found = Desk(url, clock, ("team", "mail", "sms"))
    found.set("route", "r", targets=["person:li"], group_wait_s=0, repeat_s=None)
    yield found
    found.close()


def turn(desk, *wires):
    """Until nothing more goes out."""
    lanes = [desk.lane(wire) for wire in wires]
    for _ in range(4):
        desk.run_for(1)
        for lane in lanes:
            while lane.step():
                pass
    return {wire.name: [receiver for receiver, _ in wire.sent] for wire in wires}


def test_what_a_wrong_address_refuses_goes_to_every_other_channel_once_and_says_why(desk, rules):
    desk.contact("li", "team")
    desk.apply(rules.raised(severity=Severity.CRITICAL))
    wires = Wire("team", REFUSED), Wire("mail"), Wire("sms")
    assert turn(desk, *wires) == {"team": [], "mail": ["channel:mail"], "sms": ["channel:sms"]}
    assert "person:li" in wires[1].sent[0][1]
    assert "/go/" not in wires[1].sent[0][1]
    states = {d.channel: (str(d.state), d.last_error) for d in desk.deliveries()}
    assert states["team"] == ("failed", "https://hook.example answered 404 Not Found")
    desk.restart()
    assert turn(desk, *wires)["mail"] == ["channel:mail"]


def test_where_every_channel_refuses_it_ends(desk, rules):
    desk.contact("li", "team")
    desk.apply(rules.raised())
    turn(desk, Wire("team", REFUSED), Wire("mail", REFUSED), Wire("sms", REFUSED))
    assert [str(d.state) for d in desk.deliveries()] == ["failed"] * 3


def test_a_person_who_heard_another_way_is_enough(desk, rules):
    desk.set("contact", "li", addresses=[{"channel": "team", "address": "1"}, {"channel": "mail", "address": "l@x"}])
    desk.apply(rules.raised())
    assert turn(desk, Wire("team", REFUSED), Wire("mail"), Wire("sms")) == {
        "team": [], "mail": ["person:li"], "sms": [],
    }  # fmt: skip


def test_channels_that_were_told_anyway_are_not_told_twice(desk, rules):
    desk.set("route", "r", targets=["channel:*"], group_wait_s=0, repeat_s=None)
    desk.apply(rules.raised())
    assert turn(desk, Wire("team", REFUSED), Wire("mail"), Wire("sms")) == {
        "team": [], "mail": ["channel:mail"], "sms": ["channel:sms"],
    }  # fmt: skip


def test_a_channel_that_is_down_keeps_its_message(desk, rules):
    desk.contact("li", "team")
    desk.apply(rules.raised())
    wires = Wire("team", DOWN), Wire("mail"), Wire("sms")
    assert turn(desk, *wires) == {"team": [], "mail": [], "sms": []}
    wires[0].error = None
    desk.clock.forward(7200)
    assert turn(desk, *wires)["team"] == ["person:li"]


def test_what_somebody_has_meanwhile_goes_nowhere_else(desk, rules):
    desk.contact("li", "team")
    desk.apply(rules.raised())
    desk.run_for(1)
    desk.lane(Wire("team", REFUSED)).step()
    desk.records.acknowledge("leak-1", Actor("wang"))
    assert turn(desk, Wire("team"), Wire("mail"), Wire("sms"))["mail"] == []


def test_a_hole_that_its_fallback_could_not_be_told_of_is_told_on_the_other_channels(desk):
    desk.contact("boss", "team")
    desk.set("duty", "m", role="maintainer", shifts=[{"people": ["li"], "last": "2026-11-22"}], fallback="boss")
    sent = turn(desk, Wire("team", REFUSED), Wire("mail"), Wire("sms"))
    assert (sent["mail"], sent["sms"]) == (["channel:mail"], ["channel:sms"])
