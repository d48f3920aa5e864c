"""How long people took in a drill: from the fault to each step, for each alert and for the drill as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts import policy_book
from alerts.deadlines import is_burst
from alerts.drills.mark import with_drills
from alerts.drills.rows import alerts_of
from alerts.drills.values import Drill
from alerts.models import AlertRow, AuditRow, OutboxAlertRow, OutboxRow
from alerts.orders.making import repair_time
from alerts.orders.models import OrderRow
from alerts.rows import alert_of, delivery_of, maybe_moment, moment_of
from alerts.values import Action, Alert, Delivery, NotifyReason
from metering.incident import Severity


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an alert's way. `seconds` after the step before it that it is measured from; None: it never came.

    name     raised, told, acknowledged, assigned, resolved, repaired, confirmed
    seconds  by the clock: since the fault began (raised), since it was raised (told to resolved and repaired), since
             the repair (confirmed)
    by       who did it, or who was told first
    allowed_s  how long it may take by the desk's policy (acknowledged) or the order's due time (repaired); None: as
               long as it takes
    """

    name: str
    at: datetime | None
    seconds: float | None
    by: str = ""
    allowed_s: float | None = None

    @property
    def is_late(self) -> bool:
        """Whether it took longer than it may; what never came is not late by itself."""
        return self.allowed_s is not None and self.seconds is not None and self.seconds > self.allowed_s


@dataclass(frozen=True, slots=True)
class Told:
    """One message to one receiver; `seconds` from the raising until the channel had it."""

    delivery: Delivery
    seconds: float | None


@dataclass(frozen=True, slots=True)
class AlertReport:
    """One alert of the drill. `detect_event_s`: from the fault to the alert in the copy's time, as meters saw it."""

    alert: Alert
    detect_event_s: float | None
    steps: tuple[Step, ...]
    told: tuple[Told, ...]

    def step(self, name: str) -> Step:
        """The step of this name."""
        return next(step for step in self.steps if step.name == name)


@dataclass(frozen=True, slots=True)
class DrillReport:
    """The drill, and every alert of it, the first first."""

    drill: Drill
    alerts: tuple[AlertReport, ...]

    @property
    def first(self) -> AlertReport | None:
        """The alert that counts: the first that people were shown."""
        shown = [a for a in self.alerts if a.alert.inhibited_by is None]
        return next(iter([*shown, *self.alerts]), None)


def report_of(session: Session, drill: Drill) -> DrillReport:
    """Read from the alerts, their history and the outbox."""
    return DrillReport(drill, tuple(_of_alert(session, drill, row) for row in alerts_of(session, drill.id)))


def _of_alert(session: Session, drill: Drill, row: AlertRow) -> AlertReport:
    lines = list(session.scalars(select(AuditRow).where(AuditRow.alert_id == row.id).order_by(AuditRow.id)))
    raised = next((moment_of(line.at_ms) for line in lines if line.action == Action.RAISED.value), None)
    told = _told(session, row, raised)
    allowed = {"acknowledged": _between(raised, maybe_moment(row.due_ms)), "repaired": _repair_s(session, row, raised)}
    steps = tuple(replace(s, allowed_s=allowed.get(s.name)) for s in _steps(drill, row, raised, lines, told))
    return AlertReport(alert_of(row), _in_event_time(drill, row, lines), steps, told)


def _repair_s(session: Session, row: AlertRow, raised: datetime | None) -> float | None:
    """How long the repair may take: until its order is due, else as the desk's policy gives an order of it."""
    due = select(OrderRow.due_ms).where(OrderRow.alert_id == row.id).order_by(OrderRow.id.desc()).limit(1)
    if (due_ms := session.scalars(with_drills(due)).first()) is not None:
        return _between(raised, moment_of(due_ms))
    times = policy_book.current(session).policy.repair_h
    return repair_time(Severity(row.severity), times, burst=is_burst(row)).total_seconds()


def _in_event_time(drill: Drill, row: AlertRow, lines: list[AuditRow]) -> float | None:
    raised = next((line.detail.get("evidence") for line in lines if line.action == Action.RAISED.value), None)
    event_ms = ((raised or row.evidence).get("drill") or {}).get("event_ms")
    if event_ms is None or drill.fault_event is None:
        return None
    return (moment_of(int(event_ms)) - drill.fault_event).total_seconds()


def _steps(
    drill: Drill, row: AlertRow, raised: datetime | None, lines: list[AuditRow], told: tuple[Told, ...]
) -> Iterable[Step]:
    yield Step("raised", raised, _between(drill.fault_at, raised))
    first = min((t for t in told if t.delivery.delivered_at), key=lambda t: t.delivery.delivered_at or 0, default=None)
    if first is None:
        yield Step("told", None, None)
    else:
        yield Step("told", first.delivery.delivered_at, first.seconds, first.delivery.receiver)
    for name, action in (
        ("acknowledged", Action.ACKNOWLEDGED), ("assigned", Action.ASSIGNED), ("resolved", Action.RESOLVED),
    ):  # fmt: skip
        line = next((line for line in lines if line.action == action.value), None)
        at, by = _standing(row, name) if line is None else (moment_of(line.at_ms), line.actor)
        yield Step(name, at, _between(raised, at), by)
    yield Step("repaired", drill.repaired_at, _between(raised, drill.repaired_at), drill.repaired_by or "")
    cleared = None if row.is_active or not _is_by_meters(lines) else moment_of(_last_cleared(lines).at_ms)
    yield Step("confirmed", cleared, _between(drill.repaired_at, cleared))


def _standing(row: AlertRow, name: str) -> tuple[datetime | None, str]:
    """Who took it and whose it is, where that came with another act."""
    found = {
        "acknowledged": (row.acknowledged_ms, row.acknowledged_by), "assigned": (row.assigned_ms, row.assigned_to),
    }  # fmt: skip
    at_ms, by = found.get(name, (None, None))
    return (None, "") if at_ms is None else (moment_of(at_ms), by or "")


def _is_by_meters(lines: list[AuditRow]) -> bool:
    """Whether the copy's meters cleared it, and not the drill's end."""
    return any(line.action == Action.CLEARED.value for line in lines) and not _last_cleared(lines).text


def _last_cleared(lines: list[AuditRow]) -> AuditRow:
    return next(line for line in reversed(lines) if line.action == Action.CLEARED.value)


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else (end - start).total_seconds()


def _told(session: Session, row: AlertRow, raised: datetime | None) -> tuple[Told, ...]:
    of_alert = select(OutboxAlertRow.outbox_id).where(OutboxAlertRow.alert_id == row.id)
    query = select(OutboxRow).where(OutboxRow.id.in_(of_alert), OutboxRow.reason != NotifyReason.CLEARED.value)
    rows = session.scalars(with_drills(query.order_by(OutboxRow.created_ms, OutboxRow.id)))
    deliveries = [delivery_of(one) for one in rows]
    return tuple(Told(d, _between(raised, d.delivered_at)) for d in deliveries)
