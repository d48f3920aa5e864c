"""The book of drills: what people ask for and say of them. Thread-safe; every write is one transaction."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from alerts.database import Database
from alerts.drills.attendance import attendance_of
from alerts.drills.models import DrillAuditRow, DrillRow
from alerts.drills.report import DrillReport, report_of
from alerts.drills.rows import audit_of, drill_of, end, note
from alerts.drills.values import (
    LONGEST_EVENT_S,
    LONGEST_LIMIT_S,
    LONGEST_NOTE,
    SHORTEST_LIMIT_S,
    Attendance,
    Drill,
    DrillAction,
    DrillAudit,
    DrillPlan,
    DrillState,
    Ending,
)
from alerts.errors import DrillConflictError, RefusedError, UnknownEntryError
from alerts.rows import ms_of
from alerts.texts import is_storable
from alerts.values import Actor, Clock, utc_now
from metering.drill_kinds import KINDS
from metering.drills import meter_for, most_allowed
from metering.site import Site

SLOT = 1
_LISTED = 100


def planned(site: Site, plan: DrillPlan) -> DrillPlan:
    """The plan with its meter and medium. Raises: RefusedError, with what is allowed."""
    if plan.node not in site.nodes:
        raise RefusedError(f"there is no node {plan.node!r} on this site")
    limits, meter = KINDS[plan.kind], meter_for(site, plan.node, plan.kind)
    if meter is None:
        raise RefusedError(f"no {limits.medium} meter stands at {plan.node!r}: choose a place that has one")
    rated = most_allowed(site, meter.id)
    high = limits.high if rated is None else min(limits.high, rated)
    if not limits.low <= plan.size <= high:
        raise RefusedError(f"a {plan.kind} at {meter.id} may have {limits.low:g} to {high:g}, not {plan.size:g}")
    _check_times(plan)
    return DrillPlan(
        kind=plan.kind, node=plan.node, meter=meter.id, medium=limits.medium, size=plan.size, speed=plan.speed,
        after_s=plan.after_s, lasts_s=plan.lasts_s, limit_s=plan.limit_s, audience=plan.audience,
        note=plan.note.strip(),
    )  # fmt: skip


def _check_times(plan: DrillPlan) -> None:
    if plan.speed < 1:
        raise RefusedError(f"a copy runs at the clock's speed or faster, not {plan.speed} times")
    if not SHORTEST_LIMIT_S <= plan.limit_s <= LONGEST_LIMIT_S:
        raise RefusedError(f"a drill may take {SHORTEST_LIMIT_S} s to {LONGEST_LIMIT_S} s, not {plan.limit_s} s")
    if not 0 <= plan.after_s + (plan.lasts_s or 0) <= LONGEST_EVENT_S or (plan.lasts_s or 1) < 1 or plan.after_s < 0:
        raise RefusedError(f"the fault begins and ends within {LONGEST_EVENT_S} s of the copy's time")
    if len(plan.note) > LONGEST_NOTE or not is_storable(plan.note):
        raise RefusedError(f"a note is text of at most {LONGEST_NOTE} characters")


class DrillBook:
    """What stands of drills in the records."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    # -- what people do -------------------------------------------------------------------------------------------

    def ask(self, plan: DrillPlan, site: Site, actor: Actor) -> Drill:
        """Have a drill begun. Raises: RefusedError; DrillConflictError, one is under way."""
        checked, now_ms = planned(site, plan), self._now_ms()
        row = DrillRow(
            id=f"drill-{uuid4().hex[:8]}", slot=SLOT, state=DrillState.ASKED.value, kind=checked.kind.value,
            node=checked.node, meter=checked.meter, medium=checked.medium, size=checked.size, speed=checked.speed,
            after_s=checked.after_s, lasts_s=checked.lasts_s, limit_s=checked.limit_s,
            audience=checked.audience.value, note=checked.note, asked_by=actor.name, asked_ms=now_ms, detail="",
        )  # fmt: skip
        try:
            with self._database.writing() as session:
                session.add(row)
                session.flush()
                note(session, row, DrillAction.ASKED, actor, now_ms)
                return drill_of(row)
        except IntegrityError:
            current = self.current()
            name = "" if current is None else current.id
            raise DrillConflictError(f"the drill {name} is under way: one at a time", name) from None

    def repair(self, drill_id: str, actor: Actor) -> Drill:
        """The fault is mended: nothing runs out any more. Twice: nothing changes. Raises: as `stop`."""

        def act(session: Session, row: DrillRow, now_ms: int) -> None:
            if row.repaired_ms is None:
                row.repaired_by, row.repaired_ms = actor.name, now_ms
                note(session, row, DrillAction.REPAIRED, actor, now_ms, row.event_ms)

        return self._on(drill_id, act)

    def stop(self, drill_id: str, actor: Actor) -> Drill:
        """End it; at once where it has not begun and no program is there that would.

        Raises:
            UnknownEntryError; DrillConflictError, it is over.
        """

        def act(session: Session, row: DrillRow, now_ms: int) -> None:
            if row.stopped_by is None:
                row.stopped_by = actor.name
                note(session, row, DrillAction.STOP_ASKED, actor, now_ms, row.event_ms)
            if row.state == DrillState.ASKED.value and not attendance_of(session, now_ms).is_there:
                end(session, row, Ending.STOPPED, "", actor, now_ms)

        return self._on(drill_id, act)

    def _on(self, drill_id: str, act: Callable[[Session, DrillRow, int], None]) -> Drill:
        with self._database.writing() as session:
            row = _known(session, drill_id, is_locked=True)
            if row.state == DrillState.ENDED.value:
                raise DrillConflictError(f"the drill {drill_id} is over", drill_id)
            act(session, row, self._now_ms())
            session.flush()
            return drill_of(row)

    # -- what is read ---------------------------------------------------------------------------------------------

    def current(self) -> Drill | None:
        """The one that is asked for or under way."""
        with self._database.reading() as session:
            row = session.scalars(select(DrillRow).where(DrillRow.slot == SLOT)).one_or_none()
            return None if row is None else drill_of(row)

    def attendance(self) -> Attendance:
        """Whether a program that runs the rules is there to begin what is asked for."""
        with self._database.reading() as session:
            return attendance_of(session, self._now_ms())

    def list(self) -> tuple[Drill, ...]:
        """The latest hundred, newest first."""
        query = select(DrillRow).order_by(DrillRow.asked_ms.desc(), DrillRow.id).limit(_LISTED)
        with self._database.reading() as session:
            return tuple(drill_of(row) for row in session.scalars(query))

    def get(self, drill_id: str) -> Drill:
        """Raises: UnknownEntryError."""
        with self._database.reading() as session:
            return drill_of(_known(session, drill_id))

    def history(self, drill_id: str) -> tuple[DrillAudit, ...]:
        """What happened to it, oldest first."""
        query = select(DrillAuditRow).where(DrillAuditRow.drill_id == drill_id).order_by(DrillAuditRow.id)
        with self._database.reading() as session:
            return tuple(audit_of(row) for row in session.scalars(query)) if is_storable(drill_id) else ()

    def report(self, drill_id: str) -> DrillReport:
        """How long everything took. Raises: UnknownEntryError."""
        with self._database.reading() as session:
            return report_of(session, drill_of(_known(session, drill_id)))

    def _now_ms(self) -> int:
        return ms_of(self._clock())


def _known(session: Session, drill_id: str, *, is_locked: bool = False) -> DrillRow:
    row = session.get(DrillRow, drill_id, with_for_update=is_locked or None) if is_storable(drill_id) else None
    if row is None:
        raise UnknownEntryError(f"there is no drill {drill_id!r}")
    return row
