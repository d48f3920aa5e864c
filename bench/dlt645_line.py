"""A 9,600-baud line with 32 DL/T 645 meters: how much of what the wire can carry the collector reads.

    python bench/dlt645_line.py [--seconds 30]

The meters are asked without a pause. Possible is what bytes (11 bits each) at that rate, the meter's 20 ms and the
30 ms of rest that the profile keeps between an answer and the next question allow; the plain use of the line is the
bytes' share of the time alone. Once with voltages and currents asked for phase by phase, once as blocks, which say the
same with half the questions. Every value in the journal is compared with what the meter holds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.dlt645_meters import BAUD, DELAY_S, values_of
from bench.paced_line import BITS_A_BYTE
from collector.journal import Journal
from metering.batch import ReadingBatch
from metering.quantities import BY_CODE

HERE = Path(__file__).resolve().parent
METERS, GAP_S = 32, 0.030
WARM_UP_S = 4.0
_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(HERE.parent)}
COLUMNS = ("voltages and currents", "questions/s", "readings/s", "a round of all meters s", "bytes/s",
           "of what is possible", "plain use of the line", "wrong values")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Passed:
    """What the line carried until `at` (seconds of a steady clock)."""

    at: float
    requests: int
    bytes: int
    exchanges_s: float


@contextmanager
def child(script: str, *given: str) -> Iterator[subprocess.Popen[str]]:
    """A process that does not outlive this."""
    command = [sys.executable, str(HERE / script), *given]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_ENVIRONMENT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def line_of(process: subprocess.Popen[str]) -> Any:
    """The next line that it prints, as JSON."""
    if process.stdout is None or not (text := process.stdout.readline()):
        raise RuntimeError(f"{process.args} ended")
    return json.loads(text)


def passed(meters: subprocess.Popen[str]) -> Passed:
    """As of now."""
    meters.send_signal(signal.SIGUSR1)
    found = line_of(meters)
    return Passed(time.monotonic(), found["requests"], found["bytes"], found["exchanges_s"])


def measure(seconds: float, *, is_block: bool) -> str:
    """One row."""
    with TemporaryDirectory(prefix="aquavolt-bench-") as folder, child("dlt645_meters.py", str(METERS)) as meters:
        file = Path(folder) / "journal.db"
        # A second is far less than a round takes: the line is never idle.
        job = {"port": line_of(meters), "meters": METERS, "period_s": 1.0, "is_block": is_block, "journal": str(file)}
        with child("dlt645_collector.py", json.dumps(job)) as collector:
            time.sleep(WARM_UP_S)
            first = passed(meters)
            started = time.time()
            time.sleep(seconds)
            last, ended = passed(meters), time.time()
            collector.terminate()
            if collector.wait(10):
                raise RuntimeError(f"the collector ended with {collector.returncode}")
        readings, wrong = journaled(file, started, ended)
    took = last.at - first.at
    requests, carried = last.requests - first.requests, last.bytes - first.bytes
    possible_s = last.exchanges_s - first.exchanges_s + requests * GAP_S
    values = len(values_of(0))
    cells = ("as blocks" if is_block else "phase by phase", f"{requests / took:.2f}", f"{readings / took:.1f}",
             f"{METERS * values / (readings / took):.1f}" if readings else "-", f"{carried / took:.0f}",
             f"{100 * possible_s / took:.1f} %", f"{100 * carried * BITS_A_BYTE / BAUD / took:.1f} %",
             wrong)  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def journaled(file: Path, start: float, end: float) -> tuple[int, int]:
    """Readings of the time between, and how many values of all are not what the meter holds."""
    journal = Journal(file)
    at = count = wrong = 0
    while entries := journal.read(at):
        for batch in (entry for _, entry in entries if isinstance(entry, ReadingBatch)):
            for i in range(len(batch)):
                held = values_of(int(batch.meters[batch.meter[i]][1:]))[BY_CODE[int(batch.quantity[i])].name]
                wrong += abs(batch.value[i] - held) > 1e-9
                count += start <= batch.time[i].astype("int64") / 1000 < end
        at = entries[-1][0]
    journal.close()
    return count, wrong


def main() -> None:
    """Measure and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="measured a row")
    given = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
          f"{datetime.now(UTC):%Y-%m-%d}. Simulated, no random numbers: {METERS} meters on one line of {BAUD} baud, "
          f"{1000 * DELAY_S:g} ms to answer, {1000 * GAP_S:g} ms of rest; {given.seconds:g} s a row.\n")  # fmt: skip
    print(f"| {' | '.join(COLUMNS)} |\n|---|{'---:|' * (len(COLUMNS) - 1)}")
    for is_block in (False, True):
        print(f"==> {'blocks' if is_block else 'phase by phase'}: {given.seconds:g} s", file=sys.stderr)
        print(measure(given.seconds, is_block=is_block), flush=True)


if __name__ == "__main__":
    main()
