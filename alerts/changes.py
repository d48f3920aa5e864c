"""The rules' changes as they are written: alert rows, audit, outbox, within one open transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.models import AlertRow, AuditRow
from alerts.notices import enqueue, forget, look_at, withdraw
from alerts.rows import figure, ms_of, plain
from alerts.values import RULES, Action, NotifyPolicy, NotifyReason
from metering.incident import ChangeKind, Incident, IncidentChange

# New figures alone reach the audit trail at most this often (event time): a leak of a month would fill it otherwise.
FIGURES_EVERY_MS = 6 * 3600 * 1000

_REASONS = {
    ChangeKind.RAISED: NotifyReason.RAISED,
    ChangeKind.RELEASED: NotifyReason.RAISED,
    ChangeKind.ESCALATED: NotifyReason.ESCALATED,
    ChangeKind.CLEARED: NotifyReason.CLEARED,
}


class ChangeWriter:
    """Writes the changes of one cause (an entry's sequence). `policy` None: nobody is told."""

    def __init__(self, session: Session, policy: NotifyPolicy | None, cause: str, now_ms: int) -> None:
        self._session = session
        self._policy = policy
        self._cause = cause
        self._now_ms = now_ms
        self._written: dict[str, AlertRow] = {}
        self._told: set[tuple[str, NotifyReason]] = set()

    def write(self, position: int, change: IncidentChange) -> AlertRow:
        """Write the change at this position of its cause; the alert's row as it is now."""
        # Before the row is there: a query would flush it half filled.
        inhibited_by = self._alert_id(change.incident.inhibited_by)
        row, is_new = self._row(change)
        was_inhibited = row.is_inhibited
        _describe(row, change.incident)
        row.is_active = change.kind is not ChangeKind.CLEARED and change.incident.closed_at is None
        row.closed_ms = None if row.is_active else ms_of(change.incident.closed_at or change.time)
        row.inhibited_by, row.is_inhibited = inhibited_by, inhibited_by is not None
        row.updated_ms = self._now_ms
        self._session.flush()
        self._audit(row, change)
        if row.is_inhibited and not was_inhibited and not is_new:
            withdraw(self._session, row.id)
        self._tell(row, ChangeKind.RAISED if is_new else change.kind, f"{self._cause}.{position}")
        return row

    def close(self, row: AlertRow, at_ms: int, text: str) -> None:
        """Clear an alert of which the rules say nothing any more. Nobody is told: nothing was repaired."""
        row.is_active, row.closed_ms, row.updated_ms = False, at_ms, self._now_ms
        self._add_audit(row, Action.CLEARED, at_ms, text)
        forget(self._session, row.id)

    def _row(self, change: IncidentChange) -> tuple[AlertRow, bool]:
        incident = change.incident
        if (known := self._find(incident.id)) is not None:
            return known, False
        # An alert that a rebuilt state gave another incident keeps its id; its old incident may come back as a new one.
        is_free = self._session.get(AlertRow, incident.id) is None
        alert_id = incident.id if is_free else f"{incident.id}~{self._cause}"
        row = AlertRow(
            id=alert_id, incident=incident.id, is_inhibited=False, is_acknowledged=False,
            version=0, comments=0, figures_ms=ms_of(change.time),
        )  # fmt: skip
        self._session.add(row)
        self._written[incident.id] = row
        return row, True

    def _find(self, incident: str) -> AlertRow | None:
        if incident not in self._written:
            wanted = select(AlertRow).where(AlertRow.incident == incident).with_for_update()
            if (row := self._session.scalars(wanted).one_or_none()) is None:
                return None
            self._written[incident] = row
        return self._written[incident]

    def _alert_id(self, incident: str | None) -> str | None:
        """The alert that stands for an incident; the incident's own id when it has not come (yet)."""
        if incident is None:
            return None
        found = self._find(incident)
        return incident if found is None else found.id

    def _audit(self, row: AlertRow, change: IncidentChange) -> None:
        event_ms = ms_of(change.time)
        if change.kind is ChangeKind.UPDATED and event_ms - row.figures_ms < FIGURES_EVERY_MS:
            return
        row.figures_ms = event_ms
        self._add_audit(row, Action(change.kind.value), event_ms, "")

    def _add_audit(self, row: AlertRow, action: Action, event_ms: int, text: str) -> None:
        self._session.add(
            AuditRow(
                alert_id=row.id, at_ms=self._now_ms, event_ms=event_ms, actor=RULES.name, origin=RULES.origin,
                action=action.value, text=text, detail=_detail(row),
            )
        )  # fmt: skip

    def _tell(self, row: AlertRow, kind: ChangeKind, cause: str) -> None:
        if self._policy is None:
            return
        if self._policy.is_routed:
            if kind is not ChangeKind.UPDATED:
                look_at(self._session, row.id, self._now_ms)
            return
        reason = _REASONS.get(kind)
        if reason is None or row.is_inhibited:
            return
        # Raised and escalated by the same entry: the one message already carries the higher severity.
        if reason is NotifyReason.ESCALATED and (row.id, NotifyReason.RAISED) in self._told:
            return
        self._told.add((row.id, reason))
        enqueue(self._session, self._policy, row, reason, cause=cause, now_ms=self._now_ms)


def _describe(row: AlertRow, incident: Incident) -> None:
    """What the rules say of the incident; what people did is left alone."""
    row.rule, row.category, row.medium = incident.rule, incident.category.value, incident.medium
    row.subject, row.node, row.severity = incident.subject, incident.node, incident.severity.value
    row.detected_ms, row.onset_ms = ms_of(incident.detected_at), ms_of(incident.onset_at)
    row.observed, row.expected = figure(incident.observed), figure(incident.expected)
    row.loss_rate, row.loss_total = figure(incident.loss_rate), figure(incident.loss_total)
    row.unit, row.rules_revision = incident.unit, incident.rules_revision
    row.evidence = plain(incident.evidence)


def _detail(row: AlertRow) -> dict[str, Any]:
    return {
        "node": row.node,
        "severity": row.severity,
        "observed": row.observed,
        "expected": row.expected,
        "unit": row.unit,
        "loss_rate": row.loss_rate,
        "loss_total": row.loss_total,
        "inhibited_by": row.inhibited_by,
        "rules_revision": row.rules_revision,
        "evidence": row.evidence,
    }
