"""docker-compose.yml and the Dockerfile: of the form they must have, and with commands that the program knows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from aquavolt.cli import app


@pytest.fixture(scope="module")
def compose(root: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((root / "docker-compose.yml").read_text(encoding="utf-8"))
    return content


def test_it_is_a_compose_file(root: Path) -> None:
    """By the schema of the Compose specification, as check-jsonschema carries it."""
    checker = Path(sys.executable).with_name("check-jsonschema")
    command = [checker, "--builtin-schema", "vendor.compose-spec", root / "docker-compose.yml"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("service", ["demo", "run"])
def test_the_program_takes_a_services_arguments(service: str, compose: dict[str, Any]) -> None:
    """The real parser reads them; the command itself is not run."""
    words = compose["services"][service]["command"]
    group = typer.main.get_command(app)
    context = group.make_context("aquavolt", list(words))
    name, command, rest = group.resolve_command(context, list(words))
    assert (name, rest) == (words[0], words[1:])
    assert command.make_context(name, rest, parent=context).params["port"] == 8000


def test_only_loopback_is_served(compose: dict[str, Any]) -> None:
    """No accounts yet: no port is published, and no service is told another host."""
    for name, service in compose["services"].items():
        assert "ports" not in service, name
        assert "--host" not in service["command"], name


def test_what_is_written_goes_into_a_volume(compose: dict[str, Any], root: Path) -> None:
    """The rest of the container is read-only."""
    assert "ENV AQUAVOLT_DATA=/data" in (root / "Dockerfile").read_text(encoding="utf-8")
    for name, service in compose["services"].items():
        assert any(volume.endswith(":/data") for volume in service["volumes"]), name
    demo = compose["services"]["demo"]["command"]  # the demo reads no environment
    assert demo[demo.index("--data") + 1] == "/data"


def test_volumes_and_users_are_declared(compose: dict[str, Any]) -> None:
    mounted = {v.split(":")[0] for s in compose["services"].values() for v in s["volumes"] if not v.startswith(".")}
    assert mounted == set(compose["volumes"])


def test_the_image_copies_only_what_is_there(root: Path) -> None:
    text = (root / "Dockerfile").read_text(encoding="utf-8")
    named = [word for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE) for word in line.split()]
    assert named
    assert not [name for name in named if not (root / name).exists()]


def test_the_image_runs_as_nobody_in_particular(root: Path) -> None:
    text = (root / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^USER (?!root|0)", text, re.MULTILINE)
    assert text.rstrip().splitlines()[-2:] == ['ENTRYPOINT ["aquavolt"]', 'CMD ["demo", "--data", "/data"]']
