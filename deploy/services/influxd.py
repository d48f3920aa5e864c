"""A real InfluxDB 2: the first of an address in the environment, Docker, `influxd` on PATH, one built from its module.

AQUAVOLT_TEST_INFLUX_URL, _TOKEN, _ORG     a server that is there already; buckets of our own are made in it
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.services.ending import end
from deploy.services.free_port import free_port
from deploy.services.influxd_build import VERSION, BuildError, Tell, build, built_program, missing_tools

ADDRESS = "AQUAVOLT_TEST_INFLUX_URL"
_READY_S = 60.0
_ORG = "aquavolt"
_IMAGE = f"influxdb:{VERSION}"


class InfluxMissingError(RuntimeError):
    """There is no InfluxDB and none can be had; the message is one line that says what is missing."""


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a server; the token may do everything in the organisation."""

    url: str
    token: str
    org: str


def unavailable(environment: Mapping[str, str] = os.environ) -> str:
    """Why there can be no InfluxDB here, in one line; empty if there can."""
    if is_at_hand(environment):
        return ""
    missing = missing_tools()
    return (
        f"InfluxDB 2 is missing: give {ADDRESS}, start Docker, put `influxd` on PATH, or install {', '.join(missing)}"
        if missing
        else ""
    )


def is_at_hand(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a server can be had at once, without building one first."""
    return bool(environment.get(ADDRESS) or shutil.which("influxd") or built_program().exists() or _has_docker())


def _has_docker() -> bool:
    if not shutil.which("docker"):
        return False
    asked = subprocess.run(["docker", "version"], capture_output=True, check=False)  # noqa: S607
    return asked.returncode == 0


class Influx:
    """A server of ours on a port of its own. It may be stopped, killed and started again with what it has stored."""

    def __init__(self, folder: Path, tell: Tell = lambda _: None) -> None:
        """Start it and set it up.

        Raises:
            InfluxMissingError: nothing to start, or it did not start.
        """
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command, self._container = _command(folder, self.port, tell)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()
        self.access = Access(self.url, _token(folder / "token", self.url), _ORG)

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / "influxd.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603
                self._command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, process_group=0
            )
        deadline = time.monotonic() + _READY_S
        while not _answers(self.url):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop(is_kill=True)
                raise InfluxMissingError(f"influxd does not start: {log.read_text(errors='replace')[-600:]}")
            time.sleep(0.05)

    def stop(self, *, is_kill: bool = False) -> None:
        """End it; `is_kill`: at once, as a power cut would."""
        process, self._process = self._process, None
        if self._container and process is not None:
            asked = "kill" if is_kill else "stop"
            subprocess.run(["docker", asked, self._container], capture_output=True, check=False)  # noqa: S603, S607
        if process is not None:
            end(process, is_kill=is_kill)


def _command(folder: Path, port: int, tell: Tell) -> tuple[list[str], str]:
    """The command that runs a server in the foreground, and the container's name where it runs in Docker."""
    if not shutil.which("influxd") and not built_program().exists() and _has_docker():
        name = f"aquavolt-influxd-{port}"
        where = ["--publish", f"127.0.0.1:{port}:8086", "--volume", f"{folder.resolve()}:/var/lib/influxdb2"]
        return ["docker", "run", "--rm", "--name", name, *where, _IMAGE], name
    try:
        program = shutil.which("influxd") or str(build(tell))
    except BuildError as error:
        raise InfluxMissingError(str(error)) from error
    return [
        program,
        "--http-bind-address", f"127.0.0.1:{port}",
        "--bolt-path", str(folder / "influxd.bolt"),
        "--sqlite-path", str(folder / "influxd.sqlite"),
        "--engine-path", str(folder / "engine"),
        "--reporting-disabled",
        "--log-level", "warn",
    ], ""  # fmt: skip


def given_access(environment: Mapping[str, str] = os.environ) -> Access | None:
    """The server that the environment names."""
    url = environment.get(ADDRESS)
    if not url:
        return None
    token, org = (environment.get(ADDRESS.replace("URL", part), "") for part in ("TOKEN", "ORG"))
    if not token or not org:
        raise InfluxMissingError(f"{ADDRESS} is given without {ADDRESS.replace('URL', 'TOKEN')} and _ORG")
    return Access(url.rstrip("/"), token, org)


def start_influx(tell: Tell = lambda _: None) -> tuple[Influx, Path]:
    """A server in a new folder of the temporary ones; whoever stops it removes the folder."""
    folder = Path(tempfile.mkdtemp(prefix="aquavolt-influxd-"))
    try:
        return Influx(folder, tell), folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2) as reply:  # noqa: S310 - our own address
            return bool(reply.status == 200)  # noqa: PLR2004
    except OSError:
        return False


def _token(kept: Path, url: str) -> str:
    """The operator's token: as kept beside the data, or of the first set-up."""
    if not kept.exists():
        token = _set_up(url)
        kept.touch(mode=0o600)
        kept.write_text(token, encoding="utf-8")
    return kept.read_text(encoding="utf-8")


def _set_up(url: str) -> str:
    """First set-up of a fresh server; the operator's token."""
    token = secrets.token_urlsafe(32)
    document = {
        "username": "aquavolt", "password": secrets.token_urlsafe(24), "org": _ORG, "bucket": "default",
        "token": token,
    }  # fmt: skip
    asked = urllib.request.Request(  # noqa: S310 - our own address
        f"{url}/api/v2/setup", json.dumps(document).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(asked, timeout=30):  # noqa: S310
            return token
    except urllib.error.HTTPError as error:
        raise InfluxMissingError(f"influxd refuses its set-up: {error.read()[:300]!r}") from error
