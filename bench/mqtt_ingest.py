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
import socket
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from collector.counts import Counts
from collector.journal import Journal
from collector.mqtt.client import MqttSource
from collector.mqtt.routes import route_of
from collector.mqtt.settings import MqttSettings
from metering.batch import ReadingBatch
from metering.site import Meter

SEED = 20260301
START_MS = 1_772_323_200_000
SIZE = 200
ROOT = Path(__file__).resolve().parents[1]
CONFIG = """persistence false
max_queued_messages 0
max_inflight_messages {inflight}
listener {port} 127.0.0.1
allow_anonymous true
"""


def payloads(messages: int, meters: int) -> list[tuple[int, bytes]]:
    """(meter, payload): each meter sends once a minute, padded to 200 bytes by a member nobody reads."""
    rng = np.random.default_rng(SEED)
    volume, flow, battery = rng.random(messages) * 1000, rng.random(messages) * 3, rng.random(messages) * 100
    out = []
    for i in range(messages):
        document = {
            "time": START_MS + i // meters * 60_000,
            "water_volume": round(float(volume[i]), 3),
            "flow_rate": round(float(flow[i]), 4),
            "battery": round(float(battery[i]), 1),
            "serial": "",
        }
        missing = SIZE - len(json.dumps(document, separators=(",", ":")))
        document["serial"] = "x" * missing
        out.append((i % meters, json.dumps(document, separators=(",", ":")).encode()))
    return out


def packet(first: int, body: bytes) -> bytes:
    """An MQTT packet; bodies below 16 KiB."""
    size = len(body)
    length = bytes([size]) if size < 128 else bytes([size & 0x7F | 0x80, size >> 7])
    return bytes([first]) + length + body


def text(value: str) -> bytes:
    """A string on the wire."""
    data = value.encode()
    return len(data).to_bytes(2, "big") + data


def expect(link: socket.socket, size: int, last: int) -> None:
    """The broker's short answer, whose last byte must be this."""
    answer = link.recv(size)
    if len(answer) != size or answer[-1] != last:
        raise ConnectionError(f"the broker answers {answer.hex()}")


def open_session(port: int, client_id: str) -> None:
    """Make the broker keep messages for the collector: its session, subscribed, then away."""
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.sendall(packet(0x10, text("MQTT") + b"\x04\x00\x00\x3c" + text(client_id)))
        expect(link, 4, 0)
        link.sendall(packet(0x82, b"\x00\x01" + text("bench/+") + b"\x01"))
        expect(link, 5, 1)
        link.sendall(packet(0xE0, b""))


def preload(port: int, messages: list[tuple[int, bytes]]) -> None:
    """Publish all with QoS 1 and wait for the broker's word for each."""
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.sendall(packet(0x10, text("MQTT") + b"\x04\x02\x00\x00" + text("preload")))
        expect(link, 4, 0)
        acknowledged = threading.Event()

        def count() -> None:
            left = 4 * len(messages)
            while left:
                left -= len(link.recv(1 << 16))
            acknowledged.set()

        threading.Thread(target=count, daemon=True).start()
        for first in range(0, len(messages), 1000):
            part = messages[first : first + 1000]
            link.sendall(
                b"".join(
                    packet(0x32, text(f"bench/{meter}") + (1 + i % 65_535).to_bytes(2, "big") + payload)
                    for i, (meter, payload) in enumerate(part, first)
                )
            )
        if not acknowledged.wait(600):
            raise TimeoutError("the broker did not take all messages within 10 minutes")


def drain(port: int, folder: Path, messages: int, meters: int, protocol: str) -> dict[str, float]:
    """The collector's side: from start to the last message journaled."""
    journal = Journal(folder / "journal.db")
    counts = Counts()
    made = [Meter(f"meter-{i}", "water", connection=f"mqtt://127.0.0.1:{port}/bench/{i}") for i in range(meters)]
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
    found = {"wall_s": wall, "cpu_s": used, "rss_mb": peak_mb(), "entries": float(entries)}
    check(journal, messages)
    journal.close()
    return found


def peak_mb() -> float:
    """The most memory this process had; not getrusage, which begins with that of the parent."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    (folder / "mosquitto.conf").write_text(CONFIG.format(port=port, inflight=inflight))
    mosquitto = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    broker = subprocess.Popen([mosquitto, "-c", str(folder / "mosquitto.conf")], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                open_session(port, "bench")
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
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
        broker.terminate()
        broker.wait()
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
