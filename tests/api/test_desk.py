"""The desk over HTTP: versions and tags, keys, many at once, filters, history, policy, breaches, limits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from signed_in import ADMIN, users_of

from alerts.users.roles import WHOLE_SITE, Role
from alerts.users.values import AccountState
from alerts.values import Actor
from api.parts import Access, Rate, RateLimits, hash_token
from api.rate_limits import Buckets
from metering.incident import Category, ChangeKind, Incident, IncidentChange, Severity

LEAK = "/api/v1/alerts/leak"
NOW_LATER = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)  # two and a half hours after they were raised

AT = np.datetime64("2026-10-01T00:00", "ms")
SIMILAR = {
    "category": Category.LEAK, "medium": "water", "subject": "w", "severity": Severity.WARNING, "detected_at": AT,
    "onset_at": AT, "closed_at": None, "observed": 1.0, "expected": 0.5, "unit": "m3/h", "loss_rate": 0.5,
    "loss_total": 1.0,
}  # fmt: skip


def acts(served) -> list[str]:
    return [e["action"] for e in served.client.get(f"{LEAK}/audit").json()["items"]]


def test_a_tag_that_still_holds_lets_the_act_through_and_gives_the_next(served):
    users_of(served).accounts.add("li", Role.MAINTAINER, (WHOLE_SITE,), ADMIN)
    tag = served.client.get(LEAK).headers["ETag"]
    answer = served.client.post(f"{LEAK}/assign", json={"assignee": "li"}, headers={"If-Match": tag})
    assert (answer.status_code, answer.json()["assigned_to"], answer.json()["assigned_by"]) == (200, "li", "demo")
    assert answer.headers["ETag"] == served.client.get(LEAK).headers["ETag"] != tag


def test_the_slower_of_two_is_told_who_was_quicker(served):
    tag = served.client.get(LEAK).headers["ETag"]
    served.parts.records.acknowledge("leak", Actor("wang"))
    answer = served.client.post(f"{LEAK}/acknowledge", json={}, headers={"If-Match": tag})
    assert answer.status_code == 412
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["current"]["acknowledged_by"] == "wang"
    assert "wang acted on this alert in between" in answer.json()["detail"]


@pytest.mark.parametrize("tag", ['W/"0"', '"nonsense"', "0", '"99"'])
def test_a_tag_that_is_none_of_this_alert_is_412(served, tag):
    assert served.client.post(f"{LEAK}/acknowledge", json={}, headers={"If-Match": tag}).status_code == 412
    assert acts(served) == ["raised"]


def test_a_tag_and_a_version_that_disagree_are_refused(served):
    answer = served.client.post(f"{LEAK}/acknowledge", json={"version": 1}, headers={"If-Match": '"0"'})
    assert answer.status_code == 422


def test_an_assignment_of_somebody_else_is_not_taken_away_unseen(served):
    served.parts.records.assign("leak", Actor("wang"), "li")
    assert served.client.post(f"{LEAK}/unassign", json={}).status_code == 409
    answer = served.client.post(f"{LEAK}/unassign", json={"version": 1}).json()
    assert (answer["assigned_to"], answer["assigned_at"], answer["version"]) == (None, None, 2)


def test_an_outcome_is_taken_back_with_the_tag_that_was_seen(served):
    resolved = served.client.post(f"{LEAK}/resolve", json={"outcome": "repaired"})
    tag = resolved.headers["ETag"]
    assert served.client.post(f"{LEAK}/reopen", json={}, headers={"If-Match": '"0"'}).status_code == 412
    answer = served.client.post(f"{LEAK}/reopen", json={"note": "still runs"}, headers={"If-Match": tag})
    assert (answer.status_code, answer.json()["outcome"], answer.json()["acknowledged"]) == (200, None, False)
    assert acts(served) == ["raised", "resolved", "reopened"]


@pytest.mark.parametrize("name", ["nobody", "library", "auditor", "gone", "token", "li\x00"])
def test_an_alert_is_given_to_nobody_who_could_not_see_to_it(served, name):
    """No account; of another place; one that only reads; taken out of use; the program's own words."""
    users = users_of(served)
    users.accounts.add("library", Role.MAINTAINER, ("library",), ADMIN)
    users.accounts.add("auditor", Role.AUDITOR, (WHOLE_SITE,), ADMIN)
    users.accounts.add("gone", Role.MAINTAINER, (WHOLE_SITE,), ADMIN)
    users.leaving.leave("gone", AccountState.DISABLED, ADMIN)
    answer = served.client.post(f"{LEAK}/assign", json={"assignee": name})
    assert (answer.status_code, acts(served)) == (422, ["raised"])
    assert "no active account that sees its place" in answer.json()["detail"]


@pytest.mark.parametrize(("given", "kept"), [("li", "li"), (" LI ", "li"), ("demo", "demo")])
def test_an_alert_is_given_to_an_account_of_its_place_or_to_oneself(served, given, kept):
    users_of(served).accounts.add("li", Role.MAINTAINER, ("dorm-1",), ADMIN)
    answer = served.client.post(f"{LEAK}/assign", json={"assignee": given})
    assert (answer.status_code, answer.json()["assigned_to"]) == (200, kept)


def test_a_write_sent_twice_is_done_once_and_answered_the_same(served):
    ask = {"json": {"text": "到场"}, "headers": {"Idempotency-Key": "k1"}}
    first = served.client.post(f"{LEAK}/comments", **ask)
    served.client.post(f"{LEAK}/comments", json={"text": "another"})
    again = served.client.post(f"{LEAK}/comments", **ask)
    assert (again.json(), again.headers["ETag"]) == (first.json(), first.headers["ETag"])
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert served.client.get(LEAK).json()["comments"] == 2


def test_a_key_of_another_request_is_refused(served):
    headers = {"Idempotency-Key": "k1"}
    assert served.client.post(f"{LEAK}/comments", json={"text": "a"}, headers=headers).status_code == 200
    answer = served.client.post(f"{LEAK}/comments", json={"text": "b"}, headers=headers)
    assert answer.status_code == 422
    assert "was used for another request" in answer.json()["detail"]


def test_a_refused_write_leaves_its_key_free(served):
    ask = {"json": {"version": 1}, "headers": {"Idempotency-Key": "k1"}}
    assert served.client.post(f"{LEAK}/acknowledge", **ask).status_code == 409
    served.client.post(f"{LEAK}/assign", json={"assignee": "demo"})
    assert served.client.post(f"{LEAK}/acknowledge", **ask).status_code == 200


def test_many_at_once_one_that_cannot_be_leaves_the_others_alone(served):
    served.parts.records.acknowledge("room", Actor("wang"))
    wanted = [{"id": "leak", "version": 0}, {"id": "room"}, {"id": "nope"}, {"id": "dead"}]
    ask = {"json": {"alerts": wanted, "note": "night shift"}, "headers": {"Idempotency-Key": "k1"}}
    items = served.client.post("/api/v1/alerts/acknowledge", **ask).json()["items"]
    assert [(i["id"], i["result"]) for i in items] == [
        ("leak", "acknowledged"), ("room", "conflict"), ("nope", "unknown"), ("dead", "acknowledged"),
    ]  # fmt: skip
    assert items[1]["alert"]["acknowledged_by"] == "wang"
    assert served.client.post("/api/v1/alerts/acknowledge", **ask).json()["items"] == items
    assert acts(served) == ["raised", "acknowledged"]


def ids(served, query: str) -> set[str]:
    answer = served.client.get(f"/api/v1/alerts?{query}")
    assert answer.status_code == 200, answer.text
    return {a["id"] for a in answer.json()["items"]}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("assignee=li", {"leak"}),
        ("assignee=", {"room", "dead", "floor", "done"}),
        ("q=图书馆", {"dead"}),
        ("q=梅园", {"leak", "room", "floor", "done"}),
        ("q=E-LIBRARY", {"dead"}),
        ("q=阀门", {"room"}),
        ("q=li", {"leak", "dead"}),
        ("q=done", {"done"}),
        ("q=%25", set()),
        ("unstable=true", set()),
        ("node=campus", {"leak", "room", "dead", "floor", "done"}),
    ],
)
def test_filters_of_the_desk(served, query, expected):
    served.parts.records.assign("leak", Actor("wang"), "li")
    served.parts.records.comment("room", Actor("wang"), "更换阀门")
    assert ids(served, query) == expected


def test_overdue_ones_are_found_and_their_breaches_stay(make, records):
    later = make(now=lambda: NOW_LATER)
    assert ids(later, "overdue=true") == {"leak", "floor"}
    records._clock = lambda: NOW_LATER
    assert {a.id for a in records.look_after()} == {"leak", "floor"}
    records.acknowledge("leak", Actor("li"))
    assert ids(later, "overdue=true") == {"floor"}
    page = later.client.get("/api/v1/desk/breaches?limit=1").json()
    rest = later.client.get(f"/api/v1/desk/breaches?cursor={page['next_cursor']}").json()
    assert {b["alert_id"] for b in (*page["items"], *rest["items"])} == {"leak", "floor"}
    figures = later.client.get("/api/v1/desk/figures").json()
    assert (figures["breached"], figures["by_category"]) == (2, {"leak": 2})
    assert later.client.get(LEAK).json()["breaches"] == 1


def test_the_timeline_has_acts_and_notifications_in_order(served):
    served.client.post(f"{LEAK}/acknowledge", json={})
    items = served.client.get(f"{LEAK}/timeline").json()["items"]
    assert sorted(i["kind"] for i in items) == ["act", "act", "notification"]
    assert [i["act"]["action"] for i in items if i["act"]] == ["raised", "acknowledged"]


def test_similar_alerts_of_the_past_say_what_they_share(served):
    records = served.parts.records
    for day, (name, changes) in enumerate({
        "here": {"node": "dorm-1"}, "rule": {"node": "dorm-1-201"}, "far": {"node": "library"},
        "both": {"node": "dorm-1"}, "dry": {"node": "dorm-1", "medium": "gas"},
    }.items()):  # fmt: skip
        at = AT + np.timedelta64(3 * day, "D")  # further apart than an alert that comes back
        raised = (
            SIMILAR
            | {
                "detected_at": at,
                "onset_at": at,
                "id": name,
                "rule": "continuous_flow" if name == "here" else "zone_balance",
            }
            | changes
        )
        open_ = Incident(**raised)
        changes_ = [IncidentChange(ChangeKind.RAISED, open_, at)]
        changes_.append(IncidentChange(ChangeKind.CLEARED, replace(open_, closed_at=at), at))
        records.apply(changes_, records.applied_seq() + 1)
    items = served.client.get(f"{LEAK}/similar").json()["items"]
    assert [(i["alert"]["id"], i["common"]) for i in items] == [
        ("both", ["place", "rule"]), ("rule", ["rule"]), ("here", ["place"]),
    ]  # fmt: skip
    assert served.client.get("/api/v1/alerts/nope/similar").status_code == 404


def test_a_policy_is_put_into_force_by_who_saw_the_last_one(served):
    known = served.client.get("/api/v1/desk/policy")
    policy = known.json()["policy"] | {"reopen_h": 48}
    assert served.client.request("PUT", "/api/v1/desk/policy", json=policy).status_code == 428
    headers = {"If-Match": known.headers["ETag"]}
    assert served.client.request("PUT", "/api/v1/desk/policy", json=policy, headers=headers).json()["version"] == 1
    assert served.client.request("PUT", "/api/v1/desk/policy", json=policy, headers=headers).status_code == 412
    assert [v["actor"] for v in served.client.get("/api/v1/desk/policy/history").json()["items"]] == ["demo"]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"name": "x"}, "either within_min or next_working_day"),
        ({"name": "x", "within_min": 5, "next_working_day": "18:00"}, "either within_min or next_working_day"),
        ({"name": "x", "within_min": 0}, "greater than or equal to 1"),
        ({"name": "x", "within_min": 5, "category": "fire"}, "leak"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(served, rule, message):
    answer = served.client.request(
        "PUT", "/api/v1/desk/policy", json={"deadlines": [rule]}, headers={"If-Match": '"0"'}
    )
    assert answer.status_code == 422
    assert message in answer.text


def test_an_account_that_asks_too_often_is_asked_to_wait_and_no_other(make):
    access = Access(tokens={"a": hash_token("token-a"), "b": hash_token("token-b")})
    served = make(access=access, limits=RateLimits(reading=Rate(0.001, 2), writing=Rate(0.001, 1)))
    a, b = {"Authorization": "Bearer token-a"}, {"Authorization": "Bearer token-b"}
    assert [served.client.get(LEAK, headers=a).status_code for _ in range(3)] == [200, 200, 429]
    answer = served.client.get(LEAK, headers=a)
    assert (answer.headers["Content-Type"], int(answer.headers["Retry-After"]) > 0) == (
        "application/problem+json",
        True,
    )
    assert served.client.post(f"{LEAK}/acknowledge", json={}, headers=a).status_code == 200
    assert served.client.get(LEAK, headers=b).headers["X-RateLimit-Remaining"] == "1"
    assert served.client.get("/healthz").status_code == 200


def test_a_bucket_fills_again_at_its_rate():
    now = [0.0]
    buckets = Buckets(RateLimits(reading=Rate(2.0, 3)), lambda: now[0])
    assert [buckets.take("a", is_reading=True)[1] >= 0 for _ in range(4)] == [True, True, True, False]
    now[0] = 1.0
    assert [buckets.take("a", is_reading=True)[1] >= 0 for _ in range(3)] == [True, True, False]
