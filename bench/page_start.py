"""The demo from nothing: seconds until the page answers and the history is judged, and the memory of every process.

    python bench/page_start.py [--seed 1] [--live 30]

The real command on a free port and an empty folder, then once more on the folder it left. Memory is the resident set
of each process, taken after `--live` seconds of live running and at its highest (`VmHWM`).
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.process_figures import peak_mb

DEADLINE_S = 300.0
_LOOK_S = 0.05
_MB = 1 << 20


@dataclass(frozen=True, slots=True)
class Start:
    """One start: seconds since the command was given, open alerts, memory by process (MB now, MB at most)."""

    page_s: float
    judged_s: float
    alerts: int
    memory: dict[str, tuple[float, float]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def demo(data: Path, port: int, seed: int) -> Iterator[psutil.Popen]:
    """The running demo; ended in order."""
    program = str(Path(sys.executable).with_name("aquavolt"))
    command = [program, "demo", "--data", str(data), "--port", str(port), "--seed", str(seed)]
    with (data.parent / "demo.log").open("ab") as log:
        running = psutil.Popen(command, stdout=log, stderr=log)
    try:
        yield running
    finally:
        running.terminate()
        running.wait(60)


def wait_for(url: str, running: psutil.Popen) -> float:
    """The moment at which the address answers 200.

    Raises:
        RuntimeError: the program ended, or took longer than the deadline.
    """
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        if running.poll() is not None:
            raise RuntimeError(f"the demo ended with {running.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own page
                return time.monotonic()
        except (urllib.error.URLError, OSError):
            time.sleep(_LOOK_S)
    raise RuntimeError(f"{url} did not answer within {DEADLINE_S:.0f} s")


def name_of(process: psutil.Process) -> str:
    """`aquavolt demo`, or the module of a child."""
    words = process.cmdline()
    return words[words.index("-m") + 1] if "-m" in words else "aquavolt demo"


def memory(running: psutil.Popen) -> dict[str, tuple[float, float]]:
    processes = [psutil.Process(running.pid), *running.children(recursive=True)]
    return {name_of(p): (p.memory_info().rss / _MB, peak_mb(p)) for p in processes}


def open_alerts(page: str) -> int:
    """How many alerts are open, at most 500."""
    with urllib.request.urlopen(f"{page}/api/v1/alerts?state=active&limit=500", timeout=10) as answer:  # noqa: S310
        return len(json.load(answer)["items"])


def measure(data: Path, seed: int, live_s: float) -> Start:
    """Start it, wait until all is judged, let it run live, take the figures, end it."""
    port = free_port()
    page = f"http://127.0.0.1:{port}"
    began = time.monotonic()
    with demo(data, port, seed) as running:
        page_s = wait_for(f"{page}/healthz", running) - began
        judged_s = wait_for(f"{page}/readyz", running) - began
        time.sleep(live_s)
        return Start(page_s, judged_s, open_alerts(page), memory(running))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--live", type=float, default=30.0, help="seconds of live running before memory is taken")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aquavolt-bench-") as folder:
        data = Path(folder) / "demo"
        data.mkdir()
        starts = {"first, 35 days of history": measure(data, given.seed, given.live)}
        starts["again, on the same folder"] = measure(data, given.seed, given.live)
    print(
        f"Data: simulated campus, seed {given.seed}, faults injected; memory after {given.live:g} s of live running.\n"
    )
    print("| start | page answers | history judged | open alerts |\n|---|---:|---:|---:|")
    for what, start in starts.items():
        print(f"| {what} | {start.page_s:.1f} s | {start.judged_s:.1f} s | {start.alerts} |")
    first = next(iter(starts.values()))
    print("\n| process of the first start | memory, live | highest |\n|---|---:|---:|")
    for name, (now, most) in first.memory.items():
        print(f"| `{name}` | {now:.0f} MB | {most:.0f} MB |")
    print(f"| together | {sum(now for now, _ in first.memory.values()):.0f} MB | |")


if __name__ == "__main__":
    main()
