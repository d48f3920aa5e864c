"""The replay of a made year, on a few meters and days: each detector has its row, the same seed gives the same data."""

from __future__ import annotations

import numpy as np

from bench.harness.mixed_campus import Readings, campus
from bench.rules_replay import Replay, table
from metering.batch import Float64, ReadingBatch
from metering.site import Site
from rules.detectors.registry import DETECTORS

METERS, DAYS, SEED = 140, 12, 7


def test_each_detector_has_a_row_and_its_time_is_part_of_the_whole() -> None:
    replay, readings = Replay(), Readings(campus(METERS), DAYS, SEED)
    replay.run(campus(METERS), readings)
    lines = list(table(replay, readings.intervals()))
    assert {line.split("`")[1] for line in lines if "`" in line} == set(DETECTORS)
    assert lines[-1].startswith("| whole shard")
    assert 0 < sum(replay.account.seconds.values()) <= replay.seconds
    assert replay.account.findings["suspected_appliance"]
    assert replay.readings > 0.98 * readings.intervals()


def test_the_same_seed_gives_the_same_readings_and_another_others() -> None:
    site = campus(METERS)
    first, again, other = (next(iter(Readings(site, 1, seed))) for seed in (SEED, SEED, SEED + 1))
    assert np.array_equal(first.value, again.value)
    assert not np.array_equal(first.value[:500], other.value[:500])


def of_register(batch: ReadingBatch, site: Site, meter: str) -> Float64:
    """What the meter's main register showed, in order of time."""
    register = site.meters[meter].main_register
    assert register is not None
    at = batch.meters.index(meter)
    return np.asarray(batch.value[(batch.meter == at) & (batch.quantity == register.code)], np.float64)


def test_a_parent_counts_what_its_children_count() -> None:
    site, parent = campus(METERS), "w-dorm-0"
    batch = next(iter(Readings(site, 1, SEED)))
    children = sum(of_register(batch, site, m.id).max() for m in site.meters.values() if parent in m.parents)
    assert children <= 1.02 * of_register(batch, site, parent).max() < 1.5 * children


def test_registers_run_backwards_only_where_one_starts_again() -> None:
    site, backwards = campus(METERS), 0
    batches = list(Readings(site, DAYS, SEED))
    for meter in site.meters:
        values = np.concatenate([of_register(batch, site, meter) for batch in batches])
        backwards += int((np.diff(values) < 0).sum())
    assert backwards == 1
