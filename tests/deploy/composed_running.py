"""The services of docker-compose.yml that were started natively, and what they need on this machine."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from composed import ROOT, Composed, end, variables_of

from deploy.services.free_port import free_port
from deploy.services.influxd import Access

CAMPUS_LINES = 40  # consecutive ports that the simulated campus may take


def until(is_so: Callable[[], bool], what: str, within_s: float = 90) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {what}"
        time.sleep(0.1)


def free_ports_in_a_row(count: int) -> int:
    """The first of them; looked for where no other program of the machine takes its ports from."""
    for first in range(15_000 + os.getpid() % 100 * 50, 32_000, 50):
        with ExitStack() as held:
            try:
                for port in range(first, first + count):
                    held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise OSError(f"no {count} free ports in a row")


@dataclass
class Running:
    """The services that were started, by name."""

    composed: Composed
    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, *services: str) -> None:
        for service in services:
            self.processes[service] = self.composed.start(service, self.log(service))
            until(lambda service=service: self.is_up(service), f"{service} is healthy")

    def is_up(self, service: str) -> bool:
        process = self.processes[service]
        assert process.poll() is None, self.log(service).read_text(errors="replace")[-3000:]
        return self.composed.is_healthy(service)

    def log(self, service: str) -> Path:
        return self.folder / f"{service}.log"

    def stop(self) -> dict[str, int]:
        """As Compose does it, those that need others first; exit status by service."""
        found = {}
        for service, process in reversed(list(self.processes.items())):
            found[service] = end(process)
        self.processes.clear()
        return found


def broker_files(folder: Path, port: int) -> dict[str, Path]:
    """The committed files with the paths and the port of this machine in place of the container's."""
    folders = {
        inside: folder / inside.strip("/") for inside in ("/mosquitto/config", "/mosquitto/data", "/run/mosquitto")
    }
    for path in folders.values():
        path.mkdir(parents=True)
    for source in (ROOT / "deploy" / "compose" / "mosquitto").iterdir():
        text = source.read_text(encoding="utf-8")
        for inside, here in folders.items():
            text = text.replace(inside, str(here))
        text = text.replace("listener 1883", f"listener {port} 127.0.0.1").replace("-p 1883", f"-p {port}")
        if source.name == "mosquitto.conf" and os.geteuid() == 0:
            text += "user root\n"  # the container's user is not root, and so gives up nothing
        (folders["/mosquitto/config"] / source.name).write_text(text, encoding="utf-8")
    return folders


def prepared(folder: Path, influx: Access) -> Running:
    """Secrets as init.sh makes them for the demo, free ports, the server's address, empty volumes."""
    env_file = folder / "env"
    subprocess.run(
        ["sh", ROOT / "deploy" / "compose" / "init.sh", "--demo"],
        env={**os.environ, "ENV_FILE": str(env_file)}, check=True, capture_output=True,
    )  # fmt: skip
    port = free_port()
    variables = variables_of(env_file) | {
        "AQUAVOLT_INFLUX_TOKEN": influx.token,
        "AQUAVOLT_INFLUX_ORG": influx.org,
        "AQUAVOLT_INFLUX_BUCKET": f"composed{secrets.token_hex(4)}",
        "INFLUX_PORT": str(urlsplit(influx.url).port),
        "MQTT_PORT": str(port),
        "AQUAVOLT_PORT": str(free_port()),
        "AQUAVOLT_WATCH_PORT": str(free_port()),
        "SIMULATORS_PORT": str(free_ports_in_a_row(CAMPUS_LINES)),
    }
    folders = broker_files(folder, port)
    for name in ("data", "demo", "config", "token"):
        (folder / name).mkdir(exist_ok=True)
        folders[f"/{name}"] = folder / name
    folders["/usr/local/lib"] = ROOT / "deploy" / "compose"
    return Running(Composed(variables, folders), folder)
