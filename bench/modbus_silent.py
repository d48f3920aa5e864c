"""One line, eight units, some of them dead: how many of the living ones' readings still come, beside Telegraf.

    python bench/modbus_silent.py [--seconds 12]

Eight simulated units behind one connection, once a gateway of Modbus TCP, once an RTU line of 9,600 baud that takes
the wire's own time (84 ms of each second and unit). Each is read every second, 30 registers by one request, with a
timeout of 1 s. The collectors take turns on the same units. When a collector has all of them, one falls silent
(no answer any more), and what comes of the other seven is counted from that very moment on, the time in which the
collector still has to notice included; then the same with two.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.modbus_polling import facts
from bench.modbus_runs import rivals, running, settle, simulated
from bench.punctuality import Punctuality, punctuality

UNITS, REGISTERS, PERIOD_S = 8, 30, 1.0
BAUDS = {"TCP": 0, "RTU, 9,600 baud": 9600}
WARM_UP_S = 4.0


def share(who: str, line_kind: str, silent: int, seconds: float) -> Punctuality:
    """What came of the living units, from the moment on in which the others died."""
    baud = BAUDS[line_kind]
    with simulated(1, UNITS, REGISTERS, PERIOD_S, baud) as (line, meters), running(who, line) as run:
        settle(WARM_UP_S, f"{line_kind}, {who}, all units answer")
        for _ in range(silent):
            meters.send_signal(signal.SIGUSR1)
            time.sleep(0.02)  # signals that come together are one
        start = time.time()
        settle(seconds, f"{who}, {silent} of {UNITS} silent")
        end = time.time()
        time.sleep(1.5)  # what was read last may still be gathered
        taken = run.end()
    return punctuality(taken, range(UNITS - silent), start, end, PERIOD_S)


def main() -> None:
    """Measure and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=12.0, help="after the units died")
    given = parser.parse_args()
    print(f"{facts()}. {UNITS} units on one connection, read every {PERIOD_S:g} s, timeout 1 s; "
          f"{given.seconds:g} s from the moment on in which units fall silent.\n")  # fmt: skip
    columns = ("line", "silent", "by", "readings of the others", "due", "delivered", "longest gap s")
    print(f"| {' | '.join(columns)} |\n|---|---:|---|---:|---:|---:|---:|")
    for kind, silent, who in product(BAUDS, (1, 2), rivals()):
        found = share(who, kind, silent, given.seconds)
        due = found.got + found.missed
        longest = f"{found.gaps.max():.2f}" if len(found.gaps) else "-"
        print(f"| {kind} | {silent} | {who} | {found.got} | {due} | {100 * found.delivered:.1f} % | {longest} |",
              flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
