"""Work orders over HTTP: conditions on writes, photos, who sees what, the patrol."""

from __future__ import annotations

import io
from datetime import datetime, timedelta

import pytest
from PIL import Image
from signed_in import person

from alerts.users.roles import Role


def photo(size=(640, 480), kind="JPEG", **more) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "navy").save(out, kind, **more)
    return out.getvalue()


@pytest.fixture
def order(served) -> int:
    answer = served.client.post("/api/v1/orders", json={"alert_id": "leak", "words": "先看三号管井"})
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


def test_an_order_of_an_alert(served, order):
    found = served.client.get(f"/api/v1/orders/{order}")
    body = found.json()
    assert found.headers["ETag"] == '"1"'
    assert (body["state"], body["alert_id"], body["node"], body["owner"]) == ("open", "leak", "dorm-1", "demo")
    assert [p["id"] for p in body["place"]] == ["campus", "dorm-1"]
    assert served.client.get("/api/v1/alerts/leak").json()["acknowledged_by"] == "demo"
    again = served.client.post("/api/v1/orders", json={"alert_id": "leak"})
    assert (again.status_code, again.json()["code"]) == (409, "exists")
    listed = served.client.get("/api/v1/orders?alert=leak&state=open").json()
    assert [o["id"] for o in listed["items"]] == [order]
    assert listed["counts"]["open"] == 1


def test_two_people_and_the_version_that_was_seen(served, order):
    at = f"/api/v1/orders/{order}"
    assert served.client.post(f"{at}/start", json={}, headers={"If-Match": '"1"'}).status_code == 200
    late = served.client.post(f"{at}/done", json={}, headers={"If-Match": '"1"'})
    assert (late.status_code, late.json()["current"]) == (412, {"version": 2, "by": "demo"})
    assert served.client.post(f"{at}/done", json={"version": 1}).status_code == 409
    assert served.client.post(f"{at}/done", json={"version": 2}).json()["state"] == "done"
    early = served.client.post(f"{at}/close", json={"rating": 5})
    assert (early.status_code, early.json()["code"]) == (409, "meters_disagree")


def test_an_order_of_a_report_turns_out_to_be_of_an_alert(served, guarded):
    builder = person(guarded, "builder", Role.CONTRACTOR)
    order = served.client.post("/api/v1/orders", json={"node": "dorm-1"}).json()["id"]
    at = f"/api/v1/orders/{order}/alert"
    csrf = {"X-CSRF-Token": builder.csrf()}
    assert builder.client.post(at, json={"alert_id": "leak"}, headers=csrf).status_code in {403, 404}
    assert served.client.post(at, json={"alert_id": "none"}).status_code == 404
    assert served.client.post(at, json={"alert_id": "leak"}, headers={"If-Match": '"9"'}).status_code == 412
    joined = served.client.post(at, json={"alert_id": "leak", "version": 1})
    assert (joined.status_code, joined.json()["alert_id"]) == (200, "leak")
    other = served.client.post("/api/v1/orders", json={"node": "dorm-1"}).json()["id"]
    again = served.client.post(f"/api/v1/orders/{other}/alert", json={"alert_id": "leak"})
    assert (again.status_code, again.json()["code"]) == (409, "exists")


def test_the_same_key_does_it_once(served, order):
    at, key = f"/api/v1/orders/{order}/notes", {"Idempotency-Key": "k-1"}
    first = served.client.post(at, json={"text": "缺阀门"}, headers=key)
    again = served.client.post(at, json={"text": "缺阀门"}, headers=key)
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    events = served.client.get(f"/api/v1/orders/{order}/events").json()["items"]
    assert [e["action"] for e in events] == ["created", "noted"]


def test_a_photo_is_written_anew_without_metadata(served, order):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010F] = "a phone that tells too much"
    answer = served.client.post(f"/api/v1/orders/{order}/photos?stage=closing", content=photo((3000, 1500), exif=exif))
    assert answer.status_code == 200, answer.text
    assert (answer.json()["width"], answer.json()["height"]) == (1024, 2048)
    found = served.client.get(answer.json()["url"])
    assert found.headers["content-type"] == "image/jpeg"
    assert found.headers["x-content-type-options"] == "nosniff"
    assert b"tells too much" not in found.content
    with Image.open(io.BytesIO(found.content)) as image:
        assert (image.format, dict(image.getexif())) == ("JPEG", {})
    whole = served.client.get(f"/api/v1/orders/{order}").json()
    assert (whole["photos"], [p["stage"] for p in whole["photo_list"]]) == (1, ["closing"])


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 400
BOMB = photo((6000, 6000), "PNG")


@pytest.mark.parametrize(
    ("content", "status", "code", "chinese"),
    [
        (HEIC, 415, "heic", "HEIC"),
        (b"%PDF-1.7\n" + b"\0" * 999, 415, "other_type", "不是"),
        (b"PK\x03\x04" + b"\0" * 999, 415, "other_type", "不是"),
        (b"GIF89a" + b"\0" * 99, 415, "other_type", "不是"),
        (b"", 422, "empty", "空"),
        (photo()[:-200], 422, "damaged", "损坏"),
        (BOMB, 422, "too_many_pixels", "像素"),
        (b"\xff\xd8\xff" + b"\0" * (10 * 1024 * 1024), 413, "too_large", "10 MB"),
        (b"\xff\xd8\xff" + b"\0" * (50 * 1024 * 1024), 413, "too_large", "10 MB"),
    ],
    ids=["heic", "pdf", "zip", "gif", "empty", "truncated", "bomb", "a byte too long", "50 MB"],
)
def test_what_is_no_photo_is_refused_in_both_languages(served, order, content, status, code, chinese):
    answer = served.client.post(
        f"/api/v1/orders/{order}/photos", content=content, headers={"Content-Type": "image/jpeg"}
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert chinese in answer.json()["texts"]["zh-CN"]
    assert answer.json()["texts"]["en"] == answer.json()["detail"]
    assert served.client.get(f"/api/v1/orders/{order}").json()["photos"] == 0


def test_nothing_is_read_of_what_says_it_is_too_large(served, order):
    read = []

    async def body():
        for _ in range(50):
            read.append(1)
            yield b"\0" * 1024 * 1024

    headers = {"Content-Length": str(50 * 1024 * 1024)}
    assert served.client.post(f"/api/v1/orders/{order}/photos", content=body(), headers=headers).status_code == 413


def test_eight_photos_an_order(served, order):
    small = photo((8, 8), "PNG")
    for _ in range(8):
        assert served.client.post(f"/api/v1/orders/{order}/photos", content=small).status_code == 200
    more = served.client.post(f"/api/v1/orders/{order}/photos", content=small)
    assert (more.status_code, more.json()["code"]) == (409, "full")


def test_a_contractor_sees_and_does_their_own_orders_only(guarded, make):
    builder, other = person(guarded, "builder", Role.CONTRACTOR), person(guarded, "other", Role.CONTRACTOR)
    office = person(guarded, "office", Role.ENERGY_MANAGER)
    given = {"alert_id": "leak", "assignee": "builder"}
    order = office.client.post("/api/v1/orders", json=given, headers=csrf(office)).json()["id"]
    at = f"/api/v1/orders/{order}"
    assert [o["id"] for o in builder.client.get("/api/v1/orders").json()["items"]] == [order]
    assert other.client.get("/api/v1/orders").json()["items"] == []
    assert builder.client.get("/api/v1/alerts/leak").status_code == 200  # it is theirs too
    sent = builder.client.post(f"{at}/photos", content=photo(), headers=csrf(builder)).json()
    for path in (at, f"{at}/events", sent["url"]):
        assert builder.client.get(path).status_code == 200, path
        assert other.client.get(path).status_code == 404, path
    assert other.client.post(f"{at}/done", json={}, headers=csrf(other)).status_code == 404
    assert builder.client.post(f"{at}/close", json={"rating": 5}, headers=csrf(builder)).status_code == 403
    assert builder.client.post(f"{at}/done", json={}, headers=csrf(builder)).json()["state"] == "done"


def test_orders_of_another_part_of_the_site_are_not_there(guarded):
    office = person(guarded, "office", Role.ENERGY_MANAGER)
    guard = person(guarded, "guard", Role.MAINTAINER, "library")
    order = office.client.post("/api/v1/orders", json={"alert_id": "leak"}, headers=csrf(office)).json()["id"]
    assert guard.client.get("/api/v1/orders").json()["items"] == []
    assert guard.client.get(f"/api/v1/orders/{order}").status_code == 404


def csrf(someone) -> dict[str, str]:
    return {"X-CSRF-Token": someone.csrf()}


def test_the_patrol_goes_by_place_and_is_ticked_off_once(served):
    listed = served.client.get("/api/v1/patrol").json()["items"]
    keys = [i["key"] for i in listed]
    assert {"alert:leak", "alert:room", "alert:floor", "alert:done", "meter:e-library"} <= set(keys)
    assert "alert:dead" not in keys  # its meter is on the list
    places = [" ".join(p["name"] for p in i["place"]) for i in listed]
    assert places == sorted(places)
    leak = next(i for i in listed if i["key"] == "alert:leak")
    assert (leak["every_h"], leak["is_due"], leak["last"]) == (4.0, True, None)
    tick = {
        "id": "client-made-1",
        "item": "alert:leak",
        "at": (served.parts.now() - timedelta(hours=1)).isoformat(),
        "note": "听到水声",
    }
    sent = {"ticks": [tick, {**tick, "id": "client-made-2", "item": "alert:nobody"}, tick]}
    answer = served.client.post("/api/v1/patrol/ticks", json=sent).json()["items"]
    assert [a["result"] for a in answer] == ["taken", "refused", "taken"]
    again = next(i for i in served.client.get("/api/v1/patrol").json()["items"] if i["key"] == "alert:leak")
    assert (again["is_due"], again["due_at"]) == (False, "2026-11-23T07:00:00Z")
    assert again["last"]["words"] == "听到水声"
    stolen = {**tick, "item": "alert:room"}
    (refused,) = served.client.post("/api/v1/patrol/ticks", json={"ticks": [stolen]}).json()["items"]
    assert "another one" in refused["detail"]


def test_a_tick_from_the_future_or_of_last_year_is_refused(served):
    ticks = [
        {"id": f"client-made-{i}", "item": "alert:leak", "at": (served.parts.now() + timedelta(days=d)).isoformat()}
        for i, d in enumerate((1, -40))
    ]
    answer = served.client.post("/api/v1/patrol/ticks", json={"ticks": ticks}).json()["items"]
    assert [a["result"] for a in answer] == ["refused", "refused"]


@pytest.mark.parametrize("wrong_by", [timedelta(hours=2), timedelta(days=-3)])
def test_a_phones_wrong_clock_is_put_right(served, wrong_by):
    now = served.parts.now()
    made, sent = now - timedelta(minutes=30) + wrong_by, now + wrong_by
    tick = {"id": "client-made-1", "item": "alert:leak", "at": made.isoformat()}
    body = {"ticks": [tick], "sent_at": sent.isoformat()}
    (answer,) = served.client.post("/api/v1/patrol/ticks", json=body).json()["items"]
    assert (answer["result"], answer["code"]) == ("taken", None)
    listed = served.client.get("/api/v1/patrol").json()["items"]
    last = next(i["last"] for i in listed if i["key"] == "alert:leak")
    assert datetime.fromisoformat(last["at"]) == now - timedelta(minutes=30)


def test_why_a_tick_is_refused_has_a_code(served):
    now = served.parts.now()
    ticks = [
        {"id": f"client-made-{i}", "item": item, "at": at.isoformat()}
        for i, (item, at) in enumerate(
            [("alert:nobody", now), ("meter:nowhere", now), ("alert:leak", now + timedelta(hours=1)),
             ("alert:leak", now - timedelta(days=31))]
        )
    ]  # fmt: skip
    answer = served.client.post("/api/v1/patrol/ticks", json={"ticks": ticks}).json()["items"]
    assert [a["code"] for a in answer] == ["gone", "gone", "ahead", "too_old"]
    far = {"id": "client-made-9", "item": "alert:leak", "at": "9999-12-31T23:59:59Z"}
    early = {"ticks": [far], "sent_at": (now - timedelta(days=1)).isoformat()}
    (answer,) = served.client.post("/api/v1/patrol/ticks", json=early).json()["items"]
    assert answer["code"] == "ahead"


def test_who_was_quicker_is_named_to_who_comes_late(guarded):
    office, builder = person(guarded, "office", Role.ENERGY_MANAGER), person(guarded, "builder", Role.CONTRACTOR)
    new = {"alert_id": "leak", "assignee": "builder"}
    at = f"/api/v1/orders/{office.client.post('/api/v1/orders', json=new, headers=csrf(office)).json()['id']}"
    due = {"due_at": (guarded.parts.now() + timedelta(days=2)).isoformat()}
    changed = office.client.request("PATCH", at, json=due, headers=csrf(office))
    assert changed.status_code == 200, changed.text
    late = builder.client.post(f"{at}/done", json={"version": 1}, headers=csrf(builder))
    assert (late.status_code, late.json()["code"], late.json()["current"]["by"]) == (409, "conflict", "office")
    said = guarded.parts.now() - timedelta(hours=3)
    done = builder.client.post(f"{at}/done", json={"said_at": said.isoformat()}, headers=csrf(builder))
    assert done.json()["state"] == "done"
    again = office.client.post(f"{at}/start", json={}, headers=csrf(office))
    assert again.status_code == 409, again.text
    assert (again.json()["code"], again.json()["current"]["by"]) == ("wrong_state", "builder")
    (told,) = [e for e in office.client.get(f"{at}/events").json()["items"] if e["action"] == "done"]
    assert datetime.fromisoformat(told["detail"]["said_at"]) == said
    english = {"Accept": "text/html", "Accept-Language": "en"}
    page = office.client.get(at.removeprefix("/api/v1"), headers=english).text
    assert "sent later" in page


def test_reports_are_the_offices(guarded):
    office, builder = person(guarded, "office", Role.ENERGY_MANAGER), person(guarded, "builder", Role.CONTRACTOR)
    orders = guarded.app.state.orders
    one, two = (orders.report("dorm-1", f"水一直流 {i}", "3层", "zh-CN") for i in range(2))
    assert builder.client.get("/api/v1/reports").status_code == 403
    assert [r["id"] for r in office.client.get("/api/v1/reports?state=new").json()["items"]] == [two.id, one.id]
    made = office.client.post("/api/v1/orders", json={"report_id": one.id}, headers=csrf(office)).json()
    assert (made["node"], made["words"]) == ("dorm-1", "水一直流 0")
    joined = office.client.post(f"/api/v1/reports/{two.id}/join", json={"order_id": made["id"]}, headers=csrf(office))
    assert joined.status_code == 200, joined.text
    assert len(office.client.get(f"/api/v1/orders/{made['id']}").json()["reports"]) == 2
    late = office.client.post(f"/api/v1/reports/{two.id}/dismiss", json={"answer": "no"}, headers=csrf(office))
    assert late.status_code == 409


def test_an_order_is_given_to_accounts_only(served):
    person(served, "li", Role.CONTRACTOR)
    person(served, "guard", Role.DUTY_GUARD)
    order = {"alert_id": "leak", "assignee": "nobody"}
    for who in ("nobody", "guard"):
        assert served.client.post("/api/v1/orders", json=order | {"assignee": who}).status_code == 422
    assert served.client.post("/api/v1/orders", json=order | {"assignee": "Li"}).json()["state"] == "assigned"
    assert served.parts.records.get_alert("leak").assigned_to == "li"
