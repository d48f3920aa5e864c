"""The commands of the split services: what they need, told before anything starts."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import aquavolt
from aquavolt.clock import utc_ms
from aquavolt.config.documents import ConfigError, load_site
from aquavolt.config.settings import load_settings
from aquavolt.pushing.intake import Intake
from aquavolt.pushing.wire import Hello
from collector.journal import Journal

INFLUX = {"AQUAVOLT_INFLUX_URL": "http://127.0.0.1:1", "AQUAVOLT_INFLUX_TOKEN": "t", "AQUAVOLT_INFLUX_ORG": "o"}
WATCH = {"AQUAVOLT_WATCH_URL": "http://127.0.0.1:8010", "AQUAVOLT_WATCH_TOKEN": "t"}
SITE = "site: {id: campus, name: Campus, timezone: Asia/Shanghai}\nmeters: [{id: a, medium: water}]\n"


@pytest.fixture
def run(tmp_path):
    (tmp_path / "site.yaml").write_text(SITE, encoding="utf-8")

    def start(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("AQUAVOLT_")}
        paths = {"PYTHONPATH": str(Path(aquavolt.__file__).parents[1])}
        return subprocess.run(
            [sys.executable, "-c", "from aquavolt.cli import main; main()", *words],
            check=False, cwd=tmp_path, env=clean | paths | environment, capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    return start


@pytest.mark.parametrize("service", ["collect", "watch", "serve"])
def test_without_influxdb_they_refuse(run, service):
    done = run(service, "--site", "site.yaml", "--data", "data", **WATCH)
    assert done.returncode == 1
    assert "AQUAVOLT_INFLUX_URL" in done.stderr
    assert "aquavolt run" in done.stderr


@pytest.mark.parametrize("service", ["collect", "watch", "serve"])
def test_without_a_token_between_them_they_refuse(run, service):
    done = run(service, "--site", "site.yaml", "--data", "data", **INFLUX)
    assert done.returncode == 1
    assert "AQUAVOLT_WATCH_TOKEN" in done.stderr


def test_a_collector_of_an_unknown_node_is_refused(run):
    done = run("collect", "--site", "site.yaml", "--node", "nowhere", **INFLUX, **WATCH)
    assert done.returncode == 1
    assert "no node nowhere" in done.stderr


@pytest.mark.parametrize(("service", "option"), [("watch", "--listen"), ("serve", "--port")])
def test_a_port_in_use_is_told_before_anything_is_opened(run, tmp_path, service, option):
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        given = ["--listen", f"127.0.0.1:{port}"] if service == "watch" else ["--port", str(port)]
        done = run(service, "--site", "site.yaml", *given, **INFLUX, **WATCH)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert option in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_collector_is_given_up_where_no_watch_runs(run, tmp_path):
    forget = ("watch", "--site", "site.yaml", "--forget", "old", "--forget", "other")
    nowhere = run(*forget, **INFLUX, **WATCH | {"AQUAVOLT_WATCH_URL": "http://127.0.0.1:1"})
    assert nowhere.returncode == 1
    assert "does not answer" in nowhere.stderr
    site, _ = load_site(tmp_path / "site.yaml")
    (tmp_path / "data" / "watch").mkdir(parents=True)
    with closing(Journal(tmp_path / "data" / "watch" / "journal.db", readers=("stream", "stored"))) as journal:
        Intake(journal, lambda: site, utc_ms).hello("old", Hello("epoch", site.id, ("a",)))
    found = run(*forget, **INFLUX, **WATCH | {"AQUAVOLT_WATCH_URL": "http://127.0.0.1:1"})
    assert found.returncode == 0, found.stderr
    assert "collector old: its meters are free" in found.stdout
    assert "collector other: not known here" in found.stdout
    with closing(Journal(tmp_path / "data" / "watch" / "journal.db", readers=("stream", "stored"))) as journal:
        assert Intake(journal, lambda: site, utc_ms).hello("new", Hello("epoch", site.id, ("a",))).refused == {}


@pytest.mark.parametrize(
    ("environment", "given", "told"),
    [
        ({}, {"collector": {"name": "Nr. 1"}}, "--name: 'Nr. 1': it must be of a-z"),
        ({"AQUAVOLT_COLLECTOR": "Nr. 1"}, {}, "AQUAVOLT_COLLECTOR: 'Nr. 1'"),
        ({}, {"watch": {"listen": "8010", "token": "t"}}, "--listen: '8010': it must be like host:port"),
        (WATCH | {"AQUAVOLT_WATCH_URL": "x:1"}, {"watch": {"listen": "h:1"}}, "AQUAVOLT_WATCH_URL: 'x:1'"),
        ({"AQUAVOLT_INFLUX_URL": "http://x:1"}, {}, "AQUAVOLT_INFLUX_ORG: Field required"),
    ],
)
def test_what_is_wrong_is_told_where_it_was_written(environment, given, told):
    with pytest.raises(ConfigError) as refused:
        load_settings(None, environment, **given)
    assert told in str(refused.value)


def test_where_watch_listens():
    settings = load_settings(None, WATCH | {"AQUAVOLT_COLLECTOR": "library"})
    assert settings.watch.address == ("127.0.0.1", 8010)
    assert settings.collector.name == "library"
    assert load_settings(None, WATCH, watch={"listen": "[::1]:9000"}).watch.address == ("::1", 9000)


def test_a_collector_loads_neither_database_nor_web_server():
    asked = (
        "import sys, aquavolt.services.collect, aquavolt.stores.influx.influx_store\n"
        "print([m for m in ('duckdb', 'sqlalchemy', 'fastapi', 'starlette', 'uvicorn') if m in sys.modules])"
    )
    where = {**os.environ, "PYTHONPATH": str(Path(aquavolt.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", asked], check=True, env=where, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
