"""Rows of the database as values, and values as they are stored: times as UTC milliseconds, JSON without NaN."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from alerts.models import AlertRow, AuditRow, OutboxRow, SnapshotRow
from alerts.values import (
    Action,
    Alert,
    AlertState,
    AuditEntry,
    Delivery,
    DeliveryState,
    NotifyReason,
    Outcome,
    Snapshot,
)
from metering.incident import Category, Severity

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def ms_of(moment: datetime | np.datetime64) -> int:
    """Milliseconds since 1970 UTC of an aware datetime or a `datetime64` (UTC)."""
    if isinstance(moment, np.datetime64):
        return int(moment.astype("datetime64[ms]").astype(np.int64))
    return (moment - _EPOCH) // _MS


def moment_of(ms: int) -> datetime:
    """The aware UTC datetime of a stored time."""
    return _EPOCH + ms * _MS


def maybe_moment(ms: int | None) -> datetime | None:
    """The same of a time that may be missing."""
    return None if ms is None else moment_of(ms)


def maybe_ms(moment: datetime | None) -> int | None:
    """`ms_of` of a time that may be missing."""
    return None if moment is None else ms_of(moment)


def figure(value: float) -> float | None:
    """The figure as a plain float; None where it makes no sense (NaN, infinite)."""
    number = float(value)
    return number if math.isfinite(number) else None


def plain(value: Any) -> Any:
    """The value as JSON has it: numpy scalars and arrays, times and enums become plain, NaN becomes null."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset | np.ndarray):
        return [plain(v) for v in value]
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> Any:
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else iso(moment_of(ms_of(value)))
    if isinstance(value, datetime):
        return iso(value.astimezone(UTC))
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return figure(value)
    return value if value is None or isinstance(value, bool | int) else str(value)


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds, as it stands in stored JSON."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def alert_of(row: AlertRow) -> Alert:
    """The alert that a row holds."""
    return Alert(
        id=row.id,
        state=AlertState.ACTIVE if row.is_active else AlertState.CLEARED,
        rule=row.rule,
        category=Category(row.category),
        medium=row.medium,
        subject=row.subject,
        node=row.node,
        severity=Severity(row.severity),
        detected_at=moment_of(row.detected_ms),
        onset_at=moment_of(row.onset_ms),
        closed_at=maybe_moment(row.closed_ms),
        observed=row.observed,
        expected=row.expected,
        unit=row.unit,
        loss_rate=row.loss_rate,
        loss_total=row.loss_total,
        evidence=row.evidence,
        rules_revision=row.rules_revision,
        inhibited_by=row.inhibited_by,
        acknowledged=row.is_acknowledged,
        acknowledged_by=row.acknowledged_by,
        acknowledged_at=maybe_moment(row.acknowledged_ms),
        outcome=None if row.outcome is None else Outcome(row.outcome),
        resolved_by=row.resolved_by,
        resolved_at=maybe_moment(row.resolved_ms),
        assigned_to=row.assigned_to,
        assigned_by=row.assigned_by,
        assigned_at=maybe_moment(row.assigned_ms),
        raised_at=moment_of(row.raised_ms),
        reopened=row.reopened,
        reopened_at=maybe_moment(row.reopened_ms),
        unstable=row.is_unstable,
        due_at=maybe_moment(row.due_ms),
        breaches=row.breaches,
        version=row.version,
        comments=row.comments,
        updated_at=moment_of(row.updated_ms),
        drill=row.drill,
    )


def audit_entry_of(row: AuditRow) -> AuditEntry:
    """The line of history that a row holds."""
    return AuditEntry(
        id=row.id,
        alert_id=row.alert_id,
        at=moment_of(row.at_ms),
        event_at=maybe_moment(row.event_ms),
        actor=row.actor,
        origin=row.origin,
        action=Action(row.action),
        text=row.text,
        detail=row.detail,
    )


def delivery_of(row: OutboxRow) -> Delivery:
    """The notification that a row holds."""
    return Delivery(
        id=row.id,
        alert_id=row.alert_id,
        channel=row.channel,
        reason=NotifyReason(row.reason),
        state=DeliveryState(row.state),
        attempts=row.attempts,
        created_at=moment_of(row.created_ms),
        due_at=moment_of(row.due_ms),
        delivered_at=maybe_moment(row.delivered_ms),
        last_error=row.last_error,
        receiver=row.receiver or f"channel:{row.channel}",
        address=row.address,
        language=row.language,
        detail=row.detail,
        drill=row.drill,
    )


def snapshot_of(row: SnapshotRow) -> Snapshot:
    """The snapshot that a row holds."""
    return Snapshot(row.seq, row.code_revision, row.rules_revision, row.blob, moment_of(row.at_ms))
