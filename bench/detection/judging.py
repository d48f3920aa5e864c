"""A set through the very same shard as a live system, with the settings as they ship."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from bench.detection.events import Alarm
from bench.detection.places import place_of_alert
from bench.detection.sets import DataSet
from metering.incident import Incident
from metering.site import Site
from rules.backtest import AlertLines, backtest
from rules.findings import Finding, FindingPhase
from rules.open_incident import ms_of
from rules.settings import RulesSettings


@dataclass(frozen=True)
class Judged:
    """What the rules said of a set, and what it cost (CPU seconds from readings to incidents)."""

    data: DataSet
    incidents: tuple[Incident, ...]
    openings: tuple[Finding, ...]
    seconds: float

    def alarms(self, categories: Iterable[str], conditions: Iterable[str] = ()) -> list[Alarm]:
        """Alerts of these categories, and those about data with one of these conditions."""
        wanted, besides = set(categories), set(conditions)
        return [
            alarm_of(self.data.site, i)
            for i in self.incidents
            if i.category.value in wanted or besides & _conditions(i)
        ]

    def findings(self, categories: Iterable[str]) -> list[Alarm]:
        """Findings of these categories, one each, by the time they speak of."""
        wanted = set(categories)
        return [
            Alarm(place_of_alert(self.data.site, f.node), ms_of(f.onset), f.rule, ms_of(f.at), f.size)
            for f in self.openings
            if f.category.value in wanted
        ]

    @cached_property
    def seconds_per_1000(self) -> float:
        """CPU seconds for 1,000 meters and a year."""
        return 1000 * self.seconds / self.data.meter_years


@dataclass(slots=True)
class _Openings:
    """Gathers what was opened; detectors that find short uses open and close at once."""

    found: list[Finding] = field(default_factory=list)

    def add(self, findings: Iterable[Finding]) -> None:
        self.found += [f for f in findings if f.phase is FindingPhase.OPEN]


def judge(data: DataSet) -> Judged:
    """Everything the rules say of the set, seeing only the past."""
    lines, openings = AlertLines(), _Openings()
    began = time.process_time()
    for events in backtest(data.site, RulesSettings(), data.batches()):
        lines.add(events.changes)
        openings.add(events.findings)
    return Judged(data, lines.incidents(), tuple(openings.found), time.process_time() - began)


def alarm_of(site: Site, incident: Incident) -> Alarm:
    """An alert as an alarm at its place."""
    closed = incident.closed_at
    return Alarm(
        place_of_alert(site, incident.node), ms_of(incident.detected_at), incident.rule,
        size=incident.loss_rate, total=incident.loss_total, until=None if closed is None else ms_of(closed),
    )  # fmt: skip


def peak_mb() -> float:
    """The most memory this process has held, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _conditions(incident: Incident) -> set[str]:
    return {f.get("details", {}).get("condition", "") for f in incident.evidence.get("findings", ())}
