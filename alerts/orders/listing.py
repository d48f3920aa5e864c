"""Reading orders, their history and reports, within one open transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from alerts.drills.mark import with_drills
from alerts.errors import RefusedError
from alerts.orders.models import OrderEventRow, OrderRow, PhotoRow, ReportRow
from alerts.orders.rows import event_of, order_of, photo_of, report_of
from alerts.orders.states import UNFINISHED, OrderState
from alerts.orders.values import OrderEvent, OrderFilter, OrderPage, Photo, Report, ReportState
from alerts.rows import ms_of
from alerts.texts import is_storable
from alerts.values import EVERY_DRILL

LARGEST_PAGE = 500
_Query = TypeVar("_Query", bound=Any)


def page_of(session: Session, wanted: OrderFilter, cursor: int | None, limit: int) -> OrderPage:
    """The orders below `cursor`, the latest first. Raises: RefusedError (limit not in 1..500)."""
    if not 1 <= limit <= LARGEST_PAGE:
        raise RefusedError(f"a page has 1 to {LARGEST_PAGE} orders, not {limit}")
    query = _seeing(wanted, select(OrderRow).where(*_conditions(wanted)).order_by(OrderRow.id.desc()))
    if cursor is not None:
        query = query.where(OrderRow.id < cursor)
    rows = session.scalars(query.limit(limit + 1)).all()
    items = tuple(order_of(row) for row in rows[:limit])
    return OrderPage(items, items[-1].id if len(rows) > limit else None)


def _conditions(wanted: OrderFilter) -> list[ColumnElement[bool]]:
    out: list[ColumnElement[bool]] = []
    if wanted.states is not None:
        out.append(OrderRow.state.in_([s.value for s in wanted.states]))
    if wanted.nodes is not None:
        out.append(OrderRow.node.in_([n for n in wanted.nodes if is_storable(n)]))
    if wanted.assignee is not None:
        is_nobody = not wanted.assignee
        out.append(OrderRow.assignee.is_(None) if is_nobody else OrderRow.assignee.in_(_storable(wanted.assignee)))
    if wanted.alert_id is not None:
        out.append(OrderRow.alert_id.in_(_storable(wanted.alert_id)))
    if wanted.overdue_at is not None:
        out.append(OrderRow.state.in_([s.value for s in UNFINISHED]))
        out.append(OrderRow.due_ms <= ms_of(wanted.overdue_at))
    if wanted.drill == EVERY_DRILL:
        out.append(OrderRow.drill.is_not(None))
    return out


def _seeing(wanted: OrderFilter, query: _Query) -> _Query:
    return with_drills(query) if wanted.drill else query


def _storable(text: str) -> list[str]:
    return [text] if is_storable(text) else []


def counts_of(session: Session, wanted: OrderFilter) -> dict[OrderState, int]:
    """How many orders of a filter stand where."""
    query = select(OrderRow.state, func.count()).where(*_conditions(wanted)).group_by(OrderRow.state)
    found = {OrderState(state): count for state, count in session.execute(_seeing(wanted, query))}
    return {state: found.get(state, 0) for state in OrderState}


def events_of(session: Session, order_id: int) -> tuple[OrderEvent, ...]:
    """The order's history, oldest first."""
    query = select(OrderEventRow).where(OrderEventRow.order_id == order_id).order_by(OrderEventRow.id)
    return tuple(event_of(row) for row in session.scalars(query))


def events_after(session: Session, after: int, limit: int) -> tuple[OrderEvent, ...]:
    """Events of all orders above this number, oldest first."""
    query = select(OrderEventRow).where(OrderEventRow.id > after).order_by(OrderEventRow.id).limit(limit)
    return tuple(event_of(row) for row in session.scalars(query))


def reports_of(
    session: Session, states: Sequence[ReportState], nodes: Sequence[str] | None, limit: int
) -> tuple[Report, ...]:
    """Reports, the latest first."""
    query = select(ReportRow).where(ReportRow.state.in_([s.value for s in states]))
    if nodes is not None:
        query = query.where(ReportRow.node.in_([n for n in nodes if is_storable(n)]))
    return tuple(report_of(row) for row in session.scalars(query.order_by(ReportRow.id.desc()).limit(limit)))


def reports_of_order(session: Session, order_id: int) -> tuple[Report, ...]:
    """What people reported that led to this order, oldest first."""
    query = select(ReportRow).where(ReportRow.order_id == order_id).order_by(ReportRow.id)
    return tuple(report_of(row) for row in session.scalars(query))


def photos_of_order(session: Session, order_id: int) -> tuple[Photo, ...]:
    """The order's photos and those of its reports, oldest first."""
    reports = select(ReportRow.id).where(ReportRow.order_id == order_id)
    of_order = (PhotoRow.order_id == order_id) | PhotoRow.report_id.in_(reports)
    query = select(PhotoRow).where(of_order).order_by(PhotoRow.at_ms, PhotoRow.id)
    return tuple(photo_of(row) for row in session.scalars(query))


def photos_of_report(session: Session, report_id: int) -> tuple[Photo, ...]:
    """What whoever reported sent along."""
    query = select(PhotoRow).where(PhotoRow.report_id == report_id).order_by(PhotoRow.at_ms, PhotoRow.id)
    return tuple(photo_of(row) for row in session.scalars(query))
