"""The composition root of `aquavolt run`: one process, every part in its place, started and ended in order.

event loop    HTTP, Modbus TCP meters, ticks          thread `rules`        journal -> shard -> intervals, alerts
thread/broker MQTT: receive, journal, acknowledge     thread `store-sink`   journal -> reading store
thread/channel outbox -> webhook, e-mail

The same parts stand in `aquavolt/services/` as programs of their own.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from api.app import create_app
from api.parts import ApiParts, Readiness
from api.stream import EventStream
from aquavolt.clock import each_night
from aquavolt.http_server import access_of, listen, serving, ways_of
from aquavolt.judge import CURSOR as STREAM
from aquavolt.judging import Judging
from aquavolt.rebuild import Ground
from aquavolt.repair.parts import parts_of_mirror
from aquavolt.setup import ProgramError, Setup, cancelled, until_first
from aquavolt.store_sink import CURSORS
from aquavolt.stores.lock import DataLock
from aquavolt.stores.opened import open_store
from aquavolt.stores.owner import StoreServer
from aquavolt.taking import Taking, submitted
from aquavolt.worker import Worker
from collector.journal import Journal
from collector.journal_sink import JournalSink
from metering.batch import ReadingBatch
from metering.entries import Tick
from metering.health import HealthReport

__all__ = ["Program", "ProgramError", "Setup", "listen"]
_PROBE_S = 0.1


class Program:
    """Open it, `run` it until `stop` is set, and everything is ended and saved in order."""

    def __init__(self, setup: Setup) -> None:
        """Open stores, journal and records.

        Raises:
            DataInUseError, StoreUnavailableError, RecordsError, JournalError, OSError: what cannot be opened, and why.
        """
        self.setup = setup
        self.site = setup.site
        settings = setup.settings
        with ExitStack() as opened:
            self._ways = ways_of(setup)
            opened.callback(self._ways.close)
            opened.enter_context(DataLock(settings.data))
            influx = settings.influx_for(self.site.id)
            days, memory_mb = settings.retention_days, settings.store_memory_mb
            self.store = open_store(settings.data, influx, raw_retention_days=days, memory_mb=memory_mb)
            opened.callback(self.store.close)
            self._taking = Taking(setup, self.store, settings.data, (*CURSORS, STREAM))
            opened.callback(self._taking.close)
            self.stream = EventStream()
            self._judging = Judging(setup, self._taking.journal, self.store, self.stream, self._ground)
            opened.callback(self._judging.close)
            self._owner = StoreServer(settings.data, self.store, lambda batch: _durable(self.journal, batch))
            self._closing = opened.pop_all()
        self.journal, self.sink, self.counts = self._taking.journal, self._taking.sink, self._taking.counts
        self.records, self.judge, self._outbox = self._judging.records, self._judging.judge, self._judging.outbox
        self.is_history_in = True
        self.history_head = self.journal.head()
        self.detail = ""

    # -- what the API asks for ----------------------------------------------------------------------------

    def health(self) -> HealthReport:
        """How collecting goes, now."""
        return self.store.told_in(self._judging.told_in(self._taking.health()))

    def readiness(self) -> Readiness:
        """Ready once all that was there at the start (and the demo's history) is judged."""
        if not self.is_history_in:
            return Readiness(False, None, self.detail)
        head = max(1, self.history_head)
        done = min(self.judge.position, self.sink.position)
        return Readiness(done >= self.history_head, min(1.0, done / head), self.detail)

    def _ground(self, worker: Worker) -> Ground | None:
        """A rebuild stands on the store alone, once that has all there is."""
        target = self.journal.head()
        while self.sink.position < target and not worker.is_stopping:
            worker.pause(_PROBE_S)
        return None if worker.is_stopping else Ground(self.sink.position)

    # -- running ------------------------------------------------------------------------------------------

    async def run(
        self,
        stop: asyncio.Event,
        listening: socket.socket,
        *,
        prologue: Callable[[Program], Awaitable[None]] | None = None,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        """Serve, judge and collect until `stop`. The prologue (the demo's history) runs before any meter is read."""
        loop = asyncio.get_running_loop()
        sink = JournalSink(self.journal)
        stopping = loop.create_task(stop.wait(), name="stop")
        collecting = loop.create_task(self._collect(sink, prologue, on_ready, stop), name="collect")
        self._start_workers()
        async with serving(self._app(sink), listening) as server:
            try:
                await until_first(server, stopping, collecting)
            finally:
                await cancelled(collecting, stopping)
                await sink.close()
                await loop.run_in_executor(None, self._stop_workers)
                self.stream.close()

    async def _collect(
        self,
        sink: JournalSink,
        prologue: Callable[[Program], Awaitable[None]] | None,
        on_ready: Callable[[], None],
        stop: asyncio.Event,
    ) -> None:
        if prologue is None:
            await self._note_our_gap(sink)
        else:
            self.is_history_in = False
            await prologue(self)
            self.is_history_in = True
            if stop.is_set():  # told to end while the history came in: no meter is read for that moment
                return
        self.history_head = self.journal.head()
        upkeep = asyncio.create_task(each_night(self.site.zone, self.store.maintain), name="nightly")
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._taking.run(sink, self.site), name="meters")
                announcing = self._judging.announce(lambda: self.readiness().is_ready, on_ready)
                tasks.create_task(announcing, name="ready")
        finally:
            upkeep.cancel()

    async def _note_our_gap(self, sink: JournalSink) -> None:
        """Say since when this program was down, so that no meter is blamed for it."""
        # A thread's position, looked at.
        while (shard := self.judge.shard) is None or self.judge.position < self.journal.head():  # noqa: ASYNC110
            await asyncio.sleep(_PROBE_S)
        await sink.append_entry(Tick(self.setup.now(), shard.judged_until))

    def _start_workers(self) -> None:
        self._owner.start()
        self._taking.start()
        self._judging.start()

    def _stop_workers(self) -> None:
        """What was taken is stored and judged before the end; a store that is down keeps it in the journal."""
        self._owner.stop()
        self._taking.stop()
        self._judging.stop()

    def close(self) -> None:
        """Close files and give the lock back."""
        self._closing.close()

    # -- parts --------------------------------------------------------------------------------------------

    def _app(self, sink: JournalSink) -> Any:
        settings = self.setup.settings
        return create_app(
            ApiParts(
                site=lambda: self.site,
                readings=self.store,
                intervals=self.store,
                records=self.records,
                duty_desk=self._judging.duty_desk,
                health=self.health,
                submit=partial(submitted, sink),
                stream=self.stream,
                is_ready=self.readiness,
                access=access_of(self.setup),
                sign_in=self._ways,
                prices=settings.prices.prices(),
                public_reports=settings.public_reports,
                public_url=settings.public_url or "",
                discovery=settings.usual_discovery.discovery(),
                playbook=self.setup.playbook,
                now=self.setup.clock,
                repair_platform=parts_of_mirror(self._judging.mirror),
            )
        )


def _durable(journal: Journal, batch: ReadingBatch) -> None:
    journal.append([batch])
