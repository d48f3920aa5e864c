"""The store that the settings ask for: InfluxDB where there is an address, else the embedded one."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from aquavolt.stores.calls import OwnedStore
from aquavolt.stores.influx.settings import InfluxSettings
from aquavolt.stores.upkeep import Maintenance
from metering.health import HealthReport

STORE_FILE = "store.duckdb"


class ProgramStore(OwnedStore, Protocol):
    """A store with all that a running program needs of it."""

    def maintain(self, now: np.datetime64) -> Maintenance:
        """Remove what is too old or superseded."""
        ...

    def told_in(self, report: HealthReport) -> HealthReport:
        """The report with how the store does."""
        ...

    def close(self) -> None:
        """Close it; what was confirmed is kept."""
        ...


def open_store(
    folder: Path,
    influx: InfluxSettings | None = None,
    *,
    raw_retention_days: float | None = None,
    memory_mb: int | None = None,
) -> ProgramStore:
    """Open the store of a data folder. The embedded one wants the folder's lock held; InfluxDB needs not be there yet.

    `memory_mb` bounds the embedded one's buffers; None: as it comes.

    Raises:
        StoreUnavailableError: its file cannot be opened.
        SchemaError: the embedded store's file is none of ours.
    """
    # Each is imported where it is used: the one's library is as heavy as the other's.
    if influx is None:
        from aquavolt.stores.duckdb_store import DEFAULT_MEMORY_LIMIT, DuckDBStore  # noqa: PLC0415

        limit = DEFAULT_MEMORY_LIMIT if memory_mb is None else f"{memory_mb}MB"
        return DuckDBStore(folder / STORE_FILE, raw_retention_days=raw_retention_days, memory_limit=limit)
    from aquavolt.stores.influx.influx_store import InfluxStore  # noqa: PLC0415

    return InfluxStore(influx, folder)
