"""Every decoder under fuzzing: atheris (libFuzzer, guided by coverage) on what is never to fail.

    python bench/fuzz.py [--minutes 1.5] [--only dlt645] [--seed 20260301] [--keep FOLDER]

Minutes are shared out among the targets of `fuzz_targets`, each in a process of its own, beginning with the vectors of
all profiles. A finding is told with its bytes and where it was raised; the exit status says whether there was one.
`--keep` writes corpora there, to go on from. Needs atheris: `pip install --group fuzz`.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).resolve().parent
SEED = 20260301
LONGEST_INPUT = 512
_SPARE_S = 60.0
_DONE = re.compile(r"#(\d+)\s+(?:DONE|REDUCE|NEW|pulse|INITED|RELOAD)\s.*?cov: (\d+).*?corp: (\d+)")
_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(HERE.parent)}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one target. `finding` is empty, or its bytes and the traceback."""

    target: str
    runs: int
    covered: int
    corpus: int
    finding: str


def child(target: str, arguments: list[str]) -> None:
    """Fuzz one target in this process until libFuzzer ends it."""
    import atheris  # noqa: PLC0415 - the parent tells that it is missing

    with atheris.instrument_imports(include=["collector", "metering.entries", "device_profiles.binding"]):
        from bench import fuzz_targets  # noqa: PLC0415

    atheris.Setup([sys.argv[0], *arguments], fuzz_targets.TARGETS[target])
    atheris.Fuzz()


def fuzz(target: str, seconds: float, seed: int, folder: Path) -> Outcome:
    """Run one target in a child."""
    from bench.fuzz_targets import seeds  # noqa: PLC0415

    corpus, found = folder / target, folder / f"{target}-found"
    for place in (corpus, found):
        place.mkdir(parents=True, exist_ok=True)
    for i, data in enumerate(seeds()):
        (corpus / f"seed-{i:03d}").write_bytes(data)
    command = [sys.executable, str(HERE / "fuzz.py"), "--child", target, f"-max_total_time={seconds:.0f}",
               f"-seed={seed}", f"-max_len={LONGEST_INPUT}", f"-artifact_prefix={found}/", "-timeout=10",
               "-rss_limit_mb=2048", "-print_final_stats=0", str(corpus)]  # fmt: skip
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=_ENVIRONMENT,
                          timeout=seconds + _SPARE_S, check=False)  # fmt: skip
    said = done.stdout.decode("utf-8", "replace")
    seen = _DONE.findall(said)
    runs, covered, size = map(int, seen[-1]) if seen else (0, 0, 0)
    return Outcome(target, runs, covered, size, _finding(said, found) if done.returncode else "")


def _finding(said: str, folder: Path) -> str:
    bytes_found = [f"{path.name.split('-')[0]}: {path.read_bytes().hex(' ')}" for path in sorted(folder.iterdir())]
    start = said.find("=== Uncaught Python exception")
    trace = said[start:].split("==", 4)[-2:] if start >= 0 else [said[-2000:]]
    return "\n".join([*bytes_found, said[start : start + 4000] if start >= 0 else trace[-1]])


def main() -> int:
    """Fuzz and print Markdown; 1 where something was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.5, help="of all targets together")
    parser.add_argument("--only", action="append", help="a target; may be repeated")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--keep", type=Path, help="folder for the corpora")
    given = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print("Not run: atheris is not installed here (`pip install --group fuzz`).")
        return 0
    from bench.fuzz_targets import TARGETS  # noqa: PLC0415

    if unknown := set(given.only or ()) - set(TARGETS):
        parser.error(f"no target {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    chosen = [name for name in TARGETS if not given.only or name in given.only]
    seconds = max(1.0, 60 * given.minutes / len(chosen))
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, atheris "
          f"{importlib.metadata.version('atheris')}, {datetime.now(UTC):%Y-%m-%d}, seed {given.seed}; made bytes, "
          f"beginning with all profiles' vectors; {seconds:.0f} s a target.\n")  # fmt: skip
    print("| target | inputs | edges covered | kept inputs | found |\n|---|---:|---:|---:|---|")
    findings = []
    with TemporaryDirectory(prefix="aquavolt-fuzz-") as folder:
        for name in chosen:
            print(f"==> {name}: {seconds:.0f} s", file=sys.stderr)
            outcome = fuzz(name, seconds, given.seed, given.keep or Path(folder))
            print(f"| {name} | {outcome.runs:,} | {outcome.covered:,} | {outcome.corpus:,} | "
                  f"{'**yes**' if outcome.finding else 'nothing'} |", flush=True)  # fmt: skip
            findings += [f"\n{name}:\n\n```\n{outcome.finding}\n```"] if outcome.finding else []
    print("\n".join(findings))
    return 1 if findings else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3:])
    else:
        sys.exit(main())
