"""Readings in: meters, the journal, the store. The same in `run` and in `collect`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from aquavolt.clock import tick_forever
from aquavolt.collecting import Collecting
from aquavolt.setup import Setup, limits_of
from aquavolt.store_sink import StoreSink
from collector.counts import Counts
from collector.journal import Journal, JournalError
from collector.journal_sink import JournalSink
from metering.batch import ReadingBatch
from metering.health import HealthReport
from metering.ports import ReadingStore, StoreUnavailableError
from metering.site import Meter, Site

JOURNAL_FILE = "journal.db"
_STOP_S = 10.0


async def submitted(sink: JournalSink, batch: ReadingBatch) -> None:
    """Readings that somebody posted, durable when this returns.

    Raises:
        StoreUnavailableError: the journal takes none now; nothing was written.
    """
    if not sink.is_accepting():
        raise StoreUnavailableError("the disk is full: the journal takes no readings")
    try:
        await sink.append(batch)
    except JournalError as error:
        raise StoreUnavailableError(str(error)) from error


class Taking:
    """The journal in a folder, its way to the store, and the meters whose readings go into it."""

    def __init__(self, setup: Setup, store: ReadingStore, folder: Path, readers: Sequence[str]) -> None:
        """Open the journal.

        Raises:
            JournalError: it cannot be opened.
        """
        self._setup = setup
        with ExitStack() as opened:
            self.journal = Journal(folder / JOURNAL_FILE, limits=limits_of(setup.settings), readers=readers)
            opened.callback(self.journal.close)
            self.counts = Counts()
            self.sink = StoreSink(self.journal, store, self._confirm)
            self._closing = opened.pop_all()

    def _confirm(self, batch: ReadingBatch) -> None:
        if not self._setup.is_history(batch):  # what no collector received shall not make its counts look wrong
            self.counts.stored(batch)

    def health(self) -> HealthReport:
        """How collecting goes, now."""
        return self.counts.report(self._setup.now(), self.journal)

    async def run(
        self, sink: JournalSink, site: Site, meters: Iterable[Meter] | None = None, collector: str = ""
    ) -> None:
        """Read these meters of the site (None: all) and tick, until cancelled."""
        arrival = self._setup.arrival or self._setup.now
        collecting = Collecting(self._setup.settings, self.journal, sink, self.counts, collector, now=arrival)
        ticks = asyncio.create_task(tick_forever(sink, self._setup.now), name="ticks")
        try:
            await collecting.run(site, meters)
        finally:
            ticks.cancel()

    def start(self) -> None:
        """Start the way to the store."""
        self.sink.worker.start()

    def stop(self) -> None:
        """What was taken is stored before the end; for a store that is away it stays in the journal."""
        worker = self.sink.worker
        worker.stop(_STOP_S)
        if worker.is_alive or worker.last_error:  # it waits for an answer, or had none: neither is worth waiting for
            return
        with suppress(Exception):
            self.sink.drain()

    def close(self) -> None:
        """Close the journal."""
        self._closing.close()
