"""The tables of the desk beside alerts and audit: earlier episodes, breaches, answers kept, its policy."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from alerts.models import Base, Counted


class EpisodeRow(Base):
    """An incident that an alert stood for before it came back; the alert's own row has the latest one."""

    __tablename__ = "alert_episodes"

    alert_id: Mapped[str] = mapped_column(ForeignKey("alerts.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    incident: Mapped[str]
    detected_ms: Mapped[int] = mapped_column(BigInteger)
    onset_ms: Mapped[int] = mapped_column(BigInteger)
    closed_ms: Mapped[int] = mapped_column(BigInteger)
    severity: Mapped[str]
    loss_total: Mapped[float | None]
    outcome: Mapped[str | None]
    resolved_by: Mapped[str | None]

    __table_args__ = (Index("alert_episodes_by_incident", "incident"),)


class BreachRow(Base):
    """A deadline that passed. The database itself refuses to change or delete it (a trigger)."""

    __tablename__ = "breaches"

    id: Mapped[int] = mapped_column(Counted, primary_key=True, autoincrement=True)
    alert_id: Mapped[str] = mapped_column(ForeignKey("alerts.id"))
    due_ms: Mapped[int] = mapped_column(BigInteger)
    at_ms: Mapped[int] = mapped_column(BigInteger)
    node: Mapped[str]
    category: Mapped[str]
    severity: Mapped[str]
    assigned_to: Mapped[str | None]

    __table_args__ = (
        Index("breaches_once", "alert_id", "due_ms", unique=True),
        Index("breaches_by_due", "due_ms", "category", "severity"),
        {"sqlite_autoincrement": True},
    )


class AnswerRow(Base):
    """The answer to a write with an idempotency key, written in the write's own transaction."""

    __tablename__ = "answers"

    account: Mapped[str] = mapped_column(String, primary_key=True)
    key: Mapped[str] = mapped_column(String, primary_key=True)
    request: Mapped[str]
    answer: Mapped[bytes] = mapped_column(LargeBinary)
    at_ms: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("answers_by_age", "at_ms"),)


class PolicyRow(Base):
    """One version of the desk's policy; a change is a new row, so the history is whole (a trigger keeps it so)."""

    __tablename__ = "desk_policies"

    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    document: Mapped[dict[str, Any]] = mapped_column(JSON)
    actor: Mapped[str]
    origin: Mapped[str]
    at_ms: Mapped[int] = mapped_column(BigInteger)
