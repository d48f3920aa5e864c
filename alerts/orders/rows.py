"""Rows of the order tables as values."""

from __future__ import annotations

from typing import Any

from alerts.orders.models import OrderEventRow, OrderRow, PhotoRow, ReportRow
from alerts.orders.states import OrderState
from alerts.orders.values import CheckLine, Order, OrderAction, OrderEvent, Photo, PhotoStage, Report, ReportState
from alerts.rows import maybe_moment, moment_of
from alerts.values import Outcome
from metering.incident import Severity


def order_of(row: OrderRow) -> Order:
    """The order that a row holds."""
    return Order(
        id=row.id,
        state=OrderState(row.state),
        alert_id=row.alert_id,
        node=row.node,
        title=row.title,
        words=row.words,
        severity=Severity(row.severity),
        owner=row.owner,
        assignee=row.assignee,
        assigned_by=row.assigned_by,
        created_by=row.created_by,
        created_at=moment_of(row.created_ms),
        due_at=maybe_moment(row.due_ms),
        assigned_at=maybe_moment(row.assigned_ms),
        started_at=maybe_moment(row.started_ms),
        done_at=maybe_moment(row.done_ms),
        done_by=row.done_by,
        verified_at=maybe_moment(row.verified_ms),
        verified_by=row.verified_by,
        closed_at=maybe_moment(row.closed_ms),
        closed_by=row.closed_by,
        outcome=None if row.outcome is None else Outcome(row.outcome),
        rating=row.rating,
        rating_words=row.rating_words,
        cost=None if row.cost_cents is None else row.cost_cents / 100,
        checklist=tuple(_line_of(line) for line in row.checklist),
        reopened=row.reopened,
        photos=row.photos,
        version=row.version,
        updated_at=moment_of(row.updated_ms),
        drill=row.drill,
    )


def _line_of(line: dict[str, Any]) -> CheckLine:
    return CheckLine(line["texts"], line.get("done_by"), maybe_moment(line.get("done_ms")))


def event_of(row: OrderEventRow) -> OrderEvent:
    """The line of history that a row holds."""
    return OrderEvent(
        row.id, row.order_id, moment_of(row.at_ms), row.actor, row.origin, OrderAction(row.action), row.text, row.detail
    )


def report_of(row: ReportRow) -> Report:
    """The report that a row holds."""
    return Report(
        id=row.id,
        state=ReportState(row.state),
        node=row.node,
        spot=row.spot,
        words=row.words,
        language=row.language,
        at=moment_of(row.at_ms),
        order_id=row.order_id,
        handled_by=row.handled_by,
        handled_at=maybe_moment(row.handled_ms),
        answer=row.answer,
        photos=row.photos,
        version=row.version,
        drill=row.drill,
    )


def photo_of(row: PhotoRow) -> Photo:
    """The photo that a row holds, without its content."""
    return Photo(
        id=row.id,
        order_id=row.order_id,
        report_id=row.report_id,
        stage=PhotoStage(row.stage),
        by=row.by,
        at=moment_of(row.at_ms),
        width=row.width,
        height=row.height,
        size_bytes=row.size_bytes,
    )
