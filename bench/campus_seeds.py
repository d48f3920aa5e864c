"""Simulated campuses of several seeds through the very same shard: is each injected fault found at its place?

    python -m bench.campus_seeds --seeds 101-110

Faults are injected by the simulator; their sizes and the noise were fixed before any detector was tuned. An alert
counts as right when it stands at a fault's node, in its category, and was raised after the fault began.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

from metering.batch import to_datetime, to_ms
from metering.incident import Incident
from metering.site_document import parse_site
from rules.backtest import AlertLines, backtest
from rules.settings import parse_rules
from simulators.campus.campus import Campus, build_campus
from simulators.campus.faults import Fault
from simulators.campus.site_file import RULES

FIRST_DAY = date(2026, 10, 19)
DAYS = 35


@dataclass(slots=True)
class SeedResult:
    """What became of one seed."""

    seed: int
    meters: int
    found: list[tuple[Fault, Incident]] = field(default_factory=list)
    missed: list[Fault] = field(default_factory=list)
    elsewhere: list[Incident] = field(default_factory=list)
    again: list[Incident] = field(default_factory=list)
    seconds: float = 0.0


def judge_seed(seed: int, first_day: date = FIRST_DAY, days: int = DAYS) -> SeedResult:
    """Build the campus of a seed, judge its history, compare with its truth."""
    campus = build_campus(seed, first_day, days, is_demo=True)
    began = time.perf_counter()
    incidents = _incidents(campus, days)
    result = _compared(seed, campus, incidents)
    result.seconds = time.perf_counter() - began
    return result


def _incidents(campus: Campus, days: int) -> tuple[Incident, ...]:
    site = parse_site(campus.site_document())
    end = campus.start + np.timedelta64(days, "D")
    lines = AlertLines()
    for events in backtest(site, parse_rules(RULES, site), campus.entries(campus.start, end)):
        lines.add(events.changes)
    return lines.incidents()


def _compared(seed: int, campus: Campus, incidents: tuple[Incident, ...]) -> SeedResult:
    result = SeedResult(seed, len(campus.meters))
    left = list(incidents)
    for fault in campus.faults:
        mine = [i for i in left if _is_of(i, fault)]
        if not mine:
            result.missed.append(fault)
            continue
        result.found.append((fault, mine[0]))
        result.again += mine[1:]
        left = [i for i in left if i not in mine]
    result.elsewhere = left
    return result


def _is_of(incident: Incident, fault: Fault) -> bool:
    place = (incident.node, incident.category.value) == (fault.node, fault.category)
    return place and incident.detected_at >= to_ms(fault.start)


def _row(kind: str, results: list[SeedResult]) -> dict[str, Any]:
    found = [(f, i) for r in results for f, i in r.found if f.kind == kind]
    missed = sum(f.kind == kind for r in results for f in r.missed)
    hours = sorted((to_datetime(i.detected_at) - f.start) / timedelta(hours=1) for f, i in found)
    return {
        "kind": kind,
        "injected": len(found) + missed,
        "found at its node": len(found),
        "by": ", ".join(sorted({i.rule for _, i in found})),
        "median delay h": f"{np.median(hours):.0f}" if hours else "-",
        "longest h": f"{hours[-1]:.0f}" if hours else "-",
    }


def _print_table(rows: list[dict[str, Any]]) -> None:
    print("| " + " | ".join(rows[0]) + " |")
    print("|" + "---|" * len(rows[0]))
    for row in rows:
        print("| " + " | ".join(str(v) for v in row.values()) + " |")


def _seeds(text: str) -> list[int]:
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


def main() -> None:
    """Print the table, then what was missed, and what was raised elsewhere."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=_seeds, default=_seeds("101-110"), help="e.g. 101-110")
    parser.add_argument("--first-day", type=date.fromisoformat, default=FIRST_DAY, help="of the 35 days")
    given = parser.parse_args()
    results = []
    for seed in given.seeds:
        results.append(judge_seed(seed, given.first_day))
        last = results[-1]
        counts = f"{len(last.found)} found, {len(last.missed)} missed, {len(last.elsewhere)} elsewhere"
        print(f"seed {seed}: {counts}, {len(last.again)} again, {last.seconds:.1f} s", file=sys.stderr)
    kinds = dict.fromkeys([f.kind for r in results for f, _ in r.found] + [f.kind for r in results for f in r.missed])
    seeds = f"seeds {given.seeds[0]} to {given.seeds[-1]}"
    print(f"Data: simulated, {DAYS} days from {given.first_day}, {seeds}, faults injected.\n")
    _print_table([_row(kind, results) for kind in kinds])
    weeks = sum(r.meters for r in results) * DAYS / 7
    wrong = sum(len(r.elsewhere) for r in results)
    print(f"\nraised elsewhere: {wrong} ({100 * wrong / weeks:.2f} a 100 meters and week)\n")
    for result in results:
        _tell(result)


def _tell(result: SeedResult) -> None:
    for fault in result.missed:
        size = f"{fault.size} {fault.unit}"
        print(f"- missed, seed {result.seed}: {fault.kind} at {fault.node}, {size}, from {fault.start}")
    for i in result.elsewhere:
        what, when = f"{i.rule} ({i.category}) at {i.node} of {i.subject}", f"{i.detected_at} until {i.closed_at}"
        print(f"- elsewhere, seed {result.seed}: {what}, {when}, {i.loss_rate:.3f}")


if __name__ == "__main__":
    main()
