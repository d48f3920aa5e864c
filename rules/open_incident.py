"""An incident while it is open: the findings it is made of, and what was last told of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from metering.incident import Category, Incident, Severity
from rules.findings import Finding, FindingPhase, FindingScope
from rules.places import NET_RULES

Key = tuple[str, str]
"""Rule and subject: what a finding is known by."""

RANK = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}


def key_of(finding: Finding) -> Key:
    """What the finding is known by while it is open."""
    return finding.rule, finding.subject


def ms_of(moment: np.datetime64) -> int:
    """A `datetime64` as ms since 1970."""
    return int(moment.astype("datetime64[ms]").astype(np.int64))


@dataclass(slots=True)
class OpenIncident:
    """`own` findings hold it open; `echoes` are parents' findings that it explains.

    rule, subject  of the finding that raised it
    place          the smallest place so far; `moved_from` the ones before
    group          meters that fell silent together: {"connection": .. | None, "meters": [..]}
    hold_until     ms: it was inhibited by an incident that cleared; it stays so until then
    earlier        the stretches before it was reopened: onset_ms, cleared_ms, loss_total
    written        as it was last told (at `told_ms`); None before that
    """

    id: str
    category: Category
    medium: str
    place: str
    rule: str
    subject: str
    detected_at: np.datetime64
    onset_at: np.datetime64
    severity: Severity
    own: dict[Key, Finding] = field(default_factory=dict)
    echoes: dict[Key, Finding] = field(default_factory=dict)
    inhibited_by: str | None = None
    hold_until: int | None = None
    previous: str | None = None
    earlier: list[dict[str, Any]] = field(default_factory=list)
    moved_from: list[str] = field(default_factory=list)
    group: dict[str, Any] | None = None
    loss_rate: float = 0.0
    loss_total: float = 0.0
    written: Incident | None = None
    told_ms: int = 0

    @property
    def main(self) -> Finding:
        """The finding whose figures stand for the incident: a balance first, else the largest, else the worst."""
        return max(self.own.values(), key=lambda f: (f.rule in NET_RULES, f.size, RANK[f.severity], f.rule, f.subject))

    @property
    def is_net(self) -> bool:
        """Whether its size leaves out what sub-meters count."""
        return any(f.rule in NET_RULES for f in self.own.values())

    @property
    def dating(self) -> list[Finding]:
        """The findings whose onset counts: balances where there are any, for the others also see what leaks below."""
        net = [f for f in self.own.values() if f.rule in NET_RULES]
        return net or list(self.own.values())

    def mean_rate(self, at: np.datetime64) -> float:
        """What was lost since the onset, by hour (m3/h or kW)."""
        hours = (ms_of(at) - ms_of(self.onset_at)) / 3_600_000
        return self.loss_total / hours if hours > 0 else 0.0

    def told_findings(self) -> set[Key]:
        """The findings that `written` lists."""
        listed = self.written.evidence["findings"] if self.written is not None else ()
        return {(f["rule"], f["subject"]) for f in listed}


def finding_to_state(finding: Finding) -> dict[str, Any]:
    """JSON-able, but for times."""
    return {name: getattr(finding, name) for name in Finding.__slots__} | {
        "phase": finding.phase.value, "category": finding.category.value, "severity": finding.severity.value,
        "scope": finding.scope.value,
    }  # fmt: skip


def finding_from_state(state: dict[str, Any]) -> Finding:
    """The finding back."""
    return Finding(
        **state
        | {
            "phase": FindingPhase(state["phase"]),
            "category": Category(state["category"]),
            "severity": Severity(state["severity"]),
            "scope": FindingScope(state["scope"]),
        }
    )


def incident_to_state(incident: Incident) -> dict[str, Any]:
    """JSON-able, but for times."""
    return {name: getattr(incident, name) for name in Incident.__slots__} | {
        "category": incident.category.value, "severity": incident.severity.value,
    }  # fmt: skip


def incident_from_state(state: dict[str, Any]) -> Incident:
    """The incident back."""
    return Incident(**state | {"category": Category(state["category"]), "severity": Severity(state["severity"])})


def open_to_state(incident: OpenIncident) -> dict[str, Any]:
    """JSON-able, but for times."""
    state = {name: getattr(incident, name) for name in OpenIncident.__slots__}
    return state | {
        "category": incident.category.value,
        "severity": incident.severity.value,
        "own": [finding_to_state(f) for f in incident.own.values()],
        "echoes": [finding_to_state(f) for f in incident.echoes.values()],
        "written": None if incident.written is None else incident_to_state(incident.written),
    }


def open_from_state(state: dict[str, Any]) -> OpenIncident:
    """The open incident back."""
    own, echoes = ([finding_from_state(f) for f in state[name]] for name in ("own", "echoes"))
    return OpenIncident(
        **state
        | {
            "category": Category(state["category"]),
            "severity": Severity(state["severity"]),
            "own": {key_of(f): f for f in own},
            "echoes": {key_of(f): f for f in echoes},
            "written": None if state["written"] is None else incident_from_state(state["written"]),
        }
    )
