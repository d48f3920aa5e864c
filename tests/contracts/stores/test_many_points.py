"""A million readings in and out of a store, none lost, none changed; ten million of them with `pytest -m long`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from aquavolt.stores.scan import scan, slices
from metering.batch import ReadingBatch, batch_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

START = np.datetime64("2026-03-01T00:00", "ms")
METERS = 100
ROUNDS_A_BATCH = 5_000
PERIOD = np.timedelta64(15_000, "ms")
IDS = tuple(f"meter-{i:03}" for i in range(METERS))


def batches(rounds: int) -> Iterator[ReadingBatch]:
    """100 meters every 15 s, in the order of time."""
    random = np.random.default_rng(2026)
    for first in range(0, rounds, ROUNDS_A_BATCH):
        time = np.repeat(START + np.arange(first, first + ROUNDS_A_BATCH) * PERIOD, METERS)
        value = np.round(random.random(len(time)) * 1e6, 3)
        quality = np.where(random.random(len(time)) < 0.01, 64, 0)
        yield batch_of(IDS, np.tile(np.arange(METERS), ROUNDS_A_BATCH), 50, time, value, quality)


class Sums:
    """Checksums of the columns, whatever the cuts between batches."""

    def __init__(self) -> None:
        self._kinds = {name: hashlib.sha256() for name in ("meter", "time", "value", "quality")}
        self.rows = 0

    def add(self, batch: ReadingBatch) -> None:
        self.rows += len(batch)
        for name, digest in self._kinds.items():
            digest.update(np.ascontiguousarray(getattr(batch, name)).tobytes())

    def digests(self) -> tuple[str, ...]:
        return tuple(digest.hexdigest() for digest in self._kinds.values())


@pytest.mark.parametrize("rounds", [10_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_a_great_many_readings(store: Any, rounds: int) -> None:
    written, found = Sums(), Sums()
    for number, batch in enumerate(batches(rounds)):
        store.append_readings([batch], number)
        written.add(batch)
    assert store.count() == dict.fromkeys(IDS, rounds)
    hours, counts = store.hourly_counts()
    assert len(hours) == rounds * 15 // 3600 + 1
    assert counts.sum() == rounds * METERS
    for batch in scan(store, slices(store, None, None), IDS, ["water_volume"]):
        found.add(batch)
    assert found.rows == written.rows == rounds * METERS
    assert found.digests() == written.digests()
