"""The stores of a data folder, whoever has them: this process if nobody else does, else the one that runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aquavolt.stores.calls import OwnedStore
from aquavolt.stores.influx.settings import InfluxSettings
from aquavolt.stores.lock import SOCKET_FILE, DataInUseError, DataLock
from aquavolt.stores.opened import STORE_FILE, open_store
from aquavolt.stores.remote import RemoteStore
from metering.batch import ReadingBatch
from metering.ports import StoreUnavailableError

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
def open_stores(
    folder: Path, *, influx: InfluxSettings | None = None, patience_s: float = 10.0
) -> Iterator[OpenStores]:
    """Open the folder's stores: themselves under the folder's lock, or through the process that has the lock.

    `patience_s` is how long a process that holds the lock may take to answer, e.g. because it is just starting.

    Raises:
        FileNotFoundError: there is no data in the folder.
        StoreUnavailableError: a process holds the lock and does not answer, or the file cannot be opened.
    """
    if influx is None and not (folder / STORE_FILE).exists():
        raise FileNotFoundError(f"there is no data in {folder}: it has no {STORE_FILE}")
    found = _own_or_reach(folder, time.monotonic() + patience_s)
    try:
        if isinstance(found, DataLock):
            yield from _owned(folder, influx)
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


def _owned(folder: Path, influx: InfluxSettings | None) -> Iterator[OpenStores]:
    store = open_store(folder, influx)
    try:
        yield OpenStores(store, None)
    finally:
        store.close()
