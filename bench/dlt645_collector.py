"""The collector that `dlt645_line` measures: the line poller and the journal, a process of their own, until SIGTERM."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvloop

from bench.dlt645_meters import BAUD, address_of
from collector.counts import Counts
from collector.journal import Journal
from collector.journal_sink import JournalSink
from collector.line.poller import LinePoller
from device_profiles.loader import parse_profile
from metering.site import Meter

PHASES = ("l1", "l2", "l3")


def profile_text(*, is_block: bool) -> str:
    """Energy, power, three voltages and currents; the latter one by one, or a block for all phases."""
    points = [("active_energy_import", "00010000"), ("active_power", "02030000")]
    for name, group in (("voltage", "0201"), ("current", "0202")):
        points += [(f"{name}_{p}", f"{group}{'FF' if is_block else f'{i + 1:02d}'}00") for i, p in enumerate(PHASES)]
    head = (
        "schema: device_profile/1\nid: bench\nmanufacturer: bench\nmedium: electricity\nprotocol: dlt645\n"
        f"edition: 2007\nconfidence: high\nserial: {{baud: {BAUD}, parity: E}}\nanswer_ms: 500\ngap_ms: 30\npoints:\n"
    )
    return head + "".join(f'  - {{quantity: {name}, read: "{di}"}}\n' for name, di in points)


async def collect(job: dict[str, Any]) -> None:
    """Poll until told to end."""
    profile = parse_profile(profile_text(is_block=job["is_block"]), "bench.yaml")
    meters = [
        Meter(f"m{i}", "electricity", profile="bench", connection=f"rtu+tcp://127.0.0.1:{job['port']}?baud={BAUD}",
              device_address=address_of(i), poll_s=job["period_s"])
        for i in range(job["meters"])
    ]  # fmt: skip
    journal = Journal(Path(job["journal"]))
    sink = JournalSink(journal)
    polling = asyncio.create_task(LinePoller(meters, sink, Counts(), profiles=lambda _: profile).run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, polling.cancel)
    with suppress(asyncio.CancelledError):
        await polling
    await sink.close()
    journal.close()


if __name__ == "__main__":
    # On uvloop, as the program does.
    uvloop.run(collect(json.loads(sys.argv[1])))
