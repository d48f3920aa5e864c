"""The store and the long form need numpy and duckdb, no pandas, pyarrow or pytz beside them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("pandas", "pyarrow", "pytz", "polars"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from pathlib import Path
from zoneinfo import ZoneInfo
import numpy as np
from aquavolt.longform import export_file, import_file
from aquavolt.stores.duckdb_store import DuckDBStore
from metering.batch import batch_of
from metering.intervals import IntervalBatch
from metering.site_document import parse_site
from metering.windows import STEP
folder = Path(sys.argv[1])
store = DuckDBStore(folder / "store.duckdb", raw_retention_days=1000)
start = np.datetime64("2026-03-01", "ms")
store.append_readings([batch_of(["m"], [0, 0], 50, start + np.array([2000, 1000]), [1.0, 2.0])], 1)
zero, water = np.zeros(1, np.int32), np.full(1, 50, np.uint8)
store.upsert_intervals(IntervalBatch(("m",), zero, water, np.array([start]), np.ones(1), zero.astype("u2")))
edges = start + np.arange(3) * STEP
print(store.usage(["m"], "water_volume", edges).usage.tolist(), store.count(), len(store.latest()))
print(store.maintain(start))
site = parse_site({"site": {"id": "s", "timezone": "Asia/Shanghai"}, "meters": [{"id": "m", "medium": "water"}]})
for name in ("a.csv", "a.parquet"):
    export_file(store, folder / name, ZoneInfo("Asia/Shanghai"))
    print(import_file(site, folder / name, lambda batch: None).rows)
print(sorted(m for m in sys.modules if m.partition(".")[0] in ("pandas", "pyarrow", "pytz", "polars")))
"""


def test_nothing_else_is_needed(tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, check=False)
    assert run.stdout.splitlines() == [
        "[[1.0], [nan]] {'m': 2} 1",
        "Maintenance(expired=0, superseded=0)",
        "2",
        "2",
        "[]",
    ], run.stderr
