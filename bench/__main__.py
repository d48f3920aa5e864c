"""`make bench`: every benchmark, one after the other, as one Markdown document.

    python -m bench [--quick] [--only rules_replay,storage] [--out docs/benchmarks.md]

Each is a script (or package) of its own that prints Markdown; here stand its heading and its sizes. One that fails is
named in the document and in the exit status, the others still run.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.harness.machine import memory, processor, revision

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent


@dataclass(frozen=True, slots=True)
class Bench:
    """One script: what it measures, and the sizes of a run to look at (`quick`), where the full ones are too long."""

    script: str
    title: str
    quick: tuple[str, ...] = ()
    full: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Where it stands, as the document names it."""
        return f"bench/{self.script}" if (HERE / self.script).is_dir() else f"bench/{self.script}.py"

    @property
    def started_by(self) -> tuple[str, ...]:
        """What Python is given to start it: a folder is a package."""
        return ("-m", f"bench.{self.script}") if (HERE / self.script).is_dir() else (str(ROOT / self.path),)


BENCHES = (
    Bench("page_start", "The demo: from the command to judged history", ("--live", "5")),
    Bench(
        "modbus_polling",
        "Modbus TCP polling, beside Telegraf",
        ("--seconds", "8", "--rounds", "1", "--only", "500x30x1"),
    ),
    Bench("modbus_silent", "One line, eight units, some of them dead", ("--seconds", "5")),
    Bench("dlt645_line", "A 9,600-baud line with 32 DL/T 645 meters", ("--seconds", "8")),
    Bench("fuzz", "Decoders under fuzzing", ("--minutes", "0.5")),
    Bench("mqtt_ingest", "MQTT messages into the journal", ("--messages", "50000")),
    Bench("desk", "The alert desk under load", ("--alerts", "5000", "--seconds", "10")),
    Bench("desk_figures", "The figures of the desk", ("--alerts", "5000")),
    Bench(
        "notify",
        "From a reading to people, and a storm",
        ("--meters", "1000", "--seconds", "20", "--wait", "2", "--storm", "200"),
    ),
    Bench("first_view", "Pages in a slow browser", ("--times", "2")),
    Bench("rules_replay", "Rules in replay", ("--days", "40", "--meters", "200")),
    Bench("storage", "The embedded store", ("--readings", "500000", "--interval-meters", "40")),
    Bench("faults", "Faults on purpose: every reading accounted for", ("--quick",)),
    Bench("influx", "InfluxDB as the store", ("--points", "500000")),
    Bench(
        "influx_drain",
        "From the broker through the journal into InfluxDB, beside Telegraf",
        ("--messages", "50000", "--rounds", "1", "--backlog", "200000"),
    ),
    Bench("sizing", "What a reading costs on disk and in memory", ("--readings", "1000000", "--interval-meters", "20")),
    Bench("campus_seeds", "Detection: injected faults on simulated campuses", ("--seeds", "101-102")),
    Bench("detection", "Detection: labelled sets, beside chance and rules of thumb", ("--quick",)),
)

FRAME = """# Benchmarks

Made by `make bench{options}` on {date}, from the state `{revision}`. Each section names its data: **made** (random
numbers of a fixed seed), **simulated** (our campus simulator), **injected** (faults put in by us, sizes fixed before
any detector was tuned) or **real**. All of it runs on one machine, over its loopback address; nothing here was measured
on a real meter.

| machine | |
|---|---|
| processor | {processor} |
| memory | {memory} |
| system | {system} |
| Python | {python} |
"""


def frame(options: str) -> str:
    """The head of the document."""
    return FRAME.format(
        options=options,
        date=datetime.now(UTC).date(),
        revision=revision(),
        processor=processor(),
        memory=memory(),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
    )


def run(bench: Bench, *, is_quick: bool) -> tuple[bool, str]:
    """Whether it worked, and what it printed."""
    command = [sys.executable, *bench.started_by, *(bench.quick if is_quick else bench.full)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, check=False)
    if done.returncode:
        return False, f"`{bench.script}` failed (exit status {done.returncode})."
    # A heading of the script's own would break the document's order.
    lines = [line for line in done.stdout.strip().splitlines() if not line.startswith("#")]
    return True, "\n".join(lines).strip()


def sections(chosen: list[Bench], *, is_quick: bool) -> Iterator[tuple[bool, str]]:
    for bench in chosen:
        sys.stderr.write(f"==> {bench.title}\n")
        began = time.monotonic()
        worked, text = run(bench, is_quick=is_quick)
        sys.stderr.write(f"    {time.monotonic() - began:.0f} s\n")
        yield worked, f"\n## {bench.title}\n\n`{bench.path}`\n\n{text}\n"


def named(text: str) -> list[str]:
    """Names of benchmarks, commas between them.

    Raises:
        argparse.ArgumentTypeError: there is none of such a name.
    """
    names, known = text.split(","), [b.script for b in BENCHES]
    if unknown := [name for name in names if name not in known]:
        raise argparse.ArgumentTypeError(f"no {', '.join(unknown)}; allowed: {', '.join(known)}")
    return names


def main() -> int:
    """Exit status 0 if every benchmark ran."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes: to look at, not to quote")
    parser.add_argument("--only", type=named, action="extend", metavar="NAME,..", help="these alone")
    parser.add_argument("--out", type=Path, help="write the document here too")
    given = parser.parse_args()
    chosen = [b for b in BENCHES if not given.only or b.script in given.only]
    parts = [frame(' BENCH="--quick"' if given.quick else "")]
    print(parts[0], end="", flush=True)
    all_worked = True
    for worked, text in sections(chosen, is_quick=given.quick):
        all_worked &= worked
        parts.append(text)
        print(text, end="", flush=True)
    if given.out:
        given.out.write_text("".join(parts), encoding="utf-8")
    return 0 if all_worked else 1


if __name__ == "__main__":
    sys.exit(main())
