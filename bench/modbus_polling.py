"""Modbus polling beside Telegraf: how punctual a collector is, what it delivers, and what it costs.

    python bench/modbus_polling.py [--seconds 18] [--rounds 2] [--only 500x30x1]

A case is meters x registers x period in seconds, `/units` behind one connection; each register is a value where there
are 30, else there are 30 values of several registers. Meters, collector and Telegraf are processes of their own.
The collectors take turns on the same meters, several rounds, so that whatever else the machine does is shared by both.
What came is counted in the journal (in Telegraf's file) by the readings' own times; every value is compared with what
the meter holds. CPU is user and system time of the collector's process between the same two moments.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil
import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.modbus_meters import SEED
from bench.modbus_runs import OURS, Line, rivals, running, settle, simulated
from bench.punctuality import punctuality
from bench.telegraf import VERSION

WARM_UP_S = 4.0
CASES = ("500x30x1", "100x30x10", "100x120x1", "100x30x1/8")
BESIDE_TELEGRAF = CASES[0]
COLUMNS = ("meters", "connections", "registers", "period s", "by", "requests/s", "values/s", "delivered",
           "wrong values", "period p50 s", "p99 s", "longest s", "CPU s", "CPU % of a core", "RSS MB", "peak MB",
           "CPU % of the meters")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """meters x registers x period / units behind one connection."""

    meters: int
    registers: int
    period_s: float
    units: int

    @classmethod
    def of(cls, text: str) -> Case:
        """As written."""
        size, _, units = text.partition("/")
        meters, registers, period = size.split("x")
        return cls(int(meters), int(registers), float(period), int(units or 1))

    @property
    def connections(self) -> int:
        """As many as the meters need; the last one may be filled up."""
        return -(-self.meters // self.units)


@dataclass(slots=True)
class Sum:
    """What one collector did in all its rounds."""

    seconds: float = 0.0
    cpu_s: float = 0.0
    meters_cpu_s: float = 0.0
    got: int = 0
    missed: int = 0
    values: int = 0
    wrong: int = 0
    resident_mb: float = 0.0
    peak_mb: float = 0.0
    gaps: list[np.ndarray] | None = None


def one_round(who: str, line: Line, meters: psutil.Popen, seconds: float, total: Sum) -> None:
    """Start, warm up, measure, end; added to the sum."""
    with running(who, line) as run:
        settle(max(WARM_UP_S, line.period_s), f"{who} warms up")
        began, start, cpu, theirs = time.perf_counter(), time.time(), run.cpu_s(), sum(meters.cpu_times()[:2])
        settle(seconds, f"{who} measured")
        total.seconds += time.perf_counter() - began
        total.cpu_s += run.cpu_s() - cpu
        total.meters_cpu_s += sum(meters.cpu_times()[:2]) - theirs
        end = time.time()
        now_mb, peak_mb = run.resident_mb()
        # What was read last may still be gathered.
        time.sleep(1.5)
        taken = run.end()
    found = punctuality(taken, range(line.meters), start, end, line.period_s)
    total.got, total.missed = total.got + found.got, total.missed + found.missed
    total.values += round(found.got * taken.values / max(1, sum(map(len, taken.times.values()))))
    total.wrong += taken.wrong
    total.resident_mb, total.peak_mb = max(total.resident_mb, now_mb), max(total.peak_mb, peak_mb)
    total.gaps = [*(total.gaps or []), found.gaps]


def row(case: Case, who: str, total: Sum) -> str:
    gaps = np.concatenate(total.gaps or [np.empty(0)])
    p50, p99 = np.percentile(gaps, [50, 99])
    share = total.got / max(1, total.got + total.missed)
    cells = (case.connections * case.units, case.connections, case.registers, f"{case.period_s:g}", who,
             f"{total.got / total.seconds:,.0f}", f"{total.values / total.seconds:,.0f}", f"{100 * share:.2f} %",
             total.wrong, f"{p50:.3f}", f"{p99:.3f}", f"{gaps.max():.3f}", f"{total.cpu_s:.2f}",
             f"{100 * total.cpu_s / total.seconds:.1f}", f"{total.resident_mb:.0f}", f"{total.peak_mb:.0f}",
             f"{100 * total.meters_cpu_s / total.seconds:.1f}")  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def measure(text: str, seconds: float, rounds: int) -> list[str]:
    """The rows of one case."""
    case = Case.of(text)
    names = rivals() if text == BESIDE_TELEGRAF else [OURS]
    sums = {who: Sum() for who in names}
    seconds = max(seconds if len(names) > 1 else seconds / 2, 2 * case.period_s)
    with simulated(case.connections, case.units, case.registers, case.period_s) as (line, meters):
        for _ in range(rounds if len(names) > 1 else 1):
            for who in names:
                one_round(who, line, meters, seconds, sums[who])
    return [row(case, who, total) for who, total in sums.items()]


def machine() -> str:
    """The processor as the kernel names it."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return f"{line.split(':', 1)[1].strip()}, {os.cpu_count()} cores"
    return f"{platform.machine()}, {os.cpu_count()} cores"


def facts() -> str:
    """Machine, versions, date."""
    return (
        f"{machine()}; Python {platform.python_version()}, uvloop {uvloop.__version__}, numpy {np.__version__}, "
        f"Telegraf {VERSION}; {datetime.now(UTC):%Y-%m-%d}; simulated meters on loopback, values made with seed {SEED}"
    )


def main() -> None:
    """Measure and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=18.0, help="measured a round; half of it without Telegraf")
    parser.add_argument("--rounds", type=int, default=2, help="of the case beside Telegraf")
    parser.add_argument("--only", choices=CASES, action="append")
    given = parser.parse_args()
    print(f"{facts()}. Journal on disk (Telegraf: a file, no journal); {given.seconds:g} s a round, "
          f"{given.rounds} rounds in turns beside Telegraf.\n")  # fmt: skip
    print(f"| {' | '.join(COLUMNS)} |\n|{'---:|' * len(COLUMNS)}")
    for case in given.only or CASES:
        print(f"==> {case}", file=sys.stderr)
        for line in measure(case, given.seconds, given.rounds):
            print(line, flush=True)


if __name__ == "__main__":
    main()
