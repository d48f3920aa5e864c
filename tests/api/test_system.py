"""Health, readiness, metrics, OpenAPI and its page."""

from __future__ import annotations

from api.parts import Readiness


def test_the_program_answers_and_says_when_it_is_ready(served):
    assert served.client.get("/healthz").json()["status"] == "ok"
    assert served.client.get("/readyz").status_code == 200
    served.ready[0] = Readiness(is_ready=False, progress=0.25, detail="day 9 of 35")
    answer = served.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "progress": 0.25, "detail": "day 9 of 35"}
    page = served.client.get("/alerts").text
    assert "day 9 of 35" in page
    assert 'value="0.25"' in page


def test_collector_health_has_every_count_and_the_age(served):
    report = served.client.get("/api/v1/health/collector").json()
    first, second = report["meters"]
    assert (first["age_s"], first["breaker"]) == (30.0, "closed")
    assert (second["age_s"], second["last_reading"], second["errors"]) == (None, None, 60)
    assert report["journal"]["lag"] == {"store": 2}
    assert report["journal"]["free_bytes"] == 5_000_000_000
    assert report["set_aside"] == {"bad payload": 4}


def test_the_page_of_collecting_shows_depth_age_lag_drops_and_what_was_refused(served):
    page = served.client.get("/collector", headers={"Accept-Language": "en"}).text
    for words in ("4.1 kB", "12 entries", "Oldest entry kept", "5.0 GB", "Read by store", "behind by 2", "bad payload"):
        assert words in page, words
    assert "Dropped from the journal: cap" in page


def test_metrics_speak_of_meters_connections_journal_and_alerts(served):
    text = served.client.get("/metrics").text
    for line in (
        'aquavolt_meter_received_total{connection="tcp://a",meter="w-campus"} 99.0',
        'aquavolt_meter_breaker{connection="tcp://b",meter="e-library"} 2.0',
        'aquavolt_connection_up{connection="tcp://b"} 0.0',
        'aquavolt_journal_lag_entries{reader="store"} 2.0',
        "aquavolt_journal_oldest_age_seconds 0.0",
        "aquavolt_journal_free_bytes 5e+09",
        'aquavolt_journal_dropped_total{reason="cap"} 1.0',
        'aquavolt_set_aside_total{reason="bad payload"} 4.0',
        'aquavolt_alerts{state="active"} 4.0',
        "aquavolt_ready 1.0",
    ):
        assert line in text, line
    assert 'aquavolt_meter_reading_age_seconds{connection="tcp://b"' not in text


def test_two_applications_keep_their_metrics_apart(make):
    first, second = make(), make()
    assert first.app.state.registry is not second.app.state.registry
    assert second.client.get("/metrics").status_code == 200


def test_openapi_describes_every_operation_with_its_problems(served):
    schema = served.client.get("/openapi.json").json()
    assert set(schema["paths"]) >= {
        "/api/v1/alerts", "/api/v1/alerts/{alert_id}/series", "/api/v1/usage", "/api/v1/readings", "/api/v1/stream",
        "/api/v1/nodes/{node_id}", "/api/v1/meters/{meter_id}/readings", "/api/v1/health/collector", "/metrics",
    }  # fmt: skip
    assert "/alerts" not in schema["paths"]
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            for status, response in operation["responses"].items():
                if not status.startswith("2") and status != "503":
                    assert "application/problem+json" in response["content"], (method, path, status)
    assert schema["components"]["schemas"]["AlertOut"]["examples"]


def test_the_page_of_the_api_uses_own_files_only(served):
    page = served.client.get("/docs").text
    assert "/vendor/swagger-ui-bundle.js" in page
    assert "http://" not in page.replace("http://127.0.0.1", "")
    assert "https://" not in page


def test_files_with_a_version_are_kept_by_browsers(served):
    assert "immutable" in served.client.get("/static/live.js?v=1").headers["Cache-Control"]
    assert served.client.get("/static/live.js").headers["Cache-Control"] == "no-cache"
    assert served.client.get("/static/../parts.py").status_code == 404
    assert served.client.get("/static/%2e%2e/%2e%2e/parts.py").status_code == 404
