"""The rules' changes as they are written: alert rows, audit, outbox, within one open transaction."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.audit import record
from alerts.drills.mark import WITH_DRILLS, with_drills
from alerts.models import AlertRow
from alerts.notices import enqueue, forget, look_at, tell_person, withdraw
from alerts.overdue import Terms, record_if_overdue
from alerts.reopening import alert_of_episode, find_cleared, reopen
from alerts.rows import figure, ms_of, plain
from alerts.values import RULES, Action, NotifyPolicy, NotifyReason
from metering.incident import ChangeKind, Incident, IncidentChange

# New figures alone reach the audit trail at most this often (event time): a leak of a month would fill it otherwise.
FIGURES_EVERY_MS = 6 * 3600 * 1000

_REASONS = {
    ChangeKind.RAISED: NotifyReason.RAISED,
    ChangeKind.REOPENED: NotifyReason.REOPENED,
    ChangeKind.RELEASED: NotifyReason.RAISED,
    ChangeKind.ESCALATED: NotifyReason.ESCALATED,
    ChangeKind.CLEARED: NotifyReason.CLEARED,
}
_FIRST = (NotifyReason.RAISED, NotifyReason.REOPENED)
_BEGINS = (ChangeKind.RAISED, ChangeKind.REOPENED)


class _Found(Enum):
    """How an incident's alert was come by."""

    NEW = auto()
    BACK = auto()  # a cleared one that the incident continues
    KNOWN = auto()


class ChangeWriter:
    """Writes the changes of one cause (an entry's sequence). `policy` None: nobody is told, and no deadline runs.

    drill  id of the drill whose alerts they are
    """

    def __init__(
        self,
        session: Session,
        policy: NotifyPolicy | None,
        terms: Terms,
        cause: str,
        now_ms: int,
        drill: str | None = None,
    ) -> None:
        self._session = session
        self._policy = policy
        self._terms = terms
        self._cause = cause
        self._now_ms = now_ms
        self._drill = drill
        self._written: dict[str, AlertRow] = {}
        self._told: set[tuple[str, NotifyReason]] = set()

    def write(self, position: int, change: IncidentChange) -> AlertRow:
        """Write the change at this position of its cause; the alert's row as it is now."""
        # Before the row is there: a query would flush it half filled.
        inhibited_by = self._alert_id(change.incident.inhibited_by)
        row, found = self._row(change)
        if found is _Found.KNOWN and row.incident != change.incident.id:
            return row  # a late word of an episode that is over
        was_inhibited, was_unstable = row.is_inhibited, row.is_unstable
        record_if_overdue(self._session, row, self._now_ms, self._terms.policy)
        if found is _Found.BACK:
            reopen(self._session, row, change.incident.id, ms_of(change.time), self._terms.policy)
        _describe(row, change.incident)
        row.is_active = change.kind is not ChangeKind.CLEARED and change.incident.closed_at is None
        row.closed_ms = None if row.is_active else ms_of(change.incident.closed_at or change.time)
        row.inhibited_by, row.is_inhibited = inhibited_by, inhibited_by is not None
        row.updated_ms = self._now_ms
        self._set_deadline(row, change.kind, found)
        self._session.flush()
        self._audit(row, change, found)
        if row.is_inhibited and not was_inhibited and found is _Found.KNOWN:
            withdraw(self._session, row.id)
        # Of what comes and goes nobody hears each time.
        is_quiet = was_unstable and change.kind in {*_BEGINS, ChangeKind.CLEARED}
        self._tell(row, change.kind, None if is_quiet else found, f"{self._cause}.{position}")
        return row

    def close(self, row: AlertRow, at_ms: int, text: str) -> None:
        """Clear an alert of which the rules say nothing any more. Nobody is told: nothing was repaired."""
        record_if_overdue(self._session, row, self._now_ms, self._terms.policy)
        row.is_active, row.closed_ms, row.updated_ms = False, at_ms, self._now_ms
        self._add_audit(row, Action.CLEARED, at_ms, text)
        forget(self._session, row.id)

    def end(self, row: AlertRow, text: str) -> None:
        """Clear an alert of a drill that has ended. Who was told of it hears so, as the routes say."""
        row.is_active, row.closed_ms, row.updated_ms = False, max(self._now_ms, row.onset_ms), self._now_ms
        self._add_audit(row, Action.CLEARED, self._now_ms, text)
        withdraw(self._session, row.id)
        look_at(self._session, row.id, self._now_ms)

    def _row(self, change: IncidentChange) -> tuple[AlertRow, _Found]:
        incident = change.incident
        is_raised = change.kind is ChangeKind.RAISED
        known = self._find(incident.id)
        # An episode's incident, raised again while its alert stands for another one, needs an alert of its own.
        if known is not None and not (is_raised and known.is_active and known.incident != incident.id):
            return known, _Found.BACK if change.kind in _BEGINS and not known.is_active else _Found.KNOWN
        if (earlier := self._earlier(change)) is not None:
            self._written[incident.id] = earlier
            return earlier, _Found.BACK
        # An alert that a rebuilt state gave another incident keeps its id; its old incident may come back as a new one.
        is_free = self._session.get(AlertRow, incident.id, execution_options=WITH_DRILLS) is None
        alert_id = incident.id if is_free else f"{incident.id}~{self._cause}"
        row = AlertRow(
            id=alert_id, incident=incident.id, is_inhibited=False, is_acknowledged=False, is_active=True,
            is_unstable=False, is_breached=False, reopened=0, breaches=0, version=0, comments=0,
            figures_ms=ms_of(change.time), raised_ms=ms_of(incident.detected_at),
            drill=self._drill,
        )  # fmt: skip
        self._session.add(row)
        self._written[incident.id] = row
        return row, _Found.NEW

    def _earlier(self, change: IncidentChange) -> AlertRow | None:
        """The cleared alert that a new incident continues."""
        if change.kind is not ChangeKind.RAISED or self._drill is not None:
            return None
        return find_cleared(self._session, change.incident, ms_of(change.time), self._terms.policy)

    def _find(self, incident: str) -> AlertRow | None:
        if incident not in self._written:
            wanted = select(AlertRow).where(AlertRow.incident == incident).with_for_update()
            wanted = wanted if self._drill is None else with_drills(wanted)
            row = self._session.scalars(wanted).one_or_none() or alert_of_episode(self._session, incident)
            if row is None:
                return None
            self._written[incident] = row
        return self._written[incident]

    def _alert_id(self, incident: str | None) -> str | None:
        """The alert that stands for an incident; the incident's own id when it has not come (yet)."""
        if incident is None:
            return None
        found = self._find(incident)
        return incident if found is None else found.id

    def _set_deadline(self, row: AlertRow, kind: ChangeKind, found: _Found) -> None:
        """It runs from when people hear of the alert, and again when they do anew."""
        if self._policy is None or row.is_inhibited or not row.is_active or row.is_acknowledged:
            return
        if found is not _Found.KNOWN or kind is ChangeKind.RELEASED:
            self._terms.start(row, self._now_ms)
        else:
            self._terms.tighten(row, self._now_ms)

    def _audit(self, row: AlertRow, change: IncidentChange, found: _Found) -> None:
        event_ms = ms_of(change.time)
        if change.kind is ChangeKind.UPDATED and event_ms - row.figures_ms < FIGURES_EVERY_MS:
            return
        row.figures_ms = event_ms
        action = Action.REOPENED if found is _Found.BACK else Action(change.kind.value)
        self._add_audit(row, action, event_ms, "")

    def _add_audit(self, row: AlertRow, action: Action, event_ms: int, text: str) -> None:
        record(self._session, row.id, RULES, action, self._now_ms, _detail(row), event_ms=event_ms, text=text)

    @staticmethod
    def _reason(kind: ChangeKind, found: _Found) -> NotifyReason | None:
        if found is _Found.KNOWN:
            return _REASONS.get(kind)
        return NotifyReason.REOPENED if found is _Found.BACK else NotifyReason.RAISED

    def _tell(self, row: AlertRow, kind: ChangeKind, found: _Found | None, cause: str) -> None:
        if self._policy is None:
            return
        if self._policy.is_routed:
            if kind is not ChangeKind.UPDATED:
                self._have_routed(row, found)
            return
        reason = None if found is None else self._reason(kind, found)
        if reason is None or row.is_inhibited:
            return
        # Raised and escalated by the same entry: the one message already carries the higher severity.
        if reason is NotifyReason.ESCALATED and self._told & {(row.id, r) for r in _FIRST}:
            return
        self._told.add((row.id, reason))
        enqueue(self._session, self._policy, row, reason, cause=cause, now_ms=self._now_ms)

    def _have_routed(self, row: AlertRow, found: _Found | None) -> None:
        if found is _Found.BACK:
            forget(self._session, row.id)  # what was told before was of an earlier episode
            if row.acknowledged_by is not None and not row.is_inhibited:
                tell_person(self._session, row, row.acknowledged_by, NotifyReason.REOPENED, self._now_ms)
        look_at(self._session, row.id, self._now_ms)


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
        "reopened": row.reopened,
        "unstable": row.is_unstable,
        "evidence": row.evidence,
    }
