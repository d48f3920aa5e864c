"""A clock that was set, back or forward: what waits goes on waiting as long as it had to, by the time that was lived.

Timers stand in the records as moments of the wall clock, so that they outlive the program. Set back by an hour, it
would hold every escalation and every retry for that hour; set forward, it would ask everybody at once. What people
set by the clock (silences, shifts, digests, `next working day`) stays where they set it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from alerts import policy_book
from alerts.deadlines import rule_of
from alerts.models import AlertRow, OutboxRow
from alerts.notify.models import GroupRow, LookRow, MarkRow, MemberRow, TellingRow
from alerts.rows import ms_of
from alerts.values import DeliveryState

LEAST_MS = 5_000  # what is less comes from slow turns and from clocks that are kept right little by little
_KEEP_EVERY_MS = 10_000
_SEEN = ("clock", "seen")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Seen:
    wall_ms: int
    steady_s: float


class ClockSteps:
    """Not thread-safe. `steady`: seconds that nobody can set; without it only steps back are seen.

    The latest moment is kept in the records too: a program that starts on a clock that went back sees that.
    """

    def __init__(self, steady: Callable[[], float] | None = None) -> None:
        self._steady = steady
        self._last: _Seen | None = None

    def follow(self, session: Session, now: datetime) -> int:
        """Move the timers by what the clock was set by since the last call: so many milliseconds, mostly 0."""
        seen = _Seen(ms_of(now), self._steady() if self._steady else 0.0)
        mark = session.get(MarkRow, _SEEN)
        step = self._step(seen, mark)
        if step:
            _log.warning("clock_was_set", by_s=step / 1000)
            move_timers(session, step)
        if mark is None:
            session.add(MarkRow(kind=_SEEN[0], key=_SEEN[1], at_ms=seen.wall_ms))
        elif step or seen.wall_ms - mark.at_ms >= _KEEP_EVERY_MS:
            mark.at_ms = seen.wall_ms
        return step

    def keep(self, now: datetime) -> None:
        """The transaction of the last `follow` is through."""
        self._last = _Seen(ms_of(now), self._steady() if self._steady else 0.0)

    def _step(self, seen: _Seen, mark: MarkRow | None) -> int:
        if self._last is not None and self._steady is not None:
            step = seen.wall_ms - self._last.wall_ms - round((seen.steady_s - self._last.steady_s) * 1000)
        else:
            latest = max(self._last.wall_ms if self._last else 0, mark.at_ms if mark else 0)
            step = min(0, seen.wall_ms - latest)
        return step if abs(step) >= LEAST_MS else 0


def move_timers(session: Session, by_ms: int) -> None:
    """Everything that waits for a moment waits for another one, so much later (or sooner, below 0)."""
    pending = OutboxRow.state == DeliveryState.PENDING.value
    moved = (
        update(OutboxRow).where(pending).values(due_ms=OutboxRow.due_ms + by_ms),
        update(LookRow).values(at_ms=LookRow.at_ms + by_ms),
        update(GroupRow).values(
            opened_ms=GroupRow.opened_ms + by_ms, flushed_ms=GroupRow.flushed_ms + by_ms, due_ms=GroupRow.due_ms + by_ms
        ),
        update(MemberRow).values(first_ms=MemberRow.first_ms + by_ms, told_ms=MemberRow.told_ms + by_ms),
        update(TellingRow).values(at_ms=TellingRow.at_ms + by_ms, sent_ms=TellingRow.sent_ms + by_ms),
    )
    for statement in moved:
        session.execute(statement.execution_options(synchronize_session=False))
    _move_deadlines(session, by_ms)
    session.expire_all()


def _move_deadlines(session: Session, by_ms: int) -> None:
    policy = policy_book.current(session).policy
    waiting = (AlertRow.is_active.is_(True), AlertRow.is_acknowledged.is_(False), AlertRow.is_breached.is_(False))
    for row in session.scalars(select(AlertRow).where(*waiting, AlertRow.due_ms.is_not(None)).with_for_update()):
        rule = rule_of(row, policy)
        if rule is not None and rule.within_min is not None and row.due_ms is not None:
            row.due_ms += by_ms
    session.flush()
