"""From the roster to people: a leak, who has duty, the outbox, and a real receiver of each kind of channel."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from pydantic import TypeAdapter
from routed import Desk

from alerts.notify.links import Links
from aquavolt.channels.kinds import ChannelSettings, open_channel, read_alone
from metering.incident import Severity
from simulators.mailbox import Mailbox
from simulators.receiver import Receiver
from simulators.robots import Services

PAGE = "https://m.example.edu"
KEY, SECRET = "0a1b2c", "SECsecret"
SETTINGS = TypeAdapter(ChannelSettings)


@pytest.fixture
def receiver():
    found = Receiver(services=Services(time.time, key=KEY, secret=SECRET))
    found.start()
    yield found
    found.stop()


@pytest.fixture
def mailbox():
    found = Mailbox()
    found.start()
    yield found
    found.stop()


@pytest.fixture
def settings_of(receiver, mailbox):
    base = f"http://127.0.0.1:{receiver.port}"
    own = {"allow_networks": ["127.0.0.0/8"]}
    gateway = {"mobile": "{address}", "content": "{text}", "apikey": KEY}
    return {
        "webhook": {"url": f"{base}/hook", **own},
        "wecom": {"url": f"{base}/cgi-bin/webhook/send?key={KEY}", **own},
        "dingtalk": {"url": f"{base}/robot/send?access_token={KEY}", "secret": SECRET, **own},
        "feishu": {"url": f"{base}/open-apis/bot/v2/hook/{KEY}", "secret": SECRET, **own},
        "sms": {"url": f"{base}/sms/send", "fields": gateway, "taken": ["code", ["0"]], **own},
        "apprise": {"url": f"json://127.0.0.1:{receiver.port}/chat/{{address}}", **own},
        "e-mail": {
            "host": "127.0.0.1", "port": mailbox.port, "security": "none", "sender": "desk@example.edu",
            "recipients": ["all@example.edu"],
        },
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["webhook", "wecom", "dingtalk", "feishu", "sms", "apprise", "e-mail"])
def test_who_has_duty_hears_of_a_burst_at_once_on_every_kind_of_channel(
    kind, settings_of, receiver, mailbox, url, clock, rules
):
    address = "li@example.edu" if kind == "e-mail" else "13800138000"
    desk = Desk(url, clock, (kind,))
    clock.now = clock.now.fromtimestamp(time.time(), clock.now.tzinfo)  # the robots check the time of a signature
    desk.set("duty", "maintainers", role="maintainer", shifts=[{"people": ["li"]}], fallback="boss")
    desk.contact("li", kind, address, language="en")
    desk.set("route", "bursts", match={"burst": True}, targets=["role:maintainer"])
    desk.apply(rules.raised(severity=Severity.CRITICAL))
    desk.dispatcher.turn()
    (delivery,) = desk.deliveries()
    assert (delivery.receiver, delivery.address, delivery.channel) == ("person:li", address, kind)
    settings = SETTINGS.validate_python({"kind": kind, **settings_of[kind]})
    links = Links(desk.records.database, PAGE, clock, read_alone([settings]))
    desk.letters = replace(desk.letters, link_of=links.link_of)
    channel = open_channel(settings)
    try:
        assert desk.lane(channel).step()
    finally:
        channel.close()
    (delivery,) = desk.deliveries()
    assert (delivery.state, delivery.last_error) == ("delivered", "")
    text = _received(kind, receiver, mailbox, address)
    # In a group's chat everybody could act in li's name: there the link leads to the page, where people sign in.
    is_group = kind in {"wecom", "dingtalk", "feishu"}
    for part in ("梅园2号楼", f"{PAGE}/alerts/leak-1" if is_group else f"{PAGE}/go/"):
        assert part in text
    assert ("/go/" in text) != is_group
    if kind != "sms":
        assert "420 litres per hour" in text
    desk.close()


@pytest.mark.parametrize(
    ("kind", "address", "changed", "is_alone"),
    [
        ("e-mail", "li@example.edu", {}, True),
        ("e-mail", "", {}, False),
        ("sms", "", {}, False),
        ("apprise", "13800138000", {}, True),
        ("apprise", "13800138000", {"url": "json://127.0.0.1/team"}, False),
    ],
)
def test_only_what_goes_to_the_persons_own_address_is_read_by_that_person_alone(
    kind, address, changed, is_alone, settings_of, url, clock, rules
):
    desk = Desk(url, clock, (kind,))
    desk.contact("li", kind, "x")
    desk.set("route", "all", targets=["person:li"])
    desk.apply(rules.raised(severity=Severity.CRITICAL))
    (delivery,) = desk.run_for(0)
    settings = SETTINGS.validate_python({"kind": kind, **settings_of[kind], **changed})
    links = Links(desk.records.database, PAGE, clock, read_alone([settings]))
    assert (links.link_of(replace(delivery, address=address)) is not None) == is_alone
    desk.close()


def _received(kind, receiver, mailbox, address):
    if kind == "e-mail":
        ((recipients, mail),) = mailbox.mails
        assert recipients == (address,)
        return mail["Subject"] + mail.get_content()
    (message,) = receiver.inbox.document()["messages"]
    body = message["body"]
    if kind in {"wecom", "dingtalk", "sms"}:
        assert list(body["mentions"]) == [address]
    return body["text"] if "text" in body else body["title"] + body["message"]
