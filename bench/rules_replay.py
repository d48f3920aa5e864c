"""Rules in replay: a year of a thousand meters through all detectors and the whole shard, on one core.

    python bench/rules_replay.py [--days 365] [--meters 1000] [--seed 20260301] [--profile]

The data are made: see `bench/harness/mixed_campus.py`. Everything from readings to incidents runs as in a live system,
with the settings as they ship; each detector is timed within it. What makes the readings is not counted. CPU seconds.
"""

from __future__ import annotations

import argparse
import cProfile
import platform
import pstats
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from bench.harness.machine import processor  # noqa: E402
from bench.harness.mixed_campus import Readings, campus  # noqa: E402
from metering.batch import ReadingBatch  # noqa: E402
from metering.site import Site  # noqa: E402
from rules.backtest import backtest  # noqa: E402
from rules.detectors.detector import RuleDetector  # noqa: E402
from rules.detectors.registry import DETECTORS  # noqa: E402
from rules.settings import RulesSettings  # noqa: E402

TIMED = frozenset({"process", "sample", "observe", "hear"})


@dataclass
class Account:
    """CPU seconds and findings, by rule."""

    seconds: dict[str, float] = field(default_factory=dict)
    findings: dict[str, int] = field(default_factory=dict)

    def timed(self, rule: str, kind: type[RuleDetector]) -> Callable[..., Any]:
        """What makes a detector whose calls are noted here."""
        self.seconds[rule], self.findings[rule] = 0.0, 0
        return lambda *given: _Timed(kind(*given), self)

    def note(self, rule: str, seconds: float, findings: int) -> None:
        """One call."""
        self.seconds[rule] += seconds
        self.findings[rule] += findings


class _Timed:
    """A detector, each of its calls timed."""

    def __init__(self, detector: RuleDetector, account: Account) -> None:
        self._detector, self._account = detector, account

    def __getattr__(self, name: str) -> Any:
        whole = getattr(self._detector, name)
        if name not in TIMED:
            return whole

        def call(*given: Any) -> Any:
            began = time.process_time()
            findings = whole(*given)
            self._account.note(self._detector.rule, time.process_time() - began, len(findings))
            return findings

        return call


@dataclass
class Replay:
    """What a replay cost, CPU seconds without making the readings, and what it gave."""

    account: Account = field(default_factory=Account)
    readings: int = 0
    changes: int = 0
    seconds: float = 0.0
    _making: float = 0.0

    def run(self, site: Site, batches: Iterable[ReadingBatch]) -> None:
        """Readings to incidents, once."""
        timed: Any = {rule: self.account.timed(rule, kind) for rule, kind in DETECTORS.items()}
        began = time.process_time()
        for events in backtest(site, RulesSettings(), self._counted(batches), detectors=timed):
            self.changes += len(events.changes)
        self.seconds = time.process_time() - began - self._making

    def _counted(self, batches: Iterable[ReadingBatch]) -> Iterator[ReadingBatch]:
        began = time.process_time()
        for batch in batches:
            self._making += time.process_time() - began
            self.readings += len(batch)
            yield batch
            began = time.process_time()


def table(replay: Replay, cells: int) -> Iterator[str]:
    """The rows, slowest detector first."""
    yield "| part | CPU s | intervals/s | said |"
    yield "|---|---:|---:|---|"
    seconds = replay.account.seconds
    for rule in sorted(seconds, key=lambda r: -seconds[r]):
        yield _row(f"`{rule}`", seconds[rule], cells, f"{replay.account.findings[rule]} findings")
    detectors = sum(seconds.values())
    yield _row(f"the {len(seconds)} detectors", detectors, cells, "")
    yield _row("readings to intervals, order of time, incidents", replay.seconds - detectors, cells, "")
    yield _row("whole shard, readings to incidents", replay.seconds, cells, f"{replay.changes} changes")


def _row(part: str, seconds: float, cells: int, said: str) -> str:
    rate = f"{cells / seconds:,.0f}" if seconds >= 0.005 else "-"
    return f"| {part} | {seconds:.2f} | {rate} | {said} |"


def machine() -> str:
    """Processor, cores, Python, numpy and date."""
    date = datetime.now(UTC).date()
    return f"{processor()}, Python {platform.python_version()}, numpy {np.__version__}, {date}"


def main() -> None:
    """Print the table, or with --profile where the time goes."""
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--days", type=int, default=365)
    options.add_argument("--meters", type=int, default=1000)
    options.add_argument("--seed", type=int, default=20260301)
    options.add_argument("--profile", action="store_true", help="where the shard's time goes, instead of the table")
    given = options.parse_args()
    site, replay = campus(given.meters), Replay()
    readings = Readings(site, given.days, given.seed)
    if given.profile:
        profile(replay, site, readings)
        return
    replay.run(site, readings)
    cells = readings.intervals()
    sizes = f"{given.meters} meters, {given.days} days, {cells:,} intervals, {replay.readings:,} readings"
    print("## Rules in replay\n")
    print(f"{machine()}; made data, seed {given.seed}: {sizes}\n")
    print("\n".join(table(replay, cells)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nMost memory held, what makes the readings included: {peak:.0f} MB.")


def profile(replay: Replay, site: Site, readings: Readings) -> None:
    """The functions that take longest."""
    profiler = cProfile.Profile()
    profiler.enable()
    replay.run(site, readings)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(40)


if __name__ == "__main__":
    main()
