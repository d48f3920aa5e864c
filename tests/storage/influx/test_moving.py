"""From the embedded store to InfluxDB: stopped anywhere it goes on, and what arrives is compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aquavolt.moving import MoveError, move_store
from aquavolt.stores.duckdb_store import DuckDBStore
from aquavolt.stores.influx.influx_store import InfluxStore
from aquavolt.stores.influx.settings import InfluxSettings
from aquavolt.stores.lock import DataInUseError, DataLock
from metering.batch import batch_of
from metering.intervals import IntervalBatch

pytestmark = pytest.mark.influx

START = np.datetime64("2026-03-01T00:00", "ms")
STEP = np.timedelta64(15, "m")
NOW = START + np.timedelta64(40, "D")
DAYS = 20
IDS = ("水表 1", "b", "c,d")


def nothing(_what: str, _done: int, _total: int) -> None:
    pass


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An embedded store with some weeks of readings, some of them superseded, and intervals."""
    monkeypatch.setattr("aquavolt.stores.scan.SLICE_ROWS", 2_000)
    random = np.random.default_rng(11)
    store = DuckDBStore(tmp_path / "store.duckdb")
    steps = DAYS * 96
    time = np.repeat(START + np.arange(steps) * STEP, len(IDS))
    meter = np.tile(np.arange(len(IDS)), steps)
    quantity = np.where(meter == 1, 1, 50)
    quality = random.choice([0, 0, 0, 128, 64], len(meter))
    store.append_readings([batch_of(IDS, meter, quantity, time, random.random(len(meter)), quality)], 10)
    store.append_readings([batch_of(IDS, [0, 1], [50, 20], START + 5 * STEP, [77.0, 5.0])], 11)
    usage = random.random(len(meter))
    store.upsert_intervals(
        IntervalBatch(
            IDS, meter.astype(np.int32), quantity.astype(np.uint8), time, usage, quality.astype(np.uint16)
        ).take(random.random(len(meter)) < 0.9)
    )
    store.close()
    return tmp_path


def test_everything_arrives_and_is_compared(
    folder: Path, settings: InfluxSettings, open_influx: Callable[..., InfluxStore]
) -> None:
    report = move_store(folder, settings, NOW, nothing)
    assert report.readings == DAYS * 96 * 3 + 1
    assert report.too_old == 0
    store, source = open_influx(), DuckDBStore(folder / "store.duckdb")
    assert store.count() == source.count()
    assert store.position() == 11
    edges = START + np.arange(DAYS + 1) * np.timedelta64(1, "D")
    for quantity in ("water_volume", "active_energy_import"):
        ours, theirs = (kind.usage(IDS, quantity, edges) for kind in (source, store))
        np.testing.assert_allclose(theirs.usage, ours.usage, rtol=0, atol=1e-9)
        assert (theirs.quality == ours.quality).all()
    assert report.intervals == sum(
        int((~np.isnan(source.usage(IDS, name, START + np.arange(DAYS * 96 + 1) * STEP).usage)).sum())
        for name in ("water_volume", "active_energy_import")
    )
    source.close()
    assert move_store(folder, settings, NOW, nothing) == report


class StoppedError(Exception):
    pass


def test_stopped_it_goes_on_where_it_was(folder: Path, settings: InfluxSettings) -> None:
    def stop_at(wanted: str, number: int) -> Callable[[str, int, int], None]:
        def advance(what: str, done: int, _total: int) -> None:
            seen.append((what, done))
            if (what, done) == (wanted, number):
                raise StoppedError

        return advance

    seen: list[tuple[str, int]] = []
    for where in (("readings", 2), ("intervals", 1), ("comparing readings", 1)):
        with pytest.raises(StoppedError):
            move_store(folder, settings, NOW, stop_at(*where))
    written: list[int] = []
    original = InfluxStore.append_readings

    def counted(store: InfluxStore, batches: list, *given: object) -> None:
        written.extend(len(batch) for batch in batches)
        original(store, batches, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(InfluxStore, "append_readings", counted)
        report = move_store(folder, settings, NOW, nothing)
    assert sum(written) == 0
    assert report.readings == DAYS * 96 * 3 + 1


def test_a_reading_that_is_other_over_there_is_found(
    folder: Path, settings: InfluxSettings, open_influx: Callable[..., InfluxStore]
) -> None:
    move_store(folder, settings, NOW, nothing)
    open_influx().append_readings([batch_of(["b"], [0], 1, START + 9 * STEP, [-1.0])], 12)
    with pytest.raises(MoveError, match=r"1 of .* readings from 2026-03-01"):
        move_store(folder, settings, NOW, nothing)


def test_what_the_bucket_would_not_keep_is_counted_and_left(folder: Path, settings: InfluxSettings) -> None:
    now = np.datetime64("now", "ms")
    days = float((now - (START + np.timedelta64(10, "D"))) / np.timedelta64(1, "D"))
    report = move_store(folder, replace(settings, retention_days=days), now, nothing)
    assert report.too_old == pytest.approx(10 * 96 * 3, abs=20)
    assert report.readings + report.too_old == pytest.approx(DAYS * 96 * 3, abs=20)


def test_a_running_program_and_an_empty_folder_are_told(folder: Path, settings: InfluxSettings, tmp_path: Path) -> None:
    with DataLock(folder), pytest.raises(DataInUseError):
        move_store(folder, settings, NOW, nothing)
    with pytest.raises(FileNotFoundError, match="embedded store"):
        move_store(tmp_path / "nothing", settings, NOW, nothing)
