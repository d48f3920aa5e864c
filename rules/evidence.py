"""What an open incident looks like to others: the value with severity, losses and evidence.

Members of `evidence`, all JSON:

    findings      those joined: rule, subject, node, role (own, echo), observed, expected, unit, size, uncertainty,
                  onset, at, details (the rule's own)
    place_reason  code, params, text: why this place and no smaller one
    next_step     code, one of `placing.NEXT_STEPS`; the playbook has words for it
    cause         code, confidence, others, signs: what it probably is (`rules.causes`; optional)
    loss          rate_uncertainty and total_uncertainty, one sigma, m3/h or kW and m3 or kWh (of an excess)
    series        meters, quantity, start, end, expected: the stretch to draw
    rule_version  rule and digest of all settings
    cleared_because  `back_at_usual`, or `rules_changed` (once cleared)
    back_at_usual    since, hours: from when on the meters had shown nothing of it when it cleared (optional)
    earlier       the stretches before it was reopened: onset, closed, loss_total (optional)
    previous      id of the incident before, if it has come back (optional)
    planned       node, medium, from, to, text of the planned use that explains it (optional)
    moved_from    the larger places it was at before (optional)
    group         connection, meters, of: meters that fell silent together (optional)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from metering.batch import to_datetime
from metering.incident import Category, Incident, Severity
from rules.causes import cause_of
from rules.findings import Finding
from rules.open_incident import RANK, OpenIncident, ms_of
from rules.places import EXCESS, NET_RULES, Places
from rules.placing import next_step, place_reason
from rules.planned import Plans
from rules.recent import Past, RecentHours
from rules.settings import IncidentSettings
from rules.shape import back_since, shape_of

_HOUR_MS = 3_600_000
_SERIES_BEFORE_MS = 48 * _HOUR_MS
_MOST_METERS = 20  # of a series or list in the evidence


def iso(moment: np.datetime64) -> str:
    """ISO 8601 with offset, in UTC, to the second or the millisecond."""
    return to_datetime(moment).isoformat()


def plain(value: Any) -> Any:
    """JSON-able: numpy numbers as numbers, times as text, what is no finite number as null."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return [plain(v) for v in value.tolist()]
    if isinstance(value, np.datetime64):
        return iso(value)
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def finite(value: float) -> float:
    """The number, 0 where it is none."""
    return float(value) if math.isfinite(value) else 0.0


@dataclass(frozen=True)
class Describer:
    """Makes `Incident` values of open incidents."""

    places: Places
    settings: IncidentSettings
    rules_revision: str
    plans: Plans
    recent: RecentHours
    column: Mapping[str, int]

    def refresh(self, incident: OpenIncident, at: np.datetime64) -> None:
        """Bring onset, loss and severity up to a moment. Loss and severity never fall."""
        incident.onset_at = min(f.onset for f in incident.dating)
        incident.loss_total = max(incident.loss_total, self._total(incident, incident.main, at))
        incident.severity = self._severity(incident, at)

    def describe(
        self, incident: OpenIncident, below: list[OpenIncident], doubtful: set[str], at: np.datetime64
    ) -> Incident:
        """The incident as it stands at a moment."""
        self.refresh(incident, at)
        main = incident.main
        return Incident(
            id=incident.id, rule=incident.rule, category=incident.category, medium=incident.medium,
            subject=incident.subject, node=incident.place, severity=incident.severity,
            detected_at=incident.detected_at, onset_at=incident.onset_at, closed_at=None,
            observed=finite(main.observed), expected=finite(main.expected), unit=main.unit,
            loss_rate=finite(incident.loss_rate), loss_total=finite(incident.loss_total),
            evidence=self._evidence(incident, below, doubtful, at), inhibited_by=incident.inhibited_by,
            rules_revision=self.rules_revision,
        )  # fmt: skip

    def cleared(self, last: Incident, incident: OpenIncident, at: np.datetime64) -> Incident:
        """The incident as it ended: the meters say that it is over, and for how long it has been."""
        evidence = {**last.evidence, "cleared_because": "back_at_usual"}
        since = back_since(self._past(incident, at), ms_of(incident.onset_at), incident.loss_rate)
        if since is not None:
            hours = (ms_of(at) - since) / _HOUR_MS
            evidence["back_at_usual"] = {"since": iso(np.datetime64(since, "ms")), "hours": round(hours, 1)}
        return replace(last, closed_at=at, evidence=evidence)

    def _total(self, incident: OpenIncident, main: Finding, at: np.datetime64) -> float:
        """m3 or kWh since onset: the detector's sum, less what is explained below; else rate x time."""
        if incident.category not in EXCESS:
            return 0.0
        if main.total > 0 and main.size > 0:
            return finite(main.total * min(incident.loss_rate / main.size, 1.0))
        return finite(incident.loss_rate * max(ms_of(at) - ms_of(incident.onset_at), 0) / _HOUR_MS)

    def _severity(self, incident: OpenIncident, at: np.datetime64) -> Severity:
        findings = max((f.severity for f in incident.own.values()), key=RANK.__getitem__)
        highest = max(incident.severity, findings, key=RANK.__getitem__)
        return Severity.CRITICAL if self._is_critical(incident, at) else highest

    def _is_critical(self, incident: OpenIncident, at: np.datetime64) -> bool:
        limits = self.settings
        days = (ms_of(at) - ms_of(incident.onset_at)) / (24 * _HOUR_MS)
        if incident.category is Category.LEAK and days >= limits.critical_leak_days:
            return True
        if incident.category not in EXCESS:
            return False
        if incident.medium == "water":
            return incident.loss_rate >= limits.critical_m3_per_h or incident.loss_total >= limits.critical_m3
        return incident.medium == "electricity" and (
            incident.loss_rate >= limits.critical_kw or incident.loss_total >= limits.critical_kwh
        )

    def _evidence(
        self, incident: OpenIncident, below: list[OpenIncident], doubtful: set[str], at: np.datetime64
    ) -> dict[str, Any]:
        evidence: dict[str, Any] = {
            "findings": [self._finding(f, "own") for f in incident.own.values()]
            + [self._finding(f, "echo") for f in incident.echoes.values()],
            "place_reason": place_reason(incident, self.places, below, doubtful),
            "next_step": next_step(incident, self.places),
            "series": self._series(incident, at),
            "rule_version": f"{incident.rule}@{self.rules_revision}",
        }
        if incident.category in EXCESS:
            evidence["loss"] = plain(self._uncertainty(incident, below, at))
        if (
            cause := cause_of(incident, self.places, shape_of(self._past(incident, at), ms_of(incident.onset_at)))
        ) is not None:
            evidence["cause"] = cause.evidence()
        if incident.previous is not None:
            evidence["previous"] = incident.previous
        if incident.earlier:
            evidence["earlier"] = [_stretch(e) for e in incident.earlier]
        if (planned := self.plans.evidence(incident.inhibited_by)) is not None:
            evidence["planned"] = planned
        if incident.moved_from:
            evidence["moved_from"] = list(incident.moved_from)
        if incident.group is not None:
            evidence["group"] = dict(incident.group)
        return evidence

    def _uncertainty(self, incident: OpenIncident, below: list[OpenIncident], at: np.datetime64) -> dict[str, float]:
        """One sigma of the rate, and of the total: an excess that is off is off by as much in every hour."""
        net = incident.main.rule in NET_RULES
        rate = math.hypot(incident.main.uncertainty, *(i.main.uncertainty for i in below if not net))
        hours = max(ms_of(at) - ms_of(incident.onset_at), 0) / _HOUR_MS
        return {"rate_uncertainty": rate, "total_uncertainty": rate * hours}

    def _past(self, incident: OpenIncident, at: np.datetime64) -> Past | None:
        """The last hours of the meters, of a balance what its children did not count; None of what is no excess."""
        column, main = self.column, incident.main
        plus = [column[m] for m in self.places.fed_by(main) if m in column]
        minus = [column[m.id] for m in self.places.children_of(main) if m.id in column]
        is_excess = incident.category in EXCESS
        return self.recent.past(plus, minus, ms_of(at)) if plus and is_excess else None

    def _finding(self, finding: Finding, role: str) -> dict[str, Any]:
        found: dict[str, Any] = plain(
            {
                "rule": finding.rule, "subject": finding.subject, "node": self.places.of_finding(finding),
                "role": role, "observed": finding.observed, "expected": finding.expected, "unit": finding.unit,
                "size": finding.size, "uncertainty": finding.uncertainty, "onset": finding.onset, "at": finding.at,
                "details": finding.evidence,
            }
        )  # fmt: skip
        return found

    def _series(self, incident: OpenIncident, at: np.datetime64) -> dict[str, Any]:
        """The stretch to draw: two days before the onset up to now."""
        main = incident.main
        meters = list(incident.group["meters"]) if incident.group else list(self.places.judged(main))
        known = [self.places.site.meters[m] for m in meters if m in self.places.site.meters]
        register = next((m.main_register for m in known if m.main_register is not None), None)
        start = incident.onset_at - np.timedelta64(_SERIES_BEFORE_MS, "ms")
        series = {
            "meters": [m.id for m in known][:_MOST_METERS], "quantity": register.name if register else None,
            "start": iso(start), "end": iso(at), "expected": main.expected,
        }  # fmt: skip
        shown: dict[str, Any] = plain(series)
        return shown


def _stretch(earlier: Mapping[str, Any]) -> dict[str, Any]:
    onset, closed = (iso(np.datetime64(earlier[name], "ms")) for name in ("onset_ms", "cleared_ms"))
    return {"onset": onset, "closed": closed, "loss_total": finite(earlier["loss_total"])}
