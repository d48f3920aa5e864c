"""Roster, routes and silences over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime

from alerts.desk.entries import EntryKind
from alerts.notices import look_at
from alerts.notify.dispatch import Dispatcher
from alerts.routing.routes import Contact, Route
from alerts.values import Actor
from api.parts import Access

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
ADMIN = Actor("admin", "test")
DUTY = {"role": "maintainer", "shifts": [{"people": ["li"], "start": "08:00", "end": "20:00"}], "fallback": "boss"}
CONTACT = {"addresses": [{"channel": "webhook"}]}


def test_a_duty_is_made_changed_with_its_version_and_removed_with_its_history_kept(served):
    client = served.client
    made = client.request("PUT", "/api/v1/duties/m?version=0", json=DUTY)
    assert (made.status_code, made.json()["version"]) == (200, 1)
    assert client.request("PUT", "/api/v1/duties/m?version=0", json=DUTY).status_code == 409
    changed = client.request("PUT", "/api/v1/duties/m?version=1", json=DUTY | {"fallback": "zhao"})
    assert changed.json()["content"]["fallback"] == "zhao"
    assert [d["id"] for d in client.get("/api/v1/duties").json()["items"]] == ["m"]
    assert client.request("DELETE", "/api/v1/duties/m").status_code == 200
    history = client.get("/api/v1/duties/m/history").json()["items"]
    assert [(h["action"], h["actor"]) for h in history] == [(a, "demo") for a in ("created", "changed", "removed")]
    assert client.request("DELETE", "/api/v1/duties/m").status_code == 404


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
    assert (answer.status_code, "webhook" in answer.json()["detail"]) == (422, True)


def test_a_link_lets_its_person_take_the_alert_without_signing_in(make):
    guarded = make(access=Access(tokens={}))
    desk, records = guarded.parts.desk, guarded.parts.records
    desk.entries.put(EntryKind.CONTACT, "li", Contact.model_validate(CONTACT), ADMIN)
    desk.entries.put(EntryKind.ROUTE, "r", Route(targets=("person:li",)), ADMIN)
    with records.database.writing() as session:
        look_at(session, "leak", 0)
    Dispatcher(records.database, desk._books, lambda: NOW).turn()
    (delivery,) = [d for d in records.deliveries_of("leak") if d.receiver == "person:li"]
    token = desk.links.link_of(delivery).url.rpartition("/")[2]
    page = guarded.client.get(f"/go/{token}")
    assert (page.status_code, "梅园1号楼" in page.text) == (200, True)
    assert not records.get_alert("leak").acknowledged
    assert guarded.client.post(f"/go/{token}/room").status_code == 403
    assert guarded.client.post(f"/go/{token}/leak").status_code == 303
    assert records.get_alert("leak").acknowledged_by == "li"
    assert guarded.client.get(f"/go/{token[:-5]}AAAAA").status_code == 403
    assert guarded.client.get("/api/v1/alerts").status_code == 401
