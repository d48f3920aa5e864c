"""The stores of a data folder, whoever has them: this process if nobody else does, else the one that runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aquavolt.stores.calls import OwnedStore
from aquavolt.stores.duckdb_store import DuckDBStore
from aquavolt.stores.lock import SOCKET_FILE, DataInUseError, DataLock
from aquavolt.stores.remote import RemoteStore
from metering.batch import ReadingBatch
from metering.ports import StoreUnavailableError

STORE_FILE = "store.duckdb"
_RETRY_S = 0.1


@dataclass(frozen=True, slots=True)
class OpenStores:
    """The stores of a folder.

    store   both ports and the scan
    submit  where new readings go while a running process owns the folder; None where this process does: then the
            journal is its own to write
    """

    store: OwnedStore
    submit: Callable[[ReadingBatch], None] | None


@contextmanager
def open_stores(folder: Path, *, patience_s: float = 10.0) -> Iterator[OpenStores]:
    """Open the folder's stores: the file itself under the folder's lock, or through the process that has the lock.

    `patience_s` is how long a process that holds the lock may take to answer, e.g. because it is just starting.

    Raises:
        FileNotFoundError: there is no data in the folder.
        StoreUnavailableError: a process holds the lock and does not answer, or the file cannot be opened.
    """
    if not (folder / STORE_FILE).exists():
        raise FileNotFoundError(f"there is no data in {folder}: it has no {STORE_FILE}")
    found = _own_or_reach(folder, time.monotonic() + patience_s)
    try:
        if isinstance(found, DataLock):
            yield from _owned(folder)
        else:
            yield OpenStores(found, found.submit)
    finally:
        found.close()


def _own_or_reach(folder: Path, deadline: float) -> DataLock | RemoteStore:
    lock = DataLock(folder)
    while True:
        try:
            lock.acquire()
        except DataInUseError as in_use:
            try:
                return RemoteStore(folder)
            except StoreUnavailableError as error:
                if time.monotonic() >= deadline:
                    raise StoreUnavailableError(f"{in_use}; it does not answer on its {SOCKET_FILE}") from error
            time.sleep(_RETRY_S)
        else:
            return lock


def _owned(folder: Path) -> Iterator[OpenStores]:
    store = DuckDBStore(folder / STORE_FILE)
    try:
        yield OpenStores(store, None)
    finally:
        store.close()
