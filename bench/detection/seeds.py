"""Simulated campuses of several seeds, scored as the sets are.

A fault's place is its node and category together: an alert about data at the right floor finds no leak there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from bench.campus_seeds import DAYS, FIRST_DAY, SeedResult, judge_seed
from bench.detection.bootstrap import f1_interval
from bench.detection.campus_thumb import WORDS, thumb_alarms
from bench.detection.chance import DRAWS, Watched, by_chance
from bench.detection.events import HOUR_MS, Alarm, Event, Matched, match
from bench.detection.jobs import Half, Job, Part
from bench.detection.scoring import SEED, Score, part_of
from metering.incident import Incident
from rules.open_incident import ms_of
from simulators.campus.campus import build_campus
from simulators.campus.faults import Fault

JOB = Job("campus-seeds", "simulated campuses", "injected, simulated", "", trivial=WORDS)
EVEN_SEEDS = tuple(range(100, 140, 2))
ODD_SEEDS = tuple(range(101, 141, 2))
NAN = float("nan")
FIRST_MS = int(np.datetime64(FIRST_DAY, "ms").astype(np.int64)) - 8 * HOUR_MS
LAST_MS = FIRST_MS + DAYS * 24 * HOUR_MS


def seeds_score(seeds: Sequence[int], draws: int = DRAWS) -> Score:
    """One row over all seeds: faults that are closed count until their end, the others until the last day."""
    results = list(_judged(seeds))
    events = [_event(r.seed, fault) for r in results for fault in _faults(r)]
    alarms = [_alarm(r.seed, incident) for r in results for incident in _incidents(r)]
    matched = match(events, alarms)
    watched = [Watched(p, FIRST_MS, LAST_MS) for p in dict.fromkeys(e.place for e in events)]
    months = sum(r.meters for r in results) * DAYS / 30.44
    years = sum(r.meters for r in results) * DAYS / 365.25
    kinds = tuple(Part(kind, kind) for kind in dict.fromkeys(e.kind for e in events))
    return Score(
        JOB, Half.ALL, matched, tuple(alarms), f1_interval(_by_seed(matched), [str(seed) for seed in seeds], SEED),
        by_chance(events, watched, len(alarms), SEED, draws=draws), match(events, _thumbs(seeds)),
        len(matched.false) / months, NAN, NAN, NAN,
        1000 * sum(r.seconds for r in results) / years,
        tuple(part_of(kind, {e.id: e.size for e in events}, events, matched) for kind in kinds), None,
    )  # fmt: skip


def _judged(seeds: Sequence[int]) -> Iterator[SeedResult]:
    for number, seed in enumerate(seeds, 1):
        yield (result := judge_seed(seed))
        said = f"{len(result.found)} found, {len(result.missed)} missed, {len(result.elsewhere)} elsewhere"
        sys.stderr.write(f"[{number}/{len(seeds)}] campus {seed}: {said}, {result.seconds:.0f} s\n")


def _thumbs(seeds: Sequence[int]) -> Iterator[Alarm]:
    for number, seed in enumerate(seeds, 1):
        sys.stderr.write(f"[{number}/{len(seeds)}] campus {seed}: rules of thumb\n")
        campus = build_campus(seed, FIRST_DAY, DAYS, is_demo=True)
        yield from (replace(a, place=f"{seed} {a.place}") for a in thumb_alarms(campus, DAYS))


def _by_seed(matched: Matched) -> Matched:
    """The same with the campus for a place: campuses are drawn again, not the places of faults."""

    def seed(place: str) -> str:
        return place.split(" ", 1)[0]

    return Matched(
        [(replace(e, place=seed(e.place)), a) for e, a in matched.found],
        [replace(e, place=seed(e.place)) for e in matched.missed],
        matched.duplicates,
        [replace(a, place=seed(a.place)) for a in matched.false],
    )


def _faults(result: SeedResult) -> Iterator[Fault]:
    yield from (fault for fault, _ in result.found)
    yield from result.missed


def _incidents(result: SeedResult) -> Iterator[Incident]:
    yield from (incident for _, incident in result.found)
    yield from result.again
    yield from result.elsewhere


def _event(seed: int, fault: Fault) -> Event:
    end = fault.end_ms if fault.end_ms is not None else LAST_MS
    place = f"{seed} {fault.node} {fault.category}"
    return Event(f"{seed}-{fault.id}", fault.kind, place, fault.start_ms, end, fault.size, fault.unit)


def _alarm(seed: int, incident: Incident) -> Alarm:
    place = f"{seed} {incident.node} {incident.category.value}"
    return Alarm(place, ms_of(incident.detected_at), incident.rule, size=incident.loss_rate, total=incident.loss_total)
