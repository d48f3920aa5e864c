"""Several sets of one kind as one row: places of two sets are two places, and sets are drawn again, not meters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.detection.bootstrap import f1_interval
from bench.detection.chance import DRAWS, Chance, by_chance
from bench.detection.events import Matched
from bench.detection.jobs import Job
from bench.detection.scoring import SEED, PartScore, Score, ZoneScore, loss_errors

NAN = float("nan")


def pooled(name: str, scores: Sequence[Score], draws: int = DRAWS) -> Score:
    """One score over all; `scores` are of jobs with the same parts, one a set, each set with a name of its own."""
    first = scores[0]
    sets = [s.job.source for s in scores]
    apart = [_apart(s.matched, s.job.source, as_one=False) for s in scores]
    matched, by_set = _joined(apart), _joined([_apart(s.matched, s.job.source, as_one=True) for s in scores])
    events = [e for e, _ in matched.found] + matched.missed
    watched = [replace(w, place=f"{s.job.source} {w.place}") for s in scores for w in s.watched]
    alarms = sum(len(s.alarms) for s in scores)
    chance = by_chance(events, watched, alarms, SEED, first.job.grace_ms, draws)
    rate, total = loss_errors(matched)
    job: Job = replace(first.job, key=name, name=name)
    return replace(
        first, job=job, matched=matched, interval=f1_interval(by_set, sets, SEED), chance=chance,
        trivial=_joined([s.trivial for s in scores]), loss_rate=rate, loss_total=total,
        seconds_per_1000=sum(s.seconds_per_1000 for s in scores) / len(scores),
        parts=tuple(_part([s.parts[i] for s in scores]) for i in range(len(first.parts))),
        zone=_zone([s.zone for s in scores if s.zone is not None]), points=(),
    )  # fmt: skip


def _apart(matched: Matched, name: str, *, as_one: bool) -> Matched:
    def place(was: str) -> str:
        return name if as_one else f"{name} {was}"

    return Matched(
        [(replace(e, place=place(e.place), id=f"{name} {e.id}"), a) for e, a in matched.found],
        [replace(e, place=place(e.place), id=f"{name} {e.id}") for e in matched.missed],
        [replace(a, place=place(a.place)) for a in matched.duplicates],
        [replace(a, place=place(a.place)) for a in matched.false],
    )


def _joined(parts: Sequence[Matched]) -> Matched:
    return Matched(
        [f for m in parts for f in m.found], [e for m in parts for e in m.missed],
        [a for m in parts for a in m.duplicates], [a for m in parts for a in m.false],
    )  # fmt: skip


def _part(parts: Sequence[PartScore]) -> PartScore:
    return PartScore(
        parts[0].part, sum(p.events for p in parts), sum(p.found for p in parts), sum(p.in_time for p in parts),
        tuple(sorted(d for p in parts for d in p.delays)),
    )  # fmt: skip


def _zone(zones: Sequence[ZoneScore]) -> ZoneScore | None:
    """The sum of the counts; the mean of what is a year's (each set is one zone). F1 by time alone is not pooled."""
    if not zones:
        return None
    return ZoneScore(
        sum(z.told for z in zones), sum(z.events for z in zones), _sum([z.between for z in zones]),
        _sum([z.inside for z in zones]), sum(z.false_a_year for z in zones) / len(zones), NAN, Chance(NAN, NAN),
    )  # fmt: skip


def _sum(pairs: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return sum(a for a, _ in pairs), sum(b for _, b in pairs)
