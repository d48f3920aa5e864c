"""`make services`: real servers on free ports, ended with Ctrl+C; where none can be had, one line says why."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from deploy.services import influxd, influxd_build
from deploy.services.influxd import Access, InfluxMissingError, given_access, unavailable

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "deploy.services"]


def start(folder: Path, *command: str) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AQUAVOLT_")}
    return subprocess.Popen(
        [*COMMAND, "--data", str(folder), *command],
        cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def exports(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(4)]
    return dict(shlex.split(line)[1].split("=", 1) for line in lines)


@pytest.mark.influx
@pytest.mark.broker
@pytest.mark.timeout(120)
def test_services_run_until_ctrl_c_and_keep_what_they_store(influx: Access, tmp_path: Path) -> None:
    tokens = []
    for _ in range(2):
        process = start(tmp_path)
        try:
            said = exports(process)
            children = psutil.Process(process.pid).children(recursive=True)
            assert len(children) == 2
            url, headers = said["AQUAVOLT_INFLUX_URL"], {"Authorization": f"Token {said['AQUAVOLT_INFLUX_TOKEN']}"}
            buckets = httpx.get(f"{url}/api/v2/buckets?org={said['AQUAVOLT_INFLUX_ORG']}", headers=headers)
            assert buckets.status_code == 200
            tokens.append(said["AQUAVOLT_INFLUX_TOKEN"])
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=60)
            assert process.returncode == 0
            assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
            with socket.socket() as probe:
                assert probe.connect_ex(("127.0.0.1", urlsplit(url).port or 0)) != 0
        finally:
            process.kill()
            process.wait()
        assert "mqtt://127.0.0.1:" in told
    assert tokens[0] == tokens[1]


@pytest.mark.influx
@pytest.mark.broker
def test_a_command_gets_the_addresses_and_gives_its_exit_status(influx: Access, tmp_path: Path) -> None:
    script = (
        "import os,sys; print(os.environ['AQUAVOLT_INFLUX_URL'], os.environ['AQUAVOLT_DEMO_MQTT_PORT']); sys.exit(7)"
    )
    process = start(tmp_path, sys.executable, "-c", script)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 7
    assert out.startswith("http://127.0.0.1:")


def test_what_is_missing_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    said = unavailable({})
    assert "\n" not in said
    assert all(word in said for word in ("Docker", "influxd", "Go 1.23", "cargo", "C compiler", "pkg-config"))
    with pytest.raises(influxd_build.BuildError, match="lacks Go"):
        influxd_build.build(lambda _: None)
    assert unavailable({influxd.ADDRESS: "http://127.0.0.1:1"}) == ""


def test_an_old_go_is_no_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\necho go1.22.5\n")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "Go 1.23 or later" in influxd_build.missing_tools()
    go.write_text("#!/bin/sh\necho go1.26rc1\n")
    assert "Go 1.23 or later" not in influxd_build.missing_tools()


def test_a_build_that_fails_shows_the_end_of_its_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("go", "cargo", "rustc", "cc", "pkg-config"):
        tool = tmp_path / name
        tool.write_text('#!/bin/sh\n[ "$1" = env ] && echo go1.25.0 && exit 0\necho no such module >&2\nexit 3\n')
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(influxd_build.BuildError, match=r"(?s)exit status 3.*no such module"):
        influxd_build.build(lambda _: None)


def test_an_address_needs_its_token() -> None:
    assert given_access({}) is None
    with pytest.raises(InfluxMissingError, match="TOKEN"):
        given_access({influxd.ADDRESS: "http://127.0.0.1:8086"})
    full = {influxd.ADDRESS: "http://h:1/", "AQUAVOLT_TEST_INFLUX_TOKEN": "t", "AQUAVOLT_TEST_INFLUX_ORG": "o"}
    assert given_access(full) == Access("http://h:1", "t", "o")
