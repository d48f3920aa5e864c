"""REST and pages of drills: asked for, watched, reported; in no list but where somebody asks for them."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from mirrored import OFFICE, mirrored
from signed_in import ADMIN, person

from alerts.drills.book import DrillBook
from alerts.drills.keeping import DrillKeeper
from alerts.drills.values import DrillPlan, Ending
from alerts.errors import UnknownEntryError
from alerts.users.roles import Role
from alerts.values import Actor, AlertFilter, Outcome
from metering.batch import to_ms
from metering.drill_kinds import DrillKind
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
    head, *lines = csv.reader(io.StringIO(table.text.removeprefix("\ufeff")))
    assert [line[head.index("what")] for line in lines][:2] == ["detected by the copy's clock", "raised"]
    assert {line[0] for line in lines} == {"DRILL 演练"}
    assert "DRILL-drill-" in table.headers["content-disposition"]


def test_the_report_holds_the_times_against_the_deadlines(served):
    drill = begun(served)
    (alert,) = served.client.get(f"/api/v1/drills/{drill}/report").json()["alerts"]
    steps = {step["name"]: step for step in alert["steps"]}
    assert steps["acknowledged"]["allowed_s"] == 15 * 60  # of a burst
    assert steps["repaired"]["allowed_s"] == 4 * 3600
    assert steps["told"]["allowed_s"] is None
    due = (served.parts.now() + timedelta(hours=1)).isoformat()
    order = {"alert_id": f"{drill}-x", "due_at": due}
    assert served.client.post("/api/v1/orders", json=order).status_code == 200
    later = served.parts.now() + timedelta(hours=2)
    DrillBook(served.parts.records.database, lambda: later).repair(drill, ADMIN)
    (alert,) = served.client.get(f"/api/v1/drills/{drill}/report").json()["alerts"]
    repaired = next(step for step in alert["steps"] if step["name"] == "repaired")
    assert (repaired["seconds"], repaired["allowed_s"], repaired["late"]) == (7200.0, 3600.0, True)
    page = served.client.get(f"/drills/{drill}", headers={"Accept": "text/html", "Accept-Language": "en"}).text
    assert "too late: 1 h allowed" in page


def test_the_page_draws_what_the_meter_would_have_shown(served):
    drill = begun(served)
    page = served.client.get(f"/drills/{drill}", headers={"Accept": "text/html", "Accept-Language": "en"}).text
    levels = re.findall(r'class="(simulated|usual)" d="M([^"]+)"', page)
    least = {kind: min(float(y) for y in re.findall(r",([0-9.]+)H", f"M{path}")) for kind, path in levels}
    assert least["simulated"] < least["usual"]  # up is more: 8 m3/h on the 2 m3/h that are usual there
    named = re.findall(r"<li><b>(\d)</b> ([A-Z][a-z ]+) <small", page)
    assert named == [("1", "Fault begins"), ("2", "Detected"), ("3", "Acknowledged")][: len(named)]
    assert len(named) >= 2


def test_without_a_program_that_runs_the_rules_page_and_api_say_so_and_it_ends_by_itself(served):
    database, headers = served.parts.records.database, {"Accept": "text/html", "Accept-Language": "en"}
    assert served.client.get("/api/v1/drills").json()["rules"] == {"is_there": False, "seen_at": None}
    drill = served.client.post("/api/v1/drills", json=ASKED).json()["id"]
    for path in ("/drills", f"/drills/{drill}"):
        assert "No program that runs the rules is there" in served.client.get(path, headers=headers).text, path
    keeper = DrillKeeper(database, clock=served.parts.now)
    keeper.end_unattended()
    assert served.client.get(f"/api/v1/drills/{drill}").json()["state"] == "asked"  # it may still come
    later = served.parts.now() + timedelta(minutes=4)
    DrillKeeper(database, clock=lambda: later).end_unattended()
    ended = served.client.get(f"/api/v1/drills/{drill}").json()
    assert (ended["state"], ended["ending"]) == ("ended", "unattended")
    assert "began it within 180 s" in ended["detail"]
    keeper.beat()
    assert served.client.get("/api/v1/drills").json()["rules"]["is_there"]
    assert "No program that runs the rules" not in served.client.get("/drills", headers=headers).text
    assert served.client.post("/api/v1/drills", json=ASKED).status_code == 201  # its place is free


def test_one_that_nobody_begins_is_stopped_at_once(served):
    drill = served.client.post("/api/v1/drills", json=ASKED).json()["id"]
    stopped = served.client.post(f"/api/v1/drills/{drill}/stop").json()
    assert (stopped["state"], stopped["ending"], stopped["stopped_by"]) == ("ended", "stopped", "demo")


def test_one_under_way_whose_program_is_gone_ends_and_so_do_its_alerts(served):
    drill, database = begun(served), served.parts.records.database
    DrillKeeper(database, clock=served.parts.now).beat()
    assert DrillKeeper(database, clock=lambda: served.parts.now() + timedelta(minutes=9)).end_unattended() == ()
    ended = DrillKeeper(database, clock=lambda: served.parts.now() + timedelta(minutes=11)).end_unattended()
    assert [alert.id for alert in ended] == [f"{drill}-x"]
    assert served.client.get(f"/api/v1/drills/{drill}").json()["ending"] == "interrupted"


def test_an_end_closes_its_alerts_and_says_why(served):
    drill = begun(served)
    DrillKeeper(served.parts.records.database, clock=served.parts.now).end_left_over()
    assert served.client.get(f"/api/v1/drills/{drill}").json()["ending"] == Ending.INTERRUPTED
    assert not served.parts.records.get_alert(f"{drill}-x").is_active
    assert served.client.post(f"/api/v1/drills/{drill}/stop").status_code == 409
    found = served.parts.records.find_alerts(AlertFilter(drill=drill)).items
    assert [alert.id for alert in found] == [f"{drill}-x"]


def reported(served):
    """Somebody's report of dorm-1; its number and the address of its public page."""
    answer = served.client.post("/report", files={"node": (None, "dorm-1"), "words": (None, "水一直流")})
    assert answer.status_code == 303
    (report,) = served.client.get("/api/v1/reports?state=new").json()["items"]
    return report["id"], answer.headers["location"].partition("?")[0]


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_every_page_that_shows_it_is_stamped(served, language):
    drill = begun(served, Actor("demo"))
    stamp = {"zh-CN": "演练 DRILL", "en": "DRILL"}[language]
    report, status = reported(served)
    order = served.client.post("/api/v1/orders", json={"alert_id": f"{drill}-x", "report_id": report}).json()["id"]
    paths = [
        "/alerts", f"/alerts/{drill}-x", "/tasks", "/drills", f"/drills/{drill}", "/orders", f"/orders/{order}",
        "/reports", status,
    ]  # fmt: skip
    for path in paths:
        page = served.client.get(path, headers={"Accept": "text/html", "Accept-Language": language})
        assert page.status_code == 200, path
        assert f'<span class="av-drill">{stamp}</span>' in page.text, path


def test_a_report_can_be_taken_into_it_and_says_so(served):
    drill = begun(served)
    report, status = reported(served)
    page = served.client.get("/reports", headers={"Accept-Language": "en"}).text
    assert f'<option value="{drill}-x">DRILL · ' in page
    assert "DRILL" not in served.client.get(status, headers={"Accept-Language": "en"}).text
    order = served.client.post("/api/v1/orders", json={"alert_id": f"{drill}-x"}).json()
    assert order["drill"] == drill
    page = served.client.get("/reports", headers={"Accept-Language": "en"}).text
    assert f'<option value="{order["id"]}">DRILL · ' in page
    assert served.client.post(f"/api/v1/reports/{report}/join", json={"order_id": order["id"]}).status_code == 200
    (taken,) = served.client.get("/api/v1/reports?state=ordered").json()["items"]
    assert taken["drill"] == drill
    assert "This report was taken into a drill" in served.client.get(status, headers={"Accept-Language": "en"}).text


def test_its_order_is_in_no_list_no_figure_and_on_no_patrol_unless_it_is_asked_for(served):
    person(served, "kong", Role.CONTRACTOR)
    paths = (
        "/api/v1/orders", "/api/v1/patrol", "/api/v1/statistics", "/api/v1/statistics/contractors",
        "/api/v1/exports/alerts?inhibited=true", "/api/v1/exports/orders",
    )  # fmt: skip
    before = {path: served.client.get(path).content for path in paths}
    drill = begun(served)
    order = served.client.post("/api/v1/orders", json={"alert_id": f"{drill}-x", "assignee": "kong"}).json()["id"]
    done = served.client.post(f"/api/v1/orders/{order}/done", json={"outcome": "repaired"})
    assert (done.status_code, done.json()["drill"]) == (200, drill)
    assert {path: served.client.get(path).content for path in paths} == before
    (found,) = served.client.get("/api/v1/orders?drill=true").json()["items"]
    assert (found["id"], found["drill"]) == (order, drill)
    tick = {"id": "8e03978e-40d5", "item": f"alert:{drill}-x", "at": "2026-11-21T07:40:00Z"}
    (ticked,) = served.client.post("/api/v1/patrol/ticks", json={"ticks": [tick]}).json()["items"]
    assert ticked["result"] == "refused"


def test_the_repair_platform_hears_nothing_of_it(records, make, listen):
    with mirrored(records, make, listen) as both:
        drill = begun(both.served)
        order = both.open(alert_id=f"{drill}-x")
        both.orders.finish(order, OFFICE, Outcome.REPAIRED)
        DrillKeeper(records.database, clock=both.served.parts.now).end(drill, Ending.STOPPED)
        real = both.open(node="library")
        both.work()
        assert [sent.order_id for sent in both.mirror.desk.sent()] == [real]
        assert len(both.simulator.orders()) == 1
        with pytest.raises(UnknownEntryError):
            both.mirror.desk.replay_order(order, ADMIN)


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
