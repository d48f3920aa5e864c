"""Deadlines of alerts and their breaches, within one open transaction. A breach that is written stays for good."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.audit import record
from alerts.deadlines import OfficeDays, due_at, rule_of
from alerts.desk_models import BreachRow
from alerts.desk_policy import DeskPolicy
from alerts.models import AlertRow
from alerts.rows import iso, maybe_ms, moment_of, ms_of
from alerts.values import Action, Actor

WATCH = Actor("deadlines", "deadlines")
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Terms:
    """The policy as it stands, and the days it counts in."""

    policy: DeskPolicy
    days: OfficeDays

    def start(self, row: AlertRow, now_ms: int) -> None:
        """Set the deadline of an alert that people hear of from now on."""
        due = due_at(row, self.policy, self.days, moment_of(now_ms))
        row.due_ms, row.is_breached = maybe_ms(due), False

    def tighten(self, row: AlertRow, now_ms: int) -> None:
        """It got worse: the deadline comes closer if that is what its new severity or rate asks for, never further."""
        due = due_at(row, self.policy, self.days, moment_of(now_ms))
        if due is not None and not row.is_acknowledged and not row.is_breached:
            row.due_ms = ms_of(due) if row.due_ms is None else min(row.due_ms, ms_of(due))


def is_overdue(row: AlertRow, now_ms: int) -> bool:
    """Whether its deadline is over and nobody has it, and that is not written yet."""
    if row.drill is not None:  # its report says how long people took; the book of breaches is of real alerts
        return False
    is_waiting = row.is_active and not row.is_acknowledged and not row.is_inhibited and not row.is_breached
    return is_waiting and row.due_ms is not None and row.due_ms <= now_ms


def record_if_overdue(session: Session, row: AlertRow, now_ms: int, policy: DeskPolicy) -> bool:
    """Write the breach; called before anything that would end the waiting, so that none is missed between two looks."""
    if not is_overdue(row, now_ms) or row.due_ms is None:
        return False
    row.is_breached, row.breaches = True, row.breaches + 1
    session.add(
        BreachRow(
            alert_id=row.id, due_ms=row.due_ms, at_ms=now_ms, node=row.node, category=row.category,
            severity=row.severity, assigned_to=row.assigned_to,
        )
    )  # fmt: skip
    rule = rule_of(row, policy)
    detail = {
        "due_at": iso(moment_of(row.due_ms)), "deadline": rule.name if rule else None,
        "severity": row.severity, "assigned_to": row.assigned_to, "rules_revision": row.rules_revision,
    }  # fmt: skip
    record(session, row.id, WATCH, Action.OVERDUE, now_ms, detail)
    return True


def record_overdue(session: Session, now_ms: int, policy: DeskPolicy) -> list[AlertRow]:
    """Write every breach there is by now, at most 500; the alerts."""
    waiting = (AlertRow.is_breached.is_(False), AlertRow.is_acknowledged.is_(False), AlertRow.is_active.is_(True))
    query = select(AlertRow).where(*waiting, AlertRow.due_ms <= now_ms, AlertRow.is_inhibited.is_(False))
    rows = session.scalars(query.order_by(AlertRow.due_ms).limit(_AT_ONCE).with_for_update()).all()
    return [row for row in rows if record_if_overdue(session, row, now_ms, policy)]
