"""The compose files, the Dockerfile and what makes the secrets: of the form they must have, and safe as they come."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from composed import FILE, ROOT, Composed, MissingVariableError, interpolate, raw_document, variables_of

from aquavolt.cli import app
from deploy.services.influxd_build import VERSION

ONE_PROCESS = ROOT / "deploy" / "compose" / "one-process.yml"
EXAMPLE = ROOT / ".env.example"
OURS = ("collector", "rules", "api", "simulators", "grafana-token")
SECRETS = {name for name, value in variables_of(EXAMPLE).items() if re.search("TOKEN|PASSWORD", name) and not value}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return raw_document()


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Composed:
    path = tmp_path_factory.mktemp("env") / "env"
    init(path)
    return Composed(variables_of(path), {})


def init(path: Path, *words: str) -> None:
    script = ROOT / "deploy" / "compose" / "init.sh"
    environment = {**os.environ, "ENV_FILE": str(path)}
    subprocess.run(["sh", script, *words], env=environment, check=True, capture_output=True)


@pytest.mark.parametrize("path", [FILE, ONE_PROCESS], ids=lambda path: path.name)
def test_it_is_a_compose_file(path: Path) -> None:
    """By the schema of the Compose specification, as check-jsonschema carries it."""
    checker = Path(sys.executable).with_name("check-jsonschema")
    command = [checker, "--builtin-schema", "vendor.compose-spec", path]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_without_a_secret_nothing_starts_and_how_to_make_it_is_said(name: str, composed: Composed) -> None:
    without = {**composed.variables, name: ""}
    with pytest.raises(MissingVariableError, match=rf"^{name} .*init\.sh"):
        interpolate(raw_document(), without)


def test_every_secret_is_one_of_the_example_and_none_stands_in_a_committed_file(document: dict[str, Any]) -> None:
    text = FILE.read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{(\w+):\?", text)) == SECRETS
    for service in document["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search("TOKEN|PASSWORD", name):
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), name


def test_every_variable_is_explained(document: dict[str, Any]) -> None:
    used = set(re.findall(r"\$\{(\w+)", FILE.read_text(encoding="utf-8")))
    told = set(re.findall(r"^#?([A-Z_]+)=", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE))
    assert used <= told
    assert told <= used | {"COMPOSE_PROFILES"}


def test_init_makes_other_secrets_each_time_and_keeps_those_that_are_there(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    init(first)
    init(second)
    made = variables_of(first)
    words = [made[name] for name in SECRETS]
    assert len(set(words)) == len(words)
    assert all(re.fullmatch("[0-9a-f]{48}", word) for word in words)
    assert not set(words) & set(variables_of(second).values())
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "config").stat().st_mode) == 0o755  # the containers' user reads it
    text = first.read_text(encoding="utf-8").replace(made["GRAFANA_PASSWORD"], "")
    first.write_text(text, encoding="utf-8")
    init(first)
    again = variables_of(first)
    assert again["GRAFANA_PASSWORD"]
    assert {n: v for n, v in again.items() if n != "GRAFANA_PASSWORD"} == {
        n: v for n, v in made.items() if n != "GRAFANA_PASSWORD"
    }


def test_init_for_the_demo_chooses_its_profiles_and_site(tmp_path: Path) -> None:
    init(tmp_path / "env", "--demo")
    made = variables_of(tmp_path / "env")
    assert made["COMPOSE_PROFILES"] == "simulators,grafana"
    assert made["AQUAVOLT_SITE"] == "/demo/site.yaml"


def services() -> list[str]:
    return sorted(raw_document()["services"])


@pytest.mark.parametrize("name", services())
def test_each_service_is_pinned_watched_and_locked_in(name: str, document: dict[str, Any]) -> None:
    service = document["services"][name]
    assert re.search(r":\d+\.\d+(\.\d+)?(-\w+)?$", service["image"])
    assert "no-new-privileges:true" in service["security_opt"]
    if service["restart"] != "no":
        assert service["healthcheck"]["test"][0] == "CMD"
        assert service["restart"] == "unless-stopped"
    if name in {*OURS, "mosquitto"}:
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]


def test_only_loopback_is_served_but_for_the_broker_where_told_so(composed: Composed) -> None:
    """No accounts yet: the page stays on loopback, and so do the servers."""
    for name, service in composed.services.items():
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), name
        assert "--host" not in service.get("command", ())
    for name in ("collector", "rules", "api"):
        assert not {"AQUAVOLT_HOST", "AQUAVOLT_WATCH_LISTEN"} & set(composed.services[name]["environment"])
    opened = Composed({**composed.variables, "MQTT_BIND": "0.0.0.0"}, {})  # noqa: S104 - as a user would
    assert opened.services["mosquitto"]["ports"] == ["0.0.0.0:1883:1883"]


def test_what_is_kept_lies_in_volumes_and_what_is_mounted_is_there(document: dict[str, Any]) -> None:
    mounted = [v.split(":")[0] for s in document["services"].values() for v in s.get("volumes", ())]
    assert {name for name in mounted if not name.startswith(".")} == set(document["volumes"])
    assert all((ROOT / name).exists() for name in mounted if name.startswith("./deploy"))


def test_the_broker_and_influxdb_are_the_versions_that_the_tests_know(document: dict[str, Any]) -> None:
    assert document["services"]["influxdb"]["image"] == f"influxdb:{VERSION}"
    assert document["services"]["mosquitto"]["image"].startswith("eclipse-mosquitto:2.0.")


def taken(words: list[str]) -> dict[str, Any]:
    """Parameters, by the program's real parser; the command itself is not run."""
    group = typer.main.get_command(app)
    context = group.make_context("aquavolt", list(words))
    name, command, rest = group.resolve_command(context, list(words))
    assert (name, rest) == (words[0], words[1:])
    return dict(command.make_context(name, rest, parent=context).params)


@pytest.mark.parametrize("service", ["demo", "run"])
def test_the_program_takes_the_arguments_of_one_process(service: str) -> None:
    found = interpolate(yaml.safe_load(ONE_PROCESS.read_text(encoding="utf-8")), {})["services"][service]
    assert taken(found["command"])["port"] == 8000
    assert any(volume.endswith(":/data") for volume in found["volumes"])
    assert "ports" not in found


def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_the_image_is_made_of_pinned_ones() -> None:
    images = re.findall(r"^FROM (\S+)", dockerfile(), re.MULTILINE)
    assert len(images) == 3
    assert all(re.search(r":\d+\.\d+\.\d+-", image) for image in images)


def test_the_image_copies_only_what_is_there_and_let_through() -> None:
    named = [
        word for line in re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile(), re.MULTILINE) for word in line.split()
    ]
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert let_through >= set(named) - {"."}
    assert not [name for name in let_through if not (ROOT / name).exists()]


def test_no_secret_and_no_data_reaches_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert next(line for line in lines if not line.startswith("#")) == "*"
    assert not [line for line in lines if line.startswith("!.env") or line == "!config"]


def test_the_image_runs_as_nobody_in_particular() -> None:
    assert re.search(r"^USER (?!root|0)", dockerfile(), re.MULTILINE)
    assert "ENV AQUAVOLT_DATA=/data" in dockerfile()
    assert dockerfile().rstrip().splitlines()[-2:] == ['ENTRYPOINT ["aquavolt"]', 'CMD ["demo", "--data", "/data"]']
    assert taken(["demo", "--data", "/data"])["port"] == 8000


def healthy(where: str | Path) -> int:
    script = ROOT / "deploy" / "compose" / "healthy.py"
    return subprocess.run([sys.executable, script, str(where)], check=False, capture_output=True).returncode


def test_a_file_that_is_not_written_any_more_is_not_healthy(tmp_path: Path) -> None:
    path = tmp_path / "journal.db-wal"
    assert healthy(path) == 1
    path.touch()
    assert healthy(path) == 0
    long_ago = path.stat().st_mtime - 600
    os.utime(path, (long_ago, long_ago))
    assert healthy(path) == 1
    assert healthy("http://127.0.0.1:1/healthz") == 1
