"""The shard copy of a drill: what it is fed, and which of its incidents are the drill's."""

from __future__ import annotations

from collections.abc import Iterator
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
_Known = dict[tuple[str, str], float]
_MUCH = 0.5  # of the fault: so much more than the control finds is the fault's, where something is wrong there already


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
    """A shard of its own, from the snapshot of the live one: nothing that happens here is known there.

    Beside it runs its control, which is fed the same readings without the fault. What the control finds too is none of
    the drill's doing: a real leak, or one of the days whose readings are replayed.
    """

    def __init__(self, blob: bytes, site: Site, settings: RulesSettings, order: DrillOrder) -> None:
        """Raises: SnapshotError, the snapshot is of other code, rules or meters."""
        self._shard, self._control = (Shard.restore(blob, site, settings) for _ in range(2))
        self._drill, self._seq = order.drill, self._shard.applied_seq
        self.start_ms = self._shard.now_ms or 0
        fault = order.fault
        end = None if fault.end_ms is None else self.start_ms + fault.end_ms
        self._injection = Injection(site, replace(fault, start_ms=self.start_ms + fault.start_ms, end_ms=end))
        self._again = Again(site, self._shard.registers()) if order.is_replayed else None
        self._standing = {i.id for i in self._shard.open_incidents}
        self._joined: dict[str, np.datetime64] = {}  # those that stood before, and when the fault joined them
        self._open: dict[str, Incident] = {}  # the drill's, as they were told last
        nodes = {site.meters[m].node for m in self._injection.shares}
        self._subjects = {*self._injection.shares, *(n for n in nodes if n is not None)}
        self._medium = site.meters[fault.meter].medium
        self._has_told, self._has_new = False, False

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
        return is_over and self._has_told and not self._open

    def repair(self) -> None:
        """From now on nothing runs out any more."""
        if self.fault.end_ms is None or self.fault.end_ms > self.now_ms:
            self._injection.fault = replace(self.fault, end_ms=max(self.now_ms, self.fault.start_ms))

    def process(self, entry: Entry) -> tuple[IncidentChange, ...]:
        """Judge what comes next; the changes of the drill's own incidents, under ids of their own."""
        self._seq += 1
        with_fault = entry
        if isinstance(entry, ReadingBatch):
            entry = entry if self._again is None else self._again.go_on(entry)
            with_fault = self._injection.into(entry)
        self._control.process(self._seq, entry)
        changes, known = self._shard.process(self._seq, with_fault).changes, self._known()
        new_first = sorted(changes, key=lambda change: change.incident.id in self._standing)
        told = [(change, kind) for change in new_first if (kind := self._kind_of(change, known)) is not None]
        stamped = [self._stamped(change, kind) for change, kind in told]
        return (*stamped, *self._over(known))

    def _known(self) -> _Known:
        """What the control finds, and how much is lost there."""
        known: _Known = {}
        for incident in self._control.open_incidents:
            for finding in _findings_of(incident):
                known[finding] = max(known.get(finding, 0.0), incident.loss_rate)
        return known

    def _kind_of(self, change: IncidentChange, known: _Known) -> ChangeKind | None:
        """What the change is in the drill; None where it is none of its own."""
        incident = change.incident
        is_end, was_open = change.kind is ChangeKind.CLEARED, incident.id in self._open
        stood = incident.id in self._standing
        if stood and self._has_new and not was_open:  # of a real fault too, an alert that goes on tells nobody anew
            return None
        if was_open or (not is_end and self._is_own(incident, known)):
            self._open[incident.id] = incident
            self._has_new |= not stood
            if is_end:
                del self._open[incident.id]
            elif not was_open and stood:
                self._joined.setdefault(incident.id, change.time)
            self._has_told = True
            return change.kind if was_open else ChangeKind.RAISED
        return None

    def _is_own(self, incident: Incident, known: _Known) -> bool:
        """Whether it is of the fault: a meter on its way shows what the control does not find, or far more of it."""
        if incident.medium != self._medium or incident.category not in _CATEGORIES:
            return False
        more = _MUCH * self.fault.size
        return any(
            finding not in known or incident.loss_rate - known[finding] > more
            for finding in _findings_of(incident)
            if finding[1] in self._subjects
        )

    def _over(self, known: _Known) -> Iterator[IncidentChange]:
        """Those of which nothing is left but what the control finds too, once the fault is over."""
        if self.fault.end_ms is None or self.fault.end_ms > self.now_ms:
            return
        at = np.datetime64(self.now_ms, "ms")
        for incident in [i for i in self._shard.open_incidents if i.id in self._open]:
            if not self._is_own(incident, known):
                del self._open[incident.id]
                gone = IncidentChange(ChangeKind.CLEARED, replace(incident, closed_at=at), at)
                yield self._stamped(gone, ChangeKind.CLEARED)

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
                inhibited_by=self._own_id(by) if by in self._open else by,
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
