"""Readings out into long-form files, and back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from aquavolt.longform import LongFormError, export_file, write_file
from aquavolt.stores.duckdb_store import DuckDBStore
from metering.batch import ReadingBatch, batch_of

START = np.datetime64("2025-08-31T16:00", "ms")
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDBStore]:
    with contextlib.closing(DuckDBStore(tmp_path / "store.duckdb")) as store:
        yield store


def mixed(rows: int = 400) -> ReadingBatch:
    random = np.random.default_rng(9)
    time = START + np.sort(random.integers(0, 10**8, rows)) // 250 * 250
    meters = ["inlet", "宿舍,3#"]
    quantity = random.choice([50, 51], rows)
    return batch_of(
        meters, random.integers(0, 2, rows), quantity, time, random.normal(0, 1e3, rows), random.integers(0, 256, rows)
    )


def keyed(batch: ReadingBatch) -> dict[tuple[str, int, int], tuple[float, int]]:
    ms = batch.time.astype(int).tolist()
    keys = zip((batch.meters[m] for m in batch.meter), batch.quantity.tolist(), ms, strict=True)
    return dict(zip(keys, zip(batch.value.tolist(), batch.quality.tolist(), strict=True), strict=True))


def test_the_text_is_as_the_contract_has_it(tmp_path: Path) -> None:
    time = START + np.array([0, 1500, 86_400_000])
    batch = batch_of(["inlet", "宿舍,3#"], [0, 1, 0], [50, 51, 50], time, [1.0, 0.1, 1e21])
    path = tmp_path / "out.csv"
    report = write_file(path, [batch], SHANGHAI)
    assert (report.path, report.rows) == (path, 3)
    assert path.read_text().splitlines() == [
        "meter,quantity,time,value",
        "inlet,water_volume,2025-09-01T00:00:00+08:00,1.0",
        '"宿舍,3#",flow_rate,2025-09-01T00:00:01.500+08:00,0.1',
        "inlet,water_volume,2025-09-02T00:00:00+08:00,1e+21",
    ]


def test_offsets_follow_the_local_clock(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    time = np.array(
        ["2025-10-26T00:30", "2025-10-26T01:30", "2025-03-30T00:59:59", "2025-03-30T01:00"], "datetime64[ms]"
    )
    write_file(path, [batch_of(["m"], [0] * 4, 50, time, [1.0] * 4)], ZoneInfo("Europe/Rome"))
    assert [line.split(",")[2] for line in path.read_text().splitlines()[1:]] == [
        "2025-10-26T02:30:00+02:00",
        "2025-10-26T02:30:00+01:00",
        "2025-03-30T01:59:59+01:00",
        "2025-03-30T03:00:00+02:00",
    ]
    for zone, expected in (("Asia/Kathmandu", "06:15:00+05:45"), ("America/St_Johns", "22:00:00-02:30")):
        write_file(path, [batch_of(["m"], [0], 50, time[:1], [1.0])], ZoneInfo(zone))
        assert path.read_text().splitlines()[1].split(",")[2].endswith(expected)


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.parquet"])
def test_out_and_in_again_is_the_same(
    store: DuckDBStore, take: Callable[..., Any], tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aquavolt.stores.scan.SLICE_ROWS", 50)
    batch = mixed()
    store.append_readings([batch], 1)
    seen: list[tuple[str, int, int]] = []
    report = export_file(store, tmp_path / name, SHANGHAI, has_quality=True, progress=lambda *step: seen.append(step))
    got, imported = take(tmp_path / name, is_in_time_order=False)
    assert report.rows == imported.rows == len(keyed(batch))
    assert imported.faults.count == 0
    assert keyed(got) == keyed(batch)
    assert (np.diff(got.time).astype(int) >= 0).all()
    assert ("reading", 400, 400) in seen
    assert seen[-1] == ("packing", report.rows, report.rows)


def test_a_range_of_some_meters_and_quantities(store: DuckDBStore, take: Callable[..., Any], tmp_path: Path) -> None:
    batch = mixed()
    store.append_readings([batch], 1)
    start, end = START + 20_000_250, START + 70_000_000
    path = tmp_path / "part.parquet"
    export_file(store, path, SHANGHAI, meters=["宿舍,3#"], quantities=["water_volume"], start=start, end=end)
    got, _ = take(path)
    wanted = (batch.meter == 1) & (batch.quantity == 50) & (batch.time >= start) & (batch.time < end)
    assert {k: v for k, (v, _) in keyed(got).items()} == {k: v for k, (v, _) in keyed(batch.take(wanted)).items()}
    assert got.quality.tolist() == [0] * len(got)


def test_nothing_stored_is_a_file_with_a_header(store: DuckDBStore, take: Callable[..., Any], tmp_path: Path) -> None:
    for name in ("none.csv", "none.parquet"):
        assert export_file(store, tmp_path / name, SHANGHAI).rows == 0
        got, report = take(tmp_path / name)
        assert (len(got), report.faults.count) == (0, 0)


def test_an_export_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("before")

    def breaks() -> Iterator[ReadingBatch]:
        yield mixed()
        raise OSError("the store is gone")

    with pytest.raises(LongFormError, match=r"out\.csv cannot be written: the store is gone"):
        write_file(path, breaks(), SHANGHAI)
    assert path.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


def test_where_and_what_to_write_must_be_known(tmp_path: Path) -> None:
    with pytest.raises(LongFormError, match=r"Allowed endings: \.csv, \.csv\.gz, \.parquet"):
        write_file(tmp_path / "out.txt", [], SHANGHAI)
    with pytest.raises(LongFormError, match="cannot be written"):
        write_file(tmp_path / "absent" / "out.csv", [], SHANGHAI)
