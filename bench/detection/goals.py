"""The figures to reach, beside what was measured: so that nobody has to look for them in the tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.detection.jobs import Job
from bench.detection.rooms import RoomsAccused
from bench.detection.scoring import Score
from bench.detection.speed import Speed

WEEKS_A_MONTH = 365.25 / 12 / 7
NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Goal:
    """`measured` must be at least `to_reach`, or at most where `is_most`; both in `unit`."""

    job: Job | str
    what: str
    measured: float
    to_reach: float
    unit: str = ""
    is_most: bool = False

    @property
    def is_reached(self) -> bool:
        """Not where there is nothing measured."""
        return self.measured <= self.to_reach if self.is_most else self.measured >= self.to_reach


def goals_of(score: Score) -> Iterator[Goal]:
    """What a row is held to; nothing for a row that only informs, or that is part of a row over all sets."""
    key = score.job.key.partition(":")[0]
    of = {
        "household": _household, "zone-inflow": _zone_inflow, "electricity": _electricity, "peers": _peers,
        "peer-rooms": _peers, "battledim": _inlets, "leakdb": _town, "rooms": _uses, "campus-seeds": _campuses,
        "zone-balance": _zones, "zone balance, all campus years": _zones,
    }.get(key)  # fmt: skip
    yield from of(score) if of else ()


def rooms_goals(rows: Sequence[tuple[Job, RoomsAccused]]) -> Iterator[Goal]:
    """Rooms with two uses accused, and no other."""
    for job, a in rows:
        if job.key == "rooms":
            yield Goal(job, "rooms with two uses or more accused", _share(a.accused, a.repeated), 95, "%")
            yield Goal(job, "rooms without a use accused", a.wrongly, 0, is_most=True)


def speed_goals(speed: Speed) -> Iterator[Goal]:
    """A year of a thousand meters."""
    yield Goal("speed", "detectors, CPU s", speed.detectors_s, 60, "s", is_most=True)
    yield Goal("speed", "readings to alerts, CPU s", speed.whole_s, 60, "s", is_most=True)
    yield Goal("speed", "memory", speed.memory_mb, 1500, "MB", is_most=True)


def _household(s: Score) -> Iterator[Goal]:
    yield Goal(s.job, "alerts a 1,000 meters and week, untouched", _a_week(s), 2.5, is_most=True)
    for begin, share in (("constant, 5", 100), ("constant, 2", 95), ("pulsing", 80)):
        parts = [p for p in s.parts if p.part.name.startswith(begin)]
        found = sum(p.in_time if math.isfinite(p.part.within_h) else p.found for p in parts)
        yield Goal(s.job, f"found: {parts[0].part.name if len(parts) == 1 else 'pulsing toilets'}",
                   _share(found, sum(p.events for p in parts)), share, "%")  # fmt: skip


def _zone_inflow(s: Score) -> Iterator[Goal]:
    yield Goal(s.job, "false a meter-month", s.quiet_rate, 0.33, is_most=True)


def _electricity(s: Score) -> Iterator[Goal]:
    delays = sorted(s.matched.delays_h())
    yield Goal(s.job, "F1", s.matched.f1, 0.66)
    yield Goal(s.job, "false a meter-month, untouched", s.quiet_rate, 0.25, is_most=True)
    yield Goal(s.job, "median delay", delays[len(delays) // 2] if delays else NAN, 4, "h", is_most=True)


def _peers(s: Score) -> Iterator[Goal]:
    yield Goal(s.job, "recall", s.matched.recall, 0.85)
    yield Goal(s.job, "alerts a 1,000 meters and week, untouched", _a_week(s), 4, is_most=True)


def _inlets(s: Score) -> Iterator[Goal]:
    abrupt = s.parts[0]
    yield Goal(s.job, "abrupt leaks found within 3 days", _share(abrupt.in_time, abrupt.events), 80, "%")
    yield Goal(s.job, "false in the year", len(s.matched.false), 3, is_most=True)
    yield Goal(s.job, "event F1 against chance's 95th percentile", s.matched.f1, s.chance.p95)


def _town(s: Score) -> Iterator[Goal]:
    yield Goal(s.job, "event F1", s.matched.f1, 0.85)
    for row in s.points[:1]:
        yield Goal(s.job, "F1 by half hours", 100 * row.points.f1, 65, "%")
        yield Goal(s.job, "TNR by half hours", 100 * row.points.specificity, 99, "%")
        yield Goal(s.job, "early detection", 100 * row.points.early, 50, "%")


def _uses(s: Score) -> Iterator[Goal]:
    yield Goal(s.job, "recall", s.matched.recall, 0.95)
    yield Goal(s.job, "precision", s.matched.precision, 0.95)


def _zones(s: Score) -> Iterator[Goal]:
    large = next(p for p in s.parts if p.part.name == "1 % or more")
    yield Goal(s.job, "leaks of 1 % of the inflow and more found", _share(large.found, large.events), 90, "%")
    yield Goal(s.job, "loss off", 100 * s.loss_total, 15, "%", is_most=True)
    if s.zone is not None:
        right = s.zone.between[0] + s.zone.inside[0], s.zone.between[1] + s.zone.inside[1]
        yield Goal(s.job, "false a zone-year", s.zone.false_a_year, 0.5, is_most=True)
        yield Goal(s.job, "inside told from between", _share(*right), 95, "%")


def _campuses(s: Score) -> Iterator[Goal]:
    wrong = 100 * s.quiet_rate / WEEKS_A_MONTH
    yield Goal(s.job, "injected faults found at their place", 100 * s.matched.recall, 100, "%")
    yield Goal(s.job, "false a 100 meters and week", wrong, 1, is_most=True)


def _a_week(s: Score) -> float:
    return 1000 * s.quiet_rate / WEEKS_A_MONTH


def _share(part: int, whole: int) -> float:
    return 100 * part / whole if whole else NAN
