"""How well the rules find what is there: the whole table, from the labelled sets.

    python -m bench.detection [--quick] [--half odd] [--only household,rooms] [--out FILE] [--charts FOLDER]

The sets are looked for in ../shared/data/readings beside the project, or where --data or AQUAVOLT_DATA says. Further
sets in the same form come in by folder: --leakdb, --campus-years. Everything runs through the very same shard as a live
system, with the settings as they ship.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.detection import table
from bench.detection.chance import DRAWS
from bench.detection.charts import NoChartsError, draw
from bench.detection.jobs import JOBS, Half, Job, campus_year_job, leakdb_job
from bench.detection.judging import peak_mb
from bench.detection.pooled import pooled
from bench.detection.run import Run
from bench.detection.scoring import Score
from bench.detection.seeds import JOB as SEEDS_JOB
from bench.detection.seeds import seeds_score
from bench.detection.sets import NoDataError, names_in

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data" / "readings"
QUICK_DRAWS = 100
LEAKDB, YEARS = "leakdb", "campus-years"
ODD_SEEDS = (101, 103, 105, 107)
EVEN_SEEDS = (100, 102, 104, 106)

WORDS = """Streaming, with the settings as they ship, the same for all sets; they were tuned on even meters (in the
order of their names). `meters` says which count here. An alert must stand at the event's place
(`bench/detection/places.py`); one event takes one alert, a further one of the same event is counted as "again".
"Chance" is as many random alarms at the places that have events ({draws} draws). The interval draws meters again.
Delays are from the true start. 0.011 false a meter-month are 2.5 a 1,000 meters and week."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0 if the table was made, 2 if data or matplotlib are missing."""
    given = _options().parse_args(arguments)
    parts = []
    try:
        for part in document(given):
            parts.append(part + "\n")
            print(parts[-1], flush=True)
    except (NoDataError, NoChartsError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if given.out:
        given.out.write_text("\n".join(parts), encoding="utf-8")
    return 0


def document(given: argparse.Namespace) -> Iterator[str]:
    """The tables, as they come.

    Raises:
        NoDataError: a set is missing.
        NoChartsError: charts are asked for, and matplotlib is missing.
    """
    jobs, folders = chosen_jobs(given)
    draws = QUICK_DRAWS if given.quick else DRAWS
    run = Run(given.data, given.half, draws, folders)
    scores = []
    for score in run.scores(jobs):
        scores.append(score)
        _charts(run, score, given.charts)
    scores += _pooled(scores, draws)
    if _wants_seeds(given):
        scores.append(seeds_score(EVEN_SEEDS if given.half is Half.EVEN else ODD_SEEDS, draws))
    yield from (WORDS.format(draws=draws), table.main_table(scores), "By kind and size:", table.part_table(scores))
    yield from _further(run, jobs, scores, given)
    yield f"Most memory held: {peak_mb():.0f} MB."


def chosen_jobs(given: argparse.Namespace) -> tuple[list[Job], dict[str, Path]]:
    """The jobs asked for, and the folders of those sets that are not beside the others.

    Raises:
        NoDataError: a folder without a set, or none given.
    """
    jobs = [j for j in JOBS if (j.key in given.only if given.only else j.is_quick or not given.quick)]
    folders: dict[str, Path] = {}
    for key, (folder, make) in {
        LEAKDB: (given.leakdb, leakdb_job),
        YEARS: (given.campus_years, campus_year_job),
    }.items():
        if folder is None and key in given.only:
            raise NoDataError(f"--only {key} needs a folder of sets: --{key} FOLDER")
        for name in names_in(folder) if folder and (key in given.only or not given.only) else ():
            jobs.append(make(name))
            folders[name] = folder
    return jobs, folders


def _pooled(scores: Sequence[Score], draws: int) -> Iterator[Score]:
    for key, name in ((LEAKDB, "inlets of a town, all"), (YEARS, "zone balance, all campus years")):
        of_kind = [s for s in scores if s.job.key.startswith(key)]
        if len(of_kind) > 1:
            yield pooled(name, of_kind, draws)


def _further(run: Run, jobs: Sequence[Job], scores: Sequence[Score], given: argparse.Namespace) -> Iterator[str]:
    if any(s.zone for s in scores):
        yield from ("Place:", table.zone_table(scores))
    if any(s.points for s in scores):
        yield from ("Half hour by half hour:", table.point_table(scores))
    if rooms := list(run.rooms(jobs)):
        yield from ("Alerts about appliances:", table.rooms_table(rooms))
    if not given.quick and (worse := list(run.degraded(jobs))):
        yield from ("On degraded copies:", table.degraded_table(worse))


def _charts(run: Run, score: Score, folder: Path | None) -> None:
    if folder is None:
        return
    source, quiet = (run.judged(name).data if name else None for name in (score.job.source, score.job.quiet))
    sys.stderr.write(f"{score.job.key}: {draw(score, source, quiet, folder)} charts\n")


def _wants_seeds(given: argparse.Namespace) -> bool:
    return SEEDS_JOB.key in given.only if given.only else not given.quick


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.detection", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    data = Path(os.environ.get("AQUAVOLT_DATA", BESIDE))
    parser.add_argument("--data", type=Path, default=data, help="folder of the sets")
    parser.add_argument("--quick", action="store_true", help="two minutes: some of the sets, 100 draws, no copies")
    parser.add_argument("--half", type=Half, choices=list(Half), default=Half.ODD, help="meters that count")
    parser.add_argument("--only", type=_named, default=(), metavar="JOB,..", help=", ".join(_keys()))
    parser.add_argument("--leakdb", type=Path, metavar="FOLDER", help="converted sets of inlets with leaks")
    parser.add_argument("--campus-years", type=Path, metavar="FOLDER", help="campus years of other networks and seeds")
    parser.add_argument("--out", type=Path, help="write the tables here too")
    parser.add_argument("--charts", type=Path, metavar="FOLDER", help="draw every missed event and false alarm")
    return parser


def _keys() -> list[str]:
    return [*(job.key for job in JOBS), SEEDS_JOB.key, LEAKDB, YEARS]


def _named(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := [name for name in names if name not in _keys()]:
        raise argparse.ArgumentTypeError(f"no {', '.join(unknown)}; allowed: {', '.join(_keys())}")
    return names


if __name__ == "__main__":
    sys.exit(main())
