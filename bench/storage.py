"""The embedded store: how fast it takes readings and intervals, answers, imports and exports, and how big it gets.

    python bench/storage.py [--readings 5000000] [--meters 150] [--interval-meters 200]

All in one process on one file in the system's temporary folder. Queries are the median of nine, the store just written
(warm). Data are made: registers of resolution 0.001 that climb by random steps, a fixed seed. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import platform
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from aquavolt.longform import export_file, import_file  # noqa: E402
from aquavolt.stores.duckdb_store import DEFAULT_MEMORY_LIMIT, DEFAULT_THREADS, DuckDBStore  # noqa: E402
from metering.batch import ReadingBatch, batch_of  # noqa: E402
from metering.intervals import IntervalBatch  # noqa: E402
from metering.site import Meter, Site  # noqa: E402
from metering.windows import STEP, day_edges, month_edges  # noqa: E402

SEED = 20260301
START = np.datetime64("2025-12-31T16:00", "ms")  # midnight of 2026-01-01 in Asia/Shanghai
PERIOD_S = 15
BATCH_ROWS = 100_000
HOUR = 4 * STEP
QUERIED = 20

Row = tuple[str, str]


def ids(meters: int) -> list[str]:
    return [f"meter-{i:04}" for i in range(meters)]


def readings(rows: int, meters: int) -> Iterator[ReadingBatch]:
    """Every meter read once a `PERIOD_S`, in the order of time."""
    rng = np.random.default_rng(SEED)
    register = np.round(rng.random(meters) * 1000, 3)
    rounds = BATCH_ROWS // meters
    for first in range(0, rows // meters, rounds):
        count = min(rounds, rows // meters - first)
        values = register + np.cumsum(np.round(rng.gamma(0.3, 0.01, (count, meters)), 3), axis=0)
        register = values[-1]
        at = START + np.arange(first, first + count) * np.timedelta64(PERIOD_S * 1000, "ms")
        meter = np.tile(np.arange(meters), count)
        yield batch_of(ids(meters), meter, 50, np.repeat(at, meters), np.round(values.ravel(), 3))


def intervals(first: int, count: int, meters: int) -> IntervalBatch:
    """Steps `first` to `first + count` of all meters, in the order of time."""
    rng = np.random.default_rng((SEED, first))
    rows = count * meters
    return IntervalBatch(
        tuple(ids(meters)),
        np.tile(np.arange(meters, dtype=np.int32), count),
        np.full(rows, 50, np.uint8),
        np.repeat(START + np.arange(first, first + count) * STEP, meters),
        np.round(rng.gamma(0.5, 0.1, rows), 3),
        np.zeros(rows, np.uint16),
    )


def seconds(work: Callable[..., Any], *arguments: Any) -> float:
    started = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - started


def median_ms(spent: list[float]) -> str:
    return f"{statistics.median(spent) * 1000:.1f} ms"


def query_ms(query: Callable[..., Any], *arguments: Any) -> str:
    return median_ms([seconds(query, *arguments) for _ in range(9)])


def measure_readings(store: DuckDBStore, path: Path, rows: int, meters: int) -> list[Row]:
    spent = done = 0.0
    for number, batch in enumerate(readings(rows, meters)):
        spent += seconds(store.append_readings, [batch], number)
        done += len(batch)
    store.maintain(START)
    size = path.stat().st_size / done  # bytes a reading = MB a million
    small = batch_of(ids(meters), np.arange(meters), 50, START + np.timedelta64(400, "D"), np.ones(meters))
    commits = [seconds(store.append_readings, [small], 1) for _ in range(50)]
    asked, day = ids(meters)[:QUERIED], np.timedelta64(86_400_000, "ms")
    return [
        (f"readings appended, {BATCH_ROWS:,} a commit", f"{done / spent:,.0f}/s"),
        (f"a commit of {meters} readings", median_ms(commits)),
        ("file size a million readings, checkpointed", f"{size:.1f} MB"),
        (
            f"one raw day of {QUERIED} meters ({86400 // PERIOD_S * QUERIED:,} readings)",
            query_ms(store.read, asked, ["water_volume"], START + day, START + 2 * day),
        ),
        ("the newest reading of every meter", query_ms(store.latest)),
    ]


def measure_intervals(store: DuckDBStore, meters: int) -> list[Row]:
    month, steps = 30 * 96, 365 * 96
    batches = [intervals(first, min(month, steps - first), meters) for first in range(0, steps, month)]
    spent = sum(seconds(store.upsert_intervals, batch) for batch in batches)
    again = seconds(store.upsert_intervals, batches[5])
    live = [intervals(steps + n, 1, meters) for n in range(50)]
    late = [intervals(n * 600, 1, meters) for n in range(50)]
    commits = [[seconds(store.upsert_intervals, batch) for batch in kind] for kind in (live, late)]
    return [
        ("intervals upserted, new ones, a month a commit", f"{steps * meters / spent:,.0f}/s"),
        ("intervals upserted, all replaced, a month a commit", f"{month * meters / again:,.0f}/s"),
        (f"a commit of the newest step of {meters} meters", median_ms(commits[0])),
        (f"a commit of a late step of {meters} meters", median_ms(commits[1])),
    ]


def measure_usage(store: DuckDBStore, meters: int) -> list[Row]:
    asked = ids(meters)[:QUERIED]
    hours = START + np.arange(8761) * HOUR
    first, last = date(2026, 1, 1), date(2026, 12, 31)
    local, odd = ZoneInfo("Asia/Shanghai"), ZoneInfo("Asia/Kathmandu")

    def usage(who: list[str], edges: Any) -> str:
        return query_ms(store.usage, who, "water_volume", edges)

    def building() -> None:
        np.nansum(store.usage(asked, "water_volume", hours).usage, axis=1)

    return [
        (f"a year of hours of one building, the sum of {QUERIED} meters", query_ms(building)),
        (f"a year of local days of {QUERIED} meters, +08:00", usage(asked, day_edges(first, last, local))),
        (f"a year of local days of {QUERIED} meters, +05:45", usage(asked, day_edges(first, last, odd))),
        (f"a year of local months of {meters} meters", usage(ids(meters), month_edges(first, last, local))),
    ]


def measure_files(store: DuckDBStore, folder: Path, meters: int) -> list[Row]:
    site = Site("bench", "bench", "Asia/Shanghai", {}, {m: Meter(m, "water") for m in ids(meters)})
    rows: list[Row] = []
    end = START + np.timedelta64(1_000_000 // meters * PERIOD_S * 1000, "ms")
    for name in ("readings.csv", "readings.csv.gz", "readings.parquet"):
        path, kind = folder / name, name.partition(".")[2]
        started = time.perf_counter()
        report = export_file(store, path, site.zone, end=end)
        spent = time.perf_counter() - started
        rows.append((f"export of {report.rows:,} readings, {kind}", f"{report.rows / spent:,.0f}/s"))
        spent = seconds(import_file, site, path, len)
        rows.append((f"import of them in the order of time, {kind}", f"{report.rows / spent:,.0f}/s"))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="The embedded store")
    parser.add_argument("--readings", type=int, default=5_000_000)
    parser.add_argument("--meters", type=int, default=150)
    parser.add_argument("--interval-meters", type=int, default=200)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="aquavolt-bench-"))
    try:
        path = folder / "store.duckdb"
        store = DuckDBStore(path)
        rows = measure_readings(store, path, given.readings, given.meters)
        rows += measure_intervals(store, given.interval_meters)
        rows += measure_usage(store, given.interval_meters)
        rows += measure_files(store, folder, given.meters)
        store.close()
    finally:
        shutil.rmtree(folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows.append(("peak memory of the process, batches included", f"{peak:.0f} MB"))
    print(f"Machine: {platform.processor() or platform.machine()}, {datetime.now(UTC):%Y-%m-%d}.")
    print(
        f"Data: made, seed {SEED}; {given.readings:,} readings of {given.meters} meters, a year of 15 min intervals of "
        f"{given.interval_meters}. DuckDB {duckdb.__version__}, memory_limit {DEFAULT_MEMORY_LIMIT}, "
        f"{DEFAULT_THREADS} threads.\n"
    )
    print("| what | measured |")
    print("|---|---:|")
    for what, measured in rows:
        print(f"| {what} | {measured} |")


if __name__ == "__main__":
    main()
