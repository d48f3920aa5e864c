"""`collect`, `watch` and `serve` on a real InfluxDB: the same readings and alerts as in one process, through kills."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
import pytest
from cli import command_inside
from fed import random_delays
from state import TOLD

from bench.harness.feed import all_readings
from bench.harness.services import API_TOKEN, TOKEN, Services, until

pytestmark = [pytest.mark.slow, pytest.mark.influx, pytest.mark.timeout(600)]


@pytest.fixture
def services(fed, receiver, influx, tmp_path) -> Iterator[Services]:
    found = Services(tmp_path / "data", fed.site, influx, receiver.url)
    yield found
    found.close()


def see_through(services, collector):
    until(lambda: collector.has_said("fed"), "the feed is journaled")
    services.see_through()


def check_readings(services, fed):
    """Each reading once: points of one key replace each other, so none may be missing and none too many."""
    expected = all_readings(fed.entries)
    per_meter = np.bincount(expected.meter, minlength=len(expected.meters))
    store = services.store()
    try:
        assert store.count() == dict(zip(expected.meters, per_meter.tolist(), strict=True))
        last = expected.time.max()
        part = store.read(expected.meters, ["water_volume"], last - np.timedelta64(1, "D"), last)
    finally:
        store.close()
    wanted = expected.take((expected.time >= last - np.timedelta64(1, "D")) & (expected.time < last))
    wanted = wanted.take(wanted.quantity == (part.quantity[0] if len(part) else 0))
    assert sorted(part.value.tolist()) == sorted(wanted.value.tolist())
    assert len(part)


def check_alerts(services, undisturbed, receiver, repeats_allowed=0):
    assert services.alerts() == undisturbed.state.alerts
    assert [row[:2] for row in services.audit()] == [row[:2] for row in undisturbed.state.audit]
    told = Counter(services.records(TOLD))
    first = {alert: n for (_, alert, reason), n in told.items() if reason == "raised"}
    assert set(undisturbed.state.open_alerts()) <= set(first)
    assert set(first.values()) == {1}
    inbox = receiver.inbox.document()["messages"]
    assert {m["id"] for m in inbox} == {i for (i,) in services.records("SELECT id FROM outbox WHERE state='delivered'")}
    assert sum(message["repeats"] for message in inbox) <= repeats_allowed


def test_three_services_give_what_one_process_gives(services, fed, undisturbed, receiver):
    watch = services.start("watch")
    collector = services.start("collect", feed=str(fed.feed))
    page = services.start("serve")
    see_through(services, collector)
    check_alerts(services, undisturbed, receiver)
    check_readings(services, fed)
    check_page(services, undisturbed)
    assert [process.stop() for process in (collector, page, watch)] == [0, 0, 0]
    check_alerts(services, undisturbed, receiver)


def check_page(services, undisturbed):
    page = httpx.Client(
        base_url=f"http://127.0.0.1:{services.page_port}",
        headers={"Authorization": f"Bearer {API_TOKEN}"},
        trust_env=False,
        timeout=30,
    )
    with page:
        until(lambda: page.get("/readyz").status_code == 200, "the page is ready", 30)
        shown = page.get("/api/v1/alerts?inhibited=true&limit=500").json()["items"]
        assert {alert["id"] for alert in shown} == set(undisturbed.state.alert_ids)
        health = page.get("/api/v1/health/collector").json()
        lines = {line["connection"]: line["state"] for line in health["connections"]}
        assert lines["collector main"] == "connected"
        assert lines[f"watch http://127.0.0.1:{services.watch_port}"] == "connected"


def test_what_people_bring_in_is_stored_and_journaled(services, fed, tmp_path):
    """Over the API, and by `aquavolt import`."""
    services.start("watch")
    services.start("serve")
    meter = all_readings(fed.entries[:1]).meters[0]
    row = {"meter": meter, "quantity": "water_volume", "time": "2026-11-16T12:00:00+08:00", "value": 7.5}
    url = f"http://127.0.0.1:{services.page_port}/api/v1/readings"
    given = {"headers": {"Authorization": f"Bearer {API_TOKEN}"}, "trust_env": False, "timeout": 30}
    answer = httpx.post(url, json=[row], **given)
    assert answer.status_code == 200, answer.text
    (tmp_path / "more.csv").write_text(f"meter,quantity,time,value\n{meter},water_volume,2026-11-16T12:15:00+08:00,8\n")
    watch = {"AQUAVOLT_WATCH_URL": f"http://127.0.0.1:{services.watch_port}", "AQUAVOLT_WATCH_TOKEN": TOKEN}
    said = command_inside(tmp_path, "import", "more.csv", "--site", fed.site, "--data", "none", **watch)
    assert "1 readings taken" in said.out, said.err
    assert not (tmp_path / "none").exists()
    store = services.store()
    until(lambda: store.count() == {meter: 2}, "it is stored", 30)
    store.close()
    until(lambda: services.lag("posted/stream") == 0 and services.lag("watch/stream") == 0, "it is judged", 30)


def test_planned_use_entered_at_serve_explains_an_alert_at_watch(services, fed, undisturbed):
    """Entered while `watch` is away; it counts from its start on."""
    services.start("watch").stop()  # which makes the records
    services.start("serve")
    leak = next(a for a in undisturbed.state.alert_rows() if a["category"] == "leak" and not a["is_inhibited"])
    start = datetime.fromtimestamp(leak["onset_ms"] / 1000, UTC)
    use = {"node": leak["node"], "medium": "water", "start": start.isoformat(), "text": "注水"}
    use["end"] = (start + timedelta(days=30)).isoformat()
    url = f"http://127.0.0.1:{services.page_port}/api/v1/planned-uses"
    given = {"headers": {"Authorization": f"Bearer {API_TOKEN}"}, "trust_env": False, "timeout": 30}
    assert httpx.post(url, json=use, **given).status_code == 201
    services.start("watch", now=int(np.datetime64(fed.entries[1].time, "ms").astype(np.int64)))
    told = "SELECT 1 FROM feedback WHERE number IS NOT NULL"
    until(lambda: services.records(told), "the rules are told", 30)
    collector = services.start("collect", feed=str(fed.feed))
    see_through(services, collector)
    explained = services.records("SELECT node, category FROM alerts WHERE inhibited_by LIKE 'planned:%'")
    assert (leak["node"], "leak") in explained


def test_what_happens_is_shown_live(services, fed):
    services.start("watch")
    services.start("serve")
    url = f"http://127.0.0.1:{services.page_port}/api/v1/stream"
    given = {"headers": {"Authorization": f"Bearer {API_TOKEN}"}, "trust_env": False, "timeout": 120}
    with httpx.stream("GET", url, **given) as stream:
        lines = stream.iter_lines()
        next(lines)
        services.start("collect", feed=str(fed.feed))
        events = (json.loads(line[6:]) for line in lines if line.startswith("data: "))
        assert next(event for event in events if event["type"] == "alert")["id"]


def test_watch_killed_at_any_moment(services, fed, undisturbed, receiver):
    collector = services.start("collect", feed=str(fed.feed), is_held_back=True)
    deaths = 0
    for delay_s in random_delays(seed=4, count=6, longest_s=1.5):
        watch = services.start("watch")
        time.sleep(delay_s)
        watch.kill()
        deaths += 1
    services.start("watch")
    see_through(services, collector)
    check_alerts(services, undisturbed, receiver, repeats_allowed=deaths)
    check_readings(services, fed)


def test_collector_killed_at_any_moment(services, fed, undisturbed, receiver):
    services.start("watch")
    for delay_s in random_delays(seed=5, count=5, longest_s=1.0):
        collector = services.start("collect", feed=str(fed.feed), is_held_back=True)
        time.sleep(delay_s)
        collector.kill()
    collector = services.start("collect", feed=str(fed.feed))
    see_through(services, collector)
    check_alerts(services, undisturbed, receiver)
    check_readings(services, fed)


def test_pages_killed_and_watch_away_for_long(services, fed, undisturbed, receiver):
    """The whole history waits in the collector's journal, and is then judged as if it had come in time."""
    collector = services.start("collect", feed=str(fed.feed))
    page = services.start("serve")
    until(lambda: collector.has_said("fed"), "the feed is journaled")
    page.kill()
    services.start("watch")
    services.start("serve")
    see_through(services, collector)
    check_alerts(services, undisturbed, receiver)
    check_readings(services, fed)
    check_page(services, undisturbed)
