"""All of a site's meters, each by its protocol; what cannot be read is set aside and named, the rest goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import numpy as np
import structlog

from aquavolt.clock import utc_ms
from aquavolt.config.settings import BrokerAccount, Settings
from aquavolt.pulling.sources import pullers_of
from collector.connection import parse_connection
from collector.counts import Counts
from collector.dial_in import DialInPorts
from collector.journal import Journal
from collector.journal_sink import JournalSink
from collector.line.poller import LinePoller, is_framed
from collector.modbus.poller import ModbusPoller, is_modbus
from collector.mqtt.client import MqttSource
from collector.mqtt.routes import routes_by_broker
from collector.mqtt.settings import MqttSettings
from collector.pull.puller import Puller
from metering.site import Meter, Site

_log = structlog.get_logger(__name__)


class Collecting:
    """Runs the collectors of a site."""

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        sink: JournalSink,
        counts: Counts,
        collector: str = "",
        *,
        now: Callable[[], np.datetime64] = utc_ms,
    ) -> None:
        """`collector` is this one's name where a site has several: brokers tell them apart by it.

        now  the time of readings that state none: UTC, datetime64[ms]
        """
        self._settings, self._journal, self._sink, self._counts = settings, journal, sink, counts
        self._collector, self._now = collector, now

    async def run(self, site: Site, meters: Iterable[Meter] | None = None) -> None:
        """Read these meters of the site (None: all), as far as they have a connection, until cancelled."""
        wanted = site.meters.values() if meters is None else meters
        connected = [m for m in wanted if m.connection is not None and m.profile is not None]
        polled = [m for m in connected if is_modbus(m)]
        ports = DialInPorts()  # modems of any protocol may dial one port
        poller = ModbusPoller(polled, self._sink, self._counts, now_ms=self._now_ms, ports=ports)
        framed = [m for m in connected if is_framed(m)]
        lines = LinePoller(framed, self._sink, self._counts, now_ms=self._now_ms, zone=site.zone, ports=ports)
        sources: list[MqttSource | Puller] = [
            *self._mqtt_sources(site, [m for m in connected if m not in polled and m not in framed]),
            *pullers_of(self._settings.pull, site, self._journal, self._counts),
        ]
        for source in sources:
            source.start()
        try:
            async with asyncio.TaskGroup() as polling:  # it waits for both: what has arrived is taken before the end
                polling.create_task(poller.run())
                polling.create_task(lines.run())
        finally:
            loop = asyncio.get_running_loop()
            await asyncio.gather(*(loop.run_in_executor(None, source.stop) for source in sources))

    def _mqtt_sources(self, site: Site, meters: Iterable[Meter]) -> list[MqttSource]:
        brokers, refused = routes_by_broker(meters, site.zone)
        for meter, reason in refused.items():
            self._counts.error(meter, reason)
            _log.warning("meter is not read", meter=meter, reason=reason)
        return [
            MqttSource(self._mqtt_settings(site, endpoint), routes, self._journal, self._counts, now_ms=self._now_ms)
            for endpoint, routes in brokers.items()
        ]

    def _now_ms(self) -> int:
        return int(self._now().astype(np.int64))

    def _mqtt_settings(self, site: Site, endpoint: str) -> MqttSettings:
        broker = parse_connection(f"{endpoint}/-")
        account = self._settings.brokers.get(f"{broker.host}:{broker.port}", BrokerAccount())
        return MqttSettings(
            broker.host,
            broker.port,
            # The session's name stays over restarts, so that the broker keeps what came while we were away.
            client_id="-".join(filter(None, ("aquavolt", site.id, self._collector))),
            is_tls=broker.scheme == "mqtts",
            ca_file=account.ca_file,
            username=account.username,
            password=account.password.get_secret_value() if account.password else None,
            protocol=account.version,
        )
