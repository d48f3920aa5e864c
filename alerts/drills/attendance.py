"""Whether a program that runs the rules is there: pages may be another program, and without it no drill begins."""

from __future__ import annotations

from sqlalchemy.orm import Session

from alerts.drills.models import DrillRow, DrillRunnerRow
from alerts.drills.values import BEGUN_WITHIN_S, GONE_S, UNHEARD_S, Attendance, DrillState, Ending
from alerts.rows import maybe_moment

_ONLY = 1
_MS = 1000


def beat(session: Session, now_ms: int | None) -> None:
    """The program is there now; None: it ends."""
    if (row := session.get(DrillRunnerRow, _ONLY)) is None:
        session.add(DrillRunnerRow(id=_ONLY, seen_ms=now_ms))
    else:
        row.seen_ms = now_ms


def attendance_of(session: Session, now_ms: int) -> Attendance:
    """Whether it is there, by when it was seen."""
    seen_ms = _seen_ms(session)
    is_there = seen_ms is not None and now_ms - seen_ms <= UNHEARD_S * _MS
    return Attendance(is_there, maybe_moment(seen_ms))


def why_over(session: Session, row: DrillRow, now_ms: int) -> tuple[Ending, str] | None:
    """Why a drill that nobody sees to is over by now, and in words; None: it is not."""
    if row.state == DrillState.ASKED.value:
        if now_ms - row.asked_ms < BEGUN_WITHIN_S * _MS:
            return None
        return Ending.UNATTENDED, f"no program that runs the rules began it within {BEGUN_WITHIN_S:.0f} s"
    heard_ms = max(_seen_ms(session) or 0, row.started_ms or row.asked_ms)
    if now_ms - heard_ms < GONE_S * _MS:
        return None
    return Ending.INTERRUPTED, f"nothing was heard of the program that runs the rules for {GONE_S:.0f} s"


def _seen_ms(session: Session) -> int | None:
    row = session.get(DrillRunnerRow, _ONLY)
    return None if row is None else row.seen_ms
