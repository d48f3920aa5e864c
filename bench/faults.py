"""Faults on purpose: what was expected, stored, lost, reported lost and doubled, and whether alerts are as without.

    python bench/faults.py [--quick] [--seconds 600] [--case "broker stopped"]

Real mosquitto and InfluxDB, `collect`, `watch` and `serve` as processes; eight made meters (fixed seed) publish 20
days with QoS 1. A fifth of it comes before the fault, most while it lasts, the rest after. Then every reading is looked
up by meter, quantity, time and value. Prints a Markdown table; exit status 1 if a row is not as it should be.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.harness.account import Row, table  # noqa: E402
from bench.harness.cases import CASES, UNDISTURBED, Case, run  # noqa: E402
from deploy.services.influxd import Influx, start_influx  # noqa: E402

_FULL_S, _QUICK_S = 600.0, 20.0


def rows(cases: Sequence[Case], influx: Influx, folder: Path, seconds: float) -> list[Row]:
    """Each case on a stage of its own, the undisturbed run first."""
    first = run(UNDISTURBED, folder / "undisturbed", influx, _QUICK_S)
    found = [first.row]
    for number, case in enumerate(cases):
        print(f"    {case.name}", file=sys.stderr)
        found.append(run(case, folder / str(number), influx, seconds, undisturbed=first.alerts).row)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="faults on purpose")
    parser.add_argument("--quick", action="store_true", help=f"outages of {_QUICK_S:.0f} s")
    parser.add_argument("--seconds", type=float, help=f"how long outages last (default {_FULL_S:.0f})")
    parser.add_argument("--case", action="append", choices=[case.name for case in CASES], help="may be repeated")
    given = parser.parse_args()
    seconds = given.seconds or (_QUICK_S if given.quick else _FULL_S)
    chosen = [case for case in CASES if not given.case or case.name in given.case]
    chosen = [case for case in chosen if not case.ground.disk_mb or os.geteuid() == 0]
    server, store = start_influx(lambda line: print(line, file=sys.stderr))
    folder = Path(tempfile.mkdtemp(prefix="aquavolt-faults-"))
    try:
        found = rows(chosen, server, folder, seconds)
    finally:
        server.stop()
        shutil.rmtree(store)
        shutil.rmtree(folder)
    print(f"Outages of {seconds:.0f} s. Data: made.\n\n{table(found)}")
    return 0 if all(row.is_as_it_should for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
