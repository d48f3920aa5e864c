"""The demo campus on the three services, a real InfluxDB and a real mosquitto: what one process shows on DuckDB."""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli import COMMAND
from past_demo import SEED, judged_up_to, write_truth
from served import Served, wait_for
from state import State, alerts_of, state_of, truth_of

from aquavolt.clock import utc_ms
from aquavolt.config.documents import load_site
from aquavolt.config.settings import load_settings
from aquavolt.demo import HISTORY_DAYS, Demo
from aquavolt.stores.influx.influx_store import InfluxStore
from aquavolt.stores.influx.settings import InfluxSettings
from deploy.services.free_port import held_port
from deploy.services.influxd import Access
from deploy.services.mosquitto import Mosquitto
from metering.batch import to_datetime
from simulators.campus.campus import epoch_before

pytestmark = [pytest.mark.slow, pytest.mark.influx, pytest.mark.timeout(400)]

HISTORY = [sys.executable, str(Path(__file__).with_name("demo_collect.py"))]
TOKEN = "between-the-services"  # noqa: S105


@dataclass
class OneProcess:
    """What `aquavolt demo` on its embedded store makes of the history up to a moment."""

    folder: Path
    now: np.datetime64
    state: State


@pytest.fixture(scope="module")
def one_process(tmp_path_factory: pytest.TempPathFactory) -> OneProcess:
    folder, now = tmp_path_factory.mktemp("one") / "data", utc_ms()
    write_truth(folder, epoch_before(to_datetime(now), HISTORY_DAYS))
    judged_up_to(folder, now, is_open=False)  # nobody there who acts: what the rules alone make of it
    return OneProcess(folder, now, state_of(folder))


class Systemd:
    """What systemd's socket would hear of a service."""

    def __init__(self) -> None:
        self.name = f"aquavolt-{secrets.token_hex(8)}"
        self.words: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{self.name}")
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while word := self._socket.recv(100):
            self.words.append(word.decode())
        self._socket.close()

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", f"\0{self.name}")


@dataclass
class Split:
    """The campus's meters, and the three services as `aquavolt` commands, each in its own process."""

    folder: Path
    site: Path
    given: dict[str, str]
    opened: ExitStack
    systemd: dict[str, Systemd] = field(default_factory=dict)

    def start(self, name: str, *words: str | Path, command: list[str] | None = None, said: str) -> Served:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        systemd = self.systemd[name] = Systemd()
        self.opened.callback(systemd.close)
        told = {"NOTIFY_SOCKET": f"@{systemd.name}", "WATCHDOG_USEC": "4000000"}
        served = Served(folder, *words, command=command or COMMAND, **self.given, **told)
        self.opened.callback(served.kill)
        wait_for(lambda: served.said(said) or said in served.errors(), 60, served)
        return served

    def store(self) -> InfluxStore:
        influx = load_settings(None, self.given).influx_for(load_site(self.site)[0].id)
        assert isinstance(influx, InfluxSettings)
        return InfluxStore(influx, self.folder / "looked-at")


@pytest.fixture
def split(one_process: OneProcess, influx: Access, tmp_path: Path) -> Iterator[Split]:
    with ExitStack() as opened:
        broker = Mosquitto(tmp_path / "mosquitto")
        opened.callback(broker.stop)
        campus = tmp_path / "campus"
        campus.mkdir()
        shutil.copy(one_process.folder / "truth.json", campus)
        meters = Demo(load_settings(None, {}, data=campus, port=0), SEED, mqtt_port=broker.port)
        opened.callback(meters.close)
        site = campus / "site.yaml"
        watch = opened.enter_context(held_port())
        given = {
            "AQUAVOLT_SITE": str(site), "AQUAVOLT_RULES": str(campus / "rules.yaml"),
            "AQUAVOLT_DATA": str(tmp_path / "data"), "AQUAVOLT_TOKEN": "for-people",
            "AQUAVOLT_INFLUX_URL": influx.url, "AQUAVOLT_INFLUX_TOKEN": influx.token,
            "AQUAVOLT_INFLUX_ORG": influx.org, "AQUAVOLT_INFLUX_BUCKET": f"demo{secrets.token_hex(4)}",
            "AQUAVOLT_WATCH_URL": f"http://127.0.0.1:{watch.getsockname()[1]}", "AQUAVOLT_WATCH_TOKEN": TOKEN,
        }  # fmt: skip
        yield Split(tmp_path, site, given, opened)


def test_the_three_services_show_what_one_process_shows(one_process: OneProcess, split: Split) -> None:
    watch = split.start("watch", "watch", said="ready")
    page = split.start("serve", "serve", "--port", "0", said="ready")
    bring_history(split, page, one_process.now)
    alerts = one_process.state.alerts
    assert len(alerts) > 6
    assert alerts_of(split.folder / "data") == alerts
    check_shown(page, one_process)
    check_readings(split, one_process.state)
    collector = split.start("collect", "collect", said="ready")
    check_live(split, page, one_process.now)
    assert [service.stop() for service in (collector, page, watch)] == [0, 0, 0]
    for name in ("watch", "serve", "collect"):
        words = split.systemd[name].words
        assert Counter(words)["READY=1"] == Counter(words)["STOPPING=1"] == 1
        assert Counter(words)["WATCHDOG=1"] > 2  # each two seconds
    for service in (collector, page, watch):
        levels = {json.loads(line)["level"] for line in service.errors().splitlines() if line.startswith("{")}
        assert levels <= {"info"}, service.errors()
    assert {row[0] for row in alerts_of(split.folder / "data")} >= {row[0] for row in alerts}


def bring_history(split: Split, page: Served, now: np.datetime64) -> None:
    """Through a collector's journal, to the store and to `watch`; it ends in order with nothing left to do."""
    truth, moment = split.folder / "campus" / "truth.json", str(now.astype("datetime64[ms]"))
    collector = split.start("history", command=[*HISTORY, str(truth), moment], said="fed")

    def lags() -> set[int | None]:
        told = page.health()["journal"]["lag"]
        return {told.get(reader) for reader in ("main/stream", "main/live", "main/backlog", "watch/stream")}

    wait_for(lambda: lags() == {0}, 120, collector)
    assert collector.stop() == 0


def check_shown(page: Served, wanted: OneProcess) -> None:
    """The API shows each alert where, since when and why the one process raised it."""
    shown = page.json("/api/v1/alerts?inhibited=true&limit=500")["items"]
    rows = wanted.state.alert_rows()
    expected = {row["id"]: (row["category"], row["node"], row["onset_ms"], json.loads(row["evidence"])) for row in rows}
    assert {a["id"]: (a["category"], a["node"], ms_of(a["onset_at"]), a["evidence"]) for a in shown} == expected
    assert page.get("/readyz").status_code == 200
    for alert in shown[:3]:
        assert page.get(f"/alerts/{alert['id']}").status_code == 200
    found = sorted((a["category"], a["node"]) for a in shown if a["state"] == "active" and a["inhibited_by"] is None)
    truth = {(f["category"], f["node"]) for f in truth_of(wanted.folder)}
    assert len(truth & set(found)) > len(truth) / 2  # all of them, in term: see test_demo.py


def ms_of(text: str) -> int:
    return round(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


def check_readings(split: Split, state: State) -> None:
    """InfluxDB has the very readings that DuckDB has."""
    counts = Counter(row[0] for row in state.readings)
    last = max(row[2] for row in state.readings)
    recent = sorted((m, t, v) for m, q, t, v, _ in state.readings if q == 1 and t >= last - 86_400_000)
    with closing(split.store()) as store:
        assert store.count() == counts
        end = np.datetime64(last + 1, "ms")
        found = store.read(sorted(counts), ["active_energy_import"], end - np.timedelta64(86_400_001, "ms"), end)
    times = found.time.astype(np.int64).tolist()
    assert sorted(zip((found.meters[i] for i in found.meter), times, found.value.tolist(), strict=True)) == recent


def check_live(split: Split, page: Served, since: np.datetime64) -> None:
    """Over every line and broker meters are read, stored, and shown with new readings."""
    dead = {f["meter"] for f in truth_of(split.folder / "campus") if f["kind"] == "unit_dead" and f["end"] is None}
    site, _ = load_site(split.site)
    lines = {m.id: m.connection for m in site.meters.values() if m.connection is not None and m.id not in dead}

    def read() -> set[str]:
        meters = page.health()["by_meter"]
        return {name for name in lines.keys() & meters if meters[name]["received"] and meters[name]["stored"]}

    wait_for(lambda: {lines[name] for name in read()} == set(lines.values()), 120, page)
    wait_for(lambda: {c["state"] for c in page.health()["connections"]} == {"connected"}, 20, page)
    meter = min(read())
    answer: dict[str, Any] = page.json(f"/api/v1/meters/{meter}/readings?start={since}Z&end=2200-01-01")
    assert any(not quality & 128 for series in answer["series"] for quality in series["quality"])
