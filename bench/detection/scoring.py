"""The figures of one job: what was found, beside chance and a rule of thumb."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from bench.detection.bootstrap import f1_interval, rate_interval
from bench.detection.chance import DRAWS, Chance, Watched, by_chance
from bench.detection.chosen import Chosen
from bench.detection.events import HOUR_MS, Alarm, Event, Matched, delay_h, match
from bench.detection.hours import hours
from bench.detection.jobs import Half, Job, Part, Share
from bench.detection.judging import Judged
from bench.detection.places import SITE, anywhere
from bench.detection.points import PointRow, point_rows
from bench.detection.sets import DataSet
from bench.detection.trivial import TRIVIAL

SEED = 20261123
NAN = float("nan")


@dataclass(frozen=True, slots=True)
class PartScore:
    """Of a part's events: how many there are, found at all, and found in time; their delays in hours, sorted."""

    part: Part
    events: int
    found: int
    in_time: int
    delays: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ZoneScore:
    """Where alerts stood: `told` of `events` had an alert of their own in time, wherever it stood.

    between, inside   (at the right place, told) of leaks on the parent's pipe and of leaks inside a child
    false_a_year      false alerts a zone and year; one at the wrong place is false
    anywhere          F1 where only the time counts, and chance for it
    """

    told: int
    events: int
    between: tuple[int, int]
    inside: tuple[int, int]
    false_a_year: float
    anywhere: float
    anywhere_chance: Chance


@dataclass(frozen=True)
class Score:
    """One row. `loss_rate` and `loss_total`: median relative error; rates of false alarms a meter-month untouched."""

    job: Job
    half: Half
    matched: Matched
    alarms: tuple[Alarm, ...]
    interval: tuple[float, float]
    chance: Chance
    trivial: Matched
    quiet_rate: float
    trivial_quiet_rate: float
    loss_rate: float
    loss_total: float
    seconds_per_1000: float
    parts: tuple[PartScore, ...]
    zone: ZoneScore | None
    quiet_alarms: tuple[Alarm, ...] = ()
    points: tuple[PointRow, ...] = ()
    watched: tuple[Watched, ...] = ()
    quiet_interval: tuple[float, float] = (NAN, NAN)


def score(job: Job, half: Half, source: Judged | None, quiet: Judged | None, draws: int = DRAWS) -> Score:
    """The figures of a job; `source` has labels, `quiet` has none."""
    half = half if job.has_halves else Half.ALL
    matched = Matched()
    alarms: list[Alarm] = []
    parts: tuple[PartScore, ...] = ()
    zone: ZoneScore | None = None
    points: tuple[PointRow, ...] = ()
    watched: list[Watched] = []
    interval, chance, trivial = (NAN, NAN), Chance(NAN, NAN), Matched()
    if source is not None:
        chosen = Chosen(source.data, half)
        events = [e for e in source.data.events if chosen.counts(e.place)]
        alarms = _counted(job, source, chosen)
        matched = match(events, alarms, job.grace_ms)
        interval = f1_interval(matched, chosen.places, SEED)
        watched = _watched(source.data, events)
        chance = by_chance(events, watched, len(alarms), SEED, job.grace_ms, draws)
        trivial = match(events, _thumb(job, source.data, chosen), job.grace_ms)
        parts = _parts(job, source.data, events, matched)
        zone = _zone(job, source.data, events, matched, draws) if job.is_zone else None
        points = point_rows(source.data, events, alarms, watched, SEED, draws) if job.by_point else ()
    untouched, quiet_rate, trivial_rate, quiet_interval = _quiet(job, half, quiet)
    measured = source if source is not None else quiet
    return Score(
        job, half, matched, tuple(alarms), interval, chance, trivial, quiet_rate, trivial_rate,
        *loss_errors(matched), measured.seconds_per_1000 if measured is not None else NAN,
        parts, zone, tuple(untouched), points, tuple(watched), quiet_interval,
    )  # fmt: skip


def sizes(job: Job, data: DataSet, events: Sequence[Event]) -> dict[str, float]:
    """The size of each event as the job's parts compare it, by its id."""
    if job.share is Share.NOTHING:
        return {e.id: e.size for e in events}
    known = hours(data)
    if job.share is Share.PLACE:
        return {e.id: e.rate / float(np.nanmean(known.of(e.place))) for e in events}
    roots = {data.place(m.id) for m in data.site.meters.values() if not m.parents}
    inflow = sum(float(np.nanmean(known.of(p))) for p in roots)
    return {e.id: e.rate / inflow for e in events}


def _counted(job: Job, judged: Judged, chosen: Chosen) -> list[Alarm]:
    raised = judged.findings(job.categories) if job.by_finding else judged.alarms(job.categories, job.conditions)
    return [a for a in raised if chosen.counts(a.place)]


def _thumb(job: Job, data: DataSet, chosen: Chosen) -> list[Alarm]:
    if not job.trivial:
        return []
    return [a for a in TRIVIAL[job.trivial].alarms(data) if chosen.counts(a.place)]


def _watched(data: DataSet, events: Sequence[Event]) -> list[Watched]:
    # The dice are told at which places there is something to find: they are better for it, never worse.
    return [data.watched[p] for p in dict.fromkeys(e.place for e in events) if p in data.watched]


def _quiet(job: Job, half: Half, quiet: Judged | None) -> tuple[list[Alarm], float, float, tuple[float, float]]:
    if quiet is None:
        return [], NAN, NAN, (NAN, NAN)
    chosen = Chosen(quiet.data, half)
    raised = _counted(job, quiet, chosen)
    months, watched = chosen.meter_months, [quiet.data.watched[p] for p in chosen.places]
    thumb = len(_thumb(job, quiet.data, chosen)) / months
    return raised, len(raised) / months, thumb, rate_interval(raised, watched, SEED)


def _parts(job: Job, data: DataSet, events: Sequence[Event], matched: Matched) -> tuple[PartScore, ...]:
    of = sizes(job, data, events) if job.parts else {}
    return tuple(part_of(part, of, events, matched) for part in job.parts)


def part_of(part: Part, of: dict[str, float], events: Sequence[Event], matched: Matched) -> PartScore:
    """What was found of a part; `of` has the size of each event by its id."""
    count = sum(part.has(e, of[e.id]) for e in events)
    delays = sorted(delay_h(e, a) for e, a in matched.found if part.has(e, of[e.id]))
    return PartScore(part, count, len(delays), sum(d <= part.within_h for d in delays), tuple(delays))


def _zone(job: Job, data: DataSet, events: Sequence[Event], matched: Matched, draws: int) -> ZoneScore:
    # What found no event of its place may still have found the time of one: told, but at the wrong place.
    misplaced = match(*anywhere(matched.missed, matched.false), job.grace_ms)
    right = [e for e, _ in matched.found]
    wrong = [e for e, _ in misplaced.found]
    roots = [w for p, w in data.watched.items() if any(not data.site.meters[m].parents for m in data.site.meters_at[p])]
    alarms = len(right) + len(matched.false)
    told = len(right) + len(wrong)
    loose_events, _ = anywhere(events, ())
    thrown = by_chance(loose_events, [replace(w, place=SITE) for w in roots], alarms, SEED, job.grace_ms, draws)
    return ZoneScore(
        told, len(events), _right_of(right, wrong, is_inside=False), _right_of(right, wrong, is_inside=True),
        len(matched.false) / sum(w.years for w in roots),
        2 * told / (2 * told + len(misplaced.missed) + len(misplaced.false)) if events else NAN, thrown,
    )  # fmt: skip


def _right_of(right: Sequence[Event], wrong: Sequence[Event], *, is_inside: bool) -> tuple[int, int]:
    good = sum((e.kind == "leak_inside") == is_inside for e in right)
    return good, good + sum((e.kind == "leak_inside") == is_inside for e in wrong)


def loss_errors(matched: Matched) -> tuple[float, float]:
    """Median relative errors of rate and total, of the events found that were full at once; NaN without any."""
    errors = [_loss_errors(e, a) for e, a in matched.found if not e.grows]
    return _median([r for r, _ in errors]), _median([t for _, t in errors])


def _loss_errors(event: Event, alarm: Alarm) -> tuple[float, float]:
    """Relative errors of rate and total; NaN where the label has no rate or the alert no total or end."""
    rate = abs(alarm.size - event.rate) / event.rate
    if alarm.until is None or not alarm.total:
        return rate, NAN
    true = event.rate * (min(event.end, alarm.until) - event.start) / HOUR_MS
    return rate, abs(alarm.total - true) / true


def _median(figures: Sequence[float]) -> float:
    known = [f for f in figures if not math.isnan(f)]
    return median(known) if known else NAN
