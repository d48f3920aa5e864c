"""What people do with an alert, within one open transaction. Active or cleared is the rules' word and stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from alerts.audit import record
from alerts.deadlines import OfficeDays
from alerts.desk_policy import DEFAULT, DeskPolicy
from alerts.drills.mark import WITH_DRILLS
from alerts.errors import ConflictError, RefusedError, StaleError, UnknownAlertError
from alerts.models import AlertRow
from alerts.notices import forget, look_at, tell_person
from alerts.overdue import Terms, record_if_overdue
from alerts.rows import alert_of, iso, moment_of
from alerts.said import say_outcome
from alerts.texts import is_storable
from alerts.values import Action, Actor, Alert, NotifyReason, Outcome

LONGEST_TEXT = 4000
LONGEST_NAME = 200
LONGEST_UNSENT = timedelta(days=30)


class PersonsHand:
    """One person's act at one moment. Checks what the person gave before anything is touched.

    `sees`: an alert that the person does not see is as if it were not there.
    `said_ms`: when it was done, by the person's own clock, where it comes later, as from a phone without a connection.
    It stands in the history; what counts is when it was heard here.
    """

    def __init__(
        self,
        session: Session,
        actor: Actor,
        text: str,
        now_ms: int,
        policy: DeskPolicy = DEFAULT,
        sees: Callable[[Alert], bool] = lambda _: True,
        said_ms: int | None = None,
    ) -> None:
        """Raises: RefusedError."""
        self._session = session
        self._actor = Actor(checked_name(actor.name), checked_text(actor.origin, "the origin", LONGEST_NAME))
        self._text = checked_text(text, "a comment", LONGEST_TEXT)
        self._now_ms = now_ms
        self._policy = policy
        self._sees = sees
        self._said_ms = None if said_ms is None else checked_said(said_ms, now_ms)

    def seen(self, alert_id: str) -> AlertRow:
        """The alert as it stands, held until the act is over. Raises: UnknownAlertError."""
        return self._locked(alert_id)

    def acknowledge(self, alert_id: str, expected_version: int | None) -> AlertRow:
        """Raises: UnknownAlertError, ConflictError."""
        row = self._locked(alert_id)
        if row.is_acknowledged and row.acknowledged_by == self._actor.name:
            return row  # pressed twice, or asked again after a lost answer
        _check_version(row, expected_version)
        if row.is_acknowledged:
            raise ConflictError(f"{row.acknowledged_by} already has this alert", alert_of(row))
        self._take(row)
        self._write(row, Action.ACKNOWLEDGED, {"assigned_to": row.assigned_to})
        return row

    def assign(self, alert_id: str, assignee: str, expected_version: int | None) -> AlertRow:
        """Raises: UnknownAlertError, ConflictError, RefusedError."""
        name = checked_name(assignee)
        return self._hand_over(alert_id, name, expected_version)

    def unassign(self, alert_id: str, expected_version: int | None) -> AlertRow:
        """Raises: UnknownAlertError, ConflictError."""
        return self._hand_over(alert_id, None, expected_version)

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
        self._take_back(row)
        self._write(row, Action.WITHDRAWN, {"outcome_before": before})
        return row

    def reopen(self, alert_id: str, expected_version: int | None, days: OfficeDays) -> AlertRow:
        """It is not settled: take the outcome back, and nobody has it. Raises: UnknownAlertError, ConflictError."""
        row = self._locked(alert_id)
        if row.outcome is None:
            return row  # pressed twice, or nobody said what it was
        _check_version(row, expected_version)
        detail = {"outcome_before": row.outcome, "resolved_before": row.resolved_by}
        self._take_back(row)
        row.is_acknowledged, row.acknowledged_by, row.acknowledged_ms = False, None, None
        if row.is_active:  # nobody has it: its deadline runs anew, and it is told from the first step on
            Terms(self._policy, days).start(row, self._now_ms)
            forget(self._session, row.id)
            look_at(self._session, row.id, self._now_ms)
        self._write(row, Action.REOPENED, detail)
        return row

    def _locked(self, alert_id: str) -> AlertRow:
        row = None
        if is_storable(alert_id):
            row = self._session.get(AlertRow, alert_id, with_for_update=True, execution_options=WITH_DRILLS)
        if row is None or not self._sees(alert_of(row)):
            raise UnknownAlertError(alert_id)
        record_if_overdue(self._session, row, self._now_ms, self._policy)
        return row

    def _take_back(self, row: AlertRow) -> None:
        """The alert has no outcome any more, and the rules hear so."""
        before = row.outcome
        row.outcome = row.resolved_by = row.resolved_ms = None
        say_outcome(self._session, row, before, self._actor, self._text, self._now_ms)

    def _take(self, row: AlertRow) -> None:
        row.is_acknowledged, row.acknowledged_by, row.acknowledged_ms = True, self._actor.name, self._now_ms
        if row.assigned_to is None:
            self._set_assignee(row, self._actor.name)

    def _hand_over(self, alert_id: str, assignee: str | None, expected_version: int | None) -> AlertRow:
        row = self._locked(alert_id)
        before = row.assigned_to
        if before == assignee:
            return row
        _check_version(row, expected_version)
        # Without the version that was seen, nobody's assignment is taken away unseen but one's own.
        if expected_version is None and before not in {None, self._actor.name}:
            raise ConflictError(f"{before} is already assigned to this alert", alert_of(row))
        self._set_assignee(row, assignee)
        action = Action.UNASSIGNED if assignee is None else Action.ASSIGNED
        self._write(row, action, {"assigned_to": assignee, "assigned_before": before})
        if assignee is not None and assignee != self._actor.name:
            tell_person(self._session, row, assignee, NotifyReason.ASSIGNED, self._now_ms)
        return row

    def _set_assignee(self, row: AlertRow, assignee: str | None) -> None:
        row.assigned_to = assignee
        row.assigned_by, row.assigned_ms = (None, None) if assignee is None else (self._actor.name, self._now_ms)

    def _write(self, row: AlertRow, action: Action, detail: dict[str, Any], *, is_new_version: bool = True) -> None:
        row.version += is_new_version
        row.updated_ms = self._now_ms
        standing = {
            "version": row.version, "severity": row.severity, "is_active": row.is_active,
            "rules_revision": row.rules_revision,
        }  # fmt: skip
        if self._said_ms is not None:
            standing["said_at"] = iso(moment_of(self._said_ms))
        record(self._session, row.id, self._actor, action, self._now_ms, {**detail, **standing}, text=self._text)


def _check_version(row: AlertRow, expected: int | None) -> None:
    if expected is not None and row.version != expected:
        who = _last_to_act(row)
        raise StaleError(f"{who} acted on this alert in between: it is at version {row.version}, not {expected}",
                         alert_of(row))  # fmt: skip


def checked_said(said_ms: int, now_ms: int) -> int:
    """When something was done, as it is kept: a clock that is ahead says now. Raises: RefusedError."""
    if said_ms < now_ms - LONGEST_UNSENT // timedelta(milliseconds=1):
        raise RefusedError(f"this was done more than {LONGEST_UNSENT.days} days ago: do it again")
    return min(said_ms, now_ms)


def _last_to_act(row: AlertRow) -> str:
    acts = (
        (row.acknowledged_ms, row.acknowledged_by),
        (row.assigned_ms, row.assigned_by),
        (row.resolved_ms, row.resolved_by),
    )
    return max(((at, by) for at, by in acts if at is not None and by is not None), default=(0, "somebody"))[1]


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
