"""The adapters that every store contract runs on. A new adapter joins by one line in `ADAPTERS`."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aquavolt.stores.duckdb_store import DuckDBStore
from aquavolt.stores.influx.influx_store import InfluxStore
from aquavolt.stores.influx.settings import InfluxSettings
from aquavolt.stores.owner import StoreServer
from aquavolt.stores.remote import RemoteStore
from deploy.services.influxd import Access


def _duckdb(folder: Path) -> DuckDBStore:
    return DuckDBStore(folder / "store.duckdb")


class _OwnedElsewhere(RemoteStore):
    """A DuckDB store reached through its owner's socket; here the owner is in the same process."""

    def __init__(self, folder: Path) -> None:
        self.owned = _duckdb(folder)
        self.server = StoreServer(folder, self.owned)
        self.server.start()
        super().__init__(folder)

    def close(self) -> None:
        super().close()
        self.server.stop()
        self.owned.close()


def _influx(folder: Path, influx: Access) -> InfluxStore:
    """Buckets of its own, by the folder's name, on the real server of the test run."""
    bucket = f"contract_{zlib.crc32(str(folder).encode()):08x}"
    return InfluxStore(InfluxSettings(influx.url, influx.token, influx.org, bucket, "campus"), folder)


# Name -> how to open the adapter on a folder of its own; opened again on the same folder it must show the same data.
ADAPTERS: dict[str, Callable[..., Any]] = {
    "duckdb": _duckdb,
    "duckdb through its socket": _OwnedElsewhere,
    "influx": _influx,
}


@pytest.fixture(
    params=[pytest.param(name, marks=pytest.mark.influx) if name == "influx" else name for name in ADAPTERS]
)
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Any]]:
    """Opens the store; called again, it closes the one before and opens it anew."""
    opened: list[Any] = []
    # The server is asked for only where it is needed: elsewhere the tests run without it.
    given = (request.getfixturevalue("influx"),) if request.param == "influx" else ()

    def close() -> None:
        while opened:
            opened.pop().close()

    def reopen() -> Any:
        close()
        opened.append(ADAPTERS[request.param](tmp_path, *given))
        return opened[-1]

    yield reopen
    close()


@pytest.fixture
def store(open_store: Callable[[], Any]) -> Any:
    return open_store()
