"""`/api/v1/alerts`: lists, one, what people do, and the curve."""

from __future__ import annotations

import json

import pytest

# DESIGN section 5: an alert has every member of a backtest line, and these three.
BACKTEST_MEMBERS = [
    "rule", "category", "medium", "subject", "node", "severity", "detected_at", "onset_at", "closed_at", "observed",
    "expected", "unit", "loss_rate", "loss_total", "evidence",
]  # fmt: skip


def ids(served, query: str = "") -> list[str]:
    answer = served.client.get(f"/api/v1/alerts{query}")
    assert answer.status_code == 200, answer.text
    return [a["id"] for a in answer.json()["items"]]


def test_an_alert_has_every_member_of_a_backtest_line_and_its_own(served):
    alert = served.client.get("/api/v1/alerts/leak").json()
    assert {*BACKTEST_MEMBERS, "id", "state", "acknowledged"} <= set(alert)
    assert alert["onset_at"] == "2026-11-21T04:00:00Z"
    assert alert["place"] == [{"id": "campus", "name": "主校区"}, {"id": "dorm-1", "name": "梅园1号楼"}]


def test_loss_in_money_is_an_estimate_with_its_price(served):
    water = served.client.get("/api/v1/alerts/leak").json()["loss_money"]
    assert water == {"amount": 100.8, "currency": "CNY", "price": 4.2, "per": "m3", "is_estimate": True}
    assert served.client.get("/api/v1/alerts/room").json()["loss_money"]["amount"] == 3.6


def test_the_list_leaves_explained_alerts_out_unless_asked(served):
    assert set(ids(served)) == {"leak", "room", "dead", "floor", "done"}
    assert set(ids(served, "?inhibited=true")) == {"leak", "room", "dead", "floor", "done", "echo"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=active", {"leak", "room", "dead", "floor"}),
        ("state=cleared", {"done"}),
        ("category=data_quality", {"dead"}),
        ("medium=electricity", {"room", "dead"}),
        ("severity=warning", {"room", "dead"}),
        ("node=dorm-1", {"leak", "room", "floor", "done"}),
        ("node=dorm-1-f2", {"room", "floor"}),
        ("acknowledged=true", set()),
        ("medium=water&state=active&node=dorm-1-f2", {"floor"}),
    ],
)
def test_filters(served, query, expected):
    assert set(ids(served, f"?{query}")) == expected


def test_pages_follow_each_other_without_gap_or_repeat(served):
    seen, cursor = [], ""
    while True:
        page = served.client.get(f"/api/v1/alerts?limit=2{cursor}").json()
        assert len(page["items"]) <= 2
        seen += [a["id"] for a in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == ids(served)
    assert len(set(seen)) == 5


def test_a_dead_meter_has_no_figures_rather_than_nan(served):
    alert = served.client.get("/api/v1/alerts/dead").json()
    assert alert["observed"] is None
    assert "NaN" not in json.dumps(alert)


def test_acknowledging_is_recorded_with_who_and_told_to_the_stream(served):
    version = served.client.get("/api/v1/alerts/leak").json()["version"]
    answer = served.client.post("/api/v1/alerts/leak/acknowledge", json={"version": version, "note": "on my way"})
    assert answer.status_code == 200
    assert answer.json()["acknowledged"] is True
    assert answer.json()["state"] == "active"
    history = served.client.get("/api/v1/alerts/leak/audit").json()["items"]
    assert [(e["action"], e["actor"], e["text"]) for e in history][-1] == ("acknowledged", "demo", "on my way")


def test_an_old_version_is_a_conflict_that_says_how_it_stands(served):
    assert served.client.post("/api/v1/alerts/leak/acknowledge", json={}).status_code == 200
    answer = served.client.post("/api/v1/alerts/leak/resolve", json={"outcome": "false", "version": 0})
    assert answer.status_code == 409
    current = answer.json()["current"]
    assert (current["version"], current["acknowledged_by"], current["outcome"]) == (1, "demo", None)


def test_resolving_records_the_outcome_and_leaves_the_meters_their_word(served):
    answer = served.client.post("/api/v1/alerts/leak/resolve", json={"outcome": "repaired", "note": "DN50"}).json()
    assert (answer["outcome"], answer["state"], answer["closed_at"]) == ("repaired", "active", None)


def test_a_comment_is_counted_and_kept(served):
    assert served.client.post("/api/v1/alerts/leak/comments", json={"text": "<b>到场</b>"}).json()["comments"] == 1
    assert served.client.get("/api/v1/alerts/leak/audit").json()["items"][-1]["text"] == "<b>到场</b>"


def test_notifications_stand_in_the_history(served):
    told = served.client.get("/api/v1/alerts/leak/audit").json()["notifications"]
    assert [(n["channel"], n["reason"]) for n in told] == [("webhook", "raised")]


def test_the_curve_of_a_balance_is_parents_less_children(served):
    curve = served.client.get("/api/v1/alerts/leak/series").json()
    assert curve["meters"] == ["w-dorm-1"]
    assert curve["minus"] == ["w-dorm-1-f1", "w-dorm-1-f2"]
    assert curve["step"] == "15min"
    # 0.5 less 0.125 and 0.25 a quarter hour are 0.5 m3/h, always: before the onset it was the same.
    assert set(curve["observed"]) == {0.5}
    assert set(curve["expected"]) == {0.5}
    assert curve["flagged"] == {"start": "2026-11-21T04:00:00Z", "end": None}
    assert curve["times"][0] == "2026-11-18T04:00:00Z"


def test_the_curve_without_a_hint_is_the_judged_meters(served):
    curve = served.client.get("/api/v1/alerts/room/series").json()
    assert (curve["meters"], curve["unit"], curve["level"]) == (["e-dorm-1-201"], "kW", 0.125)
    assert set(curve["observed"]) == {0.25}


def test_a_range_of_the_curve_may_be_asked_for(served):
    curve = served.client.get("/api/v1/alerts/leak/series?start=2026-11-01&end=2026-11-20").json()
    assert curve["step"] == "1h"
    assert len(curve["times"]) == 19 * 24


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("comments", {"text": ""}),
        ("comments", {"text": "x" * 4001}),
        ("resolve", {"outcome": "gone"}),
        ("acknowledge", {"version": "seven"}),
        ("acknowledge", {"whatever": 1}),
    ],
)
def test_wrong_changes_are_refused_with_the_member(served, path, body):
    answer = served.client.post(f"/api/v1/alerts/leak/{path}", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["member"].startswith("body.")
    assert served.client.get("/api/v1/alerts/leak").json()["version"] == 0
