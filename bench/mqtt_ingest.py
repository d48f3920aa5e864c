"""MQTT messages a second through the collector into the journal, durable before each acknowledgement.

    python bench/mqtt_ingest.py [--messages 500000] [--meters 500] [--protocol 3.1.1|5] [--inflight 1000] [--live]

A real mosquitto (its own process, own port) holds a queue of QoS 1 messages for the collector's persistent
session; the collector, a process of its own with nothing else in it, drains it; or (`--live`) takes
them as they are published, beside broker and publisher on the same machine. Messages are made: 200 bytes of
JSON with a time and three values, values drawn with a fixed seed. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil

from bench.broker_queue import SEED, SIZE, broker, open_session, payloads, preload, topic
from bench.process_figures import peak_mb
from collector.counts import Counts
from collector.journal import Journal
from collector.mqtt.client import MqttSource
from collector.mqtt.routes import route_of
from collector.mqtt.settings import MqttSettings
from metering.batch import ReadingBatch
from metering.site import Meter

ROOT = Path(__file__).resolve().parents[1]


def drain(port: int, folder: Path, messages: int, meters: int, protocol: str) -> dict[str, float]:
    """The collector's side: from start to the last message journaled."""
    journal = Journal(folder / "journal.db")
    counts = Counts()
    made = [Meter(f"meter-{i}", "water", connection=f"mqtt://127.0.0.1:{port}/{topic(i)}") for i in range(meters)]
    routes = [route_of(meter) for meter in made]
    settings = MqttSettings("127.0.0.1", port, "bench", protocol="5" if protocol == "5" else "3.1.1")
    source = MqttSource(settings, routes, journal, counts)
    source.start()
    journal.wait_beyond(0, 60)  # the first burst of many hundred
    started, cpu = time.perf_counter(), time.process_time()
    position = stored = 0
    while stored < 3 * messages:
        if not journal.wait_beyond(position, 60):
            raise TimeoutError(f"{stored} of {3 * messages} readings after a minute of silence")
        time.sleep(0.05)
        position = journal.head()
        stored = sum(m.received for m in counts.report(np.datetime64("now", "ms"), journal).meters)
    wall, used = time.perf_counter() - started, time.process_time() - cpu
    entries = journal.head()
    source.stop()
    found = {"wall_s": wall, "cpu_s": used, "rss_mb": peak_mb(psutil.Process()), "entries": float(entries)}
    check(journal, messages)
    journal.close()
    return found


def check(journal: Journal, messages: int) -> None:
    """Every reading is in the journal, as a reader finds it."""
    after = rows = 0
    while entries := journal.read(after):
        after = entries[-1][0]
        rows += sum(len(entry) for _, entry in entries if isinstance(entry, ReadingBatch))
    if rows != 3 * messages:
        raise ValueError(f"the journal has {rows} readings of {3 * messages}")


def run(messages: int, meters: int, protocol: str, inflight: int, *, is_live: bool) -> dict[str, float]:
    """One measurement: broker, queue, collector."""
    folder = Path(tempfile.mkdtemp(prefix="aquavolt-bench-"))
    try:
        with broker(folder, inflight) as running:
            port = running.port
            open_session(port, "bench", ["bench/+"])
            made = payloads(messages, meters)
            if not is_live:
                preload(port, made)
            own = [sys.executable, __file__, "--drain", str(port), "--folder", str(folder)]
            sizes = ["--messages", str(messages), "--meters", str(meters), "--protocol", protocol]
            with subprocess.Popen([*own, *sizes], stdout=subprocess.PIPE, cwd=ROOT) as collector:
                if is_live:
                    preload(port, made)
                said, _ = collector.communicate()
            found: dict[str, float] = json.loads(said.splitlines()[-1])
            return found
    finally:
        shutil.rmtree(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description="MQTT ingest, journal-durable")
    parser.add_argument("--messages", type=int, default=500_000)
    parser.add_argument("--meters", type=int, default=500)
    parser.add_argument("--protocol", choices=("3.1.1", "5"), default="3.1.1")
    parser.add_argument("--inflight", type=int, default=1000, help="the broker's max_inflight_messages")
    parser.add_argument("--live", action="store_true", help="publish while the collector is connected")
    parser.add_argument("--drain", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.drain:
        print(json.dumps(drain(given.drain, given.folder, given.messages, given.meters, given.protocol)))
        return
    found = run(given.messages, given.meters, given.protocol, given.inflight, is_live=given.live)
    rate, cpu_us = given.messages / found["wall_s"], found["cpu_s"] / given.messages * 1e6
    cells = {
        "messages": f"{given.messages:,}",
        "how": "live" if given.live else "queued",
        "MQTT": given.protocol,
        "max_inflight_messages": str(given.inflight),
        "messages/s": f"{rate:,.0f}",
        "CPU us a message": f"{cpu_us:.1f}",
        "readings/s": f"{3 * rate:,.0f}",
        "journal entries": f"{found['entries']:.0f}",
        "RSS MB": f"{found['rss_mb']:.0f}",
    }
    cores = os.cpu_count()
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {cores} cores, Python {platform.python_version()}.")
    print(f"Made messages, seed {SEED}: {SIZE}-byte JSON, three values, {given.meters} meters; real mosquitto.\n")
    for row in (cells.keys(), ["---"] * len(cells), cells.values()):
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
