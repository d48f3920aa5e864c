"""Which alerts count in figures. Said here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select

from alerts.models import AlertRow
from alerts.orders.models import OrderRow
from alerts.rows import ms_of
from alerts.texts import is_storable


@dataclass(frozen=True, slots=True)
class Wanted:
    """Alerts that were first detected in [since, until), at these places, of this kind. None: of any.

    nodes  ids as they stand; whoever asks for a subtree lists it
    """

    since: datetime
    until: datetime
    nodes: tuple[str, ...] | None = None
    category: str | None = None
    medium: str | None = None


def _is_real() -> ColumnElement[bool]:
    """No drill. The records leave drills out of what is joined too; said here all the same."""
    return and_(AlertRow.id.is_not(None), AlertRow.drill.is_(None))


def counted(*columns: Any) -> Select[Any]:
    """Columns of the alerts that count: an alert that another one explains is no case of its own."""
    return select(*columns).select_from(AlertRow).where(AlertRow.is_inhibited.is_(False), _is_real())


def counted_orders(*columns: Any) -> Select[Any]:
    """Columns of the work orders that count, with the alert where there is one. Work is work, whatever explains it."""
    query = select(*columns).select_from(OrderRow).outerjoin(AlertRow, AlertRow.id == OrderRow.alert_id)
    return query.where(OrderRow.drill.is_(None), or_(OrderRow.alert_id.is_(None), _is_real()))


def of_kind(wanted: Wanted) -> list[ColumnElement[bool]]:
    """Everything that is wanted but the time."""
    out: list[ColumnElement[bool]] = []
    if wanted.nodes is not None:
        out.append(AlertRow.node.in_([n for n in wanted.nodes if is_storable(n)]))
    if wanted.category is not None:
        out.append(AlertRow.category == wanted.category)
    if wanted.medium is not None:
        out.append(AlertRow.medium == wanted.medium)
    return out


def order_at(wanted: Wanted) -> list[ColumnElement[bool]]:
    """The places and the kind of orders that are wanted; one without an alert is of no kind."""
    out: list[ColumnElement[bool]] = []
    if wanted.nodes is not None:
        out.append(OrderRow.node.in_([n for n in wanted.nodes if is_storable(n)]))
    if wanted.category is not None:
        out.append(AlertRow.category == wanted.category)
    if wanted.medium is not None:
        out.append(AlertRow.medium == wanted.medium)
    return out


def raised_within(wanted: Wanted) -> list[ColumnElement[bool]]:
    """All that is wanted, the time by the first detection."""
    since, until = ms_of(wanted.since), ms_of(wanted.until)
    return [AlertRow.raised_ms >= since, AlertRow.raised_ms < until, *of_kind(wanted)]
