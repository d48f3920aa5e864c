"""kill -9 while the embedded store is written: at every restart position and rows agree."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from aquavolt.stores.duckdb_store import DuckDBStore
from metering.windows import STEP

START = np.datetime64("2026-03-01T00:00", "ms")
METERS = 20

# Turn n writes a reading a meter with the value n, and n as position; then an interval a meter of step n with usage n.
# It begins with the intervals of the last turn, as the rules do when they replay. A small log threshold has it
# checkpoint every few turns, so that some kills fall into a checkpoint.
WRITE = """
import sys
import numpy as np
from aquavolt.stores.duckdb_store import DuckDBStore
from metering.batch import batch_of
from metering.intervals import IntervalBatch
from metering.windows import STEP
meters = 20
ids, each = tuple(f"m{i}" for i in range(meters)), np.arange(meters, dtype=np.int32)
water, good = np.full(meters, 50, np.uint8), np.zeros(meters, np.uint16)
store = DuckDBStore(sys.argv[1])
with store._connection.query() as cursor:
    cursor.execute("SET GLOBAL wal_autocheckpoint = '20KB'")
n = store.position()
while True:
    at, values = np.repeat(np.datetime64("2026-03-01T00:00", "ms") + n * STEP, meters), np.full(meters, float(n))
    if n > store.position():
        store.append_readings([batch_of(ids, each, 50, at, values)], n)
    store.upsert_intervals(IntervalBatch(ids, each, water, at, values, good))
    print(n, flush=True)
    n += 1
"""


def write_and_kill(path: Path, turns: int, later_s: float) -> int:
    """Let it write, kill it `later_s` after it has reported its `turns`-th turn; the last turn it reported.

    A turn takes a few milliseconds: the delay spreads the kills over all that happens within one.
    """
    with subprocess.Popen([sys.executable, "-c", WRITE, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        reported = [process.stdout.readline() for _ in range(turns)]
        time.sleep(later_s)
        process.kill()
        reported += process.stdout.read().splitlines()
    return int(reported[-1])


def check(path: Path, reported: int) -> None:
    with contextlib.closing(DuckDBStore(path)) as store:
        position = store.position()
        assert position >= reported
        assert store.count() == {f"m{i}": position for i in range(METERS) if position}
        got = store.read(["m7"], ["water_volume"], START, START + 10**6 * STEP)
        assert got.value.tolist() == list(range(1, position + 1))
        assert store.latest().value.tolist() == [position] * METERS * (position > 0)
        # The turn's interval comes after its readings: the last one may be missing, with its share of the roll-up.
        steps = store.usage(["m7"], "water_volume", START + np.arange(position + 2) * STEP).usage[:, 0]
        written = int(np.isfinite(steps).sum()) - 1
        assert written in (position - 1, position)
        assert steps[: written + 1].tolist() == list(range(written + 1))
        hours = store.usage(["m3"], "water_volume", START + np.arange(0, position + 5, 4) * STEP).usage[:, 0]
        assert np.nansum(hours) == written * (written + 1) / 2


def test_killed_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    moments = random.Random(11)  # noqa: S311 - which turn to kill at, no secret
    for _ in range(16):
        check(path, write_and_kill(path, moments.randint(1, 15), moments.uniform(0, 0.01)))
    with contextlib.closing(DuckDBStore(path)) as store:
        assert store.position() >= 16
