"""What people do with an alert, within one open transaction. Active or cleared is the rules' word and stays."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from alerts.errors import ConflictError, RefusedError, UnknownAlertError
from alerts.models import AlertRow, AuditRow
from alerts.rows import alert_of
from alerts.said import say_outcome
from alerts.texts import is_storable
from alerts.values import Action, Actor, Outcome

LONGEST_TEXT = 4000
LONGEST_NAME = 200


class PersonsHand:
    """One person's act at one moment. Checks what the person gave before anything is touched."""

    def __init__(self, session: Session, actor: Actor, text: str, now_ms: int) -> None:
        """Raises: RefusedError."""
        self._session = session
        self._actor = Actor(checked_name(actor.name), checked_text(actor.origin, "the origin", LONGEST_NAME))
        self._text = checked_text(text, "a comment", LONGEST_TEXT)
        self._now_ms = now_ms

    def acknowledge(self, alert_id: str, expected_version: int | None) -> AlertRow:
        """Raises: UnknownAlertError, ConflictError."""
        row = self._locked(alert_id)
        if row.is_acknowledged and row.acknowledged_by == self._actor.name:
            return row  # pressed twice, or asked again after a lost answer
        _check_version(row, expected_version)
        if row.is_acknowledged:
            raise ConflictError(f"{row.acknowledged_by} already has this alert", alert_of(row))
        self._take(row)
        self._write(row, Action.ACKNOWLEDGED, {})
        return row

    def comment(self, alert_id: str) -> AlertRow:
        """Raises: UnknownAlertError, RefusedError."""
        if not self._text:
            raise RefusedError("a comment must have a text")
        row = self._locked(alert_id)
        row.comments += 1
        self._write(row, Action.COMMENTED, {}, is_new_version=False)
        return row

    def resolve(self, alert_id: str, outcome: Outcome, expected_version: int | None) -> AlertRow:
        """Raises: UnknownAlertError, ConflictError."""
        row = self._locked(alert_id)
        if row.outcome == outcome.value and row.resolved_by == self._actor.name and not self._text:
            return row
        _check_version(row, expected_version)
        if expected_version is None and row.resolved_by not in {None, self._actor.name}:
            raise ConflictError(f"{row.resolved_by} already resolved this alert as {row.outcome}", alert_of(row))
        before = row.outcome
        if not row.is_acknowledged:
            self._take(row)
        row.outcome, row.resolved_by, row.resolved_ms = outcome.value, self._actor.name, self._now_ms
        say_outcome(self._session, row, before, self._actor, self._text, self._now_ms)
        self._write(row, Action.RESOLVED, {"outcome": outcome.value, "outcome_before": before})
        return row

    def withdraw(self, alert_id: str, expected_version: int | None) -> AlertRow:
        """Take the outcome back; where there is none, nothing changes. Raises: UnknownAlertError, ConflictError."""
        row = self._locked(alert_id)
        if row.outcome is None:
            return row  # pressed twice, or asked again after a lost answer
        _check_version(row, expected_version)
        if expected_version is None and row.resolved_by != self._actor.name:
            raise ConflictError(f"the outcome {row.outcome} is {row.resolved_by}'s", alert_of(row))
        before = row.outcome
        row.outcome, row.resolved_by, row.resolved_ms = None, None, None
        say_outcome(self._session, row, before, self._actor, self._text, self._now_ms)
        self._write(row, Action.WITHDRAWN, {"outcome_before": before})
        return row

    def _locked(self, alert_id: str) -> AlertRow:
        row = self._session.get(AlertRow, alert_id, with_for_update=True) if is_storable(alert_id) else None
        if row is None:
            raise UnknownAlertError(alert_id)
        return row

    def _take(self, row: AlertRow) -> None:
        row.is_acknowledged, row.acknowledged_by, row.acknowledged_ms = True, self._actor.name, self._now_ms

    def _write(self, row: AlertRow, action: Action, detail: dict[str, Any], *, is_new_version: bool = True) -> None:
        row.version += is_new_version
        row.updated_ms = self._now_ms
        self._session.add(
            AuditRow(
                alert_id=row.id, at_ms=self._now_ms, event_ms=None, actor=self._actor.name,
                origin=self._actor.origin, action=action.value, text=self._text,
                detail={**detail, "version": row.version, "severity": row.severity},
            )
        )  # fmt: skip


def _check_version(row: AlertRow, expected: int | None) -> None:
    if expected is not None and row.version != expected:
        raise ConflictError(
            f"somebody acted on this alert in between: it is at version {row.version}, not {expected}", alert_of(row)
        )


def checked_text(text: str, what: str, longest: int) -> str:
    """The text without blanks around it. Raises: RefusedError."""
    stripped = text.strip()
    if len(stripped) > longest:
        raise RefusedError(f"{what} may have {longest:,} characters, this one has {len(stripped):,}")
    if not is_storable(stripped):
        raise RefusedError(f"{what} must be UTF-8 text without NUL characters")
    return stripped


def checked_name(name: str) -> str:
    """The name of an account, without blanks around it. Raises: RefusedError."""
    if not (checked := checked_text(name, "an actor's name", LONGEST_NAME)):
        raise RefusedError("an act needs an actor's name")
    return checked
