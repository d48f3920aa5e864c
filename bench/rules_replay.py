"""Rules in replay: intervals a second through the five detectors, and through the whole shard, on one core.

    python bench/rules_replay.py [--days 60] [--meters 1000] [--seed 20260301]

The data are simulated: a campus of dorms with a water meter a floor and an electricity meter a room, 15 min registers
with noise, 1 % of the readings lost, a leak on every tenth floor in the last third. "Detectors" times `process` of
each detector over day blocks that were cut beforehand; "shard" times everything from readings to incidents.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import platform
import pstats
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from metering.batch import ReadingBatch, batch_of
from metering.site import Site
from metering.site_document import parse_site
from rules.backtest import backtest
from rules.blocks import Columns, IntervalBlock
from rules.calendar import school_days
from rules.detectors.base import Context
from rules.detectors.registry import DETECTORS
from rules.settings import RulesSettings

FLOORS, ROOMS = 6, 8  # of a dorm; of a floor
START = np.datetime64("2026-02-28T16:00:00", "ms")


def campus(meters: int) -> Site:
    """Dorms of six floors with eight rooms each, until there are so many meters."""
    nodes: list[dict[str, Any]] = [{"id": "campus", "kind": "campus"}]
    found: list[dict[str, Any]] = [
        {"id": "w", "medium": "water", "node": "campus", "poll_s": 900},
        {"id": "e", "medium": "electricity", "node": "campus", "poll_s": 900},
    ]
    dorm = 0
    while len(found) < meters:
        dorm += 1
        name = f"d{dorm}"
        nodes.append({"id": name, "kind": "building", "parent": "campus", "use": "dormitory"})
        found.append({"id": f"w-{name}", "medium": "water", "node": name, "parent": "w", "poll_s": 900})
        found.append({"id": f"e-{name}", "medium": "electricity", "node": name, "parent": "e", "poll_s": 900})
        for f in range(FLOORS):
            floor = f"{name}-f{f}"
            nodes.append({"id": floor, "kind": "floor", "parent": name})
            found.append({"id": f"w-{floor}", "medium": "water", "node": floor, "parent": f"w-{name}", "poll_s": 900})
            for r in range(ROOMS):
                room = f"{floor}-{r}"
                nodes.append({"id": room, "kind": "room", "parent": floor, "use": "dormitory"})
                found.append(
                    {"id": f"e-{room}", "medium": "electricity", "node": room, "parent": f"e-{name}", "poll_s": 900}
                )
    found = found[:meters]
    return parse_site({"site": {"id": "bench", "timezone": "Asia/Shanghai"}, "nodes": nodes, "meters": found})


def usage(site: Site, days: int, seed: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Steps x meters; a parent's use is the sum of its children's and a little of its own."""
    rng = np.random.default_rng(seed)
    steps = days * 96
    hour = np.arange(steps) % 96 / 4
    shape = 0.15 + np.exp(-(((hour - 7.5) / 2) ** 2)) + np.exp(-(((hour - 21) / 2.5) ** 2))
    ids = list(site.meters)
    at = {m: i for i, m in enumerate(ids)}
    out = shape[:, None] * rng.gamma(3, 0.02, (steps, len(ids)))
    floors = [i for i, m in enumerate(ids) if m.startswith("w-") and "-f" in m]
    out[:, floors] *= rng.random((steps, len(floors))) > 0.3 * (hour < 5)[:, None]
    for i in floors[::10]:
        out[2 * steps // 3 :, i] += 0.02
    for meter in reversed(ids):
        for parent in site.meters[meter].parents:
            out[:, at[parent]] += out[:, at[meter]]
    return out


def batches(site: Site, used: np.ndarray[Any, np.dtype[np.float64]], seed: int) -> Iterator[ReadingBatch]:
    """A batch a day, in the order of time, 1 % of the readings lost."""
    rng = np.random.default_rng(seed + 1)
    meters = tuple(site.meters)
    codes = np.array([m.main_register.code for m in site.meters.values() if m.main_register is not None])
    before = np.zeros(used.shape[1])
    for day in range(len(used) // 96):
        register = before + used[day * 96 : (day + 1) * 96].cumsum(axis=0)
        before = register[-1]
        step, meter = np.nonzero(rng.random(register.shape) > 0.01)
        time_ms = (day * 96 + step + 1) * 900_000
        yield batch_of(
            meters, meter, codes[meter], START + time_ms.astype("m8[ms]"), np.round(register[step, meter], 3)
        )


def blocks(used: np.ndarray[Any, np.dtype[np.float64]]) -> list[IntervalBlock]:
    """Day blocks as the frontier would hand them out, without losses."""
    first = int(START.astype(np.int64)) // 900_000
    out = []
    for day in range(len(used) // 96):
        steps = first + day * 96 + np.arange(96)
        local = steps * 15 + 8 * 60
        cells = used[day * 96 : (day + 1) * 96]
        out.append(
            IntervalBlock(
                int(steps[0]), cells, np.zeros(cells.shape, np.uint16), ((steps + 1) * 900_000).view("datetime64[ms]"),
                local % 1440, int(local[0] // 1440), np.zeros(96, bool), np.zeros(cells.shape[1], bool),
            )
        )  # fmt: skip
    return out


def time_detectors(site: Site, days: list[IntervalBlock]) -> Iterator[tuple[str, float, int]]:
    """Rule, seconds, findings."""
    settings = RulesSettings()
    context = Context(Columns(site), school_days(site))
    for rule, kind in DETECTORS.items():
        detector = kind(context, settings.settings_of(rule, site))
        began = time.process_time()
        findings = sum(len(detector.process(day)) for day in days)
        yield rule, time.process_time() - began, findings


def machine() -> str:
    """Processor, cores, Python, numpy and date."""
    info = Path("/proc/cpuinfo")
    names = (
        [x.split(":")[1].strip() for x in info.read_text().splitlines() if "model name" in x] if info.exists() else []
    )
    name = names[0] if names else platform.processor() or "unknown processor"
    date = datetime.now(UTC).date()
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}, {date}"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--days", type=int, default=60)
    options.add_argument("--meters", type=int, default=1000)
    options.add_argument("--seed", type=int, default=20260301)
    options.add_argument("--profile", action="store_true", help="where the shard's time goes, instead of the table")
    given = options.parse_args()
    site = campus(given.meters)
    used = usage(site, given.days, given.seed)
    cells = used.size
    readings = list(batches(site, used, given.seed))
    if given.profile:
        profile(site, readings)
        return
    rows = list(time_detectors(site, blocks(used)))
    total = sum(seconds for _, seconds, _ in rows)
    began = time.process_time()
    changes = sum(len(events.changes) for events in backtest(site, RulesSettings(), readings))
    shard_s = time.process_time() - began
    print("## Rules in replay\n")
    print(
        f"{machine()}; simulated data, seed {given.seed}: {given.meters} meters, {given.days} days, {cells:,} intervals"
    )
    print("\n| part | CPU s | intervals/s | said |\n|---|---|---|---|")
    for rule, seconds, findings in rows:
        print(f"| `{rule}` | {seconds:.2f} | {cells / seconds:,.0f} | {findings} findings |")
    print(f"| the {len(rows)} detectors | {total:.2f} | {cells / total:,.0f} | |")
    print(f"| whole shard, readings to incidents | {shard_s:.2f} | {cells / shard_s:,.0f} | {changes} changes |")


def profile(site: Site, readings: list[ReadingBatch]) -> None:
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in backtest(site, RulesSettings(), readings):
        pass
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
