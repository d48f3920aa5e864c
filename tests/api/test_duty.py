"""Roster, routes and silences over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from signed_in import users_of

from alerts.duty_desk.book_source import BookSource
from alerts.duty_desk.desk import DutyDesk
from alerts.duty_desk.entries import EntryKind
from alerts.notices import look_at
from alerts.notify.dispatch import Dispatcher
from alerts.routing.routes import Contact, Route
from alerts.users.roles import WHOLE_SITE, Role
from alerts.users.values import AccountState
from alerts.values import Actor
from api.duty.schema import ChannelTestIn, DeliveryOut, DryRunIn, DryRunOut, HoleOut
from api.parts import Access
from aquavolt.telling import surroundings_of

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
ADMIN = Actor("admin", "test")
DUTY = {"role": "maintainer", "shifts": [{"people": ["li"], "start": "08:00", "end": "20:00"}], "fallback": "boss"}
CONTACT = {"addresses": [{"channel": "webhook"}]}


def test_a_duty_is_made_changed_with_its_version_and_removed_with_its_history_kept(served):
    client = served.client

    def put(seen: str, **changes):
        return client.request("PUT", "/api/v1/duties/m", json=DUTY | changes, headers={"If-Match": seen})

    made = put('"0"')
    assert (made.status_code, made.json()["version"], made.headers["ETag"]) == (200, 1, '"1"')
    assert put('"0"').status_code == 412
    assert put('"1"', fallback="zhao").json()["content"]["fallback"] == "zhao"
    one = client.get("/api/v1/duties/m")
    assert (one.headers["ETag"], one.json()) == ('"2"', client.get("/api/v1/duties").json()["items"][0])
    assert client.request("DELETE", "/api/v1/duties/m", headers={"If-Match": '"1"'}).status_code == 412
    assert client.request("DELETE", "/api/v1/duties/m").status_code == 200
    history = client.get("/api/v1/duties/m/history").json()["items"]
    assert [(h["action"], h["actor"]) for h in history] == [(a, "demo") for a in ("created", "changed", "removed")]
    assert client.request("DELETE", "/api/v1/duties/m").status_code == 404
    assert client.get("/api/v1/duties/m").status_code == 404


def test_what_cannot_be_is_refused_with_its_member(served):
    answer = served.client.request("PUT", "/api/v1/duties/m", json=DUTY | {"shifts": [{"people": [], "start": "8"}]})
    assert answer.status_code == 422
    assert {e["member"] for e in answer.json()["errors"]} == {"body.shifts.0.people", "body.shifts.0.start"}
    assert served.client.request("PUT", "/api/v1/duties/Not%20An%20Id", json=DUTY).status_code == 422


def test_holes_name_their_fallback_and_a_dry_run_says_who_would_be_told_and_why(served):
    client = served.client
    client.request("PUT", "/api/v1/duties/m", json=DUTY)
    for person in ("li", "boss"):
        client.request("PUT", f"/api/v1/contacts/{person}", json=CONTACT)
    hole = client.get("/api/v1/roster/holes?days=1").json()["items"][0]
    assert hole == {
        "duty": "m", "start": "2026-11-23T12:00:00Z", "end": "2026-11-24T00:00:00Z", "fallback": "boss",
    }  # fmt: skip
    for at, told in [("2026-11-23T04:00:00Z", ("person:li", "on_duty")), (hole["start"], ("person:boss", "hole"))]:
        asked = {"node": "dorm-1-201", "severity": "critical", "at": at}
        (run,) = client.post("/api/v1/routing/dry-run", json=asked).json()["routes"]
        first = run["hearings"][0]
        assert (run["route"], first["at"]) == ("default-burst", at)
        assert told in [(r["receiver"], r["why"]) for r in first["receivers"]]


def test_a_test_message_goes_into_the_outbox_and_shows_its_state(served):
    sent = served.client.post("/api/v1/channels/webhook/test", json={}).json()
    assert served.client.get(f"/api/v1/deliveries/{sent['id']}").json()["state"] == "pending"
    answer = served.client.post("/api/v1/channels/pigeon/test", json={})
    assert (answer.status_code, "webhook" in answer.json()["detail"]) == (404, True)


def test_the_log_of_notifications_is_read_page_by_page_and_narrowed(served):
    sent = [served.client.post("/api/v1/channels/webhook/test", json={}).json()["id"] for _ in range(3)]
    pages, cursor = [], ""
    while cursor is not None:
        page = served.client.get(f"/api/v1/deliveries?channel=webhook&limit=2{cursor}").json()
        pages.append([d["id"] for d in page["items"] if d["reason"] == "test"])
        cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else None
    assert sorted(i for page in pages for i in page) == sorted(sent)
    assert len(pages) > 1
    assert served.client.get("/api/v1/deliveries?state=delivered").json()["items"] == []
    assert served.client.get("/api/v1/deliveries?channel=pigeon").json()["items"] == []
    assert served.client.get("/api/v1/deliveries?cursor=x").status_code == 422
    assert served.client.get("/api/v1/deliveries/nope").status_code == 404


@pytest.mark.parametrize("kind", EntryKind)
def test_the_examples_of_the_description_are_taken(served, kind):
    """What `/docs` shows can be sent as it stands."""
    paths = served.client.get("/openapi.json").json()["paths"]
    path = next(p for p, o in paths.items() if o.get("put", {}).get("summary") == f"Create or replace a {kind.value}")
    example = paths[path]["put"]["requestBody"]["content"]["application/json"]["example"]
    assert served.client.request("PUT", path.format(entry_id="one"), json=example).status_code == 200


@pytest.mark.parametrize("form", [DryRunIn, DryRunOut, HoleOut, DeliveryOut, ChannelTestIn])
def test_the_other_examples_fit_their_forms(form):
    for example in form.model_json_schema()["examples"]:
        assert form.model_validate(example)


def test_the_page_of_an_alert_says_who_was_asked_when_nobody_had_it(make):
    served = make(access=Access(demo=True))
    desk, records = served.parts.duty_desk, served.parts.records
    for person in ("li", "wang"):
        desk.entries.put(EntryKind.CONTACT, person, Contact.model_validate(CONTACT), ADMIN)
    steps = [{"after_s": 60, "targets": ["person:wang", "channel:webhook"]}]
    route = Route.model_validate({"targets": ["person:li"], "group_wait_s": 0, "steps": steps})
    desk.entries.put(EntryKind.ROUTE, "r", route, ADMIN)
    with records.database.writing() as session:
        look_at(session, "leak", 0)
    books = BookSource(surroundings_of(served.parts.site, ["webhook"]))
    for minutes in (0, 2):
        Dispatcher(records.database, books, lambda late=minutes: NOW + timedelta(minutes=late)).turn()
    for language, text in (("en", "Nobody had it: the next were asked"), ("zh-CN", "无人接单，已上报下一级")):
        page = served.client.get("/alerts/leak", headers={"Accept": "text/html", "Accept-Language": language}).text
        assert text in page
        assert {"en": "wang, webhook", "zh-CN": "wang、webhook"}[language] in page
    audit = served.client.get("/api/v1/alerts/leak/audit").json()["items"]
    assert [e["detail"]["asked"] for e in audit if e["action"] == "unanswered"] == [["person:wang", "channel:webhook"]]


# -- signed links -----------------------------------------------------------------------------------------


@pytest.fixture
def guarded(make):
    return make(access=Access(tokens={}))


def link_to(guarded, person: str = "li", *alerts: str) -> str:
    """The path of the link in a message about these alerts (a leak without any) that the person gets."""
    desk, records = guarded.parts.duty_desk, guarded.parts.records
    desk.entries.put(EntryKind.CONTACT, person, Contact.model_validate(CONTACT), ADMIN)
    desk.entries.put(EntryKind.ROUTE, "r", Route(targets=(f"person:{person}",), group_by=(), group_wait_s=0), ADMIN)
    with records.database.writing() as session:
        for alert in alerts or ("leak",):
            look_at(session, alert, 0)
    books = BookSource(surroundings_of(guarded.parts.site, ["webhook"]))
    Dispatcher(records.database, books, guarded.parts.now).turn()
    (delivery,) = [d for d in records.recent_deliveries() if d.receiver == f"person:{person}"]
    return "/go/" + desk.links.link_of(delivery).url.rpartition("/")[2]


def test_a_link_lets_its_person_take_the_alert_without_signing_in(guarded):
    records, link = guarded.parts.records, link_to(guarded)
    page = guarded.client.get(link, headers={"Accept-Language": "zh-CN"})
    assert (page.status_code, "梅园1号楼" in page.text) == (200, True)
    assert "<script>" not in page.text
    assert "style=" not in page.text
    assert not records.get_alert("leak").acknowledged
    assert guarded.client.post(f"{link}/room").status_code == 404
    assert guarded.client.post(f"{link}/leak").status_code == 303
    assert records.get_alert("leak").acknowledged_by == "li"
    assert guarded.client.get(f"{link[:-5]}AAAAA").status_code == 404
    assert guarded.client.get("/api/v1/alerts").status_code == 401
    assert "I take care" not in guarded.client.get(link, headers={"Accept-Language": "en"}).text


def test_a_link_opens_one_purpose_and_nothing_else(guarded):
    link = link_to(guarded)
    for path in ("/alerts/leak", "/api/v1/alerts/leak", "/site", "/account"):
        answer = guarded.client.get(path, headers={"Authorization": f"Bearer {link.removeprefix('/go/')}"})
        assert answer.status_code == 401
    assert guarded.client.post(f"{link}/leak", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert not guarded.parts.records.get_alert("leak").acknowledged


def test_all_alerts_of_a_message_are_taken_at_once_and_who_was_quicker_keeps_his(guarded):
    records, link = guarded.parts.records, link_to(guarded, "li", "leak", "room")
    records.acknowledge("room", Actor("wang"))
    assert guarded.client.post(link).status_code == 303
    assert [records.get_alert(a).acknowledged_by for a in ("leak", "room")] == ["li", "wang"]
    late = guarded.client.post(f"{link}/room")
    page = guarded.client.get(late.headers["Location"], headers={"Accept-Language": "en"})
    assert "Somebody else was quicker" in page.text
    assert records.get_alert("room").acknowledged_by == "wang"


def test_a_link_is_past_its_end_after_three_days(guarded, make):
    link = link_to(guarded)
    later = make(access=Access(tokens={}), now=lambda: NOW + timedelta(days=4),
                 duty_desk=duty_desk_at(guarded, NOW + timedelta(days=4)))  # fmt: skip
    answer = later.client.get(link, headers={"Accept": "text/html"})
    assert (answer.status_code, "past its end" in answer.text) == (410, True)
    assert later.client.post(f"{link}/leak").status_code == 410


def duty_desk_at(guarded, moment: datetime) -> DutyDesk:
    return DutyDesk(guarded.parts.records.database, surroundings_of(guarded.parts.site, ["webhook"]), lambda: moment)


def test_a_link_is_worth_what_its_account_may(guarded):
    link = link_to(guarded)
    users = users_of(guarded)
    users.accounts.add("li", Role.AUDITOR, (WHOLE_SITE,), ADMIN)
    assert "I take care" not in guarded.client.get(link, headers={"Accept-Language": "en"}).text
    assert guarded.client.post(f"{link}/leak").status_code == 404
    users.accounts.change("li", Role.MAINTAINER, ("library",), ADMIN, None)
    assert "None of these alerts" in guarded.client.get(link, headers={"Accept-Language": "en"}).text
    assert guarded.client.post(f"{link}/leak").status_code == 404
    users.leaving.leave("li", AccountState.DISABLED, ADMIN)
    assert guarded.client.get(link).status_code == 410
    assert not guarded.parts.records.get_alert("leak").acknowledged
