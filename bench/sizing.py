"""What a reading costs: bytes on disk and memory, in the embedded store and in InfluxDB.

    python bench/sizing.py [--readings 10000000] [--meters 500] [--interval-meters 100]

Both take the same made readings (registers of resolution 0.001 that climb by random steps, every 15 s) and a year of
15-minute intervals. On disk is what the files hold once all is written down: DuckDB after a checkpoint, InfluxDB after
its caches are written and compacted, which its settings here let it do at once. Memory is the resident set of the
process that has the store, at its highest while it writes. Prints Markdown.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from aquavolt.logs import set_up_logs  # noqa: E402
from aquavolt.stores.duckdb_store import DuckDBStore  # noqa: E402
from aquavolt.stores.influx.influx_store import InfluxStore  # noqa: E402
from aquavolt.stores.influx.settings import InfluxSettings  # noqa: E402
from bench.influx import intervals, readings  # noqa: E402
from deploy.services.influxd import start_influx  # noqa: E402
from metering.ports import IntervalStore, ReadingStore  # noqa: E402

YEAR_STEPS = 365 * 96
MONTH_STEPS = 30 * 96
# InfluxDB keeps what is new in memory and a log, and compacts what was not written to for hours: not so here.
AT_ONCE = {
    "INFLUXD_STORAGE_CACHE_SNAPSHOT_WRITE_COLD_DURATION": "1s",
    "INFLUXD_STORAGE_COMPACT_FULL_WRITE_COLD_DURATION": "2s",
}
SETTLED_S = 8.0
LONGEST_S = 300.0


class Store(ReadingStore, IntervalStore, Protocol):
    """Both ports, and an end."""

    def close(self) -> None:
        """Write down what is left."""
        ...


@dataclass(frozen=True, slots=True)
class Size:
    """What a store needed."""

    reading_bytes: float
    interval_bytes: float
    memory: int


def bytes_in(folder: Path) -> int:
    """As `du` counts them: InfluxDB's files of series are mostly holes."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


@contextmanager
def highest_memory(process: psutil.Process) -> Iterator[list[int]]:
    """A list whose only entry is the highest resident set so far."""
    highest, stop = [0], threading.Event()

    def look() -> None:
        while not stop.wait(0.1):
            highest[0] = max(highest[0], process.memory_info().rss)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield highest
    finally:
        stop.set()
        looking.join()


def write_readings(store: Store, given: argparse.Namespace) -> int:
    written = 0
    for number, batch in enumerate(readings(given.readings, given.meters), 1):
        store.append_readings([batch], number)
        written += len(batch)
    return written


def write_year(store: Store, meters: int) -> int:
    for first in range(0, YEAR_STEPS, MONTH_STEPS):
        store.upsert_intervals(intervals(first, min(MONTH_STEPS, YEAR_STEPS - first), meters))
    return YEAR_STEPS * meters


def measure_duckdb(given: argparse.Namespace, folder: Path) -> Size:
    def grown(write: str, name: str) -> float:
        path = folder / name
        path.mkdir()
        store = DuckDBStore(path / "store.duckdb")
        count = write_readings(store, given) if write == "readings" else write_year(store, given.interval_meters)
        store.maintain(np.datetime64("2026-01-01", "ms"))
        store.close()
        return bytes_in(path) / count

    with highest_memory(psutil.Process()) as highest:
        sizes = grown("readings", "readings"), grown("intervals", "intervals")
    return Size(*sizes, highest[0])


def settled(folder: Path) -> int:
    """The size once it has not changed for a while."""
    deadline, last, since = time.monotonic() + LONGEST_S, -1, time.monotonic()
    while time.monotonic() < deadline:
        now = bytes_in(folder)
        if now != last:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > SETTLED_S:
            break
        time.sleep(0.5)
    return last


def measure_influx(given: argparse.Namespace, folder: Path) -> Size:
    os.environ.update(AT_ONCE)
    server, kept = start_influx(lambda line: print(line, file=sys.stderr))
    try:
        access = server.access
        (process,) = (c for c in psutil.Process().children(recursive=True) if c.name() == "influxd")
        store = InfluxStore(InfluxSettings(access.url, access.token, access.org, "bench", "bench"), folder / "influx")
        empty = settled(kept / "engine")
        with highest_memory(process) as highest:
            count = write_readings(store, given)
            full = settled(kept / "engine")
            steps = write_year(store, given.interval_meters)
            both = settled(kept / "engine")
        store.close()
        return Size((full - empty) / count, (both - full) / steps, highest[0])
    finally:
        server.stop()
        shutil.rmtree(kept)


def main() -> None:
    parser = argparse.ArgumentParser(description="bytes on disk and memory of a reading")
    parser.add_argument("--readings", type=int, default=10_000_000)
    parser.add_argument("--meters", type=int, default=500)
    parser.add_argument("--interval-meters", type=int, default=100)
    given = parser.parse_args()
    set_up_logs()  # to stderr: what is printed is a document
    folder = Path(tempfile.mkdtemp(prefix="aquavolt-sizing-"))
    try:
        embedded, influx = measure_duckdb(given, folder), measure_influx(given, folder)
    finally:
        shutil.rmtree(folder)
    print(f"Machine: {platform.machine()}, {os.cpu_count()} cores, {datetime.now(UTC):%Y-%m-%d}.")
    print(f"Data: made. {given.readings:,} readings of {given.meters} meters; a year of intervals of ", end="")
    print(f"{given.interval_meters} meters.\n")
    print("| what | embedded store | InfluxDB |")
    print("|---|---:|---:|")
    print(f"| a reading on disk | {embedded.reading_bytes:.1f} B | {influx.reading_bytes:.1f} B |")
    day = (96 * size.interval_bytes for size in (embedded, influx))
    print("| intervals of a meter and day on disk, hours included | " + " | ".join(f"{b:,.0f} B" for b in day) + " |")
    print(f"| memory at its highest | {embedded.memory / 1e6:,.0f} MB | {influx.memory / 1e6:,.0f} MB |")


if __name__ == "__main__":
    main()
