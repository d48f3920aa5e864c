"""What people say over real sockets: the factor and its reasons, outcomes taken back, planned use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from signed_in import ADMIN, person

from alerts.feedback import FeedbackBook
from alerts.users.roles import Role
from alerts.values import Outcome
from metering.incident import ChangeKind, IncidentChange

POOL = {"node": "dorm-1-f2", "medium": "water", "start": "2026-11-28T06:00:00+08:00",
        "end": "2026-11-28T20:00:00+08:00", "text": "泳池注水"}  # fmt: skip


@pytest.fixture
def http(served: Any, listen: Any) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=listen(served.app), trust_env=False, timeout=30) as client:
        yield client


def items(http: httpx.Client, path: str, **query: Any) -> list[dict[str, Any]]:
    answer = http.get(f"/api/v1/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def resolve(http: httpx.Client, alert: str, outcome: str) -> dict[str, Any]:
    answer = http.post(f"/api/v1/alerts/{alert}/resolve", json={"outcome": outcome, "note": "洗衣房"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_false_alert_makes_its_rule_more_cautious_about_its_meter_and_says_why(http):
    assert items(http, "sensitivity") == []
    resolve(http, "leak", "false")
    (shown,) = items(http, "sensitivity", meter="w-dorm-1")
    assert (shown["rule"], shown["meter"], shown["factor"]) == ("zone_balance", "w-dorm-1", 1.25)
    (reason,) = shown["reasons"]
    assert (reason["outcome"], reason["alert"], reason["who"]) == ("false", "leak", "demo")
    assert items(http, "sensitivity", node="campus") == [shown]
    assert items(http, "sensitivity", node="library") == items(http, "sensitivity", meter="w-campus") == []
    resolve(http, "floor", "false")
    assert {c["meter"] for c in items(http, "sensitivity")} == {"w-dorm-1", "w-dorm-1-f2"}


def test_a_correction_and_a_withdrawal_undo_it(http):
    resolve(http, "leak", "false")
    resolve(http, "leak", "repaired")
    assert [(c["factor"], len(c["reasons"])) for c in items(http, "sensitivity")] == [(1.0, 1)]
    answer = http.delete("/api/v1/alerts/leak/outcome", params={"note": "另一处"})
    assert (answer.status_code, answer.json()["outcome"], answer.json()["resolved_by"]) == (200, None, None)
    assert items(http, "sensitivity") == []
    history = http.get("/api/v1/alerts/leak/audit").json()["items"]
    assert (history[-1]["action"], history[-1]["text"]) == ("withdrawn", "另一处")
    assert http.delete("/api/v1/alerts/leak/outcome").json()["version"] == answer.json()["version"]


def test_an_outcome_that_somebody_changed_meanwhile_is_not_taken_back(http):
    version = resolve(http, "leak", "false")["version"]
    answer = http.delete("/api/v1/alerts/leak/outcome", params={"version": version - 1})
    assert answer.status_code == 409
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert http.delete("/api/v1/alerts/no-such/outcome").status_code == 404
    assert items(http, "sensitivity")[0]["factor"] == 1.25


def test_the_factor_is_reset_and_rises_again(http):
    resolve(http, "leak", "false")
    answer = http.delete("/api/v1/meters/w-dorm-1/sensitivity/zone_balance")
    assert (answer.status_code, answer.json()["factor"]) == (200, 1.0)
    assert [r["outcome"] for r in answer.json()["reasons"]] == ["false", "reset"]
    assert http.delete("/api/v1/meters/w-dorm-1/sensitivity/zone_balance").json() == answer.json()
    assert http.delete("/api/v1/meters/no-such/sensitivity/zone_balance").status_code == 404
    fixed = http.delete("/api/v1/meters/w-dorm-1/sensitivity/meter_health")
    assert fixed.status_code == 422
    assert "continuous_flow" in fixed.json()["detail"]


def test_planned_use_is_entered_listed_and_removed(http):
    made = http.post("/api/v1/planned-uses", json=POOL)
    assert made.status_code == 201, made.text
    plan = made.json()
    assert (plan["start"], plan["source"], plan["who"]) == ("2026-11-27T22:00:00Z", "entered", "demo")
    assert items(http, "planned-uses") == [plan]
    assert items(http, "planned-uses", node="dorm-1") == [plan]
    assert items(http, "planned-uses", node="library") == items(http, "planned-uses", since="2026-12-01") == []
    assert http.delete(f"/api/v1/planned-uses/{plan['id']}").status_code == 204
    assert items(http, "planned-uses") == []
    assert http.delete(f"/api/v1/planned-uses/{plan['id']}").status_code == 404


def test_planned_use_as_an_outcome_is_listed_and_goes_with_it(http):
    resolve(http, "leak", "planned_use")
    (plan,) = items(http, "planned-uses")
    assert (plan["source"], plan["alert"], plan["node"], plan["medium"]) == ("alert", "leak", "dorm-1", "water")
    assert plan["text"] == "洗衣房"
    assert items(http, "sensitivity") == []
    assert http.delete(f"/api/v1/planned-uses/{plan['id']}").status_code == 422
    http.delete("/api/v1/alerts/leak/outcome")
    assert items(http, "planned-uses") == []


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"node": "gym"}, 404, "'gym'"),
        ({"medium": "wine"}, 422, "medium"),
        ({"start": "soon"}, 422, "soon"),
        ({"end": "2026-11-28T06:00:00+08:00"}, 422, "ends after it begins"),
        ({"end": "2028-01-01"}, 422, "366 days"),
        ({"until": 1}, 422, "until"),
        ({"text": "x" * 201}, 422, "text"),
    ],
)
def test_planned_use_that_makes_no_sense_is_refused(http, change, status, says):
    answer = http.post("/api/v1/planned-uses", json=POOL | change)
    assert answer.status_code == status
    assert says in answer.text
    assert items(http, "planned-uses") == []


def test_the_rules_are_told_of_each_word_in_its_order(http, served):
    resolve(http, "leak", "false")
    http.post("/api/v1/planned-uses", json=POOL)
    http.delete("/api/v1/meters/w-dorm-1/sensitivity/zone_balance")
    http.delete("/api/v1/alerts/leak/outcome")
    words = FeedbackBook(served.parts.records.database).give_out(0, served.parts.records.get_alert("leak").updated_at)
    assert [(w.outcome, w.replaces) for w in words] == [
        ("false", None), ("planned_use", None), ("reset", None), ("withdrawn", 1)
    ]  # fmt: skip


def test_without_a_token_nobody_says_anything(guarded, listen):
    with httpx.Client(base_url=listen(guarded.app), trust_env=False) as http:
        assert http.post("/api/v1/planned-uses", json=POOL).status_code == 401
        assert http.delete("/api/v1/alerts/leak/outcome").status_code == 401
        assert http.delete("/api/v1/meters/w-dorm-1/sensitivity/zone_balance").status_code == 401
        assert http.get("/api/v1/sensitivity").status_code == 401


def test_what_people_said_of_another_part_is_neither_shown_nor_changed(guarded):
    chief, someone = person(guarded, "chief", Role.ADMIN), person(guarded, "someone", Role.DORM_MANAGER, "library")
    by_chief, by_someone = {"X-CSRF-Token": chief.csrf()}, {"X-CSRF-Token": someone.csrf()}
    chief.client.post("/api/v1/alerts/leak/resolve", json={"outcome": "false"}, headers=by_chief)
    plan = chief.client.post("/api/v1/planned-uses", json=POOL, headers=by_chief).json()["id"]
    for path in ("sensitivity", "planned-uses"):
        assert len(chief.client.get(f"/api/v1/{path}").json()["items"]) == 1
        assert someone.client.get(f"/api/v1/{path}").json()["items"] == []
    for path in (f"planned-uses/{plan}", "meters/w-dorm-1/sensitivity/zone_balance", "alerts/leak/outcome"):
        assert someone.client.request("DELETE", f"/api/v1/{path}", headers=by_someone).status_code == 404, path
    assert someone.client.post("/api/v1/planned-uses", json=POOL, headers=by_someone).status_code == 404
    assert someone.client.post(f"/planned/{plan}/remove", data={"csrf": someone.csrf()}).status_code == 404
    assert len(chief.client.get("/api/v1/planned-uses").json()["items"]) == 1
    assert guarded.parts.records.get_alert("leak").outcome == "false"


def test_an_alert_of_another_part_is_not_named_as_the_reason(guarded, make_incident):
    """An alert of the whole campus has findings of dorm-1 in it: its manager sees what that did, not the alert."""
    findings = [{"rule": "minimum_night_flow", "subject": "w-dorm-1-f2"}]
    wide = make_incident("of-the-campus", node="campus", subject="w-campus", evidence={"findings": findings})
    guarded.parts.records.apply([IncidentChange(ChangeKind.RAISED, wide, wide.detected_at)], 2)
    guarded.parts.records.resolve("of-the-campus", ADMIN, Outcome.FALSE)
    chief, someone = person(guarded, "chief", Role.ADMIN), person(guarded, "someone", Role.DORM_MANAGER, "dorm-1")
    for reader, told in ((chief, "of-the-campus"), (someone, None)):
        (shown,) = reader.client.get("/api/v1/sensitivity?meter=w-dorm-1-f2").json()["items"]
        assert (shown["factor"], [r["alert"] for r in shown["reasons"]]) == (1.25, [told])
        for page in ("/meters/w-dorm-1-f2", "/site/dorm-1", "/planned"):
            text = reader.page(page).text
            assert ("of-the-campus" in text) == (told is not None), page
            assert "1.25" in text
    headers = {"X-CSRF-Token": someone.csrf()}
    answer = someone.client.request(
        "DELETE", "/api/v1/meters/w-dorm-1-f2/sensitivity/minimum_night_flow", headers=headers
    )
    assert [r["alert"] for r in answer.json()["reasons"]] == [None, None]


def test_planned_use_names_its_alert_to_those_who_see_it(guarded, make_incident):
    """An alert that moved out of the part, as its place became clearer."""
    guarded.parts.records.resolve("leak", ADMIN, Outcome.PLANNED_USE)
    moved = make_incident("leak", node="campus")
    guarded.parts.records.apply([IncidentChange(ChangeKind.UPDATED, moved, moved.detected_at)], 2)
    chief, someone = person(guarded, "chief", Role.ADMIN), person(guarded, "someone", Role.DORM_MANAGER, "dorm-1")
    for reader, told in ((chief, "leak"), (someone, None)):
        (plan,) = reader.client.get("/api/v1/planned-uses").json()["items"]
        assert (plan["source"], plan["alert"]) == ("alert", told)
        assert ("/alerts/leak" in reader.page("/planned").text) == (told is not None)


def test_a_change_by_a_page_of_another_site_is_refused(guarded):
    someone = person(guarded, "someone", Role.DORM_MANAGER)
    guarded.parts.records.resolve("leak", ADMIN, Outcome.FALSE)
    for path in ("/planned", "/meters/w-dorm-1/sensitivity/zone_balance/reset", "/alerts/leak/withdraw"):
        assert someone.client.post(path, data={"node": "library"}).status_code == 403, path
    assert guarded.parts.records.get_alert("leak").outcome == "false"
