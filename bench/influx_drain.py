"""A broker's queue through the journal into InfluxDB by `aquavolt collect`, and beside it by Telegraf.

    python bench/influx_drain.py [--messages 500000] [--meters 500] [--rounds 3] [--backlog 1000000]

Each drain has a fresh mosquitto that holds a queue of QoS 1 messages for a persistent session, and a fresh InfluxDB 2,
all on this machine. Ours pushes each entry to a stand-in of `aquavolt watch` too. At the end InfluxDB is away while a
backlog gathers in the journal. Prints Markdown.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil

from bench.broker_queue import SEED, SIZE, Message, broker, open_session, payloads, preload, topic
from bench.fresh_influx import check_stored, confirmed, fresh_influx, tell
from bench.influx_backlog import Backlog, measure
from bench.process_figures import cpu_s, peak_mb
from bench.running_collect import CLIENT_ID, running_collect, until
from bench.telegraf import VERSION as TELEGRAF_VERSION
from bench.telegraf import telegraf_binary
from bench.telegraf_mqtt import CLIENT_ID as TELEGRAF_ID
from bench.telegraf_mqtt import FILTER, running_telegraf
from deploy.services.influxd_build import VERSION as INFLUXD

INFLIGHT = 1000
VALUES = 3
TELEGRAF = f"Telegraf {TELEGRAF_VERSION}"

Check = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Drained:
    """One drain, from the program's first word to the broker until InfluxDB has confirmed all; CPU is the program's."""

    messages: int
    seconds: float
    cpu_s: float
    peak_mb: float

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU a message."""
        return self.cpu_s / self.messages * 1e6


def drained(
    process: psutil.Popen, messages: int, *, is_met: Check, is_all_there: Check, is_done: Check = lambda: True
) -> Drained:
    """Wait for the broker to meet the program, for InfluxDB to have all, then for all other work for it."""
    until(is_met, "the program at the broker", process)
    began, spent = time.perf_counter(), cpu_s(process)
    until(is_all_there, "all in InfluxDB", process)
    seconds = time.perf_counter() - began
    until(is_done, "the work beside it", process)
    return Drained(messages, seconds, cpu_s(process) - spent, peak_mb(process))


def by_collect(messages: list[Message], meters: int) -> Drained:
    readings = VALUES * len(messages)
    with fresh_influx() as (server, folder), broker(folder, INFLIGHT) as queue:
        open_session(queue.port, CLIENT_ID, [topic(i) for i in range(meters)])
        preload(queue.port, messages)
        with running_collect(folder, queue.port, server.access, meters) as collect:
            found = drained(
                collect.process,
                len(messages),
                is_met=lambda: queue.has_met(CLIENT_ID, 2),
                is_all_there=lambda: confirmed(server.access) >= readings,
                is_done=lambda: collect.watch.readings >= readings,
            )
        check_stored(server.access, "value", readings)
    return found


def by_telegraf(program: Path, messages: list[Message]) -> Drained:
    with fresh_influx() as (server, folder), broker(folder, INFLIGHT) as queue:
        open_session(queue.port, TELEGRAF_ID, [FILTER])
        preload(queue.port, messages)
        with running_telegraf(program, folder, queue.port, server.access) as process:
            found = drained(
                process,
                len(messages),
                is_met=lambda: queue.has_met(TELEGRAF_ID, 2),
                is_all_there=lambda: confirmed(server.access) >= len(messages),
            )
        check_stored(server.access, "water_volume", len(messages))
    return found


def rounds(messages: list[Message], meters: int, count: int) -> Iterator[tuple[str, Drained]]:
    """Each drain in turn, so that a busy minute of the machine meets both."""
    telegraf = telegraf_binary()
    for number in range(1, count + 1):
        tell(f"round {number} of {count}: aquavolt collect")
        yield "aquavolt collect", by_collect(messages, meters)
        if telegraf:
            tell(f"round {number} of {count}: Telegraf")
            yield TELEGRAF, by_telegraf(telegraf, messages)


def best(found: Sequence[Drained]) -> Drained:
    """Of each figure the best round: what else the machine did only makes them worse. Memory is the worst round's."""
    return Drained(
        found[0].messages,
        min(one.seconds for one in found),
        min(one.cpu_s for one in found),
        max(one.peak_mb for one in found),
    )


def print_drains(drains: dict[str, Drained]) -> None:
    print("| program | messages | messages/s | CPU us a message | peak MB |\n|---|---:|---:|---:|---:|")
    for name, one in drains.items():
        print(f"| {name} | {one.messages:,} | {one.rate:,.0f} | {one.cpu_us:.1f} | {one.peak_mb:.0f} |")
    ours, theirs = drains["aquavolt collect"], drains.get(TELEGRAF)
    if theirs is None:
        print("\nTelegraf could not be built here.")
    else:
        times, share = ours.rate / theirs.rate, ours.cpu_us / theirs.cpu_us
        print(f"\n{times:.2f} times Telegraf's messages a second at {share:.2f} times its CPU a message.")


def print_backlog(found: Backlog) -> None:
    late = np.percentile(found.late_s, (50, 99))
    print("\n| InfluxDB away, then back | |\n|---|---:|")
    print(f"| readings that waited in the journal | {found.readings:,} |")
    print(f"| out of it, each second | {found.rate:,.0f} |")
    print(f"| live readings meanwhile, from journal to confirmed: median | {late[0]:.2f} s |")
    print(f"| 99 of 100 | {late[1]:.2f} s |")
    print(f"| the slowest of {len(found.late_s):,} | {found.late_s.max():.2f} s |")


def main() -> None:
    parser = argparse.ArgumentParser(description="MQTT through the journal into InfluxDB")
    parser.add_argument("--messages", type=int, default=500_000)
    parser.add_argument("--meters", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backlog", type=int, default=1_000_000, help="readings; 0: left out")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended; the servers of this benchmark end too"))
    made = payloads(max(given.messages, -(-given.backlog // VALUES)), given.meters)
    drains: dict[str, list[Drained]] = {}
    for name, one in rounds(made[: given.messages], given.meters, given.rounds):
        drains.setdefault(name, []).append(one)
        tell(f"  {one.rate:,.0f} messages/s, {one.cpu_us:.1f} us, {one.peak_mb:.0f} MB")
    print(
        f"Machine: {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{datetime.now(UTC):%Y-%m-%d}. InfluxDB {INFLUXD}, mosquitto, {TELEGRAF}, all on it.\n"
        f"Data: simulated, seed {SEED}: {SIZE}-byte JSON, three values, {given.meters} meters, QoS 1, "
        f"`max_inflight_messages` {INFLIGHT}.\nBest of {given.rounds}.\n"
    )
    print_drains({name: best(found) for name, found in drains.items()})
    if given.backlog:
        tell("InfluxDB away, then back")
        print_backlog(measure(made[: -(-given.backlog // VALUES)], given.meters))


if __name__ == "__main__":
    main()
