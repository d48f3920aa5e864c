"""The collector that `modbus_polling` measures: the poller and the journal, a process of their own.

Takes its job as JSON, polls until it is told to end (SIGTERM), prints its counts as JSON. What it
took stands in the journal, where the benchmark counts it.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import uvloop

from collector.counts import Counts
from collector.journal import Journal
from collector.journal_sink import JournalSink
from collector.modbus.poller import ModbusPoller
from device_profiles.loader import parse_profile
from metering.quantities import ELECTRICITY, OTHER, QUANTITIES
from metering.site import Meter

# As many as one meter can give.
VALUES = [q.name for q in QUANTITIES if q.medium in (ELECTRICITY, OTHER) and q.name != "pulse_count"][:30]
_TYPES = {1: "uint16", 2: "float32", 4: "float64"}


def profile_text(registers: int) -> str:
    """A meter with 30 values that lie together: of one, two or four registers each."""
    size = registers // len(VALUES)
    points = [f"  - {{quantity: {name}, address: {i * size}}}" for i, name in enumerate(VALUES)]
    order = ", word_order: msw_first" if size > 1 else ""
    head = (
        "schema: device_profile/1\nid: bench\nmanufacturer: bench\nmedium: electricity\nprotocol: modbus\n"
        f"confidence: high\ndefaults: {{function: 4, dtype: {_TYPES[size]}{order}}}\npoints:\n"
    )
    return head + "\n".join(points) + "\n"


def meters_of(job: dict[str, Any]) -> list[Meter]:
    """The meters of a job, in the order of the simulated ones: `m0`, `m1`, ..."""
    where = f"rtu+tcp://127.0.0.1:%d?baud={job['baud']}" if job["baud"] else "tcp://127.0.0.1:%d"
    places = [(port, unit) for port in job["ports"] for unit in range(1, job["units"] + 1)]
    return [
        Meter(f"m{i}", "electricity", profile="bench", connection=where % port,
              device_address=str(unit), poll_s=job["period_s"])
        for i, (port, unit) in enumerate(places)
    ]  # fmt: skip


async def collect(job: dict[str, Any]) -> None:
    """Poll until SIGTERM."""
    profile = parse_profile(profile_text(job["registers"]), "bench.yaml")
    journal, counts = Journal(Path(job["journal"])), Counts()
    sink = JournalSink(journal)
    poller = ModbusPoller(meters_of(job), sink, counts, profiles=lambda _: profile)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, poller.stop)
    await poller.run()
    await sink.close()
    report = counts.report(np.datetime64(time.time_ns() // 1_000_000, "ms"), journal)
    journal.close()
    print(json.dumps({
        "expected": sum(m.expected for m in report.meters),
        "received": sum(m.received for m in report.meters),
        "errors": sum(m.errors for m in report.meters),
        "requests": sum(c.requests for c in report.connections),
    }))  # fmt: skip


if __name__ == "__main__":
    # On uvloop, as the program does.
    uvloop.run(collect(json.loads(sys.argv[1])))
