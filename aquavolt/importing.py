"""Where imported readings go: the journal, of the program that runs or of this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from aquavolt.config.settings import WatchSettings
from aquavolt.judge import CURSOR as STREAM
from aquavolt.services.footing import link_to
from aquavolt.store_sink import CURSORS, StoreSink
from aquavolt.stores.influx.settings import InfluxSettings
from aquavolt.stores.lock import DataInUseError, DataLock
from aquavolt.stores.opened import open_store
from aquavolt.stores.opening import open_stores
from aquavolt.taking import JOURNAL_FILE
from collector.journal import Journal
from metering.batch import ReadingBatch


@contextmanager
def journal_of(data: Path, influx: InfluxSettings | None = None) -> Iterator[Callable[[ReadingBatch], None]]:
    """Takes batches into the journal of a data folder; judged now if the program runs, else when it starts.

    Raises:
        StoreUnavailableError, DataInUseError: a program holds the folder and does not answer, or takes no readings.
        JournalError: the journal cannot be written.
    """
    lock = DataLock(data)
    try:
        lock.acquire()
    except DataInUseError:
        with open_stores(data, influx=influx) as opened:
            if opened.submit is None:
                raise
            yield opened.submit
        return
    try:
        yield from _own_journal(data, influx)
    finally:
        lock.close()


@contextmanager
def posted_to(watch: WatchSettings) -> Iterator[Callable[[ReadingBatch], None]]:
    """Hands batches to the `aquavolt watch` that runs, which journals, stores and judges them.

    Raises:
        LinkError: it does not take them.
    """
    with closing(link_to(watch)) as link:
        yield link.post


def _own_journal(data: Path, influx: InfluxSettings | None) -> Iterator[Callable[[ReadingBatch], None]]:
    journal = Journal(data / JOURNAL_FILE, readers=(*CURSORS, STREAM))
    store = open_store(data, influx)
    try:
        yield lambda batch: _take(journal, batch)
        StoreSink(journal, store, lambda _: None).drain()
    finally:
        store.close()
        journal.close()


def _take(journal: Journal, batch: ReadingBatch) -> None:
    journal.append([batch])
