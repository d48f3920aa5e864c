"""The composition root of `aquavolt run`: one process, every part in its place, started and ended in order.

event loop    HTTP, Modbus TCP meters, ticks          thread `rules`        journal -> shard -> intervals, alerts
thread/broker MQTT: receive, journal, acknowledge     thread `store-sink`   journal -> reading store
thread/channel outbox -> webhook, e-mail
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import structlog
import uvicorn

from alerts.messages import MessageWriter
from alerts.outbox import Outbox
from alerts.records import Records
from alerts.values import Alert, NotifyPolicy
from api.app import create_app
from api.parts import Access, ApiParts, Readiness, hash_token
from api.stream import EventStream
from aquavolt.channels.kinds import OpenChannel, open_channel
from aquavolt.clock import each_night, tick_forever, utc_ms
from aquavolt.collecting import Collecting
from aquavolt.config.settings import Settings
from aquavolt.importing import JOURNAL_FILE
from aquavolt.judge import CURSOR as STREAM
from aquavolt.judge import Judge, JudgeParts
from aquavolt.rebuild import RebuildStoppedError, rebuilt_shard, shard_at_start
from aquavolt.store_sink import CURSOR as LIVE
from aquavolt.store_sink import StoreSink
from aquavolt.stores.lock import DataLock
from aquavolt.stores.opened import open_store
from aquavolt.stores.owner import StoreServer
from collector.counts import Counts
from collector.journal import Journal
from collector.journal_limits import JournalLimits
from collector.journal_sink import JournalSink
from metering.batch import ReadingBatch
from metering.entries import Entry, Tick
from metering.health import HealthReport
from metering.site import Site
from rules.settings import RulesSettings
from rules.shard import Shard

_log = structlog.get_logger(__name__)
_PROBE_S = 0.1


class ProgramError(RuntimeError):
    """The program cannot start; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a program is made from.

    access      none: bearer tokens as the settings say
    is_history  entries whose alerts nobody is told of one by one (see `JudgeParts`)
    now         the clock: UTC, datetime64[ms]
    """

    settings: Settings
    site: Site
    rules: RulesSettings
    access: Access | None = None
    channels: Sequence[OpenChannel] = ()
    is_history: Callable[[Entry], bool] = lambda _: False
    now: Callable[[], np.datetime64] = utc_ms


def listen(host: str, port: int) -> socket.socket:
    """The page's socket.

    Raises:
        ProgramError: the port is in use, or the address is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        found.listen()  # from here on the port is ours; who comes early waits for the first answer
    except OSError as error:
        found.close()
        raise ProgramError(f"cannot listen on {host}:{port} ({error.strerror}); choose another with --port") from error
    return found


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
        self._closing = ExitStack()
        with ExitStack() as opened:
            opened.enter_context(DataLock(settings.data))
            influx = settings.influx_for(self.site.id)
            self.store = open_store(settings.data, influx, raw_retention_days=settings.retention_days)
            opened.callback(self.store.close)
            channels = [*map(open_channel, settings.channels), *setup.channels]
            for channel in channels:
                opened.callback(channel.close)
            policy = NotifyPolicy(tuple(channel.name for channel in channels))
            self.records = Records(settings.records_url, policy=policy)
            opened.callback(self.records.close)
            self.records.migrate()
            self.journal = Journal(settings.data / JOURNAL_FILE, limits=_limits(settings), readers=(LIVE, STREAM))
            opened.callback(self.journal.close)
            self.counts = Counts()
            self.stream = EventStream()
            self.journal.skip_to(self.records.applied_seq())  # a journal that was lost must not give these again
            self.sink = StoreSink(self.journal, self.store, self._confirm)
            parts = JudgeParts(self.journal, self.records, self.store, self._tell, self._rebuild, setup.is_history)
            self.judge = Judge(parts, *shard_at_start(self.site, setup.rules, self.records, self.journal))
            self._outbox = Outbox(self.records, channels, MessageWriter(lambda: self.site, settings.page_url))
            self._owner = StoreServer(settings.data, self.store, lambda batch: _durable(self.journal, batch))
            self._closing = opened.pop_all()
        self.is_history_in = True
        self.history_head = self.journal.head()
        self.detail = ""

    # -- what the API asks for ----------------------------------------------------------------------------

    def health(self) -> HealthReport:
        """How collecting goes, now."""
        return self.store.told_in(self.counts.report(self.setup.now(), self.journal))

    def readiness(self) -> Readiness:
        """Ready once all that was there at the start (and the demo's history) is judged."""
        if not self.is_history_in:
            return Readiness(False, None, self.detail)
        head = max(1, self.history_head)
        done = min(self.judge.position, self.sink.position)
        return Readiness(done >= self.history_head, min(1.0, done / head), self.detail)

    def _confirm(self, batch: ReadingBatch) -> None:
        if not self.setup.is_history(batch):  # what no collector received shall not make its counts look wrong
            self.counts.stored(batch)

    def _tell(self, alerts: Sequence[Alert]) -> None:
        for alert in alerts:
            self.stream.publish({"type": "alert", "id": alert.id, "state": alert.state.value, "node": alert.node})
        self._outbox.wake()

    def _rebuild(self) -> tuple[Shard, int] | None:
        """The rules' state from the store, once that has all there is; on the judge's thread."""
        target = self.journal.head()
        worker = self.judge.worker
        while self.sink.position < target and not worker.is_stopping:
            worker.pause(_PROBE_S)
        try:
            is_stopping, now = (lambda: worker.is_stopping), self.setup.now()
            made = rebuilt_shard(self.site, self.setup.rules, self.records, self.store, now, is_stopping)
        except RebuildStoppedError:
            return None
        self._tell(made.alerts)
        return made.shard, made.position

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
        server = _Server(uvicorn.Config(self._app(sink), log_config=None, timeout_graceful_shutdown=3))
        serving = loop.create_task(server.serve([listening]), name="http")
        stopping = loop.create_task(stop.wait(), name="stop")
        collecting = loop.create_task(self._collect(sink, prologue, on_ready, stop), name="collect")
        self._start_workers()
        try:
            done, _ = await asyncio.wait({serving, stopping, collecting}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                task.result()
        finally:
            for task in (collecting, stopping):
                task.cancel()
            await asyncio.gather(collecting, stopping, return_exceptions=True)
            await sink.close()
            await loop.run_in_executor(None, self._stop_workers)
            self.stream.close()
            server.should_exit = True
            await asyncio.gather(serving, return_exceptions=True)

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
        collecting = Collecting(self.setup.settings, self.journal, sink, self.counts)
        upkeep = [
            asyncio.create_task(tick_forever(sink, self.setup.now), name="ticks"),
            asyncio.create_task(each_night(self.site.zone, self.store.maintain), name="nightly"),
        ]
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(collecting.run(self.site), name="meters")
                tasks.create_task(self._announce(on_ready), name="ready")
        finally:
            for task in upkeep:
                task.cancel()

    async def _announce(self, on_ready: Callable[[], None]) -> None:
        while not self.readiness().is_ready:  # noqa: ASYNC110 - two threads' positions, looked at
            await asyncio.sleep(_PROBE_S)
        await asyncio.get_running_loop().run_in_executor(None, self.judge.tell_open)
        self._outbox.wake()
        self.stream.publish({"type": "ready"})
        on_ready()

    async def _note_our_gap(self, sink: JournalSink) -> None:
        """Say since when this program was down, so that no meter is blamed for it."""
        # A thread's position, looked at.
        while (shard := self.judge.shard) is None or self.judge.position < self.journal.head():  # noqa: ASYNC110
            await asyncio.sleep(_PROBE_S)
        await sink.append_entry(Tick(self.setup.now(), shard.judged_until))

    def _start_workers(self) -> None:
        self._owner.start()
        self.sink.worker.start()
        self.judge.worker.start()
        self._outbox.start()

    def _stop_workers(self) -> None:
        """What was taken is stored and judged before the end; a store that is down keeps it in the journal."""
        self._owner.stop()
        self.sink.worker.stop()
        self.judge.worker.stop()
        with suppress(Exception):
            self.sink.drain()
        with suppress(Exception):
            self.judge.snapshot()
        self._outbox.stop()

    def close(self) -> None:
        """Close files and give the lock back."""
        self._closing.close()

    # -- parts --------------------------------------------------------------------------------------------

    def _app(self, sink: JournalSink) -> Any:
        settings = self.setup.settings
        token = settings.token.get_secret_value() if settings.token else None
        return create_app(
            ApiParts(
                site=lambda: self.site,
                readings=self.store,
                intervals=self.store,
                records=self.records,
                health=self.health,
                submit=sink.append,
                stream=self.stream,
                is_ready=self.readiness,
                access=self.setup.access or Access(tokens={"token": hash_token(token)} if token else {}),
                prices=settings.prices.prices(),
            )
        )


def _durable(journal: Journal, batch: ReadingBatch) -> None:
    journal.append([batch])


def _limits(settings: Settings) -> JournalLimits:
    journal = settings.journal
    return JournalLimits(cap_bytes=journal.cap_mb << 20, free_floor_bytes=journal.free_disk_floor_mb << 20)


class _Server(uvicorn.Server):
    """Signals are the program's own matter: it ends its parts in order, the server among them."""

    @contextmanager
    def capture_signals(self) -> Any:
        with nullcontext():
            yield
