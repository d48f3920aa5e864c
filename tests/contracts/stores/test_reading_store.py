"""What every ReadingStore promises (metering.ports)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from metering.batch import Quality, ReadingBatch, batch_of, concatenate

START = np.datetime64("2026-03-01T00:00", "ms")
SECOND = np.timedelta64(1000, "ms")
DAY = np.timedelta64(86_400_000, "ms")


def rows(batch: ReadingBatch) -> list[tuple[str, int, int, float, int]]:
    """Readings as plain tuples; time in ms since START."""
    ms = (batch.time - START).astype(int).tolist()
    ids = [batch.meters[i] for i in batch.meter]
    return list(zip(ids, batch.quantity.tolist(), ms, batch.value.tolist(), batch.quality.tolist(), strict=True))


def one(meter: str, at_s: float, value: float, quantity: int = 50, quality: int = 0) -> ReadingBatch:
    time = np.array([START + np.timedelta64(int(at_s * 1000), "ms")])
    return batch_of([meter], [0], quantity, time, [value], quality)


def read_all(store: Any, *meters: str, quantities: tuple[str, ...] = ("water_volume",)) -> ReadingBatch:
    return store.read(list(meters), list(quantities), START - 400 * DAY, START + 400 * DAY)


def test_gives_back_every_column_exactly(store: Any) -> None:
    value = [0.1 + 0.2, 1e-300, -7.25, 123456789.123]
    time = START + np.array([1, 2, 3, 999]).astype("timedelta64[ms]")
    store.append_readings([batch_of(["m"], [0] * 4, 50, time, value, [0, 1, 64, 128 + 16])], 1)
    got = read_all(store, "m")
    assert got.value.tolist() == value
    assert got.time.dtype == np.dtype("datetime64[ms]")
    assert got.time.tolist() == time.tolist()
    assert got.quality.tolist() == [0, 1, 64, 144]
    assert (got.meter.dtype, got.quantity.dtype, got.quality.dtype) == (np.int32, np.uint8, np.uint16)


def test_of_the_same_key_the_later_written_stays(store: Any) -> None:
    store.append_readings([one("m", 0, 1.0), one("m", 0, 2.0, quality=Quality.LATE)], 1)
    assert rows(read_all(store, "m")) == [("m", 50, 0, 2.0, Quality.LATE)]
    store.append_readings([one("m", 0, 0.5)], 2)
    assert rows(read_all(store, "m")) == [("m", 50, 0, 0.5, 0)]
    assert rows(store.latest()) == [("m", 50, 0, 0.5, 0)]
    assert store.count() == {"m": 1}


def test_of_the_same_key_within_one_batch_the_later_row_stays(store: Any) -> None:
    time = np.array([START, START + SECOND, START])
    store.append_readings([batch_of(["m"], [0, 0, 0], 50, time, [1.0, 2.0, 3.0])], 1)
    assert rows(read_all(store, "m")) == [("m", 50, 0, 3.0, 0), ("m", 50, 1000, 2.0, 0)]


def test_orders_by_meter_as_asked_for_then_quantity_then_time(store: Any) -> None:
    store.append_readings([one("a", 2, 1.0), one("b", 1, 2.0), one("a", 1, 3.0), one("a", 3, 4.0, quantity=51)], 1)
    got = rows(read_all(store, "b", "a", quantities=("water_volume", "flow_rate")))
    assert [(m, q, t) for m, q, t, _, _ in got] == [("b", 50, 1000), ("a", 50, 1000), ("a", 50, 2000), ("a", 51, 3000)]


def test_start_is_within_and_end_is_not(store: Any) -> None:
    store.append_readings([one("m", s, s) for s in range(4)], 1)
    got = store.read(["m"], ["water_volume"], START + SECOND, START + 3 * SECOND)
    assert got.value.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("asked", [([], ["water_volume"]), (["m"], []), (["nobody"], ["water_volume"])])
def test_what_is_not_there_is_an_empty_batch(store: Any, asked: tuple[list[str], list[str]]) -> None:
    store.append_readings([one("m", 0, 1.0)], 1)
    assert len(store.read(*asked, START - DAY, START + DAY)) == 0


def test_an_empty_range_and_an_empty_store_are_empty(store: Any) -> None:
    assert len(read_all(store, "m")) == 0
    assert len(store.latest()) == 0
    assert store.count() == {}
    store.append_readings([one("m", 0, 1.0)], 1)
    assert len(store.read(["m"], ["water_volume"], START, START)) == 0
    assert len(store.read(["m"], ["water_volume"], START + DAY, START)) == 0


def test_an_unknown_quantity_is_named(store: Any) -> None:
    with pytest.raises(ValueError, match=r"'water'.*water_volume"):
        store.read(["m"], ["water"], START, START + DAY)


def test_meter_ids_may_be_any_text(store: Any) -> None:
    ids = ["宿舍3#水表", "a b", "x'; DROP TABLE readings; --", 'q"uote', "é", "e\u0301", "a,b"]
    store.append_readings([one(name, 0, i) for i, name in enumerate(ids)], 1)
    got = read_all(store, *reversed(ids))
    assert [(m, v) for m, _, _, v, _ in rows(got)] == [(name, i) for i, name in reversed(list(enumerate(ids)))]


def test_many_meters(store: Any) -> None:
    ids = [f"room-{i:04}" for i in range(3000)]
    time = START + np.repeat(np.arange(4), len(ids)) * SECOND
    batch = batch_of(ids, np.tile(np.arange(len(ids)), 4), 1, time, np.arange(4.0 * len(ids)))
    store.append_readings([batch], 1)
    got = store.read(ids[::-7], ["active_energy_import"], START, START + DAY)
    assert got.value.reshape(-1, 4)[:, 0].tolist() == list(range(len(ids)))[::-7]
    assert len(store.count()) == len(ids)
    assert set(store.count().values()) == {4}


def test_latest_is_the_newest_of_each_channel_whatever_the_order_of_arrival(store: Any) -> None:
    store.append_readings([one("a", 5, 1.0), one("a", 3, 2.0), one("b", 1, 3.0), one("a", 4, 4.0, quantity=51)], 1)
    store.append_readings([one("a", 4, 5.0)], 2)
    assert rows(store.latest(["b", "nobody", "a"])) == [
        ("b", 50, 1000, 3.0, 0),
        ("a", 50, 5000, 1.0, 0),
        ("a", 51, 4000, 4.0, 0),
    ]
    assert {m for m, *_ in rows(store.latest())} == {"a", "b"}


def test_positions_are_kept_by_cursor(store: Any) -> None:
    assert (store.position(), store.position("backlog")) == (0, 0)
    store.append_readings([one("m", 0, 1.0)], 17)
    store.append_readings([one("m", 1, 1.0)], 5, cursor="backlog")
    store.append_readings([], 18)
    assert (store.position(), store.position("live"), store.position("backlog")) == (18, 18, 5)


def test_everything_is_there_after_opening_again(open_store: Callable[[], Any]) -> None:
    store = open_store()
    store.append_readings([one("m", 0, 1.0), one("m", 60, 2.0), one("m", 0, 3.0)], 9)
    store = open_store()
    assert rows(read_all(store, "m")) == [("m", 50, 0, 3.0, 0), ("m", 50, 60_000, 2.0, 0)]
    assert rows(store.latest()) == [("m", 50, 60_000, 2.0, 0)]
    store.append_readings([one("m", 60, 7.0), one("other", 0, 8.0)], 10)
    store = open_store()
    assert rows(store.latest()) == [("m", 50, 60_000, 7.0, 0), ("other", 50, 0, 8.0, 0)]
    assert store.position() == 10


def test_a_replay_of_the_same_batches_changes_nothing(store: Any) -> None:
    batches = [one("a", s, s * 1.5) for s in range(50)] + [one("b", s, s) for s in range(50)]
    store.append_readings(batches, 50)
    before = rows(read_all(store, "a", "b")), rows(store.latest()), store.count()
    store.append_readings(batches[20:80], 50)
    assert (rows(read_all(store, "a", "b")), rows(store.latest()), store.count()) == before


def test_a_batch_equals_its_pieces(store: Any) -> None:
    random = np.random.default_rng(3)
    n = 500
    time = START + random.integers(0, 60, n) * SECOND
    whole = batch_of(["a", "b", "c"], random.integers(0, 3, n), random.choice([50, 51], n), time, random.random(n))
    store.append_readings([whole.take(np.arange(i, min(i + 37, n))) for i in range(0, n, 37)], 1)
    last = {(m, q, t): v for m, q, t, v, _ in rows(whole)}
    got = read_all(store, "a", "b", "c", quantities=("water_volume", "flow_rate"))
    assert {(m, q, t): v for m, q, t, v, _ in rows(got)} == last
    assert len(got) == len(last) == sum(store.count().values())


def test_reading_and_writing_at_once_from_several_threads(store: Any) -> None:
    def write(name: str) -> None:
        for i in range(20):
            store.append_readings([one(name, i, i)], i, cursor=name)

    def watch() -> None:
        for _ in range(40):
            got = concatenate([read_all(store, "a", "b"), store.latest(["a"])])
            assert len(got) <= 41

    with ThreadPoolExecutor() as pool:
        running = [pool.submit(write, "a"), pool.submit(write, "b"), pool.submit(watch)]
    for task in running:
        task.result()
    assert store.count() == {"a": 20, "b": 20}
    assert (store.position("a"), store.position("b")) == (19, 19)
