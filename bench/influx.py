"""InfluxDB as the store: how fast readings are written and confirmed, and how fast questions are answered.

    python bench/influx.py [--points 3000000] [--meters 500] [--interval-meters 20]

A real InfluxDB 2, fresh, on the same machine, over its loopback address, without compression, two connections.
Queries are the median of nine, warm. Data are made: registers of resolution 0.001 that
climb by random steps, a fixed seed. Prints Markdown.
"""

from __future__ import annotations

import argparse
import os
import platform
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

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from aquavolt.logs import set_up_logs  # noqa: E402
from aquavolt.stores.influx.influx_store import InfluxStore  # noqa: E402
from aquavolt.stores.influx.lines import READING, encode_lines  # noqa: E402
from aquavolt.stores.influx.settings import InfluxSettings  # noqa: E402
from deploy.services.influxd import start_influx  # noqa: E402
from deploy.services.influxd_build import VERSION  # noqa: E402
from metering.batch import ReadingBatch, batch_of  # noqa: E402
from metering.intervals import IntervalBatch  # noqa: E402
from metering.windows import STEP, day_edges, month_edges  # noqa: E402

SEED = 20260301
START = np.datetime64("2025-12-31T16:00", "ms")  # midnight of 2026-01-01 in Asia/Shanghai
PERIOD_MS = 15_000
CALL_ROWS = 500_000  # what the sink reads from the journal at once, about
HOUR = 4 * STEP
DAY = 24 * HOUR

Row = tuple[str, str]


def ids(meters: int) -> tuple[str, ...]:
    return tuple(f"meter-{i:04}" for i in range(meters))


def readings(rows: int, meters: int) -> Iterator[ReadingBatch]:
    """Every meter read once a period, in the order of time, `CALL_ROWS` at once."""
    rng = np.random.default_rng(SEED)
    register = np.round(rng.random(meters) * 1000, 3)
    rounds = CALL_ROWS // meters
    for first in range(0, rows // meters, rounds):
        count = min(rounds, rows // meters - first)
        values = register + np.cumsum(np.round(rng.gamma(0.3, 0.01, (count, meters)), 3), axis=0)
        register = values[-1]
        at = START + np.arange(first, first + count) * np.timedelta64(PERIOD_MS, "ms")
        meter = np.tile(np.arange(meters), count)
        yield batch_of(ids(meters), meter, 50, np.repeat(at, meters), np.round(values.ravel(), 3))


def intervals(first: int, count: int, meters: int) -> IntervalBatch:
    """Steps `first` to `first + count` of all meters, in the order of time."""
    rng = np.random.default_rng((SEED, first))
    rows = count * meters
    return IntervalBatch(
        ids(meters),
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


def query_ms(query: Callable[..., Any], *arguments: Any) -> str:
    return f"{statistics.median(seconds(query, *arguments) for _ in range(9)) * 1000:.0f} ms"


def measure_writing(store: InfluxStore, rows: int, meters: int) -> list[Row]:
    batches = list(readings(rows, meters))
    written = sum(map(len, batches))
    cpu = time.process_time()
    spent = sum(seconds(store.append_readings, [batch], number) for number, batch in enumerate(batches))
    cpu = time.process_time() - cpu
    small = batches[0].take(np.arange(meters))
    single = [seconds(store.append_readings, [small], 1) for _ in range(30)]
    encoding = seconds(lambda: [encode_lines(READING, "bench", batches[0].take(np.arange(i, i + 10_000)))
                                for i in range(0, len(batches[0]), 10_000)])  # fmt: skip
    return [
        (f"batches to confirmed, {written:,} points of {meters} meters", f"{written / spent:,.0f} points/s"),
        ("CPU of ours for it", f"{cpu / written * 1e6:.2f} us a point"),
        ("of which line protocol", f"{encoding / len(batches[0]) * 1e6:.2f} us a point"),
        (f"a batch of {meters} readings, confirmed", f"{statistics.median(single) * 1000:.1f} ms"),
    ]


def measure_reading(store: InfluxStore, meters: int) -> list[Row]:
    asked = ids(meters)[:20]
    span = (asked, ["water_volume"], START, START + HOUR)
    hour = store.read(*span)
    return [
        (
            f"raw readings of 20 meters, {len(hour):,} rows",
            query_ms(store.read, *span),
        ),
        (f"the newest reading of each of {meters} meters", query_ms(store.latest)),
        ("how many readings each has", query_ms(store.count)),
    ]


def measure_intervals(store: InfluxStore, meters: int) -> list[Row]:
    month, steps = 30 * 96, 365 * 96
    batches = [intervals(first, min(month, steps - first), meters) for first in range(0, steps, month)]
    spent = sum(seconds(store.upsert_intervals, batch) for batch in batches)
    live = [seconds(store.upsert_intervals, intervals(steps + n, 1, meters)) for n in range(40)]
    return [
        (f"intervals upserted with their hours, a month of {meters} meters a call", f"{steps * meters / spent:,.0f}/s"),
        (f"the newest step of {meters} meters", f"{statistics.median(live) * 1000:.1f} ms"),
    ]


def measure_usage(store: InfluxStore, meters: int) -> list[Row]:
    hours = START + np.arange(8761) * HOUR
    first, last = date(2026, 1, 1), date(2026, 12, 31)
    local, odd = ZoneInfo("Asia/Shanghai"), ZoneInfo("Asia/Kathmandu")

    def usage(edges: Any) -> str:
        return query_ms(store.usage, ids(meters), "water_volume", edges)

    def building() -> None:
        np.nansum(store.usage(ids(meters), "water_volume", hours).usage, axis=1)

    return [
        (f"a year of hours of one building, the sum of {meters} meters", query_ms(building)),
        (f"a year of local days of {meters} meters, +08:00", usage(day_edges(first, last, local))),
        (f"a year of local days of {meters} meters, +05:45", usage(day_edges(first, last, odd))),
        (f"a year of local months of {meters} meters", usage(month_edges(first, last, local))),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="InfluxDB as the store")
    parser.add_argument("--points", type=int, default=3_000_000)
    parser.add_argument("--meters", type=int, default=500)
    parser.add_argument("--interval-meters", type=int, default=20)
    given = parser.parse_args()
    set_up_logs()  # to stderr: what is printed is a document
    server, folder = start_influx(lambda line: print(line, file=sys.stderr))
    local = Path(tempfile.mkdtemp(prefix="aquavolt-bench-"))
    try:
        access = server.access
        store = InfluxStore(InfluxSettings(access.url, access.token, access.org, "bench", "bench"), local)
        rows = measure_writing(store, given.points, given.meters)
        rows += measure_reading(store, given.meters)
        rows += measure_intervals(store, given.interval_meters)
        rows += measure_usage(store, given.interval_meters)
        store.close()
    finally:
        server.stop()
        shutil.rmtree(folder)
        shutil.rmtree(local)
    print(f"Machine: {platform.machine()}, {os.cpu_count()} cores, {datetime.now(UTC):%Y-%m-%d}.")
    print(f"Data: made, seed {SEED}. InfluxDB {VERSION}, its default settings.\n")
    print("| what | measured |")
    print("|---|---:|")
    for what, measured in rows:
        print(f"| {what} | {measured} |")


if __name__ == "__main__":
    main()
