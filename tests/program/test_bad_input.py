"""What a user gets wrong, through the real command line: one clear message that names file, line, key or meter."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from cli import Said, aquavolt_command, command_inside

from aquavolt.stores.lock import DataLock

SITE = """\
site: {id: school, name: School, timezone: Asia/Shanghai}
nodes:
  - {id: campus, kind: campus}
  - {id: dorm, kind: building, parent: campus}
meters:
  - {id: w-campus, medium: water, node: campus, profile: json-plain, connection: "mqtt://127.0.0.1:1/w"}
  - {id: w-dorm, medium: water, node: dorm, parent: w-campus}
  - {id: e-1, medium: electricity, node: dorm, profile: eastron-sdm630,
     connection: "tcp://127.0.0.1:1502", device_address: "1"}
  - {id: e-2, medium: electricity, node: dorm, profile: eastron-sdm630,
     connection: "tcp://127.0.0.1:1502", device_address: "2"}
"""
HEADER = "meter,quantity,time,value\n"
GOOD_ROW = "w-dorm,water_volume,2026-11-01T00:00:00+08:00,12.5\n"

Run = Callable[..., Said]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "site.yaml").write_text(SITE)
    return lambda *arguments, **more: command_inside(tmp_path, *arguments, **more)


@pytest.fixture
def start(tmp_path: Path) -> Run:
    """In a process of its own, as long-lived commands need it."""
    (tmp_path / "site.yaml").write_text(SITE)
    return lambda *arguments, **more: aquavolt_command(tmp_path, *arguments, **more)


def changed(folder: Path, old: str, new: str) -> str:
    assert SITE.count(old) == 1
    (folder / "bad.yaml").write_text(SITE.replace(old, new))
    return "bad.yaml"


def test_a_site_that_is_right_is_said_to_be(run):
    said = run("check", "--site", "site.yaml")
    assert said.code == 0
    assert "2 places, 4 meters" in said.out


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("node: dorm, parent: w-campus", "node: dorm, parent: [", "bad.yaml:7:", ["not YAML"]),
        ("parent: w-campus", "parrent: w-campus", "bad.yaml:7:", ["'parrent'", "allowed: id, medium"]),
        ("profile: json-plain", "profile: json-plane", "bad.yaml:6:", ["'json-plane'", "json-plain"]),
        ('device_address: "2"', 'device_address: "1"', "bad.yaml:11:", ["'e-2'", "'e-1'", "tcp://127.0.0.1:1502"]),
        ("parent: w-campus", "parent: w-dorm", "bad.yaml:7:", ["'w-dorm'", "ancestor"]),
        ("node: dorm, parent: w-campus", "node: dorn, parent: w-campus", "bad.yaml:7:", ["dorn"]),
        ("medium: water, node: campus", "medium: wter, node: campus", "bad.yaml:6:", ["wter", "water"]),
        ("timezone: Asia/Shanghai", "timezone: Asia/Shangai", "bad.yaml:1:", ["Asia/Shangai"]),
    ],
)  # fmt: skip
def test_a_wrong_site_is_refused_with_line_key_and_what_is_allowed(run, tmp_path, old, new, where, what):
    file = changed(tmp_path, old, new)
    message = run("check", "--site", file).message
    assert message.startswith(f"aquavolt: {where}"), message
    assert all(word in message for word in what), message


def test_a_program_does_not_start_on_a_wrong_site(start, tmp_path):
    file = changed(tmp_path, "parent: w-campus", "parrent: w-campus")
    assert start("run", "--site", file, "--data", "data", "--port", "0").message.startswith("aquavolt: bad.yaml:7:")
    assert not (tmp_path / "data").exists()
    host = start("run", "--site", "site.yaml", "--data", "data", "--port", "0", "--host", "192.0.2.1")
    assert "host 192.0.2.1" in host.message


@pytest.mark.parametrize(
    ("file", "text", "what"),
    [
        ("rules", "peer_usage: {enabeld: false}", ["bad:1: peer_usage.enabeld", "allowed: enabled"]),
        ("rules", "night_flow: {}", ["bad:1:", "night_flow", "minimum_night_flow"]),
        ("rules", "incidents: {echo_share: 7}", ["bad:1: incidents.echo_share", "1"]),
        ("rules", "overrides:\n  dorn: {peer_usage: {enabled: false}}", ["bad:2:", "dorn"]),
        (
            "rules",
            "threshold:\n  rules:\n    - id: night\n      when: flow > 1\n      clear: flwo < 1",
            ["bad:5: threshold.rules.0.clear", "column 1: unknown quantity 'flwo'; allowed: usage, flow"],
        ),
        (
            "rules",
            "threshold:\n  rules:\n    - id: a\n      when: flow > 1\n      nodes:\n        - dorn",
            ["bad:6:", "dorn"],
        ),
        ("settings", "prot: 8000", ["bad:1: prot", "allowed: site, rules, playbook, data"]),
        ("settings", "port: 99999", ["bad:1: port", "65535"]),
        ("settings", "journal: {cap_mb: 1}", ["bad:1: journal.cap_mb", "16"]),
    ],
)
def test_wrong_rules_and_settings_are_refused(run, tmp_path, file, text, what):
    (tmp_path / "bad").write_text(text + "\n")
    message = run("check", "--site", "site.yaml", f"--{file}", "bad").message
    assert all(word in message for word in what), message


def test_wrong_variables_and_options_are_named(run):
    assert "AQUAVOLT_PORT: " in run("check", "--site", "site.yaml", AQUAVOLT_PORT="x").message
    assert "nosuch.yaml: there is no such file" in run("check", "--site", "nosuch.yaml").message
    assert "nosuch.yaml: there is no such file" in run("check", AQUAVOLT_SITE="nosuch.yaml").message


# -- readings in files -----------------------------------------------------------------------------------------


BAD_ROWS = [
    ("w-dorm,water_volume,yesterday,1", "time 'yesterday'"),
    ("w-dorm,water_volume,2026-11-01T00:00:00,1", "offset"),
    ("w-drom,water_volume,2026-11-01T00:00:00+08:00,1", "meter 'w-drom'"),
    ("w-dorm,water,2026-11-01T00:00:00+08:00,1", "quantity 'water'"),
    ("w-dorm,water_volume,2026-11-01T00:00:00+08:00,much", "value 'much'"),
    ("w-dorm,water_volume,2026-11-01T00:00:00+08:00,NaN", "value 'NaN'"),
    ("w-dorm,water_volume", ""),
]


def test_bad_rows_are_named_and_left_out_the_good_ones_taken(run, tmp_path):
    (tmp_path / "r.csv").write_text(HEADER + GOOD_ROW + "".join(row + "\n" for row, _ in BAD_ROWS))
    said = run("import", "--site", "site.yaml", "--data", "data", "--json", "r.csv")
    assert said.code == 0
    assert json.loads(said.out) == {"file": "r.csv", "readings": 1, "bad_rows": len(BAD_ROWS)}
    lines = said.err.splitlines()
    for number, (line, (_, what)) in enumerate(zip(lines, BAD_ROWS, strict=True), start=3):
        assert line.startswith(f"r.csv:{number}: ")
        assert what in line
    backtest = run("backtest", "--site", "site.yaml", "--readings", "r.csv", "--out", "out.jsonl")
    assert backtest.code == 0
    assert "0 alerts of 1 readings" in backtest.out
    assert f"{len(BAD_ROWS)} bad rows left out" in backtest.err


def test_of_a_strict_import_with_a_bad_row_nothing_is_taken(run, tmp_path):
    (tmp_path / "r.csv").write_text(HEADER + GOOD_ROW + BAD_ROWS[0][0] + "\n")
    message = run("import", "--strict", "--site", "site.yaml", "--data", "data", "r.csv").message
    assert "r.csv:3: time 'yesterday'" in message
    (tmp_path / "g.csv").write_text(HEADER)
    run("import", "--site", "site.yaml", "--data", "data", "g.csv")
    assert run("export", "--site", "site.yaml", "--data", "data", "out.csv").out.startswith("out.csv: 0 readings")


def test_where_nothing_can_be_taken_the_import_fails(run, tmp_path):
    (tmp_path / "bad.csv").write_text(HEADER + BAD_ROWS[0][0] + "\n")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "other.txt").write_text("")
    (tmp_path / "other.parquet").write_text("PAR0")
    given = ("import", "--site", "site.yaml", "--data", "data")
    assert "bad.csv:2: time 'yesterday'" in run(*given, "bad.csv").message
    assert "other.csv:1: no column 'meter'" in run(*given, "other.csv").message
    assert ".parquet" in run(*given, "other.txt").message
    assert "other.parquet" in run(*given, "other.parquet").message
    assert "nosuch.csv: cannot be read" in run(*given, "nosuch.csv").message


def test_what_an_export_or_backtest_cannot_do_is_said(run, tmp_path):
    (tmp_path / "r.csv").write_text(HEADER + GOOD_ROW)
    there = ("--site", "site.yaml", "--data", "data")
    assert "there is no data in data" in run("export", *there, "x.csv").message
    assert "there is no data in data" in run("backtest", *there, "--out", "x").message
    assert run("import", *there, "r.csv").code == 0
    assert "w-drom" in run("export", *there, "--meter", "w-drom", "x.csv").message
    assert "allowed: active_energy_import" in run("export", *there, "--quantity", "water", "x.csv").message
    assert "'soon' is no time" in run("export", *there, "--start", "soon", "x.csv").message
    assert "x.txt" in run("export", *there, "x.txt").message
    assert "nodir/x.csv" in run("export", *there, "nodir/x.csv").message
    assert "nodir/x" in run("backtest", *there, "--out", "nodir/x").message
    assert "nosuch.csv" in run("backtest", *there, "--readings", "nosuch.csv", "--out", "x").message


# -- meters ----------------------------------------------------------------------------------------------------


def test_one_meter_that_cannot_be_read_is_said_to_be(run):
    read = ("read", "--timeout", "0.5", "--address", "1")
    sdm = ("--profile", "eastron-sdm630")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        assert f"127.0.0.1:{port}" in run(*read, *sdm, "--connect", f"tcp://127.0.0.1:{port}").message
        silent.listen()  # it takes the connection and says nothing
        assert "unit 1: no answer" in run(*read, *sdm, "--connect", f"tcp://127.0.0.1:{port}").message
    assert "eastron-sdm630" in run(*read, "--profile", "eastron-sdm63", "--connect", "tcp://127.0.0.1:1").message
    assert "tcp://" in run(*read, *sdm, "--connect", "127.0.0.1:502").message
    said = run("read", *sdm, "--connect", "tcp://127.0.0.1:1", "--address", "one")
    assert "one" in said.message


def test_a_frame_that_is_broken_or_of_another_kind_is_said_to_be(run, tmp_path):
    (tmp_path / "frame").write_text("01 04 04 43 5C 00 00 00 00")
    sdm = ("decode", "--profile", "eastron-sdm630", "--hex", "--at", "4:0")
    assert run(*sdm, "frame").message.startswith("aquavolt: ")
    assert "nosuch" in run(*sdm, "nosuch").message
    assert run("decode", "--profile", "json-plain", "-", input_text="{not json").message
    assert "nosuch" in run("decode", "--profile", "nosuch", "-", input_text="").message


# -- the program -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("run", "--site", "site.yaml"), ("demo",)])
def test_a_port_in_use_and_a_data_folder_in_use(start, tmp_path, command):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        message = start(*command, "--data", "data", "--port", str(port)).message
    assert f"cannot listen on 127.0.0.1:{port}" in message
    assert "--port" in message
    assert not (tmp_path / "data").exists()
    with DataLock(tmp_path / "data"):
        message = start(*command, "--data", "data", "--port", "0").message
    assert "in use by process" in message
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["aquavolt.lock"]
    assert "site.yaml: is no folder" in start(*command, "--data", "site.yaml", "--port", "0").message
