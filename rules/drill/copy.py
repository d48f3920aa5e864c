"""The shard copy of a drill: what it is fed, and which of its incidents are the drill's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from metering.batch import ReadingBatch
from metering.drills import DrillFault
from metering.entries import Entry
from metering.incident import Category, ChangeKind, Incident, IncidentChange
from metering.site import Site
from rules.drill.again import Again
from rules.drill.injection import Injection
from rules.open_incident import ms_of
from rules.places import EXCESS
from rules.settings import RulesSettings
from rules.shard import Shard

_CATEGORIES = EXCESS | {Category.APPLIANCE}
_Findings = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class DrillOrder:
    """What a copy is made for.

    fault        its times in ms after the copy's beginning
    is_replayed  it is fed readings of the past
    """

    drill: str
    fault: DrillFault
    is_replayed: bool


class DrillCopy:
    """A shard of its own, from the snapshot of the live one: nothing that happens here is known there."""

    def __init__(self, blob: bytes, site: Site, settings: RulesSettings, order: DrillOrder) -> None:
        """Raises: SnapshotError, the snapshot is of other code, rules or meters."""
        self._shard = Shard.restore(blob, site, settings)
        self._drill, self._seq = order.drill, self._shard.applied_seq
        self.start_ms = self._shard.now_ms or 0
        fault = order.fault
        end = None if fault.end_ms is None else self.start_ms + fault.end_ms
        self._injection = Injection(site, replace(fault, start_ms=self.start_ms + fault.start_ms, end_ms=end))
        self._again = Again(site, self._shard.registers()) if order.is_replayed else None
        self._standing = {i.id: _findings_of(i) for i in self._shard.open_incidents}
        self._told: dict[str, bool] = {}  # the drill's incidents, and whether each is open
        self._joined: dict[str, np.datetime64] = {}  # those that stood before, and when the fault joined them
        nodes = {site.meters[m].node for m in self._injection.shares}
        self._subjects = {*self._injection.shares, *(n for n in nodes if n is not None)}
        self._medium = site.meters[fault.meter].medium

    @property
    def now_ms(self) -> int:
        """Event time of the copy."""
        return self._shard.now_ms or self.start_ms

    @property
    def fault(self) -> DrillFault:
        """The fault, with its times on the copy's clock."""
        return self._injection.fault

    @property
    def is_mended(self) -> bool:
        """Whether the fault is over and all that was told of it has been cleared by the copy's meters."""
        is_over = self.fault.end_ms is not None and self.fault.end_ms <= self.now_ms
        return is_over and bool(self._told) and not any(self._told.values())

    def repair(self) -> None:
        """From now on nothing runs out any more."""
        if self.fault.end_ms is None or self.fault.end_ms > self.now_ms:
            self._injection.fault = replace(self.fault, end_ms=max(self.now_ms, self.fault.start_ms))

    def process(self, entry: Entry) -> tuple[IncidentChange, ...]:
        """Judge what comes next; the changes of the drill's own incidents, under ids of their own."""
        if isinstance(entry, ReadingBatch):
            entry = self._injection.into(entry if self._again is None else self._again.go_on(entry))
        self._seq += 1
        changes = self._shard.process(self._seq, entry).changes
        return tuple(self._stamped(change, kind) for change in changes if (kind := self._kind_of(change)) is not None)

    def _kind_of(self, change: IncidentChange) -> ChangeKind | None:
        """What the change is in the drill; None where it is none of its own."""
        incident = change.incident
        if incident.id in self._told:
            self._told[incident.id] = change.kind is not ChangeKind.CLEARED
            return change.kind
        if not self._is_own(incident) or change.kind is ChangeKind.CLEARED:
            return None
        self._told[incident.id] = True
        if incident.id in self._standing:
            self._joined[incident.id] = change.time
        return ChangeKind.RAISED

    def _is_own(self, incident: Incident) -> bool:
        """Whether it is of the fault: new, or grown by what a meter on the fault's way shows."""
        if incident.medium != self._medium or incident.category not in _CATEGORIES:
            return False
        new = _findings_of(incident) - self._standing.get(incident.id, frozenset())
        return any(subject in self._subjects for _, subject in new)

    def _stamped(self, change: IncidentChange, kind: ChangeKind) -> IncidentChange:
        incident, by = change.incident, change.incident.inhibited_by
        # The curve of the stores knows nothing of the fault.
        evidence: dict[str, Any] = {k: v for k, v in incident.evidence.items() if k != "series"}
        evidence["drill"] = {"id": self._drill, "event_ms": ms_of(change.time)}
        return IncidentChange(
            kind,
            replace(
                incident,
                id=self._own_id(incident.id),
                inhibited_by=self._own_id(by) if by in self._told else by,
                detected_at=self._joined.get(incident.id, incident.detected_at),
                evidence=evidence,
            ),
            change.time,
        )

    def _own_id(self, incident: str) -> str:
        return f"{self._drill}-{incident}"


def _findings_of(incident: Incident) -> _Findings:
    listed = incident.evidence.get("findings", ())
    return frozenset({(f["rule"], f["subject"]) for f in listed} | {(incident.rule, incident.subject)})
