"""A year of a thousand meters through all detectors: seconds on one core, and memory.

`bench/rules_replay.py` has the same by detector, and says what the meters are: a mixed campus.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import psutil

from bench.harness.mixed_campus import Readings, campus
from bench.process_figures import peak_mb
from bench.rules_replay import Replay

METERS, DAYS, SEED = 1000, 365, 20260301


@dataclass(frozen=True, slots=True)
class Speed:
    """CPU seconds of the detectors and of the whole shard, readings to incidents; the most memory held, MB."""

    meters: int
    days: int
    seed: int
    intervals: int
    detectors_s: float
    whole_s: float
    memory_mb: float


def measured(meters: int = METERS, days: int = DAYS, seed: int = SEED) -> Speed:
    """In a process of its own, so that the memory is this job's alone."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_replayed, meters, days, seed).result()


def _replayed(meters: int, days: int, seed: int) -> Speed:
    site, replay = campus(meters), Replay()
    readings = Readings(site, days, seed)
    replay.run(site, readings)
    return Speed(
        meters, days, seed, readings.intervals(), sum(replay.account.seconds.values()), replay.seconds,
        peak_mb(psutil.Process()),
    )  # fmt: skip
