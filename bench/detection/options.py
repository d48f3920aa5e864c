"""What the command can be told, and which jobs that means."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from bench.detection.jobs import JOBS, Half, Job, campus_year_job, leakdb_job
from bench.detection.seeds import JOB as SEEDS_JOB
from bench.detection.sets import NoDataError, names_in
from bench.detection.simulate import make, recipes

ROOT = Path(__file__).resolve().parents[2]
BESIDE = ROOT.parent / "shared" / "data" / "readings"
MADE = ROOT / "bench-out" / "sets"
LEAKDB, YEARS, SPEED = "leakdb", "campus-years", "speed"
_PREFIX = {LEAKDB: "leakdb_", YEARS: "campus_"}
_JOB = {LEAKDB: leakdb_job, YEARS: campus_year_job}


def parser(description: str | None) -> argparse.ArgumentParser:
    """Of the command line."""
    out = argparse.ArgumentParser(
        prog="python -m bench.detection", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    data = Path(os.environ.get("AQUAVOLT_DATA", BESIDE))
    out.add_argument("--data", type=Path, default=data, help="folder of the sets")
    out.add_argument("--quick", action="store_true", help="two minutes: some of the sets, 100 draws, no copies")
    out.add_argument("--half", type=Half, choices=list(Half), default=Half.ODD, help="meters that count")
    out.add_argument("--only", type=_named, default=(), metavar="JOB,..", help=", ".join(_keys()))
    out.add_argument("--leakdb", type=Path, metavar="FOLDER", help="converted sets of inlets with leaks")
    out.add_argument("--campus-years", type=Path, metavar="FOLDER", help="campus years of other networks and seeds")
    out.add_argument("--made", type=Path, default=MADE, metavar="FOLDER", help="where those two are kept, once made")
    out.add_argument("--python", default=sys.executable, help="makes them: has wntr, pandas, pyarrow, scipy, six")
    out.add_argument("--no-copies", action="store_true", help="leave the degraded copies out")
    out.add_argument("--out", type=Path, help="write the section here too")
    out.add_argument("--into", type=Path, metavar="DOCUMENT", help="put it in the place of this document's old one")
    out.add_argument("--charts", type=Path, metavar="FOLDER", help="draw every missed event and false alarm")
    return out


def wants(given: argparse.Namespace, key: str) -> bool:
    """Whether a job that is not among the fixed ones is asked for: all are, but for --quick."""
    return key in given.only if given.only else not given.quick


def chosen_jobs(given: argparse.Namespace) -> tuple[list[Job], dict[str, Path]]:
    """The jobs asked for, and the folders of those sets that are not beside the others.

    Raises:
        NoDataError: a folder without a set, or a set that could not be made.
    """
    jobs = [j for j in JOBS if (j.key in given.only if given.only else j.is_quick or not given.quick)]
    folders: dict[str, Path] = {}
    for key, folder in {LEAKDB: given.leakdb, YEARS: given.campus_years}.items():
        if not (wants(given, key) or (folder and not given.only)):
            continue
        for name, where in _sets(given, key, folder):
            jobs.append(_JOB[key](name))
            folders[name] = where
    return jobs, folders


def _sets(given: argparse.Namespace, key: str, folder: Path | None) -> list[tuple[str, Path]]:
    """Names and folders: those of the folder given, else made from the reference data."""
    if folder is not None:
        return [(name, folder) for name in names_in(folder)]
    out = []
    for recipe in recipes(given.data.parent, given.half):
        if recipe.name.startswith(_PREFIX[key]):
            try:
                out.append((recipe.name, make(recipe, given.data.parent, given.made, given.python)))
            except (subprocess.CalledProcessError, OSError) as error:
                raise NoDataError(
                    f"{recipe.name} could not be made: {error}\nGive --python an interpreter that has wntr, pandas,"
                    f" pyarrow, scipy and six, or --{key} a folder with such sets, or name the other jobs with --only."
                ) from error
    return out


def _keys() -> list[str]:
    return [*(job.key for job in JOBS), SEEDS_JOB.key, LEAKDB, YEARS, SPEED]


def _named(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := [name for name in names if name not in _keys()]:
        raise argparse.ArgumentTypeError(f"no {', '.join(unknown)}; allowed: {', '.join(_keys())}")
    return names
