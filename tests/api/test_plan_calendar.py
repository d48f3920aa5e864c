"""The calendar of planned use over HTTP, as a file of other calendars, and on its page."""

from __future__ import annotations

import re

import pytest
from icalendar import Calendar

POOL = {
    "node": "library", "medium": "water", "start": "2026-11-28T06:00:00+08:00", "end": "2026-11-28T20:00:00+08:00",
    "text": "泳池注水", "expected": 450,
}  # fmt: skip
RUNNING = POOL | {"start": "2026-11-23T06:00:00+08:00", "end": "2026-11-23T20:00:00+08:00"}
API = "/api/v1/planned-uses"
ICS = {"Content-Type": "text/calendar; charset=utf-8"}


def entered(client, use=POOL) -> int:
    answer = client.post(API, json=use)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def ics(*events: str) -> bytes:
    lines = "".join(f"BEGIN:VEVENT\n{event}\nEND:VEVENT\n" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{lines}END:VCALENDAR\n".replace("\n", "\r\n").encode()


def event(start: str = "20261201T060000", end: str = "20261201T080000", place: str = "library", **more: str) -> str:
    extra = "".join(f"\n{name.upper()}:{value}" for name, value in more.items())
    return f"UID:1\nSUMMARY:消防演习\nDTSTART:{start}\nDTEND:{end}\nLOCATION:{place}{extra}"


def test_a_plan_is_changed_and_what_it_was_is_kept(served):
    client = served.client
    plan = entered(client)
    changed = client.request("PUT", f"{API}/{plan}", json=POOL | {"expected": 500, "end": "2026-11-29"}).json()
    assert (changed["expected"], changed["end"], changed["is_past"]) == (500.0, "2026-11-28T16:00:00Z", False)
    assert [p["id"] for p in client.get(API).json()["items"]] == [changed["id"]]
    stale = client.request("PUT", f"{API}/{plan}", json=POOL)
    assert (stale.status_code, stale.json()["current"]) == (409, {"version": changed["id"]})
    history = client.get(f"{API}/{plan}/history").json()
    assert [(p["expected"], p["who"]) for p in history["items"]] == [(500.0, "demo"), (450.0, "demo")]
    client.request("DELETE", f"{API}/{changed['id']}")
    assert client.get(f"{API}/{plan}/history").json()["withdrawn_by"] == "demo"
    assert client.request("PUT", f"{API}/999", json=POOL).status_code == 404
    assert client.get(f"{API}/999/history").status_code == 404


def test_a_plan_that_goes_on_is_ended_and_one_to_come_taken_back(served):
    client = served.client
    running, coming = entered(client, RUNNING), entered(client)
    assert client.post(f"{API}/{running}/end").json()["end"] == "2026-11-23T04:00:00Z"
    assert client.post(f"{API}/{coming}/end").json() is None
    assert client.post(f"{API}/{coming}/end").status_code == 404
    assert len(client.get(API).json()["items"]) == 1


def test_a_list_has_bounds(served):
    entered(served.client)
    assert len(served.client.get(f"{API}?until=2026-11-29").json()["items"]) == 1
    assert served.client.get(f"{API}?until=2026-11-28").json()["items"] == []
    assert served.client.get(f"{API}?until=soon").status_code == 422


@pytest.mark.parametrize("expected", [-1, "much", 1e12])
def test_a_size_that_makes_no_sense_is_refused(served, expected):
    assert served.client.post(API, json=POOL | {"expected": expected}).status_code == 422


# -- calendar files ---------------------------------------------------------------------------------------------------


def test_the_calendar_goes_out_and_comes_back_the_same(served):
    client = served.client
    plan = entered(client)
    changed = client.request("PUT", f"{API}/{plan}", json=POOL | {"expected": 500}).json()["id"]
    file = client.get(f"{API}.ics")
    assert file.headers["Content-Type"].startswith("text/calendar")
    (shown,) = Calendar.from_ical(file.content).walk("VEVENT")
    assert (str(shown["summary"]), str(shown["location"])) == ("泳池注水", "library")
    assert str(shown["uid"]) == f"planned-use-{plan}@small.aquavolt", "the same after a change"
    again = client.post(f"{API}.ics", content=file.content, headers=ICS).json()
    assert (again["taken"], again["unchanged"]) == (0, 1)
    client.request("DELETE", f"{API}/{changed}")
    back = client.post(f"{API}.ics", content=file.content, headers=ICS).json()
    (one,) = back["items"]
    assert {k: one[k] for k in ("node", "medium", "text", "expected")} == {
        "node": "library", "medium": "water", "text": "泳池注水", "expected": 500.0
    }  # fmt: skip
    assert (one["start"], one["end"]) == ("2026-11-27T22:00:00Z", "2026-11-28T12:00:00Z")


def test_each_event_is_taken_or_refused_by_itself(served):
    file = ics(
        event(), event(place="gym"), event(rrule="FREQ=DAILY"), event(end="20261130T060000"), event(start="sometime"),
        event("20261202", "20261203", categories="electricity"), event(categories="water,gas"),
        event("20250101T000000Z", "20250101T010000Z"), "SUMMARY:x\nLOCATION:library",
    )  # fmt: skip
    looked = served.client.post(f"{API}.ics?dry_run=true", content=file, headers=ICS).json()
    assert (looked["taken"], looked["unchanged"], looked["refused"]) == (2, 1, 6)
    assert served.client.get(API).json()["items"] == []
    taken = served.client.post(f"{API}.ics", content=file, headers=ICS).json()
    assert [e["event"] for e in taken["errors"]] == [2, 3, 4, 5, 7, 9]
    assert ("'gym'" in taken["errors"][0]["message"], "repeats" in taken["errors"][1]["message"]) == (True, True)
    assert [(i["start"], i["medium"]) for i in taken["items"]] == [
        ("2026-11-30T22:00:00Z", None), ("2026-12-01T16:00:00Z", "electricity")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b"", "text/calendar", 422), (b"\xff\xfe", "text/calendar", 422), (b"BEGIN:VEVENT", "text/calendar", 422),
        (b"{}", "application/json", 415), (b"x" * 2**21, "text/calendar", 413),
        (ics(*[event()] * 1001), "text/calendar", 413),
    ],
)  # fmt: skip
def test_what_is_no_calendar_is_said_to_be_none(served, body, media_type, status):
    answer = served.client.post(f"{API}.ics", content=body, headers={"Content-Type": media_type})
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json"), answer.text


# -- the page ---------------------------------------------------------------------------------------------------------


FORM = {"node": "library", "medium": "water", "start": "2026-11-28T06:00", "end": "2026-11-29T06:00", "text": "注水"}


def calendar(client, query: str = "") -> str:
    page = client.get(f"/planned{query}", headers={"Accept": "text/html"}).text
    return re.search(r'id="calendar">(.*?)</section>', page, re.DOTALL).group(1)


def test_the_page_shows_a_month_or_a_week_by_day(served):
    client = served.client
    plan = entered(client)
    assert "泳池注水" in calendar(client)
    assert "泳池注水" not in calendar(client, "?view=week&day=2026-11-30")
    assert "泳池注水" in calendar(client, "?view=week&day=2026-11-27")
    assert "泳池注水" not in calendar(client, "?day=2026-12-01")
    for odd in ("?day=never", "?day=0001-01-01", "?day=9999-12-31", "?view=year"):
        assert client.get(f"/planned{odd}").status_code == 200
    assert f"/planned/{plan}/end" not in calendar(client), "it has not begun"


def test_a_plan_is_changed_and_ended_on_the_page(served):
    client = served.client
    client.post("/planned", data=FORM | {"expected": "450"})
    (plan,) = client.get(API).json()["items"]
    assert plan["expected"] == 450.0
    changed = client.post(f"/planned/{plan['id']}", data=FORM | {"text": "改期", "expected": ""})
    assert changed.headers["Location"] == "/planned"
    stale = client.post(f"/planned/{plan['id']}", data=FORM)
    assert stale.headers["Location"] == "/planned?notice=changed"
    running = entered(client, RUNNING)
    assert f"/planned/{running}/end" in calendar(client)
    assert client.post(f"/planned/{running}/end", data={"back": ""}).headers["Location"] == "/planned"
    assert {p["text"] for p in client.get(API).json()["items"]} == {"改期", "泳池注水"}
    for data, notice in ((FORM | {"expected": "much"}, "expected"), (FORM | {"end": ""}, "times")):
        assert client.post("/planned", data=data).headers["Location"] == f"/planned?notice={notice}"
