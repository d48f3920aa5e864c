"""The dashboards: what Grafana's provisioning expects, every query gives rows of the demo campus on a real InfluxDB.

Grafana itself is not here: it puts its own values for `v.*` and `${...}` in, as this test does.
"""

from __future__ import annotations

import csv
import io
import json
import re
import secrets
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import yaml
from composed import ROOT, raw_document

from aquavolt.stores.influx.influx_store import InfluxStore
from aquavolt.stores.influx.settings import InfluxSettings
from deploy.grafana import make_dashboards
from deploy.services.influxd import Access
from metering.batch import to_ms
from metering.derivation import IntervalDerivation
from metering.site_document import parse_site
from simulators.campus.campus import build_campus

GRAFANA = ROOT / "deploy" / "grafana"
BOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
DAYS = 2


def load(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def test_the_files_are_what_the_maker_writes() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in BOARDS}
    expected = {f"{board.uid}.json": make_dashboards.text_of(board) for board in make_dashboards.DASHBOARDS}
    assert written == expected, "run: python deploy/grafana/make_dashboards.py"


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_panels_are_told_apart_and_lie_side_by_side(path: Path) -> None:
    board = load(path)
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24
    source = load_yaml("datasources/influxdb.yaml")["datasources"][0]
    assert {panel["datasource"]["uid"] for panel in panels} == {source["uid"]}


def load_yaml(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((GRAFANA / "provisioning" / name).read_text(encoding="utf-8"))
    return document


def test_grafana_finds_what_is_provisioned() -> None:
    """The files' places and variables are those of its container."""
    service = raw_document()["services"]["grafana"]
    mounts = dict(volume.split(":")[:2] for volume in service["volumes"])
    assert mounts["./deploy/grafana/provisioning"] == "/etc/grafana/provisioning"
    provider = load_yaml("dashboards/aquavolt.yaml")["providers"][0]
    assert mounts["./deploy/grafana/dashboards"] == provider["options"]["path"]
    text = (GRAFANA / "provisioning" / "datasources" / "influxdb.yaml").read_text(encoding="utf-8")
    set_by_entrypoint = {name for word in service["entrypoint"] for name in re.findall(r"\b([A-Z_]+)=", word)}
    assert set(re.findall(r"\$(\w+)", text)) <= set(service["environment"]) | set_by_entrypoint


@dataclass(frozen=True)
class Asked:
    """A bucket with two days of the campus, and Grafana's substitutions."""

    client: httpx.Client
    org: str
    bucket: str

    def rows(self, flux: str, **chosen: str | list[str]) -> list[dict[str, str]]:
        answer = self.client.post("/api/v2/query", params={"org": self.org}, json={"query": self.filled(flux, chosen)})
        assert answer.status_code == 200, answer.text
        return [row for row in csv.DictReader(io.StringIO(answer.text)) if row.get("result") is not None]

    def filled(self, flux: str, chosen: dict[str, str | list[str]]) -> str:
        now = datetime.now(UTC)
        macros = {
            "v.defaultBucket": json.dumps(self.bucket),
            "v.timeRangeStart": (now - timedelta(days=DAYS)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "v.timeRangeStop": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "v.windowPeriod": "10m",
        }
        for name, value in macros.items():
            flux = flux.replace(name, value)
        for name, value in chosen.items():
            flux = flux.replace(f"${{{name}:json}}", json.dumps(value)).replace(f"${{{name}:raw}}", str(value))
            flux = flux.replace(f"${{{name}}}", str(value))
        assert "${" not in flux, flux
        return flux


@pytest.fixture(scope="module")
def asked(influx: Access, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    bucket, now = f"grafana{secrets.token_hex(4)}", datetime.now(UTC)
    campus = build_campus(1, (now - timedelta(days=DAYS + 1)).date(), DAYS + 1)
    derivation = IntervalDerivation(parse_site(campus.site_document(None)))
    settings = InfluxSettings(influx.url, influx.token, influx.org, bucket, "campus")
    with closing(InfluxStore(settings, tmp_path_factory.mktemp("grafana"))) as store:
        end = to_ms(now)
        for number, batch in enumerate(campus.history(end - np.timedelta64(DAYS, "D"), end), 1):
            store.append_readings([batch], number)
            store.upsert_intervals(derivation.push(batch).intervals)
    headers = {"Authorization": f"Token {influx.token}"}
    with httpx.Client(base_url=influx.url, headers=headers, trust_env=False, timeout=60) as client:
        yield Asked(client, influx.org, bucket)


@pytest.mark.influx
@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_every_query_gives_rows_of_the_campus(path: Path, asked: Asked) -> None:
    """Variables first, each with a value that the one before has found, then the panels."""
    board = load(path)
    chosen: dict[str, str | list[str]] = {}
    for variable in board["templating"]["list"]:
        chosen[variable["name"]] = choose(variable, asked, chosen)
    for panel in board["panels"]:
        for target in panel["targets"]:
            rows = asked.rows(target["query"], **chosen)
            assert rows, panel["title"]
            assert any(row.get("_value") or row.get("minutes") for row in rows), panel["title"]


def choose(variable: dict[str, Any], asked: Asked, chosen: dict[str, str | list[str]]) -> str | list[str]:
    if variable["type"] == "textbox":
        return "dorm-1"
    values = [row["_value"] for row in asked.rows(variable["query"]["query"], **chosen)]
    assert values, variable["name"]
    cumulative = [value for value in values if value in ("water_volume", "active_energy_import")]
    return values[:3] if variable["multi"] else (cumulative or values)[0]
