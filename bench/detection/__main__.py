"""How well the rules find what is there: the whole table, from the labelled sets.

    python -m bench.detection --into docs/benchmarks.md             all of it; about a quarter of an hour of one core
    python -m bench.detection [--quick] [--half odd] [--only household,rooms] [--out FILE] [--charts FOLDER]

The sets are looked for in ../shared/data/readings beside the project, or where --data or AQUAVOLT_DATA says. Scenarios
of LeakDB and further campus years are made by the generators there and kept in bench-out; those need wntr (see
--python). Other sets in the same form come in by folder: --leakdb, --campus-years. Everything runs through the very
same shard as a live system, with the settings as they ship. What is being done is told on stderr.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.detection import table
from bench.detection.chance import DRAWS
from bench.detection.charts import NoChartsError, draw
from bench.detection.goals import goals_of, rooms_goals, speed_goals
from bench.detection.head import head, with_section
from bench.detection.jobs import Half, Job
from bench.detection.judging import peak_mb
from bench.detection.notes import notes
from bench.detection.options import BESIDE, LEAKDB, SPEED, YEARS, chosen_jobs, parser, wants
from bench.detection.pooled import pooled
from bench.detection.rooms import RoomsAccused
from bench.detection.run import Run
from bench.detection.scoring import Score
from bench.detection.seeds import EVEN_SEEDS, ODD_SEEDS, seeds_score
from bench.detection.seeds import JOB as SEEDS_JOB
from bench.detection.sets import NoDataError
from bench.detection.speed import Speed, measured

__all__ = ["BESIDE", "main"]
QUICK_DRAWS = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0 if the table was made, 2 if data or matplotlib are missing."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    given = parser(__doc__).parse_args(words)
    parts = []
    try:
        for part in document(given, words):
            parts.append(part + "\n")
            print(parts[-1], flush=True)
    except (NoDataError, NoChartsError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    section = "\n".join(parts)
    if given.out:
        given.out.write_text(section, encoding="utf-8")
    if given.into:
        old = given.into.read_text(encoding="utf-8") if given.into.exists() else ""
        given.into.write_text(with_section(old, section), encoding="utf-8")
    return 0


def document(given: argparse.Namespace, words: Sequence[str] = ()) -> Iterator[str]:
    """The section: head and tables.

    Raises:
        NoDataError: a set is missing.
        NoChartsError: charts are asked for, and matplotlib is missing.
    """
    jobs, folders = chosen_jobs(given)
    draws = QUICK_DRAWS if given.quick else DRAWS
    run = Run(given.data, given.half, draws, folders)
    scores = list(_scores(run, jobs, given))
    scores += _pooled(scores, draws)
    if wants(given, SEEDS_JOB.key):
        scores.append(seeds_score(EVEN_SEEDS if given.half is Half.EVEN else ODD_SEEDS, draws))
    rooms = list(run.rooms(jobs))
    copies = [] if given.quick or given.no_copies else list(run.degraded(jobs))
    speed = _speed() if wants(given, SPEED) else None
    yield from head(shlex.join(["python", "-m", "bench.detection", *_told(words)]), given.half, draws)
    goals = [*(g for s in scores for g in goals_of(s)), *rooms_goals(rooms), *(speed_goals(speed) if speed else ())]
    if goals:
        yield from ("Figures to reach:", table.goal_table(goals))
    if scores:
        yield from ("All of them:", table.main_table(scores), "By kind and size:", table.part_table(scores))
    yield from _further(scores, rooms, copies)
    if speed:
        yield from ("Speed, on one core (by detector: `bench/rules_replay.py`):", table.speed_table(speed))
    if looked_at := notes(s.job.key for s in scores):
        yield from ("What the misses and the false alarms are, by their charts (`--charts FOLDER`):", looked_at)
    yield f"Most memory held by this benchmark: {peak_mb():.0f} MB."


def _scores(run: Run, jobs: Sequence[Job], given: argparse.Namespace) -> Iterator[Score]:
    began = time.monotonic()
    for number, score in enumerate(run.scores(jobs), 1):
        said = f"{len(score.matched.found)} found, {len(score.matched.missed)} missed, {len(score.matched.false)} false"
        sys.stderr.write(f"[{number}/{len(jobs)}] {score.job.key}: {said}, {time.monotonic() - began:.0f} s so far\n")
        _charts(run, score, given.charts)
        yield score


def _speed() -> Speed:
    sys.stderr.write("speed: a year of a thousand meters\n")
    return measured()


def _pooled(scores: Sequence[Score], draws: int) -> Iterator[Score]:
    for key, name in ((LEAKDB, "inlets of a town, all"), (YEARS, "zone balance, all campus years")):
        of_kind = [s for s in scores if s.job.key.startswith(key)]
        if len(of_kind) > 1:
            yield pooled(name, of_kind, draws)


def _further(
    scores: Sequence[Score], rooms: Sequence[tuple[Job, RoomsAccused]], copies: Sequence[tuple[str, Score]]
) -> Iterator[str]:
    if any(s.zone for s in scores):
        yield from ("Place:", table.zone_table(scores))
    if any(s.points for s in scores):
        yield from (table.POINT_WORDS, table.point_table(scores))
    if rooms:
        yield from ("Alerts about appliances, room by room:", table.rooms_table(rooms))
    if copies:
        yield from (table.DEGRADED_WORDS, table.degraded_table(copies))


def _charts(run: Run, score: Score, folder: Path | None) -> None:
    if folder is None:
        return
    source, quiet = (run.judged(name).data if name else None for name in (score.job.source, score.job.quiet))
    sys.stderr.write(f"{score.job.key}: {draw(score, source, quiet, folder)} charts\n")


def _told(words: Sequence[str]) -> list[str]:
    """The command without folders of this machine."""
    private = {"--data", "--leakdb", "--campus-years", "--made", "--python", "--out", "--into", "--charts"}
    out, is_skipped = [], False
    for word in words:
        is_folder = word.split("=")[0] in private
        if not (is_folder or is_skipped):
            out.append(word)
        is_skipped = is_folder and "=" not in word
    return out


if __name__ == "__main__":
    sys.exit(main())
