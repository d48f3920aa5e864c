"""`aquavolt serve`: API and pages, on the store and the records; what is live comes from `watch`."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import ExitStack

from alerts.drills.keeping import DrillKeeper
from alerts.duty_desk.book_source import Surroundings
from alerts.duty_desk.desk import DutyDesk
from alerts.records import Records
from api.alerts.acts import alert_event
from api.app import create_app
from api.parts import ApiParts
from api.stream import EventStream
from aquavolt.drilling.attended import DrillWatch
from aquavolt.http_server import access_of, serving, ways_of
from aquavolt.notify import keep_alive
from aquavolt.repair.parts import parts_of_another
from aquavolt.services.footing import OpenStore, shared_store, watch_of
from aquavolt.services.watch_client import WatchClient
from aquavolt.setup import ProgramError, Setup, cancelled, until_first
from aquavolt.telling import surroundings_of
from metering.health import HealthReport

FOLDER = "serve"


class Serve:
    """Open it, `run` it until `stop` is set. It keeps nothing of its own."""

    def __init__(self, setup: Setup, open_store: OpenStore | None = None) -> None:
        """Open store and records.

        Raises:
            ProgramError, StoreUnavailableError, RecordsError: what cannot be opened, and why.
        """
        self.setup = setup
        settings = setup.settings
        watch = watch_of(setup)
        open_store = open_store or shared_store(setup)
        with ExitStack() as opened:
            self._ways = ways_of(setup)
            opened.callback(self._ways.close)
            settings.data.mkdir(parents=True, exist_ok=True)
            self.store = open_store(settings.data / FOLDER)
            opened.callback(self.store.close)
            self.records = Records(settings.records_url, clock=setup.clock)
            opened.callback(self.records.close)
            self.records.migrate()
            self._closing = opened.pop_all()
        self.stream = EventStream()
        self.drills = DrillWatch(
            DrillKeeper(self.records.database, clock=setup.clock),
            lambda alert: self.stream.publish(alert_event(alert, "cleared")),
        )
        try:
            self.watch = WatchClient(watch, self.stream)
        except OSError as error:
            self.close()
            raise ProgramError(f"certificates {watch.ca_file}: {error}") from error

    def health(self) -> HealthReport:
        """How collecting goes."""
        return self.watch.health(HealthReport(self.setup.now()))

    def _surroundings(self) -> Surroundings:
        names = [channel.name for channel in self.setup.settings.channels]
        return surroundings_of(lambda: self.setup.site, names)

    async def run(
        self, stop: asyncio.Event, listening: socket.socket, *, on_ready: Callable[[], None] = lambda: None
    ) -> None:
        """Serve until `stop`."""
        loop = asyncio.get_running_loop()
        app = create_app(
            ApiParts(
                site=lambda: self.setup.site,
                readings=self.store,
                intervals=self.store,
                records=self.records,
                duty_desk=DutyDesk(self.records.database, self._surroundings(), self.setup.clock),
                health=self.health,
                submit=self.watch.submit,
                stream=self.stream,
                is_ready=self.watch.readiness,
                access=access_of(self.setup),
                sign_in=self._ways,
                prices=self.setup.settings.prices.prices(),
                public_reports=self.setup.settings.public_reports,
                public_url=self.setup.settings.public_url or "",
                discovery=self.setup.settings.usual_discovery.discovery(),
                playbook=self.setup.playbook,
                now=self.setup.clock,
                repair_platform=parts_of_another(self.setup, self.records, self.watch.platform_status),
            )
        )
        stopping = loop.create_task(stop.wait(), name="stop")
        following = loop.create_task(self.watch.follow(), name="follow")
        alive = loop.create_task(keep_alive(lambda: True), name="watchdog")
        self.drills.worker.start()
        async with serving(app, listening) as http:
            on_ready()
            try:
                await until_first(stopping, http, following)
            finally:
                await cancelled(stopping, following, alive)
                await loop.run_in_executor(None, self.drills.worker.stop)
                self.stream.close()

    def close(self) -> None:
        """Close the connections."""
        self._closing.close()
