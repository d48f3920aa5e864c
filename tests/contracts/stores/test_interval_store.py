"""What every IntervalStore promises (metering.ports)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pytest

from metering.batch import Quality
from metering.intervals import IntervalBatch
from metering.windows import STEP, day_edges, month_edges

START = np.datetime64("2026-03-01T00:00", "ms")
HOUR = 4 * STEP


def intervals(
    start: np.datetime64, usage: npt.ArrayLike, meters: tuple[str, ...] = ("m",), quality: npt.ArrayLike = 0
) -> IntervalBatch:
    """Consecutive intervals of water from `start` on; usage is steps x meters, or steps of one meter."""
    values = np.asarray(usage, np.float64).reshape(-1, len(meters))
    steps, width = values.shape
    return IntervalBatch(
        meters,
        np.tile(np.arange(width, dtype=np.int32), steps),
        np.full(steps * width, 50, np.uint8),
        np.repeat(start + np.arange(steps) * STEP, width),
        values.ravel(),
        np.broadcast_to(np.asarray(quality, np.uint16), steps * width).copy(),
    )


def edges(start: np.datetime64, count: int, width: np.timedelta64) -> npt.NDArray[np.datetime64]:
    return start + np.arange(count + 1) * width


def usage_of(store: Any, bounds: npt.NDArray[np.datetime64], meter: str = "m") -> list[float | None]:
    column = store.usage([meter], "water_volume", bounds).usage[:, 0]
    return [None if np.isnan(v) else v for v in column.tolist()]


def test_steps_hours_and_days_add_up(store: Any) -> None:
    store.upsert_intervals(intervals(START, np.arange(1.0, 97.0)))
    assert usage_of(store, edges(START, 4, STEP)) == [1, 2, 3, 4]
    assert usage_of(store, edges(START, 3, HOUR)) == [10, 26, 42]
    assert usage_of(store, edges(START, 1, 24 * HOUR)) == [4656]


def test_windows_may_begin_at_any_step(store: Any) -> None:
    store.upsert_intervals(intervals(START, np.arange(1.0, 97.0)))
    for offset in range(5):
        for width in range(1, 11):
            bounds = edges(START + offset * STEP, 3, width * STEP)
            expected = [sum(range(offset + 1 + k * width, offset + 1 + (k + 1) * width)) for k in range(3)]
            assert usage_of(store, bounds) == expected, (offset, width)


def test_windows_may_differ_in_length(store: Any) -> None:
    store.upsert_intervals(intervals(START, np.ones(96)))
    bounds = START + np.array([0, 1, 2, 7, 8, 20, 21, 96]) * STEP
    assert usage_of(store, bounds) == [1, 1, 5, 1, 12, 1, 75]


def test_missing_is_nan_and_zero_is_zero(store: Any) -> None:
    store.upsert_intervals(intervals(START, [0.0, 0.0]))
    series = store.usage(["m", "nobody"], "water_volume", edges(START - HOUR, 4, HOUR))
    assert series.meters == ("m", "nobody")
    assert series.usage.shape == series.quality.shape == (4, 2)
    assert series.usage[1, 0] == 0.0
    assert np.isnan(series.usage).sum() == 7
    assert usage_of(store, edges(START, 4, STEP)) == [0, 0, None, None]


def test_quality_bits_of_a_window_are_joined(store: Any) -> None:
    bits = [Quality.GOOD, Quality.ESTIMATED, Quality.LATE, Quality.GOOD] + [Quality.SIMULATED] * 4 + [Quality.HELD]
    store.upsert_intervals(intervals(START, np.ones(9), quality=bits))

    def quality(bounds: npt.NDArray[np.datetime64]) -> list[int]:
        return store.usage(["m"], "water_volume", bounds).quality[:, 0].tolist()

    assert quality(edges(START, 3, HOUR)) == [1 | 64, 128, 2]
    assert quality(edges(START + STEP, 2, HOUR)) == [1 | 64 | 128, 128 | 2]
    assert quality(edges(START, 1, 4 * HOUR)) == [1 | 64 | 128 | 2]


def test_a_late_interval_replaces_and_the_roll_ups_follow(store: Any) -> None:
    store.upsert_intervals(intervals(START, np.ones(96), quality=Quality.ESTIMATED))
    store.upsert_intervals(intervals(START + 5 * STEP, [11.0], quality=Quality.LATE))
    assert usage_of(store, edges(START, 3, HOUR)) == [4, 14, 4]
    assert usage_of(store, edges(START, 1, 24 * HOUR)) == [106]
    assert store.usage(["m"], "water_volume", edges(START, 2, HOUR)).quality[:, 0].tolist() == [1, 65]
    store.upsert_intervals(intervals(START + 4 * STEP, np.full(4, 0.25)))
    series = store.usage(["m"], "water_volume", edges(START, 3, HOUR))
    assert series.usage[:, 0].tolist() == [4, 1, 4]
    assert series.quality[:, 0].tolist() == [1, 0, 1]


def test_of_the_same_interval_within_one_batch_the_later_row_stays(store: Any) -> None:
    batch = intervals(START, [1.0, 2.0, 3.0])
    repeated = batch.take(np.array([0, 1, 2, 1, 0]))
    repeated.usage[3:] = [20.0, 10.0]
    store.upsert_intervals(repeated)
    assert usage_of(store, edges(START, 3, STEP)) == [10, 20, 3]
    assert usage_of(store, edges(START, 1, HOUR)) == [33]


def test_writing_the_same_twice_changes_nothing(store: Any) -> None:
    random = np.random.default_rng(5)
    batch = intervals(START, random.random((200, 3)), ("a", "b", "c"))
    store.upsert_intervals(batch)
    bounds = edges(START + STEP, 10, 19 * STEP)
    before = store.usage(["a", "b", "c"], "water_volume", bounds).usage.tolist()
    store.upsert_intervals(batch.take(np.arange(100, 500)))
    assert store.usage(["a", "b", "c"], "water_volume", bounds).usage.tolist() == before


def test_pieces_in_any_order_equal_the_whole(store: Any) -> None:
    random = np.random.default_rng(6)
    values = random.random((24, 2))
    batch = intervals(START, values, ("a", "b"))
    for row in random.permutation(len(batch)):
        store.upsert_intervals(batch.take(np.array([row])))
    got = store.usage(["a", "b"], "water_volume", edges(START, 6, HOUR)).usage
    assert got == pytest.approx(values.reshape(6, 4, 2).sum(axis=1), abs=1e-12)


def test_meters_and_quantities_do_not_mix(store: Any) -> None:
    water = intervals(START, [[1.0, 2.0]], ("a", "b"))
    energy = IntervalBatch(
        water.meters, water.meter, np.full(2, 1, np.uint8), water.start, water.usage * 100, water.quality
    )
    store.upsert_intervals(water)
    store.upsert_intervals(energy)
    bounds = edges(START, 1, HOUR)
    assert store.usage(["b", "a"], "water_volume", bounds).usage.tolist() == [[2, 1]]
    assert store.usage(["a"], "active_energy_import", bounds).usage.tolist() == [[100]]


@pytest.mark.parametrize(
    ("zone", "first", "hours"),
    [
        ("Europe/Rome", date(2026, 3, 28), [24, 23, 24]),
        ("Europe/Rome", date(2026, 10, 24), [24, 25, 24]),
        ("Asia/Kathmandu", date(2026, 3, 28), [24, 24, 24]),
        ("Asia/Kolkata", date(2026, 3, 28), [24, 24, 24]),
        ("Australia/Lord_Howe", date(2026, 4, 4), [24, 24.5, 24]),
    ],
)
def test_local_days(store: Any, zone: str, first: date, hours: list[float]) -> None:
    bounds = day_edges(first, date.fromordinal(first.toordinal() + 2), ZoneInfo(zone))
    before = np.datetime64(first.isoformat(), "ms") - 24 * HOUR
    values = np.arange(1.0, 6 * 96 + 1)
    store.upsert_intervals(intervals(before, values))
    at = (bounds - before) // STEP
    assert np.diff(at).tolist() == [h * 4 for h in hours]
    assert usage_of(store, bounds) == [values[a:b].sum() for a, b in pairwise(at)]


def test_a_year_equals_the_sum_of_its_intervals(store: Any) -> None:
    zone = ZoneInfo("Asia/Kathmandu")
    days = day_edges(date(2025, 1, 1), date(2025, 12, 31), zone)
    steps = int((days[-1] - days[0]) // STEP)
    values = np.random.default_rng(7).gamma(0.5, 3.0, (steps, 3))
    batch = intervals(days[0], values, ("a", "b", "c"))
    shuffled = np.random.default_rng(8).permutation(len(batch))
    for part in np.array_split(shuffled, 5):
        store.upsert_intervals(batch.take(part))
    total = values.sum(axis=0)
    for bounds in (
        days[[0, -1]],
        days,
        month_edges(date(2025, 1, 1), date(2025, 12, 1), zone),
        edges(days[0], steps, STEP),
    ):
        series = store.usage(["a", "b", "c"], "water_volume", bounds)
        assert series.usage.sum(axis=0) == pytest.approx(total, rel=1e-12, abs=1e-9)
    per_day = store.usage(["b"], "water_volume", days).usage[:, 0]
    assert per_day == pytest.approx(values[:, 1].reshape(-1, 96).sum(axis=1), abs=1e-9)


def test_many_meters_with_unicode_ids(store: Any) -> None:
    ids = tuple(f"房间-{i}" for i in range(800))
    values = np.arange(8.0 * len(ids)).reshape(8, -1)
    store.upsert_intervals(intervals(START, values, ids))
    asked = ids[::-3]
    got = store.usage(asked, "water_volume", edges(START, 2, HOUR)).usage
    assert got.tolist() == values.reshape(2, 4, -1).sum(axis=1)[:, ::-3].tolist()


def test_usage_may_be_negative(store: Any) -> None:
    store.upsert_intervals(intervals(START, [-0.5, 0.25]))
    assert usage_of(store, edges(START, 1, HOUR)) == [-0.25]


def test_no_meters_asked_for_is_an_empty_series(store: Any) -> None:
    store.upsert_intervals(intervals(START, [1.0]))
    assert store.usage([], "water_volume", edges(START, 2, HOUR)).usage.shape == (2, 0)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ([START], "two edges"),
        ([START, START + np.timedelta64(7, "m")], "2026-03-01T00:07:00.*15 min grid"),
        ([START, START], "ascend"),
        ([START + STEP, START], "ascend"),
    ],
)
def test_edges_that_are_no_windows_are_refused(store: Any, bounds: list[np.datetime64], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        store.usage(["m"], "water_volume", np.array(bounds))


@pytest.mark.parametrize(
    ("start", "usage"), [(START + np.timedelta64(1, "ms"), 1.0), (START, float("nan")), (START, float("inf"))]
)
def test_an_interval_that_is_none_is_refused_with_its_meter(store: Any, start: np.datetime64, usage: float) -> None:
    store.upsert_intervals(intervals(START, [3.0]))
    bad = intervals(start, [usage])
    with pytest.raises(ValueError, match=r"'m' at 2026-03-01T00:00:00.*15 min grid and have a finite usage"):
        store.upsert_intervals(bad)
    assert usage_of(store, edges(START, 1, HOUR)) == [3]


def test_intervals_are_there_after_opening_again(open_store: Callable[[], Any]) -> None:
    open_store().upsert_intervals(intervals(START, np.ones(8)))
    store = open_store()
    store.upsert_intervals(intervals(START + 7 * STEP, [5.0, 6.0]))
    assert usage_of(store, edges(START, 3, HOUR)) == [4, 8, 6]
