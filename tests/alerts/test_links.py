"""Signed links: forged, changed and expired ones open nothing; digests and holes are told once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from routed import ADMIN, Desk, local

from alerts.notify.links import LinkError, Links
from alerts.users.roles import WHOLE_SITE, Role
from metering.incident import Severity


@pytest.fixture
def desk(url, clock):
    found = Desk(url, clock)
    yield found
    found.close()


@pytest.fixture
def links(desk, clock):
    return Links(desk.records.database, "https://m.example.edu/", clock)


@pytest.fixture
def delivery(desk, rules):
    desk.set("route", "r", targets=["person:li"])
    desk.contact("li")
    desk.apply(rules.raised(severity=Severity.CRITICAL))
    (found,) = desk.run_for(0)
    return found


def token_of(links, delivery):
    return links.link_of(delivery).url.rpartition("/")[2]


def test_a_link_opens_the_alerts_of_its_message_for_its_person_also_in_another_program(desk, links, delivery, clock):
    opened = Links(desk.records.database, "", clock).open(token_of(links, delivery))
    assert (opened.notification, opened.person, opened.alerts) == (delivery.id, "li", ("leak-1",))


def test_every_changed_character_is_refused(links, delivery):
    token = token_of(links, delivery)
    for place in range(len(token) - 1):
        other = "A" if token[place] != "A" else "B"
        with pytest.raises(LinkError):
            links.open(token[:place] + other + token[place + 1 :])
    for wrong in ("", "x", token[:-4], token + "AAAA", "é" * 10):
        with pytest.raises(LinkError):
            links.open(wrong)


def test_a_link_ends_after_three_days(links, delivery, clock):
    token = token_of(links, delivery)
    clock.forward(3 * 86400)
    links.open(token)
    clock.forward(1)
    with pytest.raises(LinkError, match="past its end"):
        links.open(token)


def test_a_chat_that_many_read_gets_no_personal_link(links, delivery):
    assert links.link_of(replace(delivery, receiver="channel:team")) is None


def test_a_hole_is_told_to_the_fallback_at_once_and_once(desk):
    desk.contact("boss")
    desk.run_for(0)
    desk.set("duty", "m", role="maintainer", shifts=[{"people": ["li"], "last": "2026-11-22"}], fallback="boss",
             covers=["08:00", "09:00"])  # fmt: skip
    (told,) = desk.run_for(0)
    assert (told.receiver, told.reason, told.detail["holes"][0]["duty"]) == ("person:boss", "roster", "m")
    desk.restart()
    assert desk.run_for(3600) == []


def test_a_digest_comes_once_a_day_at_its_time(desk, rules, clock):
    clock.now = local(2026, 11, 23, 7)
    desk.contact("boss")
    desk.set("route", "r", targets=["channel:team"], repeat_s=None)
    desk.set("digest", "d", person="boss", nodes=["north"], at="07:30")
    desk.apply(rules.raised("a"), rules.raised("elsewhere", node="library"))
    desk.run_for(29 * 60)
    (digest,) = desk.run_for(120)
    assert (digest.reason, digest.detail["counts"]["open"]) == ("digest", 1)
    desk.restart()
    assert [d.reason for d in desk.run_for(86400)] == ["digest"]


def test_a_digest_tells_nobody_of_what_the_own_account_does_not_show(desk, rules, clock):
    """A contractor hears of what is assigned, one with some parts of those; a contact without an account of all."""
    clock.now = local(2026, 11, 23, 7)
    desk.set("route", "r", targets=["channel:team"], repeat_s=None)
    desk.users.accounts.add("firm", Role.CONTRACTOR, (WHOLE_SITE,), ADMIN)
    desk.users.accounts.add("dorms", Role.DORM_MANAGER, ("north",), ADMIN)
    for person in ("firm", "dorms", "chen"):
        desk.contact(person)
        desk.set("digest", person, person=person, at="07:30")
    desk.apply(rules.raised("a"), rules.raised("b"), rules.raised("elsewhere", node="library"))
    desk.records.assign("b", ADMIN, "firm")
    digests = [d for d in desk.run_for(31 * 60) if d.reason == "digest"]
    told = {d.receiver: (d.detail["counts"]["open"], desk.told_of(d)) for d in digests}
    assert told == {
        "person:firm": (1, ["b"]), "person:dorms": (2, ["a", "b"]), "person:chen": (3, ["a", "b", "elsewhere"]),
    }  # fmt: skip
