"""What the program that runs a drill writes of it: its beginning, its alerts, how far it is, its end."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts import policy_book
from alerts.changes import ChangeWriter
from alerts.database import Database
from alerts.deadlines import OfficeDays
from alerts.drills.attendance import beat, why_over
from alerts.drills.book import SLOT
from alerts.drills.models import DrillRow
from alerts.drills.rows import alerts_of, drill_of, end, note
from alerts.drills.values import Drill, DrillAction, DrillState, Ending
from alerts.models import AlertRow
from alerts.orders.meters import close_of_drill, settle
from alerts.overdue import Terms
from alerts.rows import alert_of, ms_of
from alerts.values import Actor, Alert, Clock, NotifyPolicy, Outcome, utc_now
from metering.incident import IncidentChange

RUNNER = Actor("drill", "rules")
_ROUTED = NotifyPolicy(is_routed=True)


class DrillKeeper:
    """Writes for one program. Every write is one transaction."""

    def __init__(self, database: Database, days: OfficeDays | None = None, clock: Clock = utc_now) -> None:
        self._database = database
        self._days = days or OfficeDays()
        self._clock = clock

    def now_ms(self) -> int:
        """The wall clock, ms since 1970."""
        return ms_of(self._clock())

    def beat(self) -> None:
        """Say that the program that runs the rules is there."""
        with self._database.writing() as session:
            beat(session, self.now_ms())

    def leave(self) -> None:
        """Say that it ends."""
        with self._database.writing() as session:
            beat(session, None)

    def end_unattended(self) -> tuple[Alert, ...]:
        """End the drill that nobody began in time, or whose program is gone; its alerts that were active."""
        with self._database.reading() as session:
            row = _current(session)
            if row is None or why_over(session, row, self.now_ms()) is None:
                return ()
        with self._database.writing() as session:
            row = _current(session)
            why = None if row is None else why_over(session, row, self.now_ms())
            return () if row is None or why is None else self._end(session, row, *why, "")

    def current(self) -> Drill | None:
        """The drill that is asked for or under way; a fault that people have said they mended counts as repaired."""
        with self._database.reading() as session:
            if (row := _current(session)) is None:
                return None
            if row.repaired_ms is not None or not _mended(session, row.id):
                return drill_of(row)
        with self._database.writing() as session:
            if (row := _current(session)) is None:
                return None
            mended = _mended(session, row.id)
            if mended and row.repaired_ms is None:
                row.repaired_by, row.repaired_ms = mended[0].resolved_by, mended[0].resolved_ms
                by = Actor(row.repaired_by or RUNNER.name, "alert")
                note(session, row, DrillAction.REPAIRED, by, self.now_ms(), row.event_ms, alert=mended[0].id)
            return drill_of(row)

    def start(self, drill_id: str, event_ms: int, source_days: int | None) -> None:
        """The copy stands ready, its clock at `event_ms`."""
        with self._database.writing() as session:
            if (row := session.get(DrillRow, drill_id)) is not None:
                row.state, row.started_ms, row.source_days = DrillState.RUNNING.value, self.now_ms(), source_days
                row.event_start_ms = row.event_ms = event_ms
                note(session, row, DrillAction.STARTED, RUNNER, self.now_ms(), event_ms, source_days=source_days)

    def advance(self, drill_id: str, event_ms: int, fault_event_ms: int, repaired_event_ms: int | None) -> None:
        """How far the copy is. The fault has begun once the copy's clock has passed `fault_event_ms`."""
        with self._database.writing() as session:
            if (row := session.get(DrillRow, drill_id)) is None:
                return
            row.event_ms = event_ms
            row.repaired_event_ms = repaired_event_ms if row.repaired_event_ms is None else row.repaired_event_ms
            if row.fault_ms is None and event_ms >= fault_event_ms:
                row.fault_ms, row.fault_event_ms = self.now_ms(), fault_event_ms
                note(session, row, DrillAction.FAULT_BEGAN, RUNNER, self.now_ms(), fault_event_ms)

    def apply(self, drill_id: str, changes: Sequence[IncidentChange], cause: str) -> tuple[Alert, ...]:
        """Write what the copy said; the alerts as they are now."""
        with self._database.writing() as session:
            policy = policy_book.current(session).policy
            terms = Terms(policy, self._days)
            writer = ChangeWriter(session, _ROUTED, terms, f"{drill_id}.{cause}", self.now_ms(), drill_id)
            rows = {row.id: row for row in (writer.write(i, change) for i, change in enumerate(changes))}
            settle(session, self.now_ms(), policy, of_drills=True)
            return tuple(alert_of(row) for row in rows.values())

    def end(self, drill_id: str, ending: Ending, detail: str = "", by: str = "") -> tuple[Alert, ...]:
        """It is over, and so are its alerts; those that were active. Ended before: nothing happens."""
        with self._database.writing() as session:
            row = session.get(DrillRow, drill_id)
            return () if row is None or row.ended_ms is not None else self._end(session, row, ending, detail, by)

    def end_left_over(self) -> tuple[Alert, ...]:
        """End what was under way when the program ended or was killed: its copy is gone."""
        with self._database.writing() as session:
            row = _current(session)
            if row is None or row.state != DrillState.RUNNING.value:
                return ()
            return self._end(session, row, Ending.INTERRUPTED, "", "")

    def _end(self, session: Session, row: DrillRow, ending: Ending, detail: str, by: str) -> tuple[Alert, ...]:
        now_ms = self.now_ms()
        end(session, row, ending, detail, Actor(by) if by else RUNNER, now_ms)
        terms = Terms(policy_book.current(session).policy, self._days)
        writer = ChangeWriter(session, _ROUTED, terms, f"{row.id}.end", now_ms, row.id)
        active = [alert for alert in alerts_of(session, row.id) if alert.is_active]
        for alert in active:
            writer.end(alert, f"drill {ending.value}")
        session.flush()
        close_of_drill(session, row.id, RUNNER, now_ms)
        return tuple(alert_of(alert) for alert in active)


def _mended(session: Session, drill: str) -> list[AlertRow]:
    return [a for a in alerts_of(session, drill) if a.outcome == Outcome.REPAIRED.value]


def _current(session: Session) -> DrillRow | None:
    return session.scalars(select(DrillRow).where(DrillRow.slot == SLOT)).one_or_none()
