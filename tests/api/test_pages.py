"""The pages as the server writes them; what the browser does with them is in tests/browser."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from alerts.losses import loss_until
from alerts.values import AlertState
from api.app import create_app
from api.web import vendor
from metering.incident import ChangeKind, Incident, IncidentChange


def page(served, path: str, language: str = "en") -> str:
    answer = served.client.get(path, headers={"Accept": "text/html", "Accept-Language": language})
    assert answer.status_code == 200, answer.text
    return answer.text


def row(html: str, alert: str) -> str:
    return html.split(f'data-alert="{alert}"')[1].split('data-alert="', maxsplit=1)[0]


@pytest.mark.parametrize(
    "path", ["/alerts", "/alerts/leak", "/site", "/site/dorm-1", "/meters/w-dorm-1", "/collector", "/commissioning"]
)
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_every_page_is_written_in_both_languages(served, path, language):
    html = page(served, path, language)
    assert f'<html lang="{language}">' in html
    assert ("告警" in html) == (language == "zh-CN")


def test_the_head_sums_what_is_active_and_not_explained(served):
    html = page(served, "/alerts")
    kpis = re.findall(r'<div class="av-kpi.*?</div>', html, re.DOTALL)
    texts = [" ".join(re.sub(r"<[^>]+>", " ", k).split()) for k in kpis]
    assert "4 of 4 active" in texts[0]
    assert "2 critical" in texts[0]
    assert "1 m³/h" in texts[1]  # leak and floor, 0.5 m3/h each; not their echo at the campus
    assert "48 m³ so far" in texts[1]
    assert "0.12 kW" in texts[2]
    assert "¥205" in texts[3]  # 48 m3 x 4.2 + 6 kWh x 0.6
    assert texts[4] == "Meters at fault 1 1 not judged until mended"


def test_a_meter_that_only_says_something_of_itself_is_judged(served):
    """Its readings are as good as before; one whose readings are in doubt beside that is not judged."""
    said = {"rule": "reported_fault", "details": {"reported": [{"code": "low_battery"}]}}
    stuck = {"rule": "meter_health", "details": {"condition": "stuck"}}
    dead = next(i for i in active(served) if i.id == "dead")
    told = [
        replace(dead, id=name, rule="reported_fault", node=node, evidence={"findings": findings})
        for name, node, findings in (("weak", "dorm-1", [said]), ("both", "dorm-1-f1", [said, stuck]))
    ]
    served.parts.records.apply([IncidentChange(ChangeKind.RAISED, i, i.detected_at) for i in told], 2)
    html = page(served, "/alerts")
    assert {name: "not judged" in row(html, name) for name in ("dead", "weak", "both")} == {
        "dead": True, "weak": False, "both": True,
    }  # fmt: skip
    assert "2 not judged until mended" in html


def test_a_row_says_what_where_how_much_and_since_when(served):
    html = row(page(served, "/alerts"), "leak")
    for text in (
        "梅园1号楼",
        "Water lost between meters",
        "Critical",
        "500",
        "L/h",
        "2 d",
        "24 m³",
        "¥101",
        "av-spark",
    ):
        assert text in html, text
    assert "echo" not in page(served, "/alerts")


def test_filters_stand_in_the_address_and_narrow_the_list(served):
    html = page(served, "/alerts?medium=electricity&category=data_quality")
    assert 'data-alert="dead"' in html
    assert 'data-alert="leak"' not in html
    assert 'data-alert="room"' not in html
    assert "Clear filters" in html
    assert "Nothing matches" in page(served, "/alerts?medium=electricity&category=leak")


def test_what_is_not_known_in_an_address_is_left_out(served):
    assert 'data-alert="leak"' in page(served, "/alerts?state=%27&category=x&node=nowhere&severity=9")


def test_no_active_alert_is_said_plainly(served):
    cleared = [
        IncidentChange(ChangeKind.CLEARED, replace(i, closed_at=i.detected_at), i.detected_at) for i in active(served)
    ]
    served.parts.records.apply(cleared, 2)
    assert "No active alert" in page(served, "/alerts")


def active(served) -> list[Incident]:
    """The active alerts as incidents, without figures."""
    found = []
    for alert in served.parts.records.find_alerts(limit=50).items:
        if alert.is_active:
            at = np.datetime64(alert.detected_at.replace(tzinfo=None), "ms")
            keys = (alert.id, alert.rule, alert.category, alert.medium, alert.subject, alert.node, alert.severity)
            found.append(Incident(*keys, at, at, None, 0.0, 0.0, "", 0.0, 0.0))
    return found


def test_the_page_of_an_alert_says_why_here_and_what_to_do(served):
    html = page(served, "/alerts/leak")
    assert "Since Nov 21 12:00 about 500 L/h more water goes into 梅园1号楼 than the meters below it count." in html
    assert "w-dorm-1 counts more than its 2 sub-meters together" in html
    assert "Walk the pipe" in html
    assert 'data-count-rate="0.5"' in html
    assert "at ¥4.20 per m³" in html
    assert "25.0%" in html  # the share of what flows in
    assert "Acknowledge: I take care of it" in html


def test_a_dead_meter_is_no_leak_and_has_no_loss(served):
    html = page(served, "/alerts/dead")
    assert "Meter does not answer" in html
    assert "cannot be relied on. No leak is concluded" in html
    assert "Lost so far" not in html


@pytest.mark.parametrize(
    ("rule", "codes", "rate", "language", "told"),
    [
        ("reported_leak", ["burst", "leak"], 0.5, "en",
         ["The meter reports: burst pipe, leak", "itself reports: burst pipe, leak. About 500 L/h runs"]),
        ("reported_leak", ["leak"], 0.0, "zh-CN", ["表计自报：漏水", "自报：漏水。"]),
        ("reported_fault", ["tamper", "low_battery"], 0.0, "zh-CN",
         ["表计自报：遭人为干扰、电池电量低", "读数仍然有效"]),
    ],
)  # fmt: skip
def test_what_a_meter_reports_of_itself_is_said_in_words(served, rule, codes, rate, language, told):
    known = next(i for i in active(served) if i.id == ("leak" if rule == "reported_leak" else "dead"))
    details = {
        "condition": codes[0],
        "reported": [{"code": code, "since": "2026-11-21T04:00:00+00:00"} for code in codes],
    }
    evidence = {"findings": [{"rule": rule, "subject": known.subject, "details": details}],
                "next_step": "check_fixtures" if rule == "reported_leak" else "mend_meter"}  # fmt: skip
    said = replace(known, id="said", rule=rule, evidence=evidence, observed=rate, expected=0.0, loss_rate=rate, unit="")
    served.parts.records.apply([IncidentChange(ChangeKind.RAISED, said, said.detected_at)], 2)
    html = page(served, "/alerts/said", language)
    for text in (*told, "表计自报" if language == "zh-CN" else "Reported by the meter"):
        assert text in html


def test_codes_that_are_not_known_are_said_in_their_own_english(served):
    leak = next(i for i in active(served) if i.id == "leak")
    evidence = {"place_reason": {"code": "of_tomorrow", "params": {}, "text": "It is new."}, "next_step": "fly", "x": 1}
    changed = replace(leak, evidence=evidence, observed=1.0, expected=0.0, unit="m3/h")
    served.parts.records.apply([IncidentChange(ChangeKind.UPDATED, changed, changed.detected_at)], 2)
    html = page(served, "/alerts/leak")
    assert "It is new." in html
    assert "Go there, listen at pipes" in html


def test_acknowledging_by_the_form_leads_back(served):
    answer = served.client.post("/alerts/leak/acknowledge", data={"version": "0", "back": "/alerts?state=all"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/alerts?state=all")
    assert "Acknowledged" in row(page(served, "/alerts"), "leak")
    assert "Acknowledge: I take care of it" not in page(served, "/alerts/leak")


def test_two_people_at_once_are_told(served):
    served.client.post("/api/v1/alerts/leak/resolve", json={"outcome": "false"})
    answer = served.client.post("/alerts/leak/resolve", data={"version": "0", "outcome": "repaired"})
    assert answer.headers["Location"] == "/alerts/leak?notice=conflict"
    assert "Somebody else changed this alert" in page(served, answer.headers["Location"])
    assert served.parts.records.get_alert("leak").outcome == "false"


def test_a_comment_is_escaped_and_an_empty_one_refused(served):
    served.client.post("/alerts/leak/comments", data={"text": "<script>alert(1)</script>"})
    html = page(served, "/alerts/leak")
    assert "&lt;script&gt;alert(1)" in html
    assert "<script>alert" not in html
    answer = served.client.post("/alerts/leak/comments", data={"text": "  "})
    assert answer.headers["Location"] == "/alerts/leak?notice=empty"


def test_going_back_never_leaves_the_site(served):
    answer = served.client.post("/alerts/leak/acknowledge", data={"back": "//evil.example/"})
    assert answer.headers["Location"] == "/alerts/leak"


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [("outcome=lost", "application/x-www-form-urlencoded", 422), ("{}", "application/json", 415),
     ("x" * 70_000, "application/x-www-form-urlencoded", 413)],
)  # fmt: skip
def test_a_wrong_form_is_refused(served, body, media_type, status):
    answer = served.client.post("/alerts/leak/resolve", content=body, headers={"Content-Type": media_type})
    assert answer.status_code == status


def test_the_tree_shows_use_and_where_alerts_are(served):
    html = page(served, "/site")
    assert "梅园1号楼" in html
    assert "1层" not in html  # opened by a click
    building = html.split('data-node="dorm-1"')[1].split("</tr>")[0]
    assert ">24.0<" in building
    assert 'class="av-mark sev-critical"' in building
    rows = page(served, "/site/dorm-1/children")
    assert "1层" in rows
    assert "<html" not in rows


def test_the_collectors_page_leads_to_its_meters(served):
    html = page(served, "/collector")
    assert 'href="/commissioning?state=troubled"' in html
    assert "bad payload" in html


def test_missing_browser_files_are_explained_on_every_page(make, monkeypatch, tmp_path):
    monkeypatch.setattr(vendor, "missing_files", lambda: ("htmx.min.js",))
    served = make()
    answer = served.client.get("/alerts", headers={"Accept": "text/html", "Accept-Language": "en"})
    assert answer.status_code == 503
    assert "npm ci" in answer.text
    assert "htmx.min.js" in answer.text
    assert served.client.get("/api/v1/alerts").status_code == 200


def test_vendor_files_are_copied_or_the_missing_package_named(tmp_path, capsys):
    with pytest.raises(FileNotFoundError, match="npm ci"):
        vendor.copy_files(tmp_path / "node_modules", tmp_path / "out")
    for path in vendor.FILES.values():
        (tmp_path / "node_modules" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "node_modules" / path).write_text("x")
    assert set(vendor.copy_files(tmp_path / "node_modules", tmp_path / "out")) == set(vendor.FILES)
    assert vendor.missing_files(tmp_path / "out") == ()
    shutil.rmtree(tmp_path / "node_modules")
    assert vendor.main([str(tmp_path / "node_modules")]) == 1
    assert "not set up" in capsys.readouterr().err


def test_the_lock_file_names_no_registry(request):
    lock = (request.config.rootpath / "package-lock.json").read_text()
    assert "resolved" not in lock
    assert '"integrity"' in lock


def test_nothing_happens_at_import_and_two_applications_stand_side_by_side(make):
    first = make()
    assert create_app(first.parts) is not first.app


@pytest.mark.parametrize(
    ("told_before", "state", "loss"),
    [(timedelta(0), "active", 24.0), (timedelta(hours=2), "active", 25.0), (timedelta(days=2), "active", 24.0),
     (timedelta(hours=2), "cleared", 24.0)],
)  # fmt: skip
def test_a_loss_is_thought_on_from_the_rules_last_word_only_while_it_is_fresh(served, told_before, state, loss):
    now, known = served.parts.now(), served.parts.records.get_alert("leak")
    series = {"series": {"end": (now - told_before).isoformat()}}
    assert loss_until(replace(known, evidence=series, state=AlertState(state)), now) == loss


def test_the_probable_cause_its_signs_and_all_steps_are_shown(served):
    leak = next(i for i in active(served) if i.id == "leak")
    evidence = {
        **leak.evidence,
        "next_step": "walk_the_pipe",
        "cause": {"code": "pipe_leak", "confidence": 0.71, "signs": ["between_meters", "never_stops"], "others": []},
        "loss": {"rate_uncertainty": 0.05, "total_uncertainty": 2.4},
        "earlier": [{"loss_total": 3.0}],
    }
    told = replace(leak, evidence=evidence, loss_rate=0.5, loss_total=24.0, observed=2.0, expected=1.5, unit="m3/h")
    served.parts.records.apply([IncidentChange(ChangeKind.UPDATED, told, leak.onset_at)], 2)
    html = page(served, "/alerts/leak")
    for text in (
        "a leaking pipe or joint (71 %)",
        "between main meter and submeters, never stops",
        "Came back 1 time",
        "± 50",
        "Branches without a meter are part of it",
        "a correlator then finds the spot",
    ):
        assert text in html
    answer = served.client.get("/api/v1/alerts/leak").json()
    assert answer["cause"]["text"]["zh-CN"] == "管道或接头渗漏"
    assert (answer["loss_rate_uncertainty"], answer["loss_total_uncertainty"]) == (0.05, 2.4)
    assert len(answer["next_steps"]["en"]) == len(answer["next_steps"]["zh-CN"]) == 3


def test_a_cleared_alert_says_that_the_meters_confirm_it(served):
    leak = next(i for i in active(served) if i.id == "leak")
    evidence = {**leak.evidence, "cleared_because": "back_at_usual", "back_at_usual": {"hours": 14.0}}
    over = replace(leak, closed_at=leak.detected_at, evidence=evidence)
    served.parts.records.apply([IncidentChange(ChangeKind.CLEARED, over, leak.detected_at)], 2)
    assert "back at usual for 14 h" in page(served, "/alerts/leak")
    assert "恢复正常已 14 小时" in page(served, "/alerts/leak", "zh-CN")
