"""Modbus polling: how punctual the collector is, and what it costs, with its journal and nothing else.

    python bench/modbus_polling.py [--seconds 30] [--only 100x30x1]

Each row runs the poller and the journal in a process of their own; the simulated meters (as many Modbus TCP servers
as connections) run in another. The period is the time between two readings of the same meter, by the readings' own
times. CPU is the collector process's user and system time over the measured stretch; RSS is its peak.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import uvloop

from collector.counts import Counts
from collector.journal import Journal
from collector.journal_sink import JournalSink
from collector.modbus.poller import ModbusPoller
from device_profiles.loader import parse_profile
from metering.batch import ReadingBatch
from metering.quantities import QUANTITIES
from metering.site import Meter
from simulators.modbus.image import FixedImage
from simulators.modbus.server import ModbusServer, SimulatedUnit

WARM_UP_S = 5.0
SEED = 20260301
CASES = ("100x30x1", "500x30x1", "100x30x10", "100x120x1", "100x30x1/8")


def profile_text(registers: int) -> str:
    """A meter whose values all lie together: float32 after float32, named as ours as far as names reach."""
    points = [
        f"  - {{quantity: {QUANTITIES[i].name}, address: {2 * i}}}"
        if i < len(QUANTITIES)
        else f"  - {{quantity: value_{i}, unit: '', address: {2 * i}}}"
        for i in range(registers // 2)
    ]
    head = (
        "schema: device_profile/1\nid: bench\nmanufacturer: bench\nmedium: electricity\nprotocol: modbus\n"
        "confidence: high\ndefaults: {function: 4, dtype: float32, word_order: msw_first}\npoints:\n"
    )
    return head + "\n".join(points) + "\n"


async def serve(connections: int, units: int, registers: int) -> None:
    """The simulated meters: prints the ports as JSON, serves until killed."""
    draw = random.Random(SEED)
    words = {(4, i): draw.randrange(0x4000, 0x4400) if i % 2 == 0 else 0 for i in range(registers)}
    image = FixedImage(words)
    ports = []
    for _ in range(connections):
        server = ModbusServer({unit: SimulatedUnit(image) for unit in range(1, units + 1)})
        ports.append(await server.start())
    print(json.dumps(ports), flush=True)
    await asyncio.Event().wait()


class Watched(JournalSink):
    """The journal's sink; notes each meter's reading times on their way."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(journal)
        self.times: dict[str, list[int]] = {}

    async def append(self, batch: ReadingBatch) -> None:
        """As the sink does."""
        places, first = np.unique(batch.meter, return_index=True)
        for place, at in zip(places, batch.time[first].astype(np.int64), strict=True):
            self.times.setdefault(batch.meters[place], []).append(int(at))
        await super().append(batch)


async def collect(ports: Sequence[int], units: int, registers: int, period_s: float, seconds: float) -> None:
    """The collector: polls, journals, prints its figures as JSON."""
    profile = parse_profile(profile_text(registers), "bench.yaml")
    meters = [
        Meter(f"m{port}-{unit}", "electricity", profile="bench", connection=f"tcp://127.0.0.1:{port}",
              device_address=str(unit), poll_s=period_s)
        for port in ports for unit in range(1, units + 1)
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        journal, counts = Journal(Path(folder) / "journal.sqlite"), Counts()
        sink = Watched(journal)
        poller = ModbusPoller(meters, sink, counts, profiles=lambda _: profile)
        task = asyncio.create_task(poller.run())
        await asyncio.sleep(max(WARM_UP_S, period_s))
        sink.times.clear()
        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.sleep(seconds)
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        seen = {meter: list(at) for meter, at in sink.times.items()}
        poller.stop()
        await task
        await sink.close()
        report = counts.report(np.datetime64(time.time_ns() // 1_000_000, "ms"), journal)
        journal.close()
    gaps = np.concatenate([np.diff(at) for at in seen.values()]) / 1000
    figures = {
        "requests_s": sum(len(at) for at in seen.values()) / took,
        "p50": float(np.percentile(gaps, 50)),
        "p99": float(np.percentile(gaps, 99)),
        "cpu": 100 * cpu / took,
        "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "received": sum(m.received for m in report.meters) / sum(m.expected for m in report.meters),
    }
    print(json.dumps(figures))


def measure(case: str, seconds: float) -> dict[str, float]:
    """One row of the table: two processes, the figures of the second."""
    size, _, behind = case.partition("/")
    meters, registers, period = size.split("x")
    units = int(behind or 1)
    connections = -(-int(meters) // units)
    me = [sys.executable, str(Path(__file__).resolve())]
    where = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    server = subprocess.Popen(
        [*me, "--serve", str(connections), str(units), registers], stdout=subprocess.PIPE, text=True, env=where
    )
    try:
        ports = server.stdout.readline().strip() if server.stdout else ""
        job = [*me, "--collect", ports, str(units), registers, period, str(max(seconds, 4 * float(period)))]
        done = subprocess.run(job, stdout=subprocess.PIPE, text=True, env=where, check=True)
    finally:
        server.kill()
        server.wait()
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def machine() -> str:
    """The processor as the kernel names it."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return f"{line.split(':', 1)[1].strip()}, {os.cpu_count()} cores"
    return f"{platform.machine()}, {os.cpu_count()} cores"


def table(cases: Sequence[str], seconds: float) -> None:
    """Measure and print Markdown."""
    print(f"Modbus TCP polling: {machine()}, Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}, "
          f"seed {SEED}, simulated meters on loopback, {seconds:g} s each, journal on disk\n")  # fmt: skip
    columns = ("meters", "connections", "registers", "period s", "requests/s", "period p50 s", "p99 s", "CPU %",
               "RSS MB", "received")  # fmt: skip
    print(f"| {' | '.join(columns)} |\n|{'---:|' * len(columns)}")
    for case in cases:
        f = measure(case, seconds)
        size, _, behind = case.partition("/")
        meters, registers, period = size.split("x")
        print(f"| {meters} | {-(-int(meters) // int(behind or 1))} | {registers} | {period} | {f['requests_s']:.0f} | "
              f"{f['p50']:.3f} | {f['p99']:.3f} | {f['cpu']:.1f} | {f['rss']:.0f} | {100 * f['received']:.2f} % |",
              flush=True)  # fmt: skip


def main() -> None:
    """The command line; `--serve` and `--collect` are the children."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--only", choices=CASES, action="append")
    parser.add_argument("--serve", nargs=3, type=int, help=argparse.SUPPRESS)
    parser.add_argument("--collect", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve(*given.serve))
    elif given.collect:
        ports, units, registers, period, seconds = given.collect
        # On uvloop, as the program does.
        uvloop.run(collect(json.loads(ports), int(units), int(registers), float(period), float(seconds)))
    else:
        table(given.only or CASES, given.seconds)


if __name__ == "__main__":
    main()
