"""docker-compose.yml as Compose would read it, with each of our services started natively in place of its container."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
_VARIABLE = re.compile(r"\$\$|\$\{(\w+)(?::([-?])((?:[^${}]|\$\{[^{}]*\})*))?\}")
_PROGRAM = {
    "aquavolt": [sys.executable, "-c", "from aquavolt.cli import main; main()"],
    "python": [sys.executable],
}


class MissingVariableError(Exception):
    """Compose refuses the file: a variable is not set."""


def interpolate(value: Any, variables: Mapping[str, str]) -> Any:
    """The value with its variables in place, as Compose does it: `${A}`, `${A:-default}`, `${A:?message}`, `$$`."""
    if isinstance(value, dict):
        return {key: interpolate(inner, variables) for key, inner in value.items()}
    if isinstance(value, list):
        return [interpolate(inner, variables) for inner in value]
    return _text(value, variables) if isinstance(value, str) else value


def _text(text: str, variables: Mapping[str, str]) -> str:
    def put(found: re.Match[str]) -> str:
        name, kind, more = found.groups()
        if name is None:
            return "$"
        if given := variables.get(name, ""):
            return given
        if kind == "?":
            raise MissingVariableError(f"{name} {more}")
        return _text(more or "", variables)

    return _VARIABLE.sub(put, text)


def variables_of(path: Path) -> dict[str, str]:
    """What an .env file sets."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def raw_document() -> dict[str, Any]:
    """The file, its anchors resolved and its variables not."""
    document: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return document


@dataclass(frozen=True)
class Composed:
    """The services with their variables in place; `folders` stand for the paths inside of the containers."""

    variables: Mapping[str, str]
    folders: Mapping[str, Path]

    @property
    def services(self) -> dict[str, Any]:
        services: dict[str, Any] = interpolate(raw_document(), self.variables)["services"]
        return services

    def native(self, text: str) -> str:
        """A word of a command or a variable's value, with the paths of this machine."""
        for inside, here in self.folders.items():
            text = re.sub(rf"(?<![\w/.]){re.escape(inside)}(?=/|$)", str(here), text)
        return text

    def environment(self, service: str) -> dict[str, str]:
        """Nothing of the caller's own settings, the image's, then the service's."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AQUAVOLT_", "MQTT_"))}
        image = {"AQUAVOLT_DATA": "/data", "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}
        given = image | self.services[service].get("environment", {})
        return kept | {name: self.native(value) for name, value in given.items()}

    def command(self, service: str) -> list[str]:
        """What its container runs: the entrypoint, the image's where it has none of its own, and the command."""
        found = self.services[service]
        image = ["aquavolt"] if "build" in found else []
        first, *rest = [*found.get("entrypoint", image), *found.get("command", [])]
        return [*_PROGRAM.get(first, [first]), *(self.native(word) for word in rest)]

    def start(self, service: str, log: Path) -> subprocess.Popen[bytes]:
        """Run it; what it says goes into the log."""
        folder = self.native(self.services[service].get("working_dir", "/config"))
        with log.open("ab") as output:
            return subprocess.Popen(
                self.command(service), cwd=folder, env=self.environment(service),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip

    def is_healthy(self, service: str) -> bool:
        """What its health check says, run as its container would."""
        kind, *words = self.services[service]["healthcheck"]["test"]
        assert kind == "CMD"
        first, *rest = words
        command = [*_PROGRAM.get(first, [first]), *(self.native(word) for word in rest)]
        environment = self.environment(service)
        return subprocess.run(command, env=environment, capture_output=True, check=False, timeout=20).returncode == 0


def end(process: subprocess.Popen[bytes], within_s: float = 60) -> int:
    """As `docker compose stop` does it; its exit status."""
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(within_s)
    finally:
        process.kill()
        process.wait()
