"""The figures of one period, whole and by month, term, place and kind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from alerts.database import Database
from alerts.statistics.breaches import Missed, missed_deadlines
from alerts.statistics.cases import Cases, Texts, read_cases
from alerts.statistics.counted import Wanted
from alerts.statistics.durations import Spread, lengths_of, spread_of
from alerts.statistics.grouping import Stretch, by_key, months_of, places, terms_of, within
from alerts.statistics.losses import Losses, Valuing
from alerts.statistics.repeats import Repeat, find_repeats
from alerts.values import Outcome
from metering.site import Site


@dataclass(frozen=True, slots=True)
class Counts:
    """How many alerts, and what became of them.

    repaired  said to be mended, and cleared by the meters; `unproven` said so, but the meters do not agree yet
    unsettled cleared, and nobody has said what it was
    returned  how often the meters brought one back that they had cleared
    repeats   leaks on a branch that had one within 90 days
    """

    found: int
    taken: int
    cleared: int
    open: int
    repaired: int
    unproven: int
    false_alarms: int
    planned_use: int
    meter_faults: int
    unsettled: int
    returned: int
    repeats: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table: what it is of, and its figures."""

    name: str
    counts: Counts
    steps: dict[str, Spread]
    losses: Losses
    stretch: Stretch | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that is told of a period."""

    total: Line
    by_month: tuple[Line, ...]
    by_term: tuple[Line, ...]
    by_zone: tuple[Line, ...]
    by_building: tuple[Line, ...]
    by_category: tuple[Line, ...]
    repeats: tuple[Repeat, ...]
    missed: tuple[Missed, ...]
    cases: Cases = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Lines:
    valuing: Valuing
    repeated: frozenset[str]

    def of(self, name: str, cases: Cases, stretch: Stretch | None = None) -> Line:
        steps = {step: spread_of(lengths) for step, lengths in lengths_of(cases).items()}
        return Line(name, _counts(cases, self.repeated), steps, self.valuing.losses_of(cases), stretch)

    def by(self, cases: Cases, keys: Texts) -> tuple[Line, ...]:
        """The one with most alerts first."""
        found = (self.of(name, own) for name, own in by_key(cases, keys))
        return tuple(sorted(found, key=lambda line: (-line.counts.found, line.name)))


class Statistics:
    """Reads only. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def figures(self, wanted: Wanted, site: Site, valuing: Valuing, now_ms: int) -> Figures:
        """The figures of what is wanted. `site` has the places, the calendar and the clock."""
        with self._database.reading() as session:
            cases = valuing.valued(read_cases(session, wanted))
            repeats, missed = find_repeats(session, wanted, site), missed_deadlines(session, wanted, now_ms)
        lines = _Lines(valuing, frozenset(r.alert_id for r in repeats))

        def through(stretches: Iterable[Stretch]) -> tuple[Line, ...]:
            return tuple(lines.of(s.name, within(cases, s, site), s) for s in stretches)

        return Figures(
            total=lines.of("", cases),
            by_month=through(months_of(wanted, site)),
            by_term=through(terms_of(wanted, site)),
            by_zone=lines.by(cases, places(cases, site, "zone")),
            by_building=lines.by(cases, places(cases, site, "building")),
            by_category=lines.by(cases, cases.category),
            repeats=repeats,
            missed=missed,
            cases=cases,
        )


def _counts(cases: Cases, repeated: frozenset[str]) -> Counts:
    def said(outcome: Outcome) -> int:
        return int((cases.outcome == outcome.value).sum())

    is_said_repaired = cases.outcome == Outcome.REPAIRED.value
    repaired = int((is_said_repaired & ~cases.is_active).sum())
    return Counts(
        found=len(cases),
        taken=int((~np.isnan(cases.taken)).sum()),
        cleared=int((~cases.is_active).sum()),
        open=int(cases.is_active.sum()),
        repaired=repaired,
        unproven=int(is_said_repaired.sum()) - repaired,
        false_alarms=said(Outcome.FALSE),
        planned_use=said(Outcome.PLANNED_USE),
        meter_faults=said(Outcome.METER_FAULT),
        unsettled=int((~cases.is_active & (cases.outcome == "")).sum()),
        returned=int(cases.returned.sum()),
        repeats=sum(i in repeated for i in cases.id),
    )
