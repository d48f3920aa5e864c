"""A backtest: readings through the very same shard, in event time, seeing only the past.

The alert lines are what a live system would have shown: one an incident that was raised and not inhibited in the same
instant. A line tells how the incident ended (place, losses, `closed_at`); `detected_at` is when it was first shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from metering.batch import ReadingBatch, to_datetime
from metering.entries import Entry
from metering.incident import ChangeKind, Incident, IncidentChange
from metering.quantities import BY_NAME
from metering.site import Site
from rules.detectors.registry import DETECTORS
from rules.evidence import iso, plain
from rules.findings import Finding, FindingPhase, FindingScope
from rules.open_incident import Key, key_of
from rules.settings import RulesSettings
from rules.shard import Shard, ShardEvents

Progress = Callable[[int, np.datetime64 | None], None]
"""Told after each batch: readings so far, and the end of the last judged step."""


def backtest(
    site: Site,
    settings: RulesSettings,
    entries: Iterable[Entry],
    *,
    progress: Progress | None = None,
    detectors: Mapping[str, type[Any]] = DETECTORS,
) -> Iterator[ShardEvents]:
    """Run readings, given in the order of time in batches of any size, and what else happened; what each entry gave."""
    shard = Shard(site, settings, detectors)
    done = 0
    for seq, entry in enumerate(entries, start=1):
        yield shard.process(seq, entry)
        done += len(entry) if isinstance(entry, ReadingBatch) else 0
        if progress is not None:
            progress(done, shard.judged_until)
    yield shard.finish()


@dataclass(slots=True)
class AlertLines:
    """Gathers incident changes into lines: one an incident that was shown; shown again, a new line."""

    _shown: list[Incident] = field(default_factory=list)
    _current: dict[str, int] = field(default_factory=dict)

    def add(self, changes: Iterable[IncidentChange]) -> None:
        """Take changes in their order."""
        for change in changes:
            incident = change.incident
            at = self._current.get(incident.id)
            if change.kind in (ChangeKind.RAISED, ChangeKind.REOPENED) and incident.inhibited_by is None:
                self._show(incident)
            elif change.kind is ChangeKind.RELEASED:
                self._show(replace(incident, detected_at=change.time))
            elif at is not None:
                self._shown[at] = replace(incident, detected_at=self._shown[at].detected_at)

    def _show(self, incident: Incident) -> None:
        self._current[incident.id] = len(self._shown)
        self._shown.append(incident)

    def incidents(self) -> tuple[Incident, ...]:
        """The incidents shown, in the order in which they were."""
        return tuple(self._shown)

    def lines(self) -> Iterator[dict[str, Any]]:
        """The lines, JSON-able."""
        return map(alert_line, self._shown)


def alert_line(incident: Incident) -> dict[str, Any]:
    """The incident as one line of an alerts file."""
    line: dict[str, Any] = plain(
        {
            "rule": incident.rule, "category": incident.category.value, "medium": incident.medium,
            "subject": incident.subject, "node": incident.node, "severity": incident.severity.value,
            "detected_at": incident.detected_at, "onset_at": incident.onset_at, "closed_at": incident.closed_at,
            "observed": incident.observed, "expected": incident.expected, "unit": incident.unit,
            "loss_rate": incident.loss_rate, "loss_total": incident.loss_total,
            "evidence": {**incident.evidence, "incident": incident.id},
        }
    )  # fmt: skip
    return line


@dataclass(slots=True)
class FindingLines:
    """Gathers findings into lines: one a finding, with its end where it closed."""

    _open: dict[Key, Finding] = field(default_factory=dict)
    _done: list[tuple[Finding, np.datetime64 | None]] = field(default_factory=list)

    def add(self, findings: Iterable[Finding]) -> None:
        """Take findings in their order."""
        for finding in findings:
            key = key_of(finding)
            if finding.phase is not FindingPhase.CLOSE:
                self._open[key] = finding
            elif (known := self._open.pop(key, None)) is not None:
                is_use = finding.scope is FindingScope.OCCURRENCE  # its figures are known at its end
                self._done.append((finding if is_use else known, _end_of(finding)))

    def lines(self) -> Iterator[dict[str, Any]]:
        """The lines, JSON-able, by the end of the findings; open ones last."""
        for finding, end in [*self._done, *((f, None) for f in self._open.values())]:
            yield _finding_line(finding, end)


def _end_of(finding: Finding) -> np.datetime64:
    return finding.at if finding.ended is None else finding.ended


def _finding_line(finding: Finding, end: np.datetime64 | None) -> dict[str, Any]:
    return {
        "rule": finding.rule, "category": finding.category.value, "subject": finding.subject, "node": finding.node,
        "start": iso(finding.onset), "end": None if end is None else to_datetime(end).isoformat(),
        "size": plain(float(finding.size)), "unit": size_unit(finding.medium),
    }  # fmt: skip


def size_unit(medium: str) -> str:
    """The unit of an excess of that medium."""
    return "kW" if medium in {"electricity", "heat"} else BY_NAME["flow_rate"].unit
