"""Tables of drills. Times are UTC milliseconds since 1970; `event` times are those of the shard copy's clock."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Float, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from alerts.models import Base, Counted


class DrillRow(Base):
    """One drill: what was asked for, how far it is, how it ended."""

    __tablename__ = "drills"

    id: Mapped[str] = mapped_column(String, primary_key=True)
    slot: Mapped[int | None] = mapped_column(Integer, unique=True)  # 1 until it has ended: one at a time
    state: Mapped[str]
    kind: Mapped[str]
    node: Mapped[str]
    meter: Mapped[str]
    medium: Mapped[str]
    size: Mapped[float] = mapped_column(Float)  # m3/h or kW
    speed: Mapped[int] = mapped_column(Integer)
    after_s: Mapped[int] = mapped_column(Integer)
    lasts_s: Mapped[int | None] = mapped_column(Integer)
    limit_s: Mapped[int] = mapped_column(Integer)
    audience: Mapped[str]
    note: Mapped[str] = mapped_column(Text)
    asked_by: Mapped[str]
    asked_ms: Mapped[int] = mapped_column(BigInteger)
    started_ms: Mapped[int | None] = mapped_column(BigInteger)
    event_start_ms: Mapped[int | None] = mapped_column(BigInteger)
    event_ms: Mapped[int | None] = mapped_column(BigInteger)  # how far the copy is
    source_days: Mapped[int | None] = mapped_column(Integer)  # how old the readings are that it is fed
    fault_ms: Mapped[int | None] = mapped_column(BigInteger)  # when the fault began, by the wall clock
    fault_event_ms: Mapped[int | None] = mapped_column(BigInteger)
    repaired_by: Mapped[str | None]
    repaired_ms: Mapped[int | None] = mapped_column(BigInteger)
    repaired_event_ms: Mapped[int | None] = mapped_column(BigInteger)
    stopped_by: Mapped[str | None]  # who asked for its end
    ended_ms: Mapped[int | None] = mapped_column(BigInteger)
    ending: Mapped[str | None]
    detail: Mapped[str] = mapped_column(Text, default="")

    __table_args__ = (Index("drills_by_time", "asked_ms", "id"),)


class DrillRunnerRow(Base):
    """The program that runs the rules, and with them drills: one row, written again and again while it is there."""

    __tablename__ = "drill_runner"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    seen_ms: Mapped[int | None] = mapped_column(BigInteger)  # None: it ended


class DrillAuditRow(Base):
    """One line of a drill's history. The database itself refuses to change or delete it (a trigger)."""

    __tablename__ = "drill_audit"

    id: Mapped[int] = mapped_column(Counted, primary_key=True, autoincrement=True)
    drill_id: Mapped[str] = mapped_column(ForeignKey("drills.id"))
    at_ms: Mapped[int] = mapped_column(BigInteger)
    event_ms: Mapped[int | None] = mapped_column(BigInteger)
    actor: Mapped[str]
    origin: Mapped[str]
    action: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)

    __table_args__ = (Index("drill_audit_by_drill", "drill_id", "id"), {"sqlite_autoincrement": True})
