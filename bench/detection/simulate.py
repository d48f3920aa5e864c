"""Sets of which more can be made: LeakDB scenarios and campus years of other seeds and networks, in the long form.

    python -m bench.detection.simulate --data ../shared/data --out /tmp/sets [--python VENV/bin/python] [--half even]

The generators of the data folder do the work; they need wntr, pandas, pyarrow, scipy and six, so they run under an
interpreter of their own. Even seeds and scenarios are for tuning, odd ones for what is reported. What exists is kept.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.detection.jobs import Half

_LEAKDB, _CAMPUS = Path("leakdb/make_leakdb.py"), Path("campus_sim/make_campus_year.py")
_EVERY = 4  # of the scenarios of a half, every second: 25 each
_WEAR = ("--gain-drift", "0.01", "--clock-skew-min", "10", "--unmetered", "0.1")
_YEARS = {
    Half.EVEN: (("ZJ", 2), ("Net3", 4), ("foss_poly_1", 6)),
    Half.ODD: (("ZJ", 3), ("Net3", 5), ("foss_poly_1", 7), ("ZJ", 9)),
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """A set: its name, the generator (below the data folder) and its options."""

    name: str
    script: Path
    options: tuple[str, ...]


def recipes(data: Path, half: Half) -> Iterator[Recipe]:
    """The sets of that half; both halves for `all`."""
    for each in (Half.EVEN, Half.ODD) if half is Half.ALL else (half,):
        rest = 0 if each is Half.EVEN else 1
        yield Recipe(
            f"leakdb_{each}", _LEAKDB, ("--ids", ",".join(_scenarios(data)[rest::_EVERY]), "--seed", f"{2 + rest}")
        )
        for network, seed in _YEARS[each]:
            yield Recipe(f"campus_{network}_{seed}", _CAMPUS, ("--network", network, "--seed", str(seed), *_WEAR))


def _scenarios(data: Path) -> list[str]:
    return sorted(json.loads((data / "leakdb/scenarios_dev.json").read_text(encoding="utf-8")), key=int)


def make(recipe: Recipe, data: Path, out: Path, python: str) -> Path:
    """Make a set unless it is there; gives its folder.

    Raises:
        subprocess.CalledProcessError: the generator failed; its own words are on stderr.
    """
    if not (out / f"{recipe.name}.site.yaml").exists():  # written last
        out.mkdir(parents=True, exist_ok=True)
        script = str(data / recipe.script)
        subprocess.run([python, script, "--out", str(out / recipe.name), *recipe.options], check=True)
    return out


def main() -> None:
    """Make them all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder with leakdb/, campus_sim/ and tools/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--python", default=sys.executable, help="an interpreter with wntr, pandas, pyarrow, scipy, six"
    )
    parser.add_argument("--half", type=Half, default=Half.ALL, choices=list(Half))
    given = parser.parse_args()
    for recipe in recipes(given.data, given.half):
        make(recipe, given.data, given.out, given.python)


if __name__ == "__main__":
    main()
