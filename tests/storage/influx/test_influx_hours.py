"""Hours are the sums of their intervals, whoever wrote those and when; a live system asks nothing to add them up."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from aquavolt.stores.influx.influx_store import InfluxStore
from metering.intervals import IntervalBatch
from metering.ports import StoreUnavailableError
from tests.storage.influx.proxy import Answer, Proxy

pytestmark = [pytest.mark.influx, pytest.mark.timeout(120)]

START = np.datetime64("2026-11-16T00:00", "ms")
STEP = np.timedelta64(15, "m")
Open = Callable[..., InfluxStore]


def intervals(meter: str, steps: list[int], usage: float = 1.0, quality: int = 0) -> IntervalBatch:
    rows = len(steps)
    return IntervalBatch(
        (meter,), np.zeros(rows, np.int32), np.full(rows, 50, np.uint8), START + np.array(steps) * STEP,
        np.full(rows, usage), np.full(rows, quality, np.uint16),
    )  # fmt: skip


def hours(store: InfluxStore, meter: str, count: int) -> list[float]:
    edges = START + np.arange(count + 1) * 4 * STEP
    return store.usage([meter], "water_volume", edges).usage[:, 0].tolist()


def test_a_live_system_asks_once_and_never_again(proxy: Proxy, open_influx: Open) -> None:
    store = open_influx(url=proxy.url)
    for step in range(20):
        store.upsert_intervals(intervals("a", [step]))
        store.upsert_intervals(intervals("b", [step], usage=2.0))
    assert sum("/query?" in path for path, _ in proxy.asked) == 1
    assert hours(store, "a", 5) == [4.0] * 5
    assert hours(store, "b", 5) == [8.0] * 5


def test_after_a_start_what_was_there_before_counts(open_influx: Open) -> None:
    open_influx().upsert_intervals(intervals("a", [0, 1, 4, 5, 6], quality=1))
    again = open_influx()
    again.upsert_intervals(intervals("a", [2]))
    again.upsert_intervals(intervals("a", [7, 8]))
    again.upsert_intervals(intervals("a", [3, 9]))
    assert hours(again, "a", 3) == [4.0, 4.0, 2.0]
    edges = START + np.arange(4) * 4 * STEP
    assert again.usage(["a"], "water_volume", edges).quality[:, 0].tolist() == [1, 1, 0]


@pytest.mark.parametrize("late", [1, 6, 40])
def test_what_is_corrected_late_corrects_its_hour(open_influx: Open, late: int) -> None:
    store = open_influx()
    for step in range(4 * late + 2):
        store.upsert_intervals(intervals("a", [step]))
    store.upsert_intervals(intervals("a", [1], usage=5.0))
    store.upsert_intervals(intervals("late", [2]))
    store.upsert_intervals(intervals("late", [1]))
    assert hours(store, "a", late + 1) == [8.0] + [4.0] * (late - 1) + [2.0]
    assert hours(store, "late", 1) == [2.0]


def test_after_a_write_that_failed_the_store_is_believed_and_not_the_memory(proxy: Proxy, open_influx: Open) -> None:
    store = open_influx(url=proxy.url, patience_s=0.5)
    store.upsert_intervals(intervals("a", [0]))
    proxy.rule = lambda path, body: Answer(503) if "/write?" in path and body.startswith(b"interval_hour") else None
    with pytest.raises(StoreUnavailableError):
        store.upsert_intervals(intervals("a", [1]))
    proxy.rule = lambda _path, _body: None
    store.upsert_intervals(intervals("a", [2]))
    assert hours(store, "a", 1) == [3.0]
