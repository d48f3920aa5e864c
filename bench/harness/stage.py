"""Where a fault happens: meters, a real broker, the three services, a real InfluxDB, each on real sockets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import yaml

from bench.harness.history import PERIOD, History, site_document
from bench.harness.meters import Meters
from bench.harness.services import Process, Services, until
from bench.harness.slow_proxy import SlowProxy
from bench.harness.small_disk import SmallDisk
from deploy.services.influxd import Influx
from deploy.services.mosquitto import Mosquitto
from metering.health import HealthReport

COLLECTOR = "main"


@dataclass(frozen=True, slots=True)
class Ground:
    """What is special about a stage.

    journal        settings of the journals
    cap_mb         the collector's cap, below what the settings allow; 0: as they are
    disk_mb        the collector's folder is a volume of its own of that size; 0: it is not
    store_delay_s  every answer of the store takes so much longer for all services
    """

    journal: Mapping[str, int] | None = None
    cap_mb: int = 0
    disk_mb: int = 0
    store_delay_s: float = 0.0


class Stage:
    """One run of all parts on a fresh folder. `close` ends what is left."""

    def __init__(
        self, folder: Path, influx: Influx, history: History, *, seed: int, ground: Ground, trickle_s: float
    ) -> None:
        """Start everything; the meters have sent their first part when it returns."""
        self.folder, self.influx, self.history, self._ground = folder, influx, history, ground
        self.random = np.random.default_rng(seed)
        self.processes: dict[str, Process] = {}
        with ExitStack() as opened:
            folder.mkdir(parents=True, exist_ok=True)
            self.broker = Mosquitto(folder / "broker")
            opened.callback(self.broker.stop)
            self.services = self._services(opened)
            opened.callback(self.services.close)
            self.disk = self._disk(opened)
            self.start("watch")
            self.start("collect")
            self.meters = Meters(self.broker.port, history.messages, trickle_s)
            # The collector's subscription comes first: before it a broker keeps nothing for it.
            until(lambda: self._is_connected("mqtt://"), "the collector is connected", 60)
            self.meters.start()
            opened.callback(self.meters.stop)
            until(lambda: self.meters.is_at(0.0), "the first part is with the broker")
            self._closing = opened.pop_all()

    def _services(self, opened: ExitStack) -> Services:
        site = self.folder / "site.yaml"
        site.write_text(yaml.safe_dump(site_document(self.broker.url), sort_keys=False), encoding="utf-8")
        made = Services(self.folder / "data", site, self.influx.access)
        if self._ground.journal is not None:
            made.journal = dict(self._ground.journal)
        if self._ground.store_delay_s:
            proxy = SlowProxy(self.influx.port, self._ground.store_delay_s)
            opened.callback(proxy.close)
            made.store_url = proxy.url
        return made

    def _disk(self, opened: ExitStack) -> SmallDisk | None:
        if not self._ground.disk_mb:
            return None
        disk = SmallDisk(self.collector_folder, self._ground.disk_mb)
        opened.callback(disk.close)
        return disk

    @property
    def collector_folder(self) -> Path:
        """Where the collector keeps its journal."""
        return self.services.folder / "collect" / COLLECTOR

    def start(self, service: str) -> None:
        """Start a service, as at first or as it is after its end."""
        more: dict[str, Any] = {"now": str(self._now(service))}
        if service == "collect" and self._ground.cap_mb:
            more["cap_mb"] = self._ground.cap_mb
        self.processes[service] = self.services.start(service, **more)

    def _now(self, service: str) -> np.datetime64:
        times: Sequence[int] = [message.time_ms for message in (self.history.messages[0], self.history.messages[-1])]
        return np.datetime64(times[0], "ms") if service == "collect" else np.datetime64(times[1], "ms") + PERIOD

    def kill(self, service: str) -> None:
        """With -9."""
        self.processes[service].kill()

    def health(self) -> HealthReport | None:
        """How collecting goes, as `watch` has it; None while it does not answer."""
        try:
            return self.services.state().health
        except httpx.HTTPError:
            return None

    def _is_connected(self, kind: str) -> bool:
        health = self.health()
        return health is not None and any(
            line.state == "connected" and line.connection.startswith(f"{COLLECTOR}: {kind}")
            for line in health.connections
        )

    def see_through(self) -> HealthReport:
        """Let the meters send what is left and wait until all is where it should be; how collecting went."""
        self.meters.finish()
        until(lambda: self.meters.is_done, "the broker has every message")
        until(self._has_heard_the_last, "the collector has each meter's last message")
        self.services.see_through(COLLECTOR)
        health = self.health()
        if health is None:
            raise TimeoutError("watch does not answer")
        return health

    def _has_heard_the_last(self) -> bool:
        health = self.health()
        if health is None:
            return False
        heard = {m.meter: int(m.last_reading.astype(np.int64)) for m in health.meters if m.last_reading is not None}
        return heard == self.history.last_times()

    def close(self) -> None:
        """End everything."""
        self._closing.close()
