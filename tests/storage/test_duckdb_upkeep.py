"""The embedded store's own matters: retention, superseded rows, foreign files, failing disks, memory."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pytest

from aquavolt.stores.duckdb_store import DuckDBStore
from aquavolt.stores.scan import scan, slices
from aquavolt.stores.schema import SchemaError
from aquavolt.stores.upkeep import Maintenance
from metering.batch import ReadingBatch, batch_of, concatenate
from metering.intervals import IntervalBatch
from metering.ports import StoreUnavailableError
from metering.windows import STEP

NOW = np.datetime64("2026-03-31T12:00", "ms")
DAY = np.timedelta64(86_400_000, "ms")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDBStore]:
    with contextlib.closing(DuckDBStore(tmp_path / "store.duckdb", raw_retention_days=10)) as store:
        yield store


def daily(days: int, meter: str = "m") -> ReadingBatch:
    return batch_of([meter], np.zeros(days, int), 50, NOW - np.arange(days)[::-1] * DAY, np.arange(float(days)))


def test_old_raw_readings_go_and_intervals_stay(store: DuckDBStore) -> None:
    store.append_readings([daily(30), daily(5, "young")], 30)
    start = NOW - 30 * DAY
    one = np.zeros(1, np.int32)
    store.upsert_intervals(
        IntervalBatch(("m",), one, one.astype(np.uint8) + 50, np.array([start]), np.ones(1), one.astype(np.uint16))
    )
    assert store.maintain(NOW) == Maintenance(expired=19, superseded=0)
    assert store.count() == {"m": 11, "young": 5}
    assert store.maintain(NOW) == Maintenance(expired=0, superseded=0)
    assert store.usage(["m"], "water_volume", np.array([start, start + STEP])).usage.tolist() == [[1.0]]
    assert store.position() == 30


def test_without_a_retention_nothing_goes(tmp_path: Path) -> None:
    with contextlib.closing(DuckDBStore(tmp_path / "kept.duckdb")) as store:
        store.append_readings([daily(3000)], 1)
        assert store.maintain(NOW).expired == 0
        assert store.count() == {"m": 3000}


def test_superseded_rows_are_dropped_once_and_only_they(store: DuckDBStore) -> None:
    store.append_readings([daily(8), daily(8), daily(8, "n")], 1)
    before = store.read(["m", "n"], ["water_volume"], NOW - 9 * DAY, NOW + DAY)
    assert store.maintain(NOW).superseded == 8
    store.append_readings([daily(3)], 2)
    assert store.maintain(NOW).superseded == 3
    assert store.maintain(NOW).superseded == 0
    _, rows = store.hourly_counts()
    assert rows.sum() == 16
    after = store.read(["m", "n"], ["water_volume"], NOW - 9 * DAY, NOW + DAY)
    expected = daily(3)
    assert after.time.tolist() == before.time.tolist()
    assert after.value[5:8].tolist() == expected.value.tolist()
    assert after.value[:5].tolist() == before.value[:5].tolist()


def test_a_scan_gives_everything_in_the_order_of_time(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aquavolt.stores.scan.SLICE_ROWS", 100)
    random = np.random.default_rng(2)
    time = NOW + random.permutation(2000) * 47_000
    batch = batch_of(["a", "b"], random.integers(0, 2, 2000), random.choice([50, 51], 2000), time, np.arange(2000.0))
    store.append_readings([batch], 1)
    stretches = slices(store, None, None)
    assert len(stretches) > 10
    assert sum(s.rows for s in stretches) == 2000
    got = concatenate(scan(store, stretches))
    assert got.time.tolist() == sorted(time.tolist())
    assert sorted(got.value.tolist()) == list(range(2000))
    start, end = NOW + 1_000_000, NOW + 50_000_000
    some = concatenate(scan(store, slices(store, start, end), ["b"], ["flow_rate"]))
    wanted = (batch.meter == 1) & (batch.quantity == 51) & (batch.time >= start) & (batch.time < end)
    assert sorted(some.value.tolist()) == sorted(batch.value[wanted].tolist())
    assert slices(store, NOW - 2 * DAY, NOW - DAY) == []


def test_a_foreign_duckdb_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE bank (money INTEGER)")
    with pytest.raises(SchemaError, match=r"not a store of AquaVolt.*'bank'"):
        DuckDBStore(path)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    DuckDBStore(path).close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE schema_version SET version = 2")
    with pytest.raises(SchemaError, match=r"schema version 2; this program knows version 1"):
        DuckDBStore(path)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    path.write_text("meter,quantity,time,value\n" * 1000)
    with pytest.raises(StoreUnavailableError, match=r"store\.duckdb cannot be opened"):
        DuckDBStore(path)


def test_readings_and_position_are_written_both_or_neither(store: DuckDBStore) -> None:
    store.append_readings([daily(3)], 3)
    before = store.read(["m"], ["water_volume"], NOW - 9 * DAY, NOW + DAY)
    beyond_bigint = 2**70  # refused by the last statement of the transaction, after the rows
    with pytest.raises(StoreUnavailableError):
        store.append_readings([daily(8), daily(8, "new")], beyond_bigint)
    after = store.read(["m", "new"], ["water_volume"], NOW - 9 * DAY, NOW + DAY)
    assert after.value.tolist() == before.value.tolist()
    assert store.position() == 3
    assert store.count() == {"m": 3}
    assert len(store.latest()) == 1
    store.append_readings([daily(8, "new")], 4)
    assert store.count() == {"m": 3, "new": 8}


def test_a_closed_store_is_unavailable(store: DuckDBStore) -> None:
    store.close()
    with pytest.raises(StoreUnavailableError, match="closed"):
        store.position()


# A process that may not let any file grow beyond 1 MB stands for a full disk: the write fails with EFBIG.
FULL_DISK = """
import resource, signal, sys
import numpy as np
from aquavolt.stores.duckdb_store import DuckDBStore
from metering.batch import batch_of
from metering.ports import StoreUnavailableError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = DuckDBStore(sys.argv[1])
def write(n, rows):
    time = np.datetime64("2026-03-01", "ms") + np.arange(n * rows, (n + 1) * rows)
    store.append_readings([batch_of(["m"], np.zeros(rows, int), 50, time, np.random.default_rng(n).random(rows))], n)
write(1, 100)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
for _ in range(2):
    try:
        write(2, 300_000)
        print("written")
    except StoreUnavailableError as error:
        print("unavailable")
print(store.position(), store.count())
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
write(2, 300_000)
print(store.position(), store.count())
"""


def test_a_full_disk_writes_nothing_and_the_same_call_succeeds_later(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    run = subprocess.run([sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, check=False)
    assert run.stdout.splitlines() == ["unavailable", "unavailable", "1 {'m': 100}", "2 {'m': 300100}"], run.stderr
    with contextlib.closing(DuckDBStore(path)) as store:
        assert (store.position(), store.count()) == (2, {"m": 300_100})


MEMORY = """
import sys
import numpy as np
import duckdb  # what importing costs is not the store's doing
from aquavolt.stores.duckdb_store import DuckDBStore
from metering.batch import batch_of
def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) // 1024
before = peak()
store = DuckDBStore(sys.argv[1])
ids = [f"m{i}" for i in range(500)]
for n in range(40):
    rows = 100_000
    time = np.datetime64("2026-03-01", "ms") + np.arange(n * rows, (n + 1) * rows) // 500 * 15000
    value = np.random.default_rng(n).random(rows)
    store.append_readings([batch_of(ids, np.arange(rows) % 500, 50, time, value)], n)
    store.append_readings([batch_of(ids, np.arange(rows) % 500, 50, time, value)], n)
store.maintain(np.datetime64("2026-04-01", "ms"))
assert sum(store.count().values()) == 4_000_000
print(peak() - before)
"""


@pytest.mark.slow
def test_memory_stays_within_the_limit(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path / "s.duckdb")], capture_output=True, text=True, check=True
    )
    assert int(run.stdout) < 250  # MB: 128 of DuckDB's buffers and the batches themselves
