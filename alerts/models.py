"""The tables of the records database. Times are UTC milliseconds since 1970, whatever the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from alerts.drills.mark import Drilled

# SQLite counts rows by itself in a column of exactly INTEGER only.
Counted = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """Root of all tables."""


class AlertRow(Drilled, Base):
    """One incident that people handle."""

    __tablename__ = "alerts"

    id: Mapped[str] = mapped_column(String, primary_key=True)
    incident: Mapped[str] = mapped_column(String, unique=True)  # what the rules call it now
    is_active: Mapped[bool]
    is_inhibited: Mapped[bool] = mapped_column(default=False)
    inhibited_by: Mapped[str | None]
    rule: Mapped[str]
    category: Mapped[str]
    medium: Mapped[str]
    subject: Mapped[str]
    node: Mapped[str]
    severity: Mapped[str]
    detected_ms: Mapped[int] = mapped_column(BigInteger)
    onset_ms: Mapped[int] = mapped_column(BigInteger)
    closed_ms: Mapped[int | None] = mapped_column(BigInteger)
    observed: Mapped[float | None]
    expected: Mapped[float | None]
    unit: Mapped[str]
    loss_rate: Mapped[float | None]
    loss_total: Mapped[float | None]
    evidence: Mapped[dict[str, Any]] = mapped_column(JSON)
    rules_revision: Mapped[str]
    is_acknowledged: Mapped[bool] = mapped_column(default=False)
    acknowledged_by: Mapped[str | None]
    acknowledged_ms: Mapped[int | None] = mapped_column(BigInteger)
    outcome: Mapped[str | None]
    resolved_by: Mapped[str | None]
    resolved_ms: Mapped[int | None] = mapped_column(BigInteger)
    assigned_to: Mapped[str | None]
    assigned_by: Mapped[str | None]
    assigned_ms: Mapped[int | None] = mapped_column(BigInteger)
    raised_ms: Mapped[int] = mapped_column(BigInteger)  # the first detection; never changes, so lists are in its order
    reopened: Mapped[int] = mapped_column(Integer, default=0)
    reopened_ms: Mapped[int | None] = mapped_column(BigInteger)  # event time
    is_unstable: Mapped[bool] = mapped_column(default=False)
    due_ms: Mapped[int | None] = mapped_column(BigInteger)  # to be acknowledged by then
    is_breached: Mapped[bool] = mapped_column(default=False)  # whether the breach of `due_ms` is recorded
    breaches: Mapped[int] = mapped_column(Integer, default=0)
    version: Mapped[int] = mapped_column(Integer, default=0)
    comments: Mapped[int] = mapped_column(Integer, default=0)
    figures_ms: Mapped[int] = mapped_column(BigInteger, default=0)  # event time of the last audited figures
    updated_ms: Mapped[int] = mapped_column(BigInteger)

    # Each list is a walk down one of these, latest first; the rarer filters are looked at on the way.
    __table_args__ = (
        Index("alerts_by_time", "is_inhibited", "raised_ms", "id"),
        Index("alerts_by_state", "is_inhibited", "is_active", "raised_ms", "id"),
        Index("alerts_by_person", "is_inhibited", "is_active", "is_acknowledged", "raised_ms", "id"),
        Index("alerts_by_node", "node", "is_inhibited", "raised_ms", "id"),
        Index("alerts_by_assignee", "assigned_to", "is_inhibited", "raised_ms", "id"),
        Index("alerts_by_key", "category", "medium", "node", "closed_ms"),
        Index("alerts_due", "is_breached", "is_acknowledged", "is_active", "due_ms"),
        Index("alerts_counted", "is_inhibited", "is_active", "is_acknowledged", "severity", "node", "drill"),
        Index("alerts_of_drill", "drill"),
    )


class AuditRow(Base):
    """One line of an alert's history. The database itself refuses to change or delete it (a trigger)."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(Counted, primary_key=True, autoincrement=True)
    alert_id: Mapped[str] = mapped_column(ForeignKey("alerts.id"))
    at_ms: Mapped[int] = mapped_column(BigInteger)
    event_ms: Mapped[int | None] = mapped_column(BigInteger)
    actor: Mapped[str]
    origin: Mapped[str]
    action: Mapped[str]
    text: Mapped[str] = mapped_column(Text)
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)

    __table_args__ = (Index("audit_by_alert", "alert_id", "id"), {"sqlite_autoincrement": True})


class OutboxRow(Drilled, Base):
    """One notification for one address on one channel; `OutboxAlertRow` says of which alerts."""

    __tablename__ = "outbox"

    id: Mapped[str] = mapped_column(String, primary_key=True)
    alert_id: Mapped[str | None] = mapped_column(ForeignKey("alerts.id"))  # the weightiest; None: of no alert (a test)
    channel: Mapped[str]
    receiver: Mapped[str] = mapped_column(String, default="")  # person:NAME or channel:NAME
    address: Mapped[str] = mapped_column(String, default="")
    language: Mapped[str] = mapped_column(String, default="")  # empty: the channel's own
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    reason: Mapped[str]
    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    created_ms: Mapped[int] = mapped_column(BigInteger)
    due_ms: Mapped[int] = mapped_column(BigInteger)
    delivered_ms: Mapped[int | None] = mapped_column(BigInteger)
    last_error: Mapped[str] = mapped_column(Text, default="")

    __table_args__ = (
        Index("outbox_due", "channel", "state", "due_ms", "created_ms", "id"),
        Index("outbox_by_alert", "alert_id", "created_ms"),
        Index("outbox_recent", "created_ms", "id"),
        Index("outbox_of_drill", "drill"),
    )


class OutboxAlertRow(Base):
    """An alert that a notification tells of."""

    __tablename__ = "outbox_alerts"

    outbox_id: Mapped[str] = mapped_column(ForeignKey("outbox.id"), primary_key=True)
    alert_id: Mapped[str] = mapped_column(ForeignKey("alerts.id"), primary_key=True)
    reason: Mapped[str]

    __table_args__ = (Index("outbox_alerts_by_alert", "alert_id"),)


class SnapshotRow(Base):
    """State of a rules shard after an entry."""

    __tablename__ = "snapshots"

    shard: Mapped[str] = mapped_column(String, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    code_revision: Mapped[str]
    rules_revision: Mapped[str]
    at_ms: Mapped[int] = mapped_column(BigInteger)
    blob: Mapped[bytes] = mapped_column(LargeBinary)


class PositionRow(Base):
    """How far a shard's changes are written."""

    __tablename__ = "positions"

    shard: Mapped[str] = mapped_column(String, primary_key=True)
    applied_seq: Mapped[int] = mapped_column(BigInteger)
