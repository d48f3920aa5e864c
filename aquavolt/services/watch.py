"""`aquavolt watch`: takes in what collectors push, judges it, and tells people."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial

import structlog

from api.stream import EventStream
from aquavolt.clock import each_tick
from aquavolt.http_server import serving
from aquavolt.judge import CURSOR as STREAM
from aquavolt.judging import Judging
from aquavolt.notify import keep_alive
from aquavolt.pushing.coverage import CURSOR as STORED
from aquavolt.pushing.intake import POSTED, Intake
from aquavolt.pushing.local_link import LocalLink
from aquavolt.pushing.pusher import Pusher, PusherParts
from aquavolt.pushing.server import ServerParts, create_server
from aquavolt.pushing.wire import Hello, WatchState
from aquavolt.rebuild import Ground
from aquavolt.services.footing import OpenStore, shared_store, watch_of
from aquavolt.setup import Setup, cancelled, limits_of, until_first
from aquavolt.store_sink import CURSORS
from aquavolt.stores.lock import DataLock
from aquavolt.taking import JOURNAL_FILE, Taking
from aquavolt.worker import Worker
from collector.journal import Journal
from metering.batch import ReadingBatch
from metering.entries import Tick

FOLDER = "watch"
_log = structlog.get_logger(__name__)


class Watch:
    """Open it, `run` it until `stop` is set, and everything is ended and saved in order."""

    def __init__(self, setup: Setup, open_store: OpenStore | None = None) -> None:
        """Open journals, store and records.

        Raises:
            ProgramError, DataInUseError, StoreUnavailableError, RecordsError, JournalError: what cannot be opened.
        """
        self.setup = setup
        self._settings = watch_of(setup)
        open_store = open_store or shared_store(setup)
        folder = setup.settings.data / FOLDER
        with ExitStack() as opened:
            opened.enter_context(DataLock(folder))
            self.store = open_store(folder)
            opened.callback(self.store.close)
            self.journal = Journal(folder / JOURNAL_FILE, limits=limits_of(setup.settings), readers=(STREAM, STORED))
            opened.callback(self.journal.close)
            self.stream = EventStream()
            self.judging = Judging(setup, self.journal, self.store, self.stream, self._ground)
            opened.callback(self.judging.close)
            self.intake = Intake(self.journal, lambda: setup.site, setup.now)
            # What people post is a collector without meters: a journal, the way to the store, the way in here.
            self.posted = Taking(setup, self.store, folder / POSTED, (*CURSORS, STREAM))
            opened.callback(self.posted.close)
            self._closing = opened.pop_all()
        self._history_head = self.journal.head()
        self._pusher = self._posted_pusher()

    def _posted_pusher(self) -> Pusher:
        posted = self.posted
        hello = Hello(posted.journal.epoch, self.setup.site.id, ())
        return Pusher(
            PusherParts(
                POSTED, posted.journal, LocalLink(self.intake), lambda: hello, lambda: posted.sink.position,
                posted.health, lambda _: None, lambda _state, _error: None,
            )
        )  # fmt: skip

    def state(self) -> WatchState:
        """How it goes: ready once all that was there at the start is judged."""
        done, head = self.judging.judge.position, max(1, self._history_head)
        health = self.store.told_in(self.judging.told_in(self.intake.health(), f"{FOLDER}/{STREAM}"))
        mirror = self.judging.mirror
        sending = None if mirror is None else mirror.status
        return WatchState(done >= self._history_head, min(1.0, done / head), "", health, sending)

    def _ground(self, worker: Worker) -> Ground | None:
        """A rebuild takes from the store what collectors say is there, and the rest from the journal."""
        if worker.is_stopping:
            return None
        head = self.journal.head()
        return Ground(head, self._journaled(self.journal.cursor(STORED), head))

    def _journaled(self, after: int, until: int) -> Iterator[ReadingBatch]:
        while rows := [row for row in self.journal.read(after) if row[0] <= until]:
            yield from (entry for _, entry in rows if isinstance(entry, ReadingBatch))
            after = rows[-1][0]

    @property
    def is_well(self) -> bool:
        """Whether its threads live."""
        return all(worker.is_alive for worker in self._workers())

    def _workers(self) -> list[Worker]:
        return [self.judging.judge.worker, self.judging.words.worker, self.posted.sink.worker, self._pusher.worker]

    async def run(
        self, stop: asyncio.Event, listening: socket.socket, *, on_ready: Callable[[], None] = lambda: None
    ) -> None:
        """Take in, judge and tell until `stop`."""
        loop = asyncio.get_running_loop()
        token = self._settings.token.get_secret_value()
        server = create_server(ServerParts(token, self.intake, self.stream, self.state, self._post))
        self.posted.start()
        self.judging.start()
        self._pusher.worker.start()
        stopping = loop.create_task(stop.wait(), name="stop")
        announcing = self.judging.announce(
            lambda: self.judging.judge.position >= self._history_head, lambda: _log.info("history is judged")
        )
        beside = [
            loop.create_task(announcing, name="ready"),
            loop.create_task(keep_alive(lambda: self.is_well), name="watchdog"),
            loop.create_task(each_tick(self._tick), name="ticks"),
        ]
        async with serving(server, listening, **self._tls()) as http:
            on_ready()
            try:
                await until_first(stopping, http)
            finally:
                await cancelled(stopping, *beside)
                await loop.run_in_executor(None, self._stop)
                self.stream.close()

    def _tls(self) -> dict[str, str]:
        given = {"ssl_certfile": self._settings.certificate, "ssl_keyfile": self._settings.key}
        return {name: str(path) for name, path in given.items() if path is not None}

    async def _tick(self) -> None:
        tick = Tick(self.setup.now())
        await asyncio.get_running_loop().run_in_executor(None, partial(self.intake.tick, tick))

    def _post(self, batch: ReadingBatch) -> None:
        self.posted.journal.append([batch])

    def _stop(self) -> None:
        """Nothing more is taken; what was, stays in the journals for the next start where it is not done now."""
        self._pusher.worker.stop()
        self._pusher.drain()
        self.intake.close()
        self.posted.stop()
        self.judging.stop()

    def close(self) -> None:
        """Close files and give the lock back."""
        self._closing.close()
