"""The three services as processes on real sockets, one data folder, one bucket of a real InfluxDB."""

from __future__ import annotations

import json
import os
import secrets
import signal
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
from fed import ROOT
from state import _ALERTS

from aquavolt.config.documents import load_site
from aquavolt.pushing.link import headers_of
from aquavolt.pushing.wire import WatchState, from_json
from aquavolt.stores.influx.influx_store import InfluxStore
from aquavolt.stores.influx.settings import InfluxSettings
from deploy.services.free_port import free_port
from deploy.services.influxd import Access

CHILD = Path(__file__).parent / "split_child.py"
TOKEN = "between-the-services"  # noqa: S105
API_TOKEN = "for-people"  # noqa: S105
LONGEST_S = 240.0


def until(is_so: Callable[[], bool], what: str, longest_s: float = LONGEST_S) -> None:
    deadline = time.monotonic() + longest_s
    while not is_so():
        assert time.monotonic() < deadline, f"not within {longest_s:.0f} s: {what}"
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
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self.said.append(line.strip())

    def has_said(self, word: str) -> bool:
        assert word in self.said or self._process.poll() is None, self.errors.read_text()[-4000:]
        return word in self.said

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None


@dataclass
class Services:
    """A site's services; `close` ends what is left."""

    folder: Path
    site: Path
    influx: Access
    webhook: str = ""
    bucket: str = field(default_factory=lambda: f"split{secrets.token_hex(4)}")
    watch_port: int = field(default_factory=free_port)
    page_port: int = field(default_factory=free_port)
    running: list[Process] = field(default_factory=list)

    def settings(self, collector: str = "main", token: str = TOKEN) -> dict[str, Any]:
        return {
            "site": str(self.site),
            "data": str(self.folder),
            "token": API_TOKEN,
            "influx": {
                "url": self.influx.url, "token": self.influx.token, "org": self.influx.org, "bucket": self.bucket,
            },
            "watch": {"url": f"http://127.0.0.1:{self.watch_port}", "token": token},
            "collector": {"name": collector},
            "journal": {"free_disk_floor_mb": 16},
        }  # fmt: skip

    def start(self, service: str, *, collector: str = "main", token: str = TOKEN, **more: Any) -> Process:
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
        answer = httpx.get(
            f"http://127.0.0.1:{self.watch_port}/state", headers=headers_of(TOKEN), trust_env=False, timeout=20
        )
        assert answer.status_code == 200, answer.text
        return from_json(WatchState, answer.content)

    def lag(self, reader: str) -> int | None:
        try:
            return self.state().health.journal.lag.get(reader)
        except httpx.HTTPError:
            return None

    def see_through(self, collector: Process, name: str = "main") -> None:
        """Until all of the feed is pushed, stored and judged, and nothing is left to be sent."""
        until(lambda: collector.has_said("fed"), "the feed is journaled")
        for reader in (f"{name}/stream", f"{name}/live", f"{name}/backlog", "watch/stream"):
            until(lambda reader=reader: self.lag(reader) == 0, f"{reader} is done")
        # A lag is told with a heartbeat: the judge may have had more to do meanwhile.
        until(lambda: self.lag("watch/stream") == 0, "judged")
        until(lambda: not self.records("SELECT 1 FROM outbox WHERE state = 'pending'"), "everything is sent")

    def records(self, query: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(f"file:{self.folder / 'records.db'}?mode=ro", uri=True)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def alerts(self) -> list[tuple[Any, ...]]:
        return self.records(f"SELECT {_ALERTS} FROM alerts ORDER BY detected_ms, id")  # noqa: S608

    def audit(self) -> list[tuple[Any, ...]]:
        return self.records("SELECT alert_id, action, event_ms, actor, text, detail FROM audit ORDER BY alert_id, id")

    def store(self) -> InfluxStore:
        influx, (site, _) = self.influx, load_site(self.site)
        settings = InfluxSettings(influx.url, influx.token, influx.org, self.bucket, site.id)
        return InfluxStore(settings, self.folder / "looked-at")

    def close(self) -> None:
        for process in self.running:
            process.kill()
