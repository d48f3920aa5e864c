"""What people report who saw water running, within one open transaction."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alerts.actions import checked_text
from alerts.errors import RefusedError
from alerts.orders.errors import OrderConflictError, OrderStateError, UnknownReportError
from alerts.orders.models import ReportRow
from alerts.orders.values import ReportState

LONGEST_WORDS, LONGEST_SPOT, LONGEST_ANSWER = 1000, 200, 500
MOST_PHOTOS, MOST_PHOTOS_A_DAY = 4, 500  # of one report; of all: who need not sign in fills no disk
_DIGITS, _DAY_MS = 15, 24 * 3600 * 1000


def new_report(session: Session, node: str, spot: str, words: str, language: str, now_ms: int) -> ReportRow:
    """Keep it. Raises: RefusedError, it says nothing."""
    row = ReportRow(
        state=ReportState.NEW.value, node=node, spot=checked_text(spot, "the exact spot", LONGEST_SPOT),
        words=checked_text(words, "a report", LONGEST_WORDS), language=language, at_ms=now_ms, answer="", photos=0,
        version=1,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def check_photos(session: Session, number: int, now_ms: int) -> None:
    """Whether a new report may bring so many photos. Raises: OrderStateError."""
    if number > MOST_PHOTOS:
        raise OrderStateError(f"a report has at most {MOST_PHOTOS} photos", "full")
    today = select(func.coalesce(func.sum(ReportRow.photos), 0)).where(ReportRow.at_ms > now_ms - _DAY_MS)
    if number and session.scalars(today).one() + number > MOST_PHOTOS_A_DAY:
        raise OrderStateError(f"reports bring at most {MOST_PHOTOS_A_DAY} photos a day", "photos_today")


def seen_report(session: Session, report_id: int, sees_node: Callable[[str], bool] = lambda _: True) -> ReportRow:
    """The report, held. Raises: UnknownReportError."""
    is_number = 0 < report_id < 10**_DIGITS
    row = session.get(ReportRow, report_id, with_for_update=True) if is_number else None
    if row is None or not sees_node(row.node):
        raise UnknownReportError(report_id)
    return row


def link_report(
    session: Session, report_id: int, person: str, now_ms: int, sees_node: Callable[[str], bool]
) -> ReportRow:
    """It leads to an order, whose number is still to be set. Raises: UnknownReportError, OrderStateError."""
    row = seen_report(session, report_id, sees_node)
    if row.state != ReportState.NEW.value:
        raise OrderStateError(f"{row.handled_by} has seen to the report {row.id} already: it is {row.state}")
    row.state, row.handled_by, row.handled_ms = ReportState.ORDERED.value, person, now_ms
    row.version += 1
    return row


def dismiss(row: ReportRow, person: str, answer: str, now_ms: int, expected: int | None = None) -> ReportRow:
    """Nothing is done about it; `answer` is shown to whoever reported. Raises: OrderStateError, RefusedError."""
    if row.state == ReportState.DISMISSED.value and row.handled_by == person:
        return row
    if expected is not None and row.version != expected:
        raise OrderConflictError(f"{row.handled_by} has seen to the report in between", row.version)
    if row.state != ReportState.NEW.value:
        raise OrderStateError(f"{row.handled_by} has seen to the report {row.id} already: it is {row.state}")
    if not answer.strip():
        raise RefusedError("say to whoever reported why nothing is done")
    row.state, row.handled_by, row.handled_ms = ReportState.DISMISSED.value, person, now_ms
    row.answer = checked_text(answer, "an answer", LONGEST_ANSWER)
    row.version += 1
    return row
