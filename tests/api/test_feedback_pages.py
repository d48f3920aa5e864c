"""What people said is shown where it matters, with who, when and why, and can be taken back there."""

from __future__ import annotations

from typing import Any

import pytest

FORM = {"node": "library", "medium": "", "start": "2026-11-28T06:00", "end": "2026-11-28T20:00", "text": "消防演习"}


@pytest.fixture
def english(served: Any) -> Any:
    served.client.get("/language/en")
    return served


def post(served: Any, path: str, **form: str) -> Any:
    return served.client.post(path, data=form)


def false_alarm(served: Any) -> None:
    post(served, "/alerts/leak/resolve", outcome="false", version="0")


@pytest.mark.parametrize("page", ["/meters/w-dorm-1", "/site/dorm-1", "/site/campus", "/planned"])
def test_the_factor_is_shown_with_its_reason_and_reset_there(english, page):
    assert "thresholds ×" not in english.client.get(page).text
    false_alarm(english)
    shown = english.client.get(page).text
    assert "thresholds × 1.25" in shown
    assert "Water lost between meters" in shown
    assert '<a href="/alerts/leak">alert</a>' in shown
    assert "Demo administrator" in shown
    answer = post(english, "/meters/w-dorm-1/sensitivity/zone_balance/reset", back=page)
    assert (answer.status_code, answer.headers["Location"]) == (303, page)
    after = english.client.get(page).text
    assert "thresholds ×" not in after
    assert "Reset" in after
    assert "False alarm" in after


def test_a_page_of_another_meter_says_nothing_of_it(english):
    false_alarm(english)
    assert "nobody has said" in english.client.get("/meters/w-campus").text
    assert "thresholds ×" not in english.client.get("/site/library").text


def test_the_page_speaks_chinese(served):
    false_alarm(served)
    shown = served.client.get("/meters/w-dorm-1").text
    assert "阈值 × 1.25" in shown
    assert "误报" in shown


def test_an_outcome_says_what_it_does_and_is_withdrawn(english):
    assert "Withdraw the outcome" not in english.client.get("/alerts/leak").text
    false_alarm(english)
    shown = english.client.get("/alerts/leak").text
    assert "one step less sensitively" in shown
    assert "Withdraw the outcome" in shown
    conflict = post(english, "/alerts/leak/withdraw", version="0")
    assert conflict.headers["Location"] == "/alerts/leak?notice=conflict"
    version = english.parts.records.get_alert("leak").version
    assert post(english, "/alerts/leak/withdraw", version=str(version)).headers["Location"] == "/alerts/leak"
    shown = english.client.get("/alerts/leak").text
    assert "Withdraw the outcome" not in shown
    assert "Outcome withdrawn" in shown
    assert "thresholds ×" not in english.client.get("/meters/w-dorm-1").text


def test_planned_use_is_entered_in_the_sites_own_time_and_removed(english):
    answer = post(english, "/planned", **FORM, back="/site/library")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/site/library")
    (plan,) = english.client.get("/api/v1/planned-uses").json()["items"]
    assert (plan["start"], plan["end"]) == ("2026-11-27T22:00:00Z", "2026-11-28T12:00:00Z")
    assert (plan["medium"], plan["text"]) == (None, "消防演习")
    for page in ("/site/library", "/site/campus", "/planned"):
        shown = english.client.get(page).text
        assert "消防演习" in shown
        assert f"/planned/{plan['id']}/remove" in shown
    assert "消防演习" not in english.client.get("/site/dorm-1").text
    assert post(english, f"/planned/{plan['id']}/remove", back="").headers["Location"] == "/planned"
    assert "消防演习" not in english.client.get("/planned").text
    assert post(english, f"/planned/{plan['id']}/remove", back="").headers["Location"] == "/planned?notice=gone"


def test_planned_use_of_an_alert_leads_to_it(english):
    post(english, "/alerts/leak/resolve", outcome="planned_use", note="<b>注水</b>")
    shown = english.client.get("/planned").text
    assert '<a href="/alerts/leak">the outcome of an alert</a>' in shown
    assert "&lt;b&gt;注水" in shown
    assert "/remove" not in shown
    assert "Nothing is learned from that time" in english.client.get("/alerts/leak").text


@pytest.mark.parametrize(
    ("change", "notice"),
    [
        ({"start": ""}, "times"),
        ({"end": "2026-11-28T06:00"}, "times"),
        ({"end": "2028-11-28T06:00"}, "times"),
        ({"start": "9999999-01-01T00:00"}, "times"),
        ({"text": "x" * 201}, "text"),
    ],
)
def test_what_makes_no_sense_is_said_on_the_page(english, change, notice):
    answer = post(english, "/planned", **FORM | change)
    assert answer.headers["Location"] == f"/planned?notice={notice}"
    assert 'role="alert"' in english.client.get(answer.headers["Location"]).text
    assert english.client.get("/api/v1/planned-uses").json()["items"] == []


def test_a_place_that_is_not_there_and_a_way_out_of_the_site_are_refused(english):
    assert post(english, "/planned", **FORM | {"node": "gym"}).status_code == 404
    assert post(english, "/planned", **FORM, back="//evil.example").headers["Location"] == "/planned"
