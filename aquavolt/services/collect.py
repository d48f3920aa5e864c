"""`aquavolt collect`: meters into a journal, from there to the store and to `watch`; each waits for neither."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

import structlog

from aquavolt.notify import keep_alive
from aquavolt.pushing.link import Link
from aquavolt.pushing.pusher import CURSOR as STREAM
from aquavolt.pushing.pusher import Pusher, PusherParts
from aquavolt.pushing.reports import told_of
from aquavolt.pushing.wire import Hello
from aquavolt.services.footing import OpenStore, link_to, shared_store, watch_of
from aquavolt.setup import ProgramError, Setup, cancelled, until_first
from aquavolt.store_sink import CURSORS
from aquavolt.stores.lock import DataLock
from aquavolt.taking import Taking
from collector.journal_sink import JournalSink
from metering.entries import Tick
from metering.health import HealthReport
from metering.site import Meter

FOLDER = "collect"
WELCOME_S = 30.0
_NAMED = 8
_REFUSED = "refused"
_log = structlog.get_logger(__name__)


class Collect:
    """Open it, `run` it until `stop` is set, and everything taken is kept."""

    def __init__(self, setup: Setup, open_store: OpenStore | None = None, link: Link | None = None) -> None:
        """Open journal and store; neither the store's server nor `watch` need be there yet.

        Raises:
            ProgramError, DataInUseError, StoreUnavailableError, JournalError: what cannot be opened, and why.
        """
        self.setup = setup
        self.name = setup.settings.collector.name
        self._watch = watch_of(setup)
        self._mine = _meters_of(setup)
        open_store = open_store or shared_store(setup)
        folder = folder_of(setup)
        with ExitStack() as opened:
            opened.enter_context(DataLock(folder))
            self.store = open_store(folder)
            opened.callback(self.store.close)
            self.taking = Taking(setup, self.store, folder, (*CURSORS, STREAM))
            opened.callback(self.taking.close)
            link = link or link_to(self._watch)
            opened.callback(link.close)
            self._closing = opened.pop_all()
        self.journal = self.taking.journal
        self.refused: dict[str, str] = json.loads(self.journal.marks().get(_REFUSED, "{}"))
        self._answered = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.pusher = Pusher(
            PusherParts(
                self.name, self.journal, link, self._hello, lambda: self.taking.sink.position, self.health,
                self._hear_refused, self._tell,
            )
        )  # fmt: skip

    def health(self) -> HealthReport:
        """How collecting goes, now."""
        return self.store.told_in(self.taking.health())

    @property
    def is_well(self) -> bool:
        """Whether its threads live."""
        return self.pusher.worker.is_alive and self.taking.sink.worker.is_alive

    async def run(self, stop: asyncio.Event, *, on_ready: Callable[[], None] = lambda: None) -> None:
        """Collect until `stop`."""
        self._loop = loop = asyncio.get_running_loop()
        sink = JournalSink(self.journal)
        if self.journal.head():
            # Since when it was down stands at `watch`, in the last tick before this one.
            now = self.setup.now()
            await sink.append_entry(Tick(now, now))
        self.taking.start()
        self.pusher.worker.start()
        stopping = loop.create_task(stop.wait(), name="stop")
        reading = loop.create_task(self._read(sink), name="read")
        alive = loop.create_task(keep_alive(lambda: self.is_well), name="watchdog")
        on_ready()
        try:
            await until_first(stopping, reading)
        finally:
            await cancelled(reading, stopping, alive)
            await sink.close()
            await loop.run_in_executor(None, self._stop)

    def _stop(self) -> None:
        """What was taken goes where it should before the end, as far as it goes at once; the rest is in the journal."""
        self.pusher.worker.stop()
        self.taking.stop()
        self.pusher.drain()

    def close(self) -> None:
        """Close files and give the lock back."""
        self._closing.close()

    # -- meters -------------------------------------------------------------------------------------------

    async def _read(self, sink: JournalSink) -> None:
        """Read this collector's meters, anew whenever `watch` says which are another's.

        Without an answer they are read all the same after a while: what is read twice harms less than what is lost.
        """
        with suppress(TimeoutError):
            await asyncio.wait_for(self._answered.wait(), WELCOME_S)
        while True:
            self._answered.clear()
            meters = [meter for meter in self._mine if meter.id not in self.refused]
            for meter, reason in self.refused.items():
                self.taking.counts.error(meter, reason)
            reading = asyncio.create_task(self.taking.run(sink, self.setup.site, meters, self.name))
            changed = asyncio.create_task(self._answered.wait())
            try:
                await until_first(reading, changed)
            finally:
                await cancelled(reading, changed)

    def _hear_refused(self, refused: Mapping[str, str]) -> None:
        """On the pusher's thread."""
        self.refused = dict(refused)
        if refused:
            _log.warning("meters are left to another collector", meters=len(refused), reason=told_of(refused))
        self.journal.append([], {_REFUSED: json.dumps(self.refused, ensure_ascii=False)})
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._answered.set)

    def _hello(self) -> Hello:
        return Hello(self.journal.epoch, self.setup.site.id, tuple(meter.id for meter in self._mine))

    def _tell(self, state: str, error: str) -> None:
        self.taking.counts.connection(f"watch {self._watch.url}", state, errors=int(bool(error)), error=error)


def folder_of(setup: Setup) -> Path:
    """Where this collector keeps its journal: several may share a data folder."""
    return setup.settings.data / FOLDER / setup.settings.collector.name


def _meters_of(setup: Setup) -> list[Meter]:
    site, nodes = setup.site, setup.settings.collector.nodes
    if unknown := [node for node in nodes if node not in site.nodes]:
        name, known = setup.settings.collector.name, ", ".join(list(site.nodes)[:_NAMED])
        raise ProgramError(
            f"collector {name!r}: the site has no node {', '.join(unknown)}; its {len(site.nodes)} nodes are {known}"
            f"{', ...' if len(site.nodes) > _NAMED else ''}"
        )
    within = {below for node in nodes for below in site.subtree(node)}
    return [m for m in site.meters.values() if m.connection is not None and (not nodes or m.node in within)]
