"""Reading alerts: filters, pages by key (stable while new alerts come in), counts."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.orm import Session

from alerts.drills.mark import with_drills
from alerts.errors import CursorError, RefusedError
from alerts.models import AlertRow
from alerts.rows import alert_of, maybe_ms, ms_of
from alerts.search import found_by
from alerts.texts import is_storable
from alerts.values import EVERY_DRILL, Alert, AlertCounts, AlertFilter, AlertPage, AlertState
from metering.incident import Severity

LARGEST_PAGE = 500
NONE_KNOWN: Mapping[str, Alert] = MappingProxyType({})
# What no change leaves as it was; a whole row, its evidence above all, takes ten times as long to read.
_STAMP = (
    AlertRow.raised_ms, AlertRow.id, AlertRow.version, AlertRow.breaches, AlertRow.comments, AlertRow.loss_total,
    AlertRow.updated_ms, AlertRow.due_ms, AlertRow.closed_ms,
)  # fmt: skip


def page_of(
    session: Session, wanted: AlertFilter, cursor: str | None, limit: int, known: Mapping[str, Alert] = NONE_KNOWN
) -> AlertPage:
    """The page after `cursor`, latest raised first. Of `known` alerts, by id, only what changed is read whole.

    Raises:
        CursorError: the cursor is none of ours.
        RefusedError: the limit is not in 1..500.
    """
    if not 1 <= limit <= LARGEST_PAGE:
        raise RefusedError(f"a page has 1 to {LARGEST_PAGE} alerts, not {limit}")
    # One more than asked for tells whether there is a next page.
    query = page_query(wanted, cursor).limit(limit + 1)
    rows: Sequence[Any] = (
        session.execute(query.with_only_columns(*_STAMP)).all() if known else session.scalars(query).all()
    )
    items = _alerts_of(session, rows[:limit], known) if known else [alert_of(row) for row in rows[:limit]]
    return AlertPage(tuple(items), encode_cursor(rows[limit - 1]) if len(rows) > limit else None)


def _alerts_of(session: Session, stamps: Sequence[Any], known: Mapping[str, Alert]) -> list[Alert]:
    changed = [s.id for s in stamps if not _is_same(s, known.get(s.id))]
    read = with_drills(select(AlertRow).where(AlertRow.id.in_(changed)))
    fresh = {row.id: alert_of(row) for row in session.scalars(read)} if changed else {}
    found = (fresh.get(s.id) or known.get(s.id) for s in stamps)
    return [alert for alert in found if alert is not None]


def _is_same(stamp: Any, alert: Alert | None) -> bool:
    return alert is not None and stamp[2:] == (
        alert.version, alert.breaches, alert.comments, alert.loss_total, ms_of(alert.updated_at),
        maybe_ms(alert.due_at), maybe_ms(alert.closed_at),
    )  # fmt: skip


def page_query(wanted: AlertFilter, cursor: str | None) -> Select[AlertRow]:
    """The alerts of a filter after a cursor, in the list's order. Raises: CursorError."""
    query = select(AlertRow).where(*_conditions(wanted))
    if cursor is not None:
        query = query.where(tuple_(AlertRow.raised_ms, AlertRow.id) < tuple_(*decode_cursor(cursor)))
    query = query.order_by(AlertRow.raised_ms.desc(), AlertRow.id.desc())
    return with_drills(query) if wanted.drill else query


def _conditions(wanted: AlertFilter) -> list[ColumnElement[bool]]:
    # Literal truth values, in the order of the indexes: SQLite plans partial keys by them.
    out: list[ColumnElement[bool]] = []
    if wanted.inhibited is not None:
        out.append(AlertRow.is_inhibited.is_(wanted.inhibited))
    if wanted.state is not None:
        out.append(AlertRow.is_active.is_(wanted.state is AlertState.ACTIVE))
    if wanted.acknowledged is not None:
        out.append(AlertRow.is_acknowledged.is_(wanted.acknowledged))
    if wanted.category is not None:
        out.append(AlertRow.category == wanted.category.value)
    if wanted.severity is not None:
        out.append(AlertRow.severity == wanted.severity.value)
    return [*out, *_place_conditions(wanted), *_desk_conditions(wanted)]


def _place_conditions(wanted: AlertFilter) -> list[ColumnElement[bool]]:
    out: list[ColumnElement[bool]] = []
    if wanted.medium is not None:
        out.append(AlertRow.medium.in_(_storable([wanted.medium])))
    return [*out, *_within(wanted.nodes)]


def _within(nodes: Sequence[str] | None, assignee: str | None = None) -> list[ColumnElement[bool]]:
    """What a reader sees: the alerts of these places, those that are assigned to this account."""
    out: list[ColumnElement[bool]] = []
    if nodes is not None:
        out.append(AlertRow.node.in_(_storable(nodes)))
    if assignee is not None:
        out.append(AlertRow.assigned_to.in_(_storable([assignee])))
    return out


def _desk_conditions(wanted: AlertFilter) -> list[ColumnElement[bool]]:
    """Those of what people do."""
    out: list[ColumnElement[bool]] = []
    if wanted.assigned_to is not None:
        is_nobody = not wanted.assigned_to
        out += [AlertRow.assigned_to.is_(None)] if is_nobody else _within(None, wanted.assigned_to)
    if wanted.unstable is not None:
        out.append(AlertRow.is_unstable.is_(wanted.unstable))
    if wanted.overdue_at is not None:
        waiting = (AlertRow.is_active.is_(True), AlertRow.is_acknowledged.is_(False), AlertRow.is_inhibited.is_(False))
        out += [*waiting, AlertRow.due_ms <= ms_of(wanted.overdue_at)]
    if wanted.search is not None:
        out.append(found_by(wanted.search))
    if wanted.drill == EVERY_DRILL:
        out.append(AlertRow.drill.is_not(None))
    elif isinstance(wanted.drill, str):
        out.append(AlertRow.drill.in_(_storable([wanted.drill])))
    return out


def _storable(texts: Sequence[str]) -> list[str]:
    """Those that any row can hold: asking a database for another is a fault there, not an empty answer."""
    return [text for text in texts if is_storable(text)]


def encode_cursor(row: AlertRow) -> str:
    """An opaque text that names the row's place in the list."""
    return base64.urlsafe_b64encode(json.dumps([row.raised_ms, row.id]).encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[int, str]:
    """The place a cursor names. Raises: CursorError."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        raised_ms, alert_id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError) as error:
        raise CursorError(f"{cursor!r} is no cursor; take it from `next_cursor` of a page") from error
    if (
        type(raised_ms) is not int
        or not isinstance(alert_id, str)
        or abs(raised_ms) >= 1 << 63
        or not is_storable(alert_id)
    ):
        raise CursorError(f"{cursor!r} is no cursor; take it from `next_cursor` of a page")
    return raised_ms, alert_id


def counts_of(session: Session, nodes: Sequence[str] | None, assignee: str | None = None) -> AlertCounts:
    """The head of the list. Answered from one index, unless it is an assignee's."""
    keys = (AlertRow.is_inhibited, AlertRow.is_active, AlertRow.is_acknowledged, AlertRow.severity)
    query = select(*keys, func.count()).group_by(*keys)
    query = query.where(*_within(nodes, assignee))
    out = AlertCounts()
    for is_inhibited, is_active, is_acknowledged, severity, count in session.execute(query):
        if is_inhibited:
            out = replace(out, inhibited=out.inhibited + count * is_active)
        elif not is_active:
            out = replace(out, cleared=out.cleared + count)
        else:
            out = replace(
                out,
                active=out.active + count,
                unacknowledged=out.unacknowledged + count * (not is_acknowledged),
                critical=out.critical + count * (severity == Severity.CRITICAL.value),
            )
    return out
