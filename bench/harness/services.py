"""The three services as processes on real sockets, one data folder, one bucket of a real InfluxDB."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from alerts.duty_desk.desk import DutyDesk
from alerts.records import Records
from aquavolt.config.documents import load_site
from aquavolt.pushing.link import headers_of
from aquavolt.pushing.wire import WatchState, from_json
from aquavolt.stores.influx.influx_store import InfluxStore
from aquavolt.stores.influx.settings import InfluxSettings
from aquavolt.telling import surroundings_of
from bench.harness.telling import CHANNEL, is_all_told
from deploy.services.free_port import held_port
from deploy.services.influxd import Access

HERE = Path(__file__).resolve().parent
ROOT, CHILD = HERE.parents[1], HERE / "child.py"
TOKEN = "between-the-services"  # noqa: S105
API_TOKEN = "for-people"  # noqa: S105
LONGEST_S = 240.0
RETENTION_DAYS = 36_500  # made readings keep their dates
# When a row was written is the machine's business; everything else must be the same.
ALERTS = (
    "id, incident, is_active, is_inhibited, inhibited_by, rule, category, medium, subject, node, severity, detected_ms,"
    " onset_ms, closed_ms, observed, expected, unit, loss_rate, loss_total, evidence, rules_revision, is_acknowledged,"
    " acknowledged_by, outcome, version, comments"
)


def until(is_so: Callable[[], bool], what: str, longest_s: float = LONGEST_S) -> None:
    """Look until it is so.

    Raises:
        TimeoutError: it is not so in time.
    """
    deadline = time.monotonic() + longest_s
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {longest_s:.0f} s: {what}")
        time.sleep(0.05)


class Process:
    """One run of one service."""

    def __init__(self, given: dict[str, Any], errors: Path) -> None:
        self.errors = errors
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
        with errors.open("ab") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, str(CHILD), json.dumps(given)],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        self.said: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        if self._process.stdout is None:
            return
        with self._process.stdout as lines:
            for line in lines:
                self.said.append(line.strip())

    def has_said(self, word: str) -> bool:
        """Whether it has printed that word.

        Raises:
            RuntimeError: it ended without.
        """
        if word in self.said:
            return True
        if not self.is_alive:
            raise RuntimeError(f"it ended before it said {word!r}: {self.errors.read_text()[-4000:]}")
        return False

    def send(self, number: signal.Signals) -> None:
        """Give it a signal."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """At once, as a power cut would."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """In order; its exit status."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None


@dataclass
class Services:
    """A site's services; `close` ends what is left.

    store_url  where they find InfluxDB, if not at its own address
    journal    settings of their journals
    more       further settings
    """

    folder: Path
    site: Path
    influx: Access
    webhook: str = ""
    bucket: str = field(default_factory=lambda: f"split{secrets.token_hex(4)}")
    ports: tuple[socket.socket, socket.socket] = field(default_factory=lambda: (held_port(), held_port()))
    running: list[Process] = field(default_factory=list)
    store_url: str = ""
    journal: dict[str, int] = field(default_factory=lambda: {"free_disk_floor_mb": 16})
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def watch_port(self) -> int:
        """Where `watch` listens, start after start."""
        return int(self.ports[0].getsockname()[1])

    @property
    def page_port(self) -> int:
        """Where `serve` listens."""
        return int(self.ports[1].getsockname()[1])

    def settings(self, collector: str = "main", token: str = TOKEN) -> dict[str, Any]:
        """What all of them are told."""
        influx = self.influx
        return {
            "site": str(self.site),
            "data": str(self.folder),
            "token": API_TOKEN,
            "retention_days": RETENTION_DAYS,
            "influx": {
                "url": self.store_url or influx.url, "token": influx.token, "org": influx.org, "bucket": self.bucket,
            },
            "watch": {"url": f"http://127.0.0.1:{self.watch_port}", "token": token},
            "collector": {"name": collector},
            "journal": self.journal, **self.more,
        }  # fmt: skip

    def start(self, service: str, *, collector: str = "main", token: str = TOKEN, **more: Any) -> Process:
        """Start one, and wait until it is ready."""
        ports = {"watch": self.watch_port, "serve": self.page_port}
        given = {
            "service": service, "settings": self.settings(collector, token), "port": ports.get(service, 0),
            "webhook": self.webhook if service == "watch" else "", **more,
        }  # fmt: skip
        process = Process(given, self.folder.with_name(f"{self.folder.name}-{service}.stderr"))
        self.running.append(process)
        until(lambda: process.has_said("ready"), f"{service} is ready", 60)
        return process

    def state(self) -> WatchState:
        """What `watch` says of itself and of the collectors.

        Raises:
            httpx.HTTPError: it says nothing now.
        """
        answer = httpx.get(
            f"http://127.0.0.1:{self.watch_port}/state", headers=headers_of(TOKEN), trust_env=False, timeout=20
        ).raise_for_status()
        return from_json(WatchState, answer.content)

    def lag(self, reader: str) -> int | None:
        """How many entries a journal's reader has before it; None where nobody says."""
        try:
            return self.state().health.journal.lag.get(reader)
        except httpx.HTTPError:
            return None

    def see_through(self, name: str = "main") -> None:
        """Until all that the collector has journaled is pushed, stored and judged, and nothing is left to be sent."""
        for reader in (f"{name}/stream", f"{name}/live", f"{name}/backlog", "watch/stream"):
            until(lambda reader=reader: self.lag(reader) == 0, f"{reader} is done")
        # A lag is told with a heartbeat: the judge may have had more to do meanwhile.
        until(lambda: self.lag("watch/stream") == 0, "judged")
        site, _ = load_site(self.site)
        records = Records(f"sqlite:///{self.folder / 'records.db'}")
        try:
            desk = DutyDesk(records.database, surroundings_of(lambda: site, [CHANNEL]))
            until(lambda: is_all_told(records, desk), "everything is told")
        finally:
            records.close()

    def records(self, query: str) -> list[tuple[Any, ...]]:
        """What the records database answers."""
        connection = sqlite3.connect(f"file:{self.folder / 'records.db'}?mode=ro", uri=True)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def alerts(self) -> list[tuple[Any, ...]]:
        """All alerts, a row each."""
        return self.records(f"SELECT {ALERTS} FROM alerts ORDER BY detected_ms, id")  # noqa: S608

    def audit(self) -> list[tuple[Any, ...]]:
        """What was done to alerts, in order."""
        return self.records("SELECT alert_id, action, event_ms, actor, text, detail FROM audit ORDER BY alert_id, id")

    def store(self) -> InfluxStore:
        """Their store, for a look into it; to be closed."""
        influx, (site, _) = self.influx, load_site(self.site)
        settings = InfluxSettings(
            influx.url, influx.token, influx.org, self.bucket, site.id, retention_days=RETENTION_DAYS
        )
        return InfluxStore(settings, self.folder / "looked-at")

    def close(self) -> None:
        """Kill what still runs."""
        for process in self.running:
            process.kill()
        for held in self.ports:
            held.close()
