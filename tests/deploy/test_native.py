"""Each of our services of docker-compose.yml by its own command and environment: the demo campus runs through them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from queue import Queue
from typing import Self

import httpx
import pytest
import yaml
from composed import ROOT
from composed_running import Running, until
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from aquavolt.stores.influx.influx_store import InfluxStore
from aquavolt.stores.influx.settings import InfluxSettings

pytestmark = [pytest.mark.influx, pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(240)]
TOPIC = "application/campus/device/0123456789abcdef/event/up"


@pytest.fixture(scope="module")
def started(running: Running) -> Running:
    running.start("mosquitto", "simulators", "rules", "collector", "api")
    return running


@pytest.fixture
def page(started: Running) -> Iterator[httpx.Client]:
    variables = started.composed.variables
    headers = {"Authorization": f"Bearer {variables['AQUAVOLT_TOKEN']}"}
    url = f"http://127.0.0.1:{variables['AQUAVOLT_PORT']}"
    with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=20, follow_redirects=True) as client:
        yield client


def test_readings_of_every_kind_of_meter_arrive(started: Running, page: httpx.Client) -> None:
    environment = started.composed.environment("api")
    url, token, org, bucket = (environment[f"AQUAVOLT_INFLUX_{part}"] for part in ("URL", "TOKEN", "ORG", "BUCKET"))
    store = InfluxStore(InfluxSettings(url, token, org, bucket, "campus"), started.folder / "looked-at")
    site = yaml.safe_load((started.folder / "demo" / "site.yaml").read_text(encoding="utf-8"))
    kinds = {meter["id"]: meter["connection"].split(":")[0] for meter in site["meters"] if meter.get("connection")}
    try:
        until(lambda: {kinds[m] for m in store.latest().meters} == set(kinds.values()), "each kind is stored")
    finally:
        store.close()
    assert "mqtt" in kinds.values()
    until(lambda: page.get("/readyz").status_code == 200, "history is judged")


def test_the_page_shows_the_campus_to_who_has_the_token(started: Running, page: httpx.Client) -> None:
    until(lambda: any(m["received"] for m in page.get("/api/v1/health/collector").json()["meters"]), "meters are read")
    assert page.get("/").status_code == 200
    assert httpx.get(f"{page.base_url}/", trust_env=False, follow_redirects=True).status_code == 401
    connections = page.get("/api/v1/health/collector").json()["connections"]
    assert {"collector main", "main: mqtt://127.0.0.1:" + started.composed.variables["MQTT_PORT"]} <= {
        line["connection"] for line in connections if line["state"] == "connected"
    }


def selected(kind: str) -> set[str]:
    """What the alert rules name: metrics, or values of a label (`kind`) as regular expressions."""
    text = (ROOT / "deploy" / "prometheus" / "alerts.yml").read_text(encoding="utf-8")
    if kind == "metric":
        return set(re.findall(r"\baquavolt_\w+", text))
    return set(re.findall(rf'{kind}=~"([^"]+)"', text))


def test_the_alert_rules_speak_of_what_is_really_told(page: httpx.Client) -> None:
    def families() -> list[Metric]:
        return list(text_string_to_metric_families(page.get("/metrics").text))

    def told(label: str) -> set[str]:
        return {sample.labels[label] for f in families() for sample in f.samples if label in sample.labels}

    until(lambda: any(value.endswith("/live") for value in told("reader")), "the collector's report is here")
    names = {name for f in families() for name in (f.name, f"{f.name}_total")}
    assert selected("metric") <= names
    for label in ("connection", "reader"):
        for pattern in selected(label):
            assert any(re.fullmatch(pattern, value) for value in told(label)), (label, pattern, told(label))


class Guest:
    """A client of the broker by MQTT 5, in which a broker says what it refuses."""

    def __init__(self, port: int, name: str | None, password: str | None) -> None:
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        if name is not None:
            self._client.username_pw_set(name, password)
        self._answers: Queue[bool] = Queue()
        self.received = 0
        self._client.on_message = self._count
        self._client.on_connect = lambda _c, _d, _f, reason, _p: self._answers.put(not reason.is_failure)
        self._client.on_publish = lambda _c, _d, _id, reason, _p: self._answers.put(not reason.is_failure)
        self._client.on_subscribe = lambda _c, _d, _id, reasons, _p: self._answers.put(not reasons[0].is_failure)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self.is_let_in = self._answers.get(timeout=10)

    def _count(self, *_: object) -> None:
        self.received += 1

    def may_publish(self, topic: str) -> bool:
        self._client.publish(topic, b"{}", qos=1)
        return self._answers.get(timeout=10)

    def may_subscribe(self, topic: str) -> bool:
        self._client.subscribe(topic, 1)
        return self._answers.get(timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def broker(started: Running) -> int:
    return int(started.composed.variables["MQTT_PORT"])


@pytest.mark.parametrize(("name", "password"), [(None, None), ("collector", "wrong"), ("admin", "admin")])
def test_the_broker_lets_no_stranger_in(broker: int, name: str | None, password: str | None) -> None:
    with Guest(broker, name, password) as guest:
        assert not guest.is_let_in


def test_a_meter_publishes_where_it_may_and_reads_nothing(started: Running, broker: int) -> None:
    with Guest(broker, "meters", started.composed.variables["MQTT_METERS_PASSWORD"]) as meter:
        meter.may_subscribe("#")  # which this broker never denies: it checks each message before it hands it out
        assert meter.may_publish(TOPIC)
        assert meter.may_publish(TOPIC)  # answered on the same connection after the first would have come back
        assert meter.received == 0
        assert not meter.may_publish("elsewhere/1")  # last: the broker hangs up on who tries


def test_a_collector_only_reads(started: Running, broker: int) -> None:
    secrets = started.composed.variables
    with (
        Guest(broker, "collector", secrets["MQTT_COLLECTOR_PASSWORD"]) as collector,
        Guest(broker, "meters", secrets["MQTT_METERS_PASSWORD"]) as meter,
    ):
        assert collector.may_subscribe("#")
        assert meter.may_publish(TOPIC)
        until(lambda: collector.received > 0, "what meters publish reaches it", 10)
        assert not collector.may_publish(TOPIC)


def test_grafana_gets_a_token_that_only_reads_and_keeps_it(started: Running) -> None:
    kept = started.folder / "token" / "influx"
    tokens = []
    for _ in range(2):
        assert started.composed.start("grafana-token", started.log("grafana-token")).wait(60) == 0
        tokens.append(kept.read_text(encoding="utf-8"))
    assert tokens[0] == tokens[1]
    environment = started.composed.environment("grafana-token")
    url, org = environment["AQUAVOLT_INFLUX_URL"], environment["AQUAVOLT_INFLUX_ORG"]
    bucket = started.composed.variables["AQUAVOLT_INFLUX_BUCKET"]
    headers = {"Authorization": f"Token {tokens[0]}"}
    with httpx.Client(base_url=url, headers=headers, params={"org": org}, trust_env=False) as reader:
        flux = f'from(bucket: "{bucket}") |> range(start: -1h) |> limit(n: 1)'
        assert reader.post("/api/v2/query", json={"query": flux}).status_code == 200
        written = reader.post("/api/v2/write", params={"bucket": bucket}, content="m f=1")
        assert written.status_code in {401, 403, 404}


def test_they_end_as_they_are_told(started: Running) -> None:
    """Last: Compose stops them one after the other, each saves what it has."""
    codes = started.stop()
    assert {name: codes[name] for name in ("api", "collector", "rules", "simulators")} == {
        "api": 0, "collector": 0, "rules": 0, "simulators": 0,
    }  # fmt: skip
