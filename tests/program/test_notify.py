"""Words to systemd, heard on a real socket; and its unit files, as systemd itself checks them."""

from __future__ import annotations

import asyncio
import configparser
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from aquavolt.cli import app
from aquavolt.notify import keep_alive, notify, watchdog_s

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"


@pytest.fixture
def heard(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.settimeout(10)
        yield receiver


def test_one_datagram(heard, tmp_path):
    assert notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "notify")})
    assert heard.recv(100) == b"READY=1"


def test_a_name_in_the_abstract_space():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(f"\0aquavolt-test-{os.getpid()}")
        receiver.settimeout(10)
        assert notify("STOPPING=1", {"NOTIFY_SOCKET": f"@aquavolt-test-{os.getpid()}"})
        assert receiver.recv(100) == b"STOPPING=1"


def test_without_systemd_nothing_happens():
    assert not notify("READY=1", {})


def test_a_socket_that_is_gone_does_not_stop_the_program(tmp_path):
    assert not notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "gone")})


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({}, None), ({"WATCHDOG_USEC": "60000000"}, 30.0), ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None)],
)
def test_how_often_the_watchdog_wants_to_hear(environment, expected):
    assert watchdog_s(environment) == expected


def test_a_program_that_is_not_well_says_nothing(heard, tmp_path):
    environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000"}
    words: list[bool] = []

    def is_well() -> bool:
        words.append(len(words) == 3)  # the fourth time only
        return words[-1]

    async def run() -> None:
        task = asyncio.create_task(keep_alive(is_well, environment))
        while len(words) < 6:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        task.cancel()

    asyncio.run(run())
    assert heard.recv(100) == b"WATCHDOG=1"
    heard.setblocking(False)
    with pytest.raises(BlockingIOError):
        heard.recv(100)


SANDBOX = {
    "Type": "notify", "ProtectSystem": "strict", "ProtectHome": "true", "NoNewPrivileges": "true", "User": "aquavolt",
    "CapabilityBoundingSet": "", "StateDirectory": "aquavolt", "Restart": "always", "WatchdogSec": "60",
}  # fmt: skip


@pytest.mark.parametrize("unit", sorted(UNITS.glob("*.service")), ids=lambda unit: unit.stem)
def test_each_unit_is_locked_in_and_watched(unit):
    parsed = configparser.RawConfigParser(strict=False)
    parsed.optionxform = str
    parsed.read_string(unit.read_text(encoding="utf-8"))
    assert SANDBOX.items() <= dict(parsed["Service"]).items()


def test_the_units_are_as_systemd_wants_them(tmp_path):
    if shutil.which("systemd-analyze") is None:  # in a container; what stands above holds there too
        return
    for unit in UNITS.glob("*.*e*"):
        text = unit.read_text(encoding="utf-8").replace("/opt/aquavolt/bin/aquavolt", "/bin/true")
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    names = ["aquavolt-watch.service", "aquavolt-serve.service", "aquavolt-collect@library.service"]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *names],
        check=False, cwd=tmp_path, env=os.environ | {"SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_units_start_commands_that_there_are():
    known = {command.callback.__name__ for command in app.registered_commands if command.callback}
    started = {
        line.split()[1]
        for unit in UNITS.glob("*.service")
        for line in unit.read_text(encoding="utf-8").splitlines()
        if line.startswith("ExecStart=")
    }
    assert started == {"collect", "watch", "serve"}
    assert started <= known
