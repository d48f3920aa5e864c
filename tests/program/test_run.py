"""`aquavolt run` on real sockets: what is wrong is set aside and shown, the rest goes on; files go in and out."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
import yaml
from cli import aquavolt_command, command_inside
from paho.mqtt import publish
from served import Served, wait_for

from aquavolt.child import Child

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TOKEN = "a-token-of-the-test"  # noqa: S105
HEADER = "meter,quantity,time,value\n"
# Beside 152 good meters: an address nobody listens at, a unit that does not answer on a line that works.
NOBODY, SILENT, BY_HAND = "e-nobody", "e-silent", "w-by-hand"


@dataclass
class School:
    """A campus on sockets, its site file with some bad meters, and what reads it."""

    folder: Path
    mqtt_port: int
    meters: dict[str, dict]
    running: Served

    def start(self) -> Served:
        self.running = Served(
            self.folder, "run", "--site", "site.yaml", "--data", "data", "--port", "0", AQUAVOLT_TOKEN=TOKEN
        )
        return self.running.ready()


@pytest.fixture(scope="module")
def closed_port():
    with socket.socket() as held:  # bound, never listening: nobody else gets it, and nobody answers
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture(scope="module")
def school(tmp_path_factory, closed_port):
    folder = tmp_path_factory.mktemp("run")
    broker = Child("simulators.mqtt.broker", ["--port", "0"], folder / "broker.log")
    port = broker.ready()["port"]
    arguments = ["--seed", "1", "--mqtt-port", str(port), "--site-out", str(folder / "campus.yaml")]
    campus = Child("simulators.campus.serve", arguments, folder / "campus.log")
    modbus = campus.ready(60)["line_ports"][0]
    site = yaml.safe_load((folder / "campus.yaml").read_text(encoding="utf-8"))
    bad = {"medium": "electricity", "node": "campus", "profile": "eastron-sdm630", "poll_s": 2}
    site["meters"] += [
        {"id": NOBODY, **bad, "connection": f"tcp://127.0.0.1:{closed_port}", "device_address": "1"},
        {"id": SILENT, **bad, "connection": f"tcp://127.0.0.1:{modbus}", "device_address": "200"},
        {"id": BY_HAND, "medium": "water", "node": "campus"},
    ]
    (folder / "site.yaml").write_text(yaml.safe_dump(site, allow_unicode=True), encoding="utf-8")
    made = School(folder, port, {m["id"]: m for m in site["meters"]}, None)
    try:
        made.start()
        yield made
    finally:
        if made.running is not None:
            made.running.kill()
        campus.stop()
        broker.stop()


def test_without_a_token_nobody_is_let_in(school):
    url = school.running.url
    assert httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
    assert httpx.get(f"{url}/api/v1/alerts", trust_env=False).status_code == 401
    assert school.running.get("/api/v1/alerts").status_code == 200


def test_bad_meters_are_shown_and_all_others_are_read(school):
    school_meters = {m for m in school.meters if m not in (NOBODY, SILENT, BY_HAND)}

    def read() -> set[str]:
        return {m for m, h in school.running.health()["by_meter"].items() if h["stored"] > 0}

    # The campus has a dead unit of its own.
    wait_for(lambda: len(school_meters - read()) <= 1, 60, school.running)
    wait_for(lambda: school.running.health()["by_meter"][SILENT]["breaker"] != "closed", 60, school.running)
    health = school.running.health()
    nobody, silent = health["by_meter"][NOBODY], health["by_meter"][SILENT]
    assert nobody["received"] == silent["received"] == 0
    assert nobody["expected"] > 0
    assert "no answer" in silent["last_error"]
    (down,) = [c for c in health["connections"] if c["state"] != "connected"]
    assert down["connection"] == school.meters[NOBODY]["connection"]
    assert "refused" in down["last_error"]


def test_a_malformed_message_is_set_aside_and_the_next_one_taken(school):
    radio = next(m for m in school.meters.values() if m.get("connection", "").startswith("mqtt://"))
    topic = radio["connection"].removeprefix(f"mqtt://127.0.0.1:{school.mqtt_port}/")
    before = school.running.health()
    for payload in (b"{not json", b"", b"\xff\x00\xfe", json.dumps({"unlike": "anything"}).encode(), b"[" * 100_000):
        publish.single(topic, payload, qos=1, hostname="127.0.0.1", port=school.mqtt_port)

    def counted() -> bool:
        now = school.running.health()
        return sum(now["set_aside"].values()) >= sum(before["set_aside"].values()) + 4

    wait_for(counted, 20, school.running)
    meter = school.running.health()["by_meter"][radio["id"]]
    assert meter["errors"] > before["by_meter"][radio["id"]]["errors"]
    assert meter["last_error"]
    wait_for(
        lambda: school.running.health()["by_meter"][radio["id"]]["received"] > meter["received"], 40, school.running
    )
    assert {c["state"] for c in school.running.health()["connections"] if "mqtt" in c["connection"]} == {"connected"}


def test_one_meter_is_read_by_hand_meanwhile(school):
    meter = next(m for m in school.meters.values() if m.get("profile") == "eastron-sdm630" and m["id"] != NOBODY)
    given = ("--profile", meter["profile"], "--connect", meter["connection"], "--address", meter["device_address"])
    said = aquavolt_command(school.folder, "read", *given, "--json")
    assert said.code == 0, said.err
    values = {v["quantity"]: v for v in json.loads(said.out)}
    assert values["active_energy_import"]["unit"] == "kWh"
    assert values["active_energy_import"]["value"] > 0


def rows(count: int, day: int = 1) -> str:
    """A register by hand, every quarter of an hour."""
    lines = []
    for i in range(count):
        hour, minute = divmod(15 * i, 60)
        at = f"2026-10-{day + hour // 24:02}T{hour % 24:02}:{minute:02}:00+08:00"
        lines.append(f"{BY_HAND},water_volume,{at},{100 + i / 8}\n")
    return HEADER + "".join(lines)


def test_files_go_in_and_out_while_it_runs(school):
    folder, there = school.folder, ("--site", "site.yaml", "--data", "data")
    (folder / "in.csv").write_text(rows(500))
    said = aquavolt_command(folder, "import", *there, "--json", "in.csv")
    assert (said.code, json.loads(said.out)) == (0, {"file": "in.csv", "readings": 500, "bad_rows": 0}), said.err
    only = ("--meter", BY_HAND)

    def exported(name: str) -> str:
        out = command_inside(folder, "export", *there, *only, name)
        assert out.code == 0, out.err
        return (folder / name).read_text() if name.endswith(".csv") else ""

    wait_for(lambda: exported("out.csv") == rows(500), 30, school.running)
    exported("out.parquet")
    out = command_inside(folder, "backtest", *there, "--out", "alerts.jsonl")
    assert out.code == 0, out.err
    assert "alerts of" in out.out

    # Into a folder that nobody has open, from the other kind of file, and out again.
    rest = ("--site", "site.yaml", "--data", "at-rest")
    assert command_inside(folder, "import", *rest, "out.parquet").code == 0
    assert command_inside(folder, "export", *rest, "again.csv.gz").code == 0
    assert command_inside(folder, "import", *rest, "again.csv.gz").code == 0  # the same again changes nothing
    assert command_inside(folder, "export", *rest, "again.csv").code == 0
    assert (folder / "again.csv").read_text() == rows(500)


def test_readings_handed_in_over_http_are_stored(school):
    row = f"{BY_HAND},water_volume,2026-10-20T00:00:00+08:00,999.5\n"
    given = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "text/csv"}
    answer = httpx.post(
        f"{school.running.url}/api/v1/readings", headers=given, content=HEADER + row + "bad\n", trust_env=False
    )
    assert answer.status_code == 200, answer.text
    assert (answer.json()["taken"], answer.json()["refused"]) == (1, 1)
    there = ("--site", "site.yaml", "--data", "data", "--meter", BY_HAND, "--start", "2026-10-20")

    def exported() -> str:
        command_inside(school.folder, "export", *there, "posted.csv")
        return (school.folder / "posted.csv").read_text()

    wait_for(lambda: exported() == HEADER + row, 20, school.running)


def test_it_ends_cleanly_and_starts_again(school):
    assert not psutil.Process(school.running.process.pid).children()
    assert school.running.stop() == 0
    events = [json.loads(line) for line in school.running.errors().splitlines()]
    # The one that is unreachable was news, once; nothing else is wrong.
    assert [e["event"] for e in events if e["level"] != "info"] == ["connection down"]
    again = school.start()
    wait_for(lambda: sum(m["stored"] > 0 for m in again.health()["meters"]) >= 140, 60, again)
    assert again.stop() == 0
