"""Rows of drills as values, and lines of their history."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.drills.mark import with_drills
from alerts.drills.models import DrillAuditRow, DrillRow
from alerts.drills.values import (
    Audience,
    Drill,
    DrillAction,
    DrillAudit,
    DrillPlan,
    DrillState,
    Ending,
)
from alerts.models import AlertRow
from alerts.rows import maybe_moment, moment_of
from alerts.values import Actor
from metering.drill_kinds import DrillKind


def drill_of(row: DrillRow) -> Drill:
    """The drill that a row holds."""
    return Drill(
        id=row.id,
        plan=_plan_of(row),
        state=DrillState(row.state),
        asked_by=row.asked_by,
        asked_at=moment_of(row.asked_ms),
        started_at=maybe_moment(row.started_ms),
        event_start=maybe_moment(row.event_start_ms),
        event_at=maybe_moment(row.event_ms),
        source_days=row.source_days,
        fault_at=maybe_moment(row.fault_ms),
        fault_event=maybe_moment(row.fault_event_ms),
        repaired_by=row.repaired_by,
        repaired_at=maybe_moment(row.repaired_ms),
        repaired_event=maybe_moment(row.repaired_event_ms),
        stopped_by=row.stopped_by,
        ended_at=maybe_moment(row.ended_ms),
        ending=None if row.ending is None else Ending(row.ending),
        detail=row.detail,
    )


def _plan_of(row: DrillRow) -> DrillPlan:
    return DrillPlan(
        kind=DrillKind(row.kind), node=row.node, meter=row.meter, medium=row.medium, size=row.size, speed=row.speed,
        after_s=row.after_s, lasts_s=row.lasts_s, limit_s=row.limit_s, audience=Audience(row.audience), note=row.note,
    )  # fmt: skip


def audit_of(row: DrillAuditRow) -> DrillAudit:
    """The line that a row holds."""
    action, event_at = DrillAction(row.action), maybe_moment(row.event_ms)
    return DrillAudit(moment_of(row.at_ms), event_at, row.actor, row.origin, action, row.detail)


def note(
    session: Session, drill: DrillRow, action: DrillAction, actor: Actor, now_ms: int, event_ms: int | None = None,
    **detail: Any,
) -> None:  # fmt: skip
    """Add a line to the drill's history."""
    session.add(
        DrillAuditRow(
            drill_id=drill.id, at_ms=now_ms, event_ms=event_ms, actor=actor.name, origin=actor.origin,
            action=action.value, detail=detail,
        )
    )  # fmt: skip


def end(session: Session, row: DrillRow, ending: Ending, detail: str, actor: Actor, now_ms: int) -> None:
    """Write that it is over; its place is free."""
    row.state, row.slot, row.ended_ms = DrillState.ENDED.value, None, now_ms
    row.ending, row.detail = ending.value, detail[:2000].replace("\0", "")
    note(session, row, DrillAction.ENDED, actor, now_ms, row.event_ms, ending=ending.value, detail=row.detail)


def only_receiver(session: Session, drill: str | None) -> str | None:
    """The one person who is told of a drill's alerts; None: the routes say."""
    if drill is None or (row := session.get(DrillRow, drill)) is None:
        return None
    return row.asked_by if row.audience == Audience.ME.value else None


def alerts_of(session: Session, drill: str) -> list[AlertRow]:
    """All alerts of a drill, the oldest first."""
    query = select(AlertRow).where(AlertRow.drill == drill).order_by(AlertRow.raised_ms, AlertRow.id)
    return list(session.scalars(with_drills(query)))
