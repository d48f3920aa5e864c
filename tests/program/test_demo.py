"""`aquavolt demo` as a user has it: started, looked at, stopped, killed, started again, all on real sockets."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from cli import aquavolt_command
from past_demo import judged_up_to, write_truth
from served import Served, wait_for, wait_for_end_of
from state import TOLD, state_of, truth_of

from aquavolt.clock import utc_ms
from aquavolt.demo import HISTORY_DAYS
from aquavolt.stores.lock import DataLock
from bench.process_figures import peak_mb
from metering.quantities import MAIN_REGISTER
from simulators.campus.faults import KINDS

MAIN_REGISTERS = {quantity.code for quantity in MAIN_REGISTER.values()}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

DEAD_KINDS = {"unit_dead"}
MOST_MB = 360  # of the one process, its history judged: it shall run beside others on a machine of 512 MB


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(folder: Path):
    """The first start, for all tests down to the one that stops it."""
    found = Served(folder, "demo", "--data", "data", "--port", "0", "--seed", "1")
    try:
        # Told at once; the program's own routes gather for half a minute.
        route = {"targets": ["channel:*"], "group_by": [], "group_wait_s": 0, "group_interval_s": 1}
        answer = httpx.put(f"{found.url}/api/v1/routes/all", json=route, trust_env=False, timeout=20)
        assert answer.status_code == 200, answer.text
        yield found.ready()
    finally:
        found.kill()


def test_page_and_readiness(demo):
    assert demo.get("/healthz").status_code == 200
    assert demo.get("/readyz").status_code == 200
    page = demo.get("/", **{"Accept-Language": "en"})
    assert page.status_code == 200
    assert "text/html" in page.headers["content-type"]
    assert demo.get("/", **{"Accept-Language": "zh-CN"}).text != page.text
    assert demo.get("/docs").status_code == 200
    assert demo.json("/openapi.json")["openapi"].startswith("3.")


def test_only_its_own_names_are_answered(demo):
    port = demo.url.rpartition(":")[2]
    for host, code in ((f"localhost:{port}", 200), (f"127.0.0.1:{port}", 200), ("evil.example", 421)):
        assert demo.get("/api/v1/alerts", Host=host).status_code == code
    assert demo.get("/", Host="evil.example").status_code == 421


def test_truth_is_written_with_every_fault(demo):
    truth = json.loads((demo.folder / "data" / "truth.json").read_text())
    assert truth["seed"] == 1
    assert {fault["kind"] for fault in truth["faults"]} == set(KINDS)
    for fault in truth["faults"]:
        assert set(fault) == {"id", "kind", "category", "node", "meter", "start", "end", "size", "unit"}
    places = {node["id"] for node in demo.json("/api/v1/nodes")["items"]}
    assert {fault["node"] for fault in truth["faults"]} <= places


def test_meters_are_read_live_over_every_protocol(demo):
    truth = truth_of(demo.folder / "data")
    dead = {f["meter"] for f in truth if f["kind"] in DEAD_KINDS and f["end"] is None}
    connected = {m: h["connection"] for m, h in demo.health()["by_meter"].items()}
    assert {c.partition(":")[0] for c in connected.values()} == {"tcp", "rtu+tcp", "mqtt"}
    alive = set(connected) - dead
    assert len(alive) >= 140

    def counts(name: str) -> dict[str, int]:
        now = demo.health()["by_meter"]
        return {m: now[m][name] for m in alive}

    wait_for(lambda: all(counts("received").values()), 60, demo)
    first = counts("received")
    wait_for(lambda: all(n > first[m] for m, n in counts("received").items()), 60, demo)
    wait_for(lambda: all(n > first[m] for m, n in counts("stored").items()), 10, demo)
    wait_for(lambda: {c["state"] for c in demo.health()["connections"]} == {"connected"}, 10, demo)
    health = demo.health()
    assert health["set_aside"] == {}
    for name, meter in health["by_meter"].items():
        assert meter["stored"] <= meter["received"] <= meter["expected"]
        assert (meter["errors"] > 0) == (name in dead), meter
        assert (meter["received"] == 0) == (name in dead), meter


def test_what_is_open_was_told_once(demo):
    open_alerts = {a["id"] for a in demo.alerts() if a["state"] == "active" and not a["acknowledged"]}

    def told() -> Counter[str]:
        records = sqlite3.connect(f"file:{demo.folder}/data/records.db?mode=ro", uri=True)
        try:
            return Counter(alert for _, alert, _ in records.execute(TOLD))
        finally:
            records.close()

    wait_for(lambda: told().total() >= len(open_alerts), 20, demo)
    assert told() == Counter(open_alerts)


def test_its_people_have_worked(demo):
    """Orders in every state of note, each step after the one before, and nothing that the meters did not confirm."""
    orders = demo.json("/api/v1/orders?limit=100")["items"]
    assert Counter(o["state"] for o in orders).keys() == {"assigned", "in_work", "done", "closed"}
    alerts = {a["id"]: a for a in demo.alerts()}
    for order in orders:
        steps = [order[f"{step}_at"] for step in ("created", "assigned", "started", "done", "verified", "closed")]
        taken = [datetime.fromisoformat(step) for step in steps if step is not None]
        assert taken == sorted(taken)
        assert taken[-1] < datetime.now(UTC)
        if order["state"] == "closed" and order["alert_id"]:
            assert alerts[order["alert_id"]]["state"] == "cleared"
    assert {a["id"] for a in alerts.values() if a["state"] == "cleared"} <= {o["alert_id"] for o in orders}
    cards = demo.json("/api/v1/statistics/contractors")["items"]
    assert len(cards) == 2
    assert all(card["rated"] and card["to_repair"]["count"] for card in cards)
    assert Counter(r["state"] for r in demo.json("/api/v1/reports")["items"]).keys() == {"new", "ordered", "dismissed"}
    assert any(item["last"] for item in demo.json("/api/v1/patrol")["items"])


def test_its_history_was_judged_in_little_memory(demo):
    assert peak_mb(psutil.Process(demo.process.pid)) < MOST_MB


def test_a_second_one_in_its_place_is_refused_and_changes_nothing(demo):
    site = (demo.folder / "data" / "site.yaml").read_bytes()
    port = demo.url.rpartition(":")[2]
    assert f"127.0.0.1:{port}" in aquavolt_command(demo.folder, "demo", "--data", "other", "--port", port).message
    assert "in use by process" in aquavolt_command(demo.folder, "demo", "--data", "data", "--port", "0").message
    assert (demo.folder / "data" / "site.yaml").read_bytes() == site
    assert not (demo.folder / "other").exists()


def test_sigterm_ends_everything_cleanly(demo):
    children = demo.children()
    assert len(children) == 3
    assert demo.stop() == 0
    wait_for_end_of(children, 1)
    assert demo.lines[-1] == "stopped; everything taken is saved\n"
    # One line a piece of news; nothing went wrong in an undisturbed demo, at its end neither.
    levels = {json.loads(line)["level"] for line in demo.errors().splitlines()}
    assert levels <= {"info"}, demo.errors()
    with DataLock(demo.folder / "data"):
        assert not (demo.folder / "data" / "aquavolt.sock").exists()
    state = state_of(demo.folder / "data")
    assert state.written == len(state.readings)
    journal = sqlite3.connect(f"file:{demo.folder}/data/journal.db?mode=ro", uri=True)
    head = journal.execute("SELECT seq FROM edge WHERE name = 'head'").fetchone()
    cursors = dict(journal.execute("SELECT name, seq FROM cursor"))
    journal.close()
    assert set(cursors.values()) == set(head)


def test_a_second_start_continues_and_survives_a_kill(demo, folder):
    before, worked_before = state_of(folder / "data"), worked(folder / "data")
    again = Served(folder, "demo", "--data", "data", "--port", "0", "--seed", "7")
    try:
        again.ready()
        assert json.loads((folder / "data" / "truth.json").read_text())["seed"] == 1
        wait_for(lambda: sum(m["stored"] > 0 for m in again.health()["meters"]) >= 140, 60, again)
        children = again.children()
        again.kill()
        wait_for_end_of(children, 10)
    finally:
        again.kill()
    third = Served(folder, "demo", "--data", "data", "--port", "0")
    try:
        third.ready()
        children = third.children()
        assert third.stop(signal.SIGINT) == 0
        wait_for_end_of(children, 1)
    finally:
        third.kill()
    after = state_of(folder / "data")
    assert set(after.readings) > set(before.readings)
    assert after.written == len(after.readings)
    assert set(after.alert_ids) >= set(before.alert_ids)
    assert set(after.audited("raised").values()) == {1}
    fallen = registers_that_fell(before.readings, after.readings, {f["meter"] for f in truth_of(folder / "data")})
    assert not fallen
    assert worked(folder / "data") == worked_before, "its people came once"


def worked(data: Path) -> list[int]:
    """How many accounts, orders, reports and ticks there are."""
    records = sqlite3.connect(f"file:{data}/records.db?mode=ro", uri=True)
    tables = ("accounts", "work_orders", "water_reports", "patrol_ticks")
    try:
        return [records.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables]  # noqa: S608
    finally:
        records.close()


def registers_that_fell(before, after, faulty):
    """Meters whose main registers went back since the first stop, faulty ones left out."""
    newest = {(m, q): (t, v) for m, q, t, v, _ in sorted(before, key=lambda r: r[2]) if q in MAIN_REGISTERS}
    later = [(m, q, t, v) for m, q, t, v, _ in after if (m, q) in newest and t > newest[m, q][0]]
    assert later
    return {m for m, q, _, v in later if v < newest[m, q][1] - 1e-9 and m not in faulty}


def test_ended_in_the_midst_of_the_history_the_next_start_goes_on(tmp_path):
    """First by -9, then by SIGTERM, which does not wait for the rest of the history."""
    for is_killed in (True, False):
        first = Served(tmp_path, "demo", "--data", "data", "--port", "0")
        try:
            wait_for((tmp_path / "data" / "store.duckdb").exists, 60, first)
            wait_for(lambda: first.said("page: "), 30, first)  # noqa: B023 - it is waited for at once
            children = first.children()
            assert len(children) == 3
            if is_killed:
                first.kill()
            else:
                assert first.stop() == 0
            wait_for_end_of(children, 10)
            assert not first.said("history is judged")
            assert "Traceback" not in first.errors()
        finally:
            first.kill()
    again = Served(tmp_path, "demo", "--data", "data", "--port", "0")
    try:
        assert again.ready().stop() == 0
    finally:
        again.kill()
    state = state_of(tmp_path / "data")
    assert state.written == len(state.readings)
    days = Counter(t // 86_400_000 for _, q, t, _, quality in state.readings if quality & 128 and q in MAIN_REGISTERS)
    whole = [count for _, count in sorted(days.items())[1:-1]]
    assert len(whole) >= 33
    assert min(whole) > 0.9 * max(whole)


def test_after_a_day_off_the_day_is_there_and_no_meter_is_blamed_for_it(tmp_path):
    off = np.timedelta64(26, "h")
    judged_up_to(tmp_path / "data", utc_ms() - off)
    before = state_of(tmp_path / "data")
    last = max(r[2] for r in before.readings)
    again = Served(tmp_path, "demo", "--data", "data", "--port", "0")
    try:
        again.ready()
        again.stop()
    finally:
        again.kill()
    after = state_of(tmp_path / "data")
    hours = Counter((r[2] - last) // 3_600_000 for r in after.readings if r[2] > last)
    assert all(hours[h] > 450 for h in range(25)), hours  # about 152 meters, four times an hour
    assert after.written == len(after.readings)
    assert set(after.alert_ids) >= set(before.alert_ids)
    truly = {(f["category"], f["node"]) for f in truth_of(tmp_path / "data")}
    new = [a for a in after.alert_rows() if a["id"] not in before.alert_ids and a["category"] == "data_quality"]
    assert {(a["category"], a["node"]) for a in new} <= truly


@dataclass(frozen=True)
class Past:
    """A demo of which all days lie in term, whatever today is, judged up to a noon."""

    data: Path
    noon: np.datetime64

    def alerts(self) -> list[dict[str, Any]]:
        return [a for a in state_of(self.data).alert_rows() if not a["is_inhibited"]]


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    epoch = date(2025, 10, 13)
    made = Past(
        tmp_path_factory.mktemp("past") / "data",
        np.datetime64(epoch, "ms") + np.timedelta64(24 * HISTORY_DAYS + 4, "h"),
    )
    write_truth(made.data, epoch)
    judged_up_to(made.data, made.noon)
    return made


def test_the_alerts_are_the_truth(past):
    """A fault of every kind that there is, each at its node and after it began, and nothing else."""
    truth = truth_of(past.data)
    assert {f["kind"] for f in truth} == set(KINDS)
    alerts = past.alerts()
    told = {(a["category"], a["node"]): a["detected_ms"] for a in alerts}
    unseen = {f["kind"] for f in truth if told.get((f["category"], f["node"]), 0) < begin_ms(f)}
    assert not unseen
    assert Counter((a["category"], a["node"]) for a in alerts) == Counter((f["category"], f["node"]) for f in truth)


def begin_ms(fault: dict[str, Any]) -> float:
    return 1000 * datetime.fromisoformat(fault["start"]).timestamp()


def test_what_meters_said_outlives_other_rules(past, tmp_path):
    """The rules are in the demo's folder for the user to change: what was judged is judged again, from the store."""
    data = tmp_path / "data"
    shutil.copytree(past.data, data, ignore=shutil.ignore_patterns("*.sock"))
    rules = data / "rules.yaml"
    rules.write_text(f"incidents: {{previous_days: 15}}\n{rules.read_text(encoding='utf-8')}", encoding="utf-8")
    mine = rules.read_text(encoding="utf-8")
    judged_up_to(data, past.noon)
    assert rules.read_text(encoding="utf-8") == mine

    def said(folder: Path) -> dict[str, str]:
        return {i: a["node"] for i, a in state_of(folder).open_alerts().items() if a["rule"] == "reported_fault"}

    assert said(data) == said(past.data)
    assert len(said(data)) == sum(bool(KINDS[f["kind"]].word) for f in truth_of(data))
