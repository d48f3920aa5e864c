"""Planned use as a calendar: looked at by time, changed and ended early; who changed what stays.

A change is a new word in the place of the old one, so a planned use has another id after it: whoever changes the old
one is told that somebody was quicker.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.actions import checked_name
from alerts.database import Database
from alerts.errors import EntryConflictError, RefusedError
from alerts.feedback import Plan, UnknownPlanError, plan_of, planned_word, standing_plan
from alerts.feedback_models import FeedbackRow
from alerts.rows import moment_of, ms_of
from alerts.said import put, word_of
from alerts.values import Actor, Clock, utc_now
from metering.feedback import WITHDRAWN
from metering.site import PlannedUse

_MINUTE_MS = 60_000  # as exact as a page's field is


@dataclass(frozen=True, slots=True)
class PlanHistory:
    """A planned use as it was, the newest first; who took it back and when, if somebody did."""

    plans: tuple[Plan, ...]
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = None


class PlanCalendar:
    """Thread-safe; every write is one transaction."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def between(self, start: datetime, end: datetime) -> tuple[Plan, ...]:
        """What goes on at some time of [start, end), by its begin."""
        query = select(FeedbackRow).where(
            FeedbackRow.replaced_by.is_(None), FeedbackRow.outcome != WITHDRAWN,
            FeedbackRow.end_ms > ms_of(start), FeedbackRow.start_ms < ms_of(end),
        )  # fmt: skip
        with self._database.reading() as session:
            rows = session.scalars(query.order_by(FeedbackRow.start_ms, FeedbackRow.id))
            return tuple(plan_of(row) for row in rows)

    def change(self, plan_id: int, use: PlannedUse, actor: Actor, expected: float | None = None) -> Plan:
        """Another use in its place, with another id. One that has begun keeps its begin and place.

        Raises:
            EntryConflictError: somebody changed it in between.
            UnknownPlanError, RefusedError: it does not stand, is over or an alert's outcome; or makes no sense.
        """
        now_ms = ms_of(self._clock())
        word = planned_word(use, expected, actor, now_ms)
        with self._database.writing() as session:
            _check_newest(session, plan_id)
            standing = standing_plan(session, plan_id, now_ms)
            if standing.start_ms is not None and standing.start_ms <= now_ms < (standing.end_ms or 0):
                _check_begun(standing, word)
            put(session, word, standing)
            return plan_of(word)

    def end(self, plan_id: int, actor: Actor) -> Plan | None:
        """It ends now; one that has not begun is taken back, and None is given. One that is over stays as it is.

        Raises: as `change`.
        """
        now = self._clock()
        with self._database.writing() as session:
            _check_newest(session, plan_id)
            standing = standing_plan(session, plan_id, ms_of(now))
            plan = plan_of(standing)
            if plan.use.end <= now:
                return plan
            if plan.use.start >= now:
                who = Actor(checked_name(actor.name), actor.origin)
                put(session, word_of(who, ms_of(now), outcome=WITHDRAWN), standing)
                return None
            word = planned_word(replace(plan.use, end=now), plan.expected, actor, ms_of(now))
            put(session, word, standing)
            return plan_of(word)

    def history(self, plan_id: int) -> PlanHistory:
        """All that it was, whichever of its ids is given. Raises: UnknownPlanError."""
        with self._database.reading() as session:
            row = session.get(FeedbackRow, plan_id)
            if row is None or row.start_ms is None:
                raise UnknownPlanError(f"there is no planned use {plan_id}")
            newest = _newest(session, row)
            rows = [newest]
            while (earlier := rows[-1].replaces) is not None and (before := session.get(FeedbackRow, earlier)):
                rows.append(before)
            plans = tuple(plan_of(r) for r in rows if r.start_ms is not None)
            if newest.outcome != WITHDRAWN:
                return PlanHistory(plans)
            return PlanHistory(plans, newest.actor, moment_of(newest.at_ms))

    def root_of(self, plan_id: int) -> int:
        """The id under which it was first entered: the same for all its life."""
        return self.history(plan_id).plans[-1].id


def _newest(session: Session, row: FeedbackRow) -> FeedbackRow:
    while row.replaced_by is not None and (later := session.get(FeedbackRow, row.replaced_by)) is not None:
        row = later
    return row


def _check_newest(session: Session, plan_id: int) -> None:
    row = session.get(FeedbackRow, plan_id)
    if row is None or row.start_ms is None or row.replaced_by is None:
        return
    newest = _newest(session, row)
    if newest.outcome != WITHDRAWN:
        raise EntryConflictError(f"{newest.actor} changed it meanwhile; it is planned use {newest.id} now", newest.id)


def _check_begun(standing: FeedbackRow, word: FeedbackRow) -> None:
    moved_ms = abs((standing.start_ms or 0) - (word.start_ms or 0))
    if standing.node != word.node or moved_ms >= _MINUTE_MS:
        raise RefusedError("it has begun: its place and begin stay; end it and enter another one")
    word.start_ms = standing.start_ms
