"""From findings to incidents: what joins what, where it is, what inhibits it, and what is told of it.

All findings of one instant are taken together, then every open incident is looked at once. So what is raised and
explained within an instant is never shown, and it does not matter in which order detectors spoke.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import numpy as np

from metering.batch import Mask
from metering.incident import ChangeKind, Incident, IncidentChange
from rules.blocks import Columns
from rules.detectors.memory import dump, load
from rules.doubt import Doubt
from rules.evidence import Describer, iso
from rules.excess import Excess
from rules.findings import Finding, FindingPhase
from rules.inhibition import Inhibition
from rules.open_incident import (
    Key,
    OpenIncident,
    finding_from_state,
    finding_to_state,
    key_of,
    ms_of,
    open_from_state,
    open_to_state,
)
from rules.places import EXCESS, NET_RULES, Places
from rules.planned import Plans
from rules.recent import RecentHours
from rules.returning import Returns
from rules.settings import IncidentSettings
from rules.telling import news_of
from rules.together import Silence, medium_of, silences, still_silent

_HOUR_MS = 3_600_000


@dataclass(slots=True)
class IncidentBook:
    """The open incidents of a site."""

    columns: Columns
    settings: IncidentSettings
    rules_revision: str
    incidents: dict[str, OpenIncident] = field(init=False, default_factory=dict)
    places: Places = field(init=False)
    excess: Excess = field(init=False)
    doubt: Doubt = field(init=False)
    plans: Plans = field(init=False)
    recent: RecentHours = field(init=False)
    _inhibition: Inhibition = field(init=False)
    _describer: Describer = field(init=False)
    _returns: Returns = field(init=False)
    _cleared: list[IncidentChange] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.places = Places(self.columns.site)
        self.excess = Excess(self.places, self.settings, self.incidents)
        self.doubt = Doubt(self.places, int(self.settings.doubt_grace_h * _HOUR_MS))
        self.plans = Plans(self.columns, self.places, timedelta(hours=self.settings.echo_grace_h))
        self._returns = Returns(self.settings)
        self.recent = RecentHours.of(len(self.columns.meters))
        self._inhibition = Inhibition(self.places, self.excess, self.doubt, self.incidents, self.plans)
        self._describer = Describer(
            self.places, self.settings, self.rules_revision, self.plans, self.recent, self.columns.index
        )

    # -- what happens ---------------------------------------------------------------------------------------------

    def apply(self, findings: Sequence[Finding], at: np.datetime64) -> list[IncidentChange]:
        """All findings of one instant; the changes, in a fixed order."""
        passed = self.doubt.sift(findings, at)
        for finding in passed:
            if finding.phase is FindingPhase.CLOSE:
                self._close(finding)
            elif finding.phase is FindingPhase.UPDATE:
                self._update(finding)
        opened = [f for f in passed if f.phase is FindingPhase.OPEN]
        self._clear(at)
        opened += [f for f in passed if f.phase is FindingPhase.UPDATE and not self._is_known(f)]
        for finding in sorted(opened, key=self._depth):
            self._open(finding, at)
        return self._settle(at, daily=not findings)

    def review(self, at: np.datetime64) -> list[IncidentChange]:
        """Once a local day: grace times that have ended, incidents that have grown old."""
        return self.apply((), at)

    def _settle(self, at: np.datetime64, *, daily: bool) -> list[IncidentChange]:
        for medium in sorted({i.medium for i in self.incidents.values()}):
            self.excess.refresh(medium)
        for finding in sorted(self.excess.outgrown(at), key=self._depth):
            self._open(finding, at)
        self._group(at)
        self._inhibition.settle(at)
        for medium in sorted({i.medium for i in self.incidents.values()}):
            self.excess.refresh(medium)
        changes = [*self._cleared, *self._tell(at, daily=daily)]
        self._cleared.clear()
        return changes

    def _depth(self, finding: Finding) -> tuple[int, bool, str, str]:
        """The lowest places first; at one place a balance first."""
        depth = len(self.places.path(self.places.of_finding(finding)))
        return -depth, finding.rule not in NET_RULES, finding.rule, finding.subject

    def _is_known(self, finding: Finding) -> bool:
        key = key_of(finding)
        if finding.category in EXCESS and key in self.excess.spent:
            return True
        return any(key in i.own or key in i.echoes for i in self.incidents.values())

    def _open(self, finding: Finding, at: np.datetime64) -> None:
        place = self.places.of_finding(finding)
        if finding.category in EXCESS:
            self.excess.refresh(finding.medium)
            if self.excess.join(finding, place):
                return
        elif (home := self._home(finding, place)) is not None:
            home.own[key_of(finding)] = finding
            return
        self._add(self._new(finding, place, at, {key_of(finding): finding}))

    def _home(self, finding: Finding, place: str) -> OpenIncident | None:
        """The open incident of the finding's category, medium and place."""
        for incident in self.incidents.values():
            same = incident.category is finding.category and incident.medium == finding.medium
            if same and incident.place == place and incident.group is None:
                return incident
        return None

    def _new(
        self, finding: Finding, place: str, at: np.datetime64, own: dict[Key, Finding], medium: str | None = None
    ) -> OpenIncident:
        medium = finding.medium if medium is None else medium
        text = "|".join(
            [self.places.site.id, finding.category, medium, place, *key_of(finding), iso(finding.onset), iso(at)]
        )
        return OpenIncident(
            id=hashlib.sha256(text.encode()).hexdigest()[:16], category=finding.category, medium=medium, place=place,
            rule=finding.rule, subject=finding.subject, detected_at=at, onset_at=finding.onset,
            severity=finding.severity, own=own,
        )  # fmt: skip

    def _add(self, incident: OpenIncident) -> None:
        while incident.id in self.incidents:  # two at one instant that differ in their group alone
            incident.id = hashlib.sha256(incident.id.encode()).hexdigest()[:16]
        self.incidents[incident.id] = incident

    def _update(self, finding: Finding) -> None:
        key = key_of(finding)
        if finding.category in EXCESS and self.excess.update_echo(finding):
            return
        for incident in self.incidents.values():
            if key in incident.own:
                incident.own[key] = finding

    def _close(self, finding: Finding) -> None:
        """The finding stays, marked closed and with the figures it had, until the incident has been looked at."""
        key = key_of(finding)
        if finding.category in EXCESS and self.excess.forget(key):
            return
        for incident in self.incidents.values():
            if (known := incident.own.get(key)) is not None:
                total = max(known.total, finding.total)
                incident.own[key] = replace(known, phase=FindingPhase.CLOSE, at=finding.at, total=total)

    def _clear(self, at: np.datetime64) -> None:
        """Close incidents that nothing holds open."""
        for incident in list(self.incidents.values()):
            still = {k: f for k, f in incident.own.items() if f.phase is not FindingPhase.CLOSE}
            dissolved = incident.group is not None and not still_silent(incident.group, self.doubt.quality)
            if still and not dissolved:
                # What a balance said of the loss is not undone by a night flow that settles later.
                incident.own = {k: f for k, f in incident.own.items() if k in still or f.rule in NET_RULES}
                continue
            del self.incidents[incident.id]
            self.excess.drop(incident, at)
            if incident.written is not None:
                final = self._describer.cleared(self._describe(incident, at), incident, at)
                self._cleared.append(IncidentChange(ChangeKind.CLEARED, final, at))
            self._returns.note(incident, at)

    def _group(self, at: np.datetime64) -> None:
        """Open and extend the incidents of meters that fell silent together."""
        for silence in silences(self.doubt.quality, self.places, self.settings.together_min):
            known = next((i for i in self.incidents.values() if _is_group(i, silence.connection)), None)
            own = {key_of(f): f for f in silence.findings}
            if known is None:
                self._add(self._new_group(silence, own, at))
            elif not own.keys() <= known.own.keys() and known.group is not None:
                known.own |= own
                known.group["meters"] = sorted({*known.group["meters"], *silence.meters})

    def _new_group(self, silence: Silence, own: dict[Key, Finding], at: np.datetime64) -> OpenIncident:
        first = silence.findings[0]
        place = self.places.common(self.places.of_meter(m) for m in silence.meters)
        incident = self._new(
            first, place or self.places.of_meter(first.subject), at, own, medium_of(silence.meters, self.places.site)
        )
        incident.group = {"connection": silence.connection, "meters": sorted(silence.meters), "of": silence.of}
        return incident

    # -- what is told ---------------------------------------------------------------------------------------------

    def _describe(self, incident: OpenIncident, at: np.datetime64) -> Incident:
        below = self.excess.below(incident.place, incident.medium) if incident.category in EXCESS else []
        return self._describer.describe(incident, below, self.doubt.doubtful_meters(), at)

    def _tell(self, at: np.datetime64, *, daily: bool) -> list[IncidentChange]:
        changes = []
        for incident in list(self.incidents.values()):
            if incident.written is None and (earlier := self._returns.link(incident, self.incidents)) is not None:
                self.adopt(incident.id, earlier)
            self._describer.refresh(incident, at)
            kinds = news_of(incident, at, daily=daily)
            if kinds:
                incident.written = self._describe(incident, at)
                incident.told_ms = ms_of(at)
                changes += [IncidentChange(kind, incident.written, at) for kind in kinds]
        return changes

    def flagged(self) -> Mask:
        """By column: a finding about too much use covers the meter, nothing may be learned from it.

        Covered are the meters judged, of parents that echo it too. What lies below them goes on learning: where a
        campus flags, a hundred dormitories are as usual, and the one that is not has a finding of its own.
        """
        mask = np.zeros(len(self.columns.meters), bool)
        index = self.columns.index
        for finding in self._excess_findings():
            mask[[index[m] for m in self.places.subject_meters(finding) if m in index]] = True
        return mask

    def _excess_findings(self) -> Iterator[Finding]:
        for incident in self.incidents.values():
            if incident.category in EXCESS:
                yield from incident.own.values()
                yield from incident.echoes.values()
        yield from (f for f, _ in self.excess.spent.values())
        yield from (f for f in self.doubt.held.values() if f.category in EXCESS)

    def adopt(self, incident: str, earlier: str) -> None:
        """Let an open incident go on under an earlier one's id."""
        known = self.incidents.pop(incident)
        known.id = earlier
        if known.written is not None:
            known.written = replace(known.written, id=earlier)
        self.incidents[earlier] = known
        for other in self.incidents.values():
            if other.inhibited_by == incident:
                other.inhibited_by = earlier
                if other.written is not None:
                    other.written = replace(other.written, inhibited_by=earlier)

    # -- memory ---------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """JSON-able, but for times."""
        return {
            "incidents": [open_to_state(i) for i in self.incidents.values()],
            "spent": [[finding_to_state(f), until] for f, until in self.excess.spent.values()],
            "doubt": self.doubt.state(),
            "recent": dump(self.recent),
            "past": self._returns.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
        self.incidents.clear()
        self.incidents.update((i.id, i) for i in map(open_from_state, state["incidents"]))
        spent = [(finding_from_state(f), until) for f, until in state["spent"]]
        self.excess.spent = {key_of(f): (f, until) for f, until in spent}
        self.doubt.restore(state["doubt"])
        load(self.recent, state["recent"])
        self._returns.restore(state["past"])


def _is_group(incident: OpenIncident, connection: str) -> bool:
    return incident.group is not None and incident.group["connection"] == connection
