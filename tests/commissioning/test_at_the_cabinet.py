"""The commands as an engineer types them: what they say when it goes wrong, and who else is on the line."""

from __future__ import annotations

import json
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from aquavolt.cli import app
from collector.connection import parse_connection
from collector.line_claim import LineClaim

AQUAVOLT = Path(sys.executable).parent / "aquavolt"
KEPT = Path(__file__).parents[1] / "protocols" / "recordings" / "eastron-sdm120.jsonl"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


def told(*arguments: str | Path) -> str:
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    return str(result.exception)


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
def replayed() -> Iterator[tuple[str, list[str]]]:
    """A recording served on a line; the connection, and the command that it names for reading it."""
    serving = subprocess.Popen([AQUAVOLT, "replay", KEPT, "--at-once"], stdout=subprocess.PIPE, text=True)
    assert serving.stdout is not None
    where = serving.stdout.readline().split()[0]
    yield where, shlex.split(serving.stdout.readline())
    serving.send_signal(signal.SIGINT)
    assert serving.wait(20) == 0
    serving.stdout.close()


def test_replay_names_the_command_that_reads_it(replayed) -> None:
    _, command = replayed
    result = run(*command[1:], "--json")
    assert result.exit_code == 0, result.output
    (recorded,) = (line["values"] for line in map(json.loads, KEPT.read_text().splitlines()) if "values" in line)
    assert json.loads(result.stdout) == recorded


@pytest.mark.parametrize("command", ["read", "scan", "probe", "record"])
def test_a_line_in_use_is_left_alone(command: str, free_port: int, tmp_path) -> None:
    where = f"rtu+tcp://127.0.0.1:{free_port}"
    more = {
        "read": ["--profile", "eastron-sdm120"],
        "scan": ["--units", "1"],
        "probe": ["--at", "3:0"],
        "record": ["--profile", "eastron-sdm120", "--out", str(tmp_path / "x.jsonl")],
    }[command]
    running = LineClaim(parse_connection(where))
    running.demand()
    try:
        text = told(command, "--connect", where, *more)
        assert "asks on this line already" in text
        assert "--second-master" in text
        assert "nobody listens on that port" in told(command, "--connect", where, *more, "--second-master")
    finally:
        running.release()
    assert not (tmp_path / "x.jsonl").exists(), "the command can be repeated"


def test_meters_on_modbus_tcp_may_be_asked_by_many(replayed) -> None:
    where, command = replayed
    running = LineClaim(parse_connection(where))
    running.demand()
    assert run(*command[1:]).exit_code == 0
    running.release()


@pytest.mark.parametrize("profile", ["eastron-sdm120", "dlt645-2007"])
def test_why_there_is_no_connection(profile: str, free_port: int) -> None:
    assert "nobody listens on that port" in told(
        "read", "--profile", profile, "--connect", f"tcp://127.0.0.1:{free_port}"
    )
    assert "no such device" in told("read", "--profile", profile, "--connect", "rtu:///dev/none")
    assert "no host has that name" in told("read", "--profile", profile, "--connect", "tcp://none.invalid:1")


def test_an_existing_recording_is_kept(free_port: int, tmp_path) -> None:
    out = tmp_path / "x.jsonl"
    out.write_text("mine")
    text = told("record", "--out", out, "--profile", "eastron-sdm120", "--connect", f"tcp://127.0.0.1:{free_port}")
    assert "exists" in text
    assert out.read_text() == "mine"


def test_nobody_on_the_line_is_told_with_what_to_look_at(replayed) -> None:
    where, _ = replayed
    result = run("scan", "--connect", where, "--units", "9", "--timeout", "0.05")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "0 of 1 units answer; look at the baud rate" in result.stderr
