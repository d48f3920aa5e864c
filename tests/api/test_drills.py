"""REST and pages of drills: asked for, watched, reported; in no list but where somebody asks for them."""

from __future__ import annotations

import pytest
from signed_in import ADMIN, person

from alerts.drills.book import DrillBook
from alerts.drills.keeping import DrillKeeper
from alerts.drills.values import DrillPlan, Ending
from alerts.users.roles import Role
from alerts.values import Actor, AlertFilter
from metering.batch import to_ms
from metering.drills import DrillKind
from metering.incident import Category, ChangeKind, Incident, IncidentChange, Severity

ASKED = {"kind": "burst", "node": "dorm-1", "size": 8.0}
PLAN = DrillPlan(kind=DrillKind.BURST, node="dorm-1", meter="", medium="", size=8.0)


def begun(served, actor=ADMIN):
    """A drill under way with one alert; its id."""
    database = served.parts.records.database
    keeper = DrillKeeper(database, clock=served.parts.now)
    drill = DrillBook(database, served.parts.now).ask(PLAN, served.parts.site(), actor).id
    start = int(served.parts.now().timestamp() * 1000)
    keeper.start(drill, start, 7)
    keeper.advance(drill, start + 3_600_000, start, None)
    evidence = {"drill": {"id": drill, "event_ms": start + 1_800_000}}
    at = to_ms(served.parts.now())
    of = Incident(
        id=f"{drill}-x", rule="burst_flow", category=Category.LEAK, medium="water", subject="w-dorm-1", node="dorm-1",
        severity=Severity.CRITICAL, detected_at=at, onset_at=at, closed_at=None, observed=9.0, expected=1.0,
        unit="m3/h", loss_rate=8.0, loss_total=4.0, evidence=evidence,
    )  # fmt: skip
    keeper.apply(drill, [IncidentChange(ChangeKind.RAISED, of, of.detected_at)], "1")
    return drill


def ids(answer):
    return {item["id"] for item in answer.json()["items"]}


def test_one_is_asked_for_and_a_second_is_refused(served):
    answer = served.client.post("/api/v1/drills", json=ASKED)
    assert answer.status_code == 201
    drill = answer.json()
    assert (drill["state"], drill["meter"], drill["unit"], drill["speed"]) == ("asked", "w-dorm-1", "m3/h", 60)
    second = served.client.post("/api/v1/drills", json=ASKED)
    assert (second.status_code, second.json()["current"]) == (409, {"drill": drill["id"]})
    assert ids(served.client.get("/api/v1/drills")) == {drill["id"]}


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [({"node": "nowhere"}, "no node"), ({"node": "library"}, "no water meter"), ({"size": 0.5}, "may have 1 to 100")],
)
def test_what_cannot_be_is_refused_with_what_is_allowed(served, wrong, reason):
    answer = served.client.post("/api/v1/drills", json=ASKED | wrong)
    assert answer.status_code == 422
    assert reason in answer.json()["detail"]


def test_its_alerts_are_in_no_list_and_no_count_unless_they_are_asked_for(served):
    before = {
        path: served.client.get(path).content for path in ("/api/v1/alerts?inhibited=true", "/api/v1/desk/figures")
    }
    metrics = [line for line in served.client.get("/metrics").text.splitlines() if "alerts" in line]
    drill = begun(served)
    assert {path: served.client.get(path).content for path in before} == before
    assert [line for line in served.client.get("/metrics").text.splitlines() if "alerts" in line] == metrics
    assert ids(served.client.get("/api/v1/alerts?drill=true")) - ids(served.client.get("/api/v1/alerts")) == {
        f"{drill}-x"
    }
    assert served.client.get(f"/api/v1/alerts/{drill}-x").json()["drill"] == drill


def test_what_people_say_of_its_alert_teaches_the_rules_nothing(served):
    drill = begun(served)
    for outcome in ("false", "planned_use"):
        assert served.client.post(f"/api/v1/alerts/{drill}-x/resolve", json={"outcome": outcome}).status_code == 200
    assert served.client.get("/api/v1/sensitivity").json()["items"] == []
    assert served.client.get("/api/v1/planned-uses").json()["items"] == []


def test_the_report_has_the_steps_as_json_and_as_a_table(served):
    drill = begun(served)
    served.client.post(f"/api/v1/alerts/{drill}-x/acknowledge", json={})
    (alert,) = served.client.get(f"/api/v1/drills/{drill}/report").json()["alerts"]
    steps = {step["name"]: step for step in alert["steps"]}
    assert alert["detect_event_s"] == 1800.0
    assert (steps["acknowledged"]["by"], steps["acknowledged"]["seconds"]) == ("demo", 0.0)
    assert steps["confirmed"]["at"] is None
    table = served.client.get(f"/api/v1/drills/{drill}/report.csv")
    assert table.headers["content-type"].startswith("text/csv")
    assert [line.split(",")[3] for line in table.text.splitlines()][:3] == [
        "what", "detected by the copy's clock", "raised",
    ]  # fmt: skip


def test_an_end_closes_its_alerts_and_says_why(served):
    drill = begun(served)
    DrillKeeper(served.parts.records.database, clock=served.parts.now).end_left_over()
    assert served.client.get(f"/api/v1/drills/{drill}").json()["ending"] == Ending.INTERRUPTED
    assert not served.parts.records.get_alert(f"{drill}-x").is_active
    assert served.client.post(f"/api/v1/drills/{drill}/stop").status_code == 409
    found = served.parts.records.find_alerts(AlertFilter(drill=drill)).items
    assert [alert.id for alert in found] == [f"{drill}-x"]


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_every_page_that_shows_it_is_stamped(served, language):
    drill = begun(served, Actor("demo"))
    stamp = {"zh-CN": "演练 DRILL", "en": "DRILL"}[language]
    for path in ("/alerts", f"/alerts/{drill}-x", "/tasks", "/drills", f"/drills/{drill}"):
        page = served.client.get(path, headers={"Accept": "text/html", "Accept-Language": language})
        assert page.status_code == 200, path
        assert f'<span class="av-drill">{stamp}</span>' in page.text, path


def test_the_form_begins_one_and_says_what_is_wrong(served):
    form = {"kind": "leak", "node": "dorm-1", "speed": "60", "audience": "me", "limit_min": "60"}
    headers = {"Accept": "text/html", "Accept-Language": "en"}
    for wrong, said in (
        ({"node": "library"}, "No meter of that medium"),
        ({"size": "9999999"}, "must lie between"),
        ({"limit_min": "x"}, "whole numbers"),
        ({"speed": "7"}, "how fast"),
    ):
        answer = served.client.post("/drills", data=form | wrong, headers=headers)
        assert (answer.status_code, said in answer.text) == (422, True), wrong
    answer = served.client.post("/drills", data=form | {"size": "400"}, headers=headers)
    assert answer.status_code == 303
    drill = served.client.get(answer.headers["location"].replace("/drills", "/api/v1/drills")).json()
    assert (drill["size"], drill["audience"], drill["limit_s"]) == (0.4, "me", 3600)
    assert served.client.post("/drills", data=form, headers=headers).status_code == 409
    assert served.client.post(f"/drills/{drill['id']}/stop").status_code == 303
    assert served.client.get(f"/api/v1/drills/{drill['id']}").json()["stopped_by"] == "demo"


def test_a_maintainer_handles_its_alert_but_begins_none(guarded):
    drill = begun(guarded)
    someone = person(guarded, "li", Role.MAINTAINER)
    headers = {"X-CSRF-Token": someone.csrf()}
    assert someone.client.post("/api/v1/drills", json=ASKED, headers=headers).status_code == 403
    answer = someone.client.post(f"/api/v1/alerts/{drill}-x/acknowledge", json={}, headers=headers)
    assert answer.json()["acknowledged_by"] == "li"
