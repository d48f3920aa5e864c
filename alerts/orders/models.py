"""The tables of work orders. Times are UTC milliseconds since 1970."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from alerts.drills.mark import Drilled
from alerts.models import Base, Counted


class OrderRow(Drilled, Base):
    """One work order."""

    __tablename__ = "work_orders"

    id: Mapped[int] = mapped_column(Counted, primary_key=True, autoincrement=True)
    state: Mapped[str]
    alert_id: Mapped[str | None] = mapped_column(ForeignKey("alerts.id"))
    node: Mapped[str]
    title: Mapped[str]
    words: Mapped[str] = mapped_column(Text, default="")
    severity: Mapped[str]
    owner: Mapped[str]
    assignee: Mapped[str | None]
    assigned_by: Mapped[str | None]
    created_by: Mapped[str]
    created_ms: Mapped[int] = mapped_column(BigInteger)
    due_ms: Mapped[int | None] = mapped_column(BigInteger)
    assigned_ms: Mapped[int | None] = mapped_column(BigInteger)
    started_ms: Mapped[int | None] = mapped_column(BigInteger)
    done_ms: Mapped[int | None] = mapped_column(BigInteger)
    done_by: Mapped[str | None]
    verified_ms: Mapped[int | None] = mapped_column(BigInteger)
    verified_by: Mapped[str | None]
    closed_ms: Mapped[int | None] = mapped_column(BigInteger)
    closed_by: Mapped[str | None]
    outcome: Mapped[str | None]
    rating: Mapped[int | None] = mapped_column(Integer)
    rating_words: Mapped[str] = mapped_column(Text, default="")
    cost_cents: Mapped[int | None] = mapped_column(BigInteger)
    checklist: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    reopened: Mapped[int] = mapped_column(Integer, default=0)
    photos: Mapped[int] = mapped_column(Integer, default=0)
    version: Mapped[int] = mapped_column(Integer, default=1)
    updated_ms: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        Index("work_orders_by_state", "state", "id"),
        Index("work_orders_by_assignee", "assignee", "id"),
        Index("work_orders_by_alert", "alert_id", "id"),
        Index("work_orders_of_drill", "drill"),
        {"sqlite_autoincrement": True},
    )


class OrderEventRow(Base):
    """One line of an order's history. The database itself refuses to change or delete it (a trigger)."""

    __tablename__ = "work_order_events"

    id: Mapped[int] = mapped_column(Counted, primary_key=True, autoincrement=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("work_orders.id"))
    at_ms: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str]
    origin: Mapped[str]
    action: Mapped[str]
    text: Mapped[str] = mapped_column(Text)
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)

    __table_args__ = (Index("work_order_events_by_order", "order_id", "id"), {"sqlite_autoincrement": True})


class ReportRow(Base):
    """What a person saw and told, without a name."""

    __tablename__ = "water_reports"

    id: Mapped[int] = mapped_column(Counted, primary_key=True, autoincrement=True)
    state: Mapped[str]
    node: Mapped[str]
    spot: Mapped[str]
    words: Mapped[str] = mapped_column(Text)
    language: Mapped[str]
    at_ms: Mapped[int] = mapped_column(BigInteger)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("work_orders.id"))
    drill: Mapped[str | None]  # of the order that it led to
    handled_by: Mapped[str | None]
    handled_ms: Mapped[int | None] = mapped_column(BigInteger)
    answer: Mapped[str] = mapped_column(Text, default="")
    photos: Mapped[int] = mapped_column(Integer, default=0)
    version: Mapped[int] = mapped_column(Integer, default=1)

    __table_args__ = (
        Index("water_reports_by_state", "state", "id"),
        Index("water_reports_by_order", "order_id"),
        {"sqlite_autoincrement": True},
    )


class PhotoRow(Base):
    """One photo: a JPEG written here. In the database, so that a backup of the records has all of an order."""

    __tablename__ = "work_photos"

    id: Mapped[str] = mapped_column(String, primary_key=True)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("work_orders.id"))
    report_id: Mapped[int | None] = mapped_column(ForeignKey("water_reports.id"))
    stage: Mapped[str]
    by: Mapped[str]
    at_ms: Mapped[int] = mapped_column(BigInteger)
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)
    size_bytes: Mapped[int] = mapped_column(Integer)
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)

    __table_args__ = (
        Index("work_photos_by_order", "order_id", "at_ms"),
        Index("work_photos_by_report", "report_id", "at_ms"),
    )


class TickRow(Base):
    """One thing of the patrol list that somebody looked at. The database refuses to change or delete it (a trigger).

    id     made by the phone, so that what is sent twice counts once
    at_ms  when it was ticked off, by the phone's clock; `taken_ms` when it came here
    """

    __tablename__ = "patrol_ticks"

    id: Mapped[str] = mapped_column(String, primary_key=True)
    item: Mapped[str]
    node: Mapped[str]
    result: Mapped[str]
    text: Mapped[str] = mapped_column(Text)
    actor: Mapped[str]
    origin: Mapped[str]
    at_ms: Mapped[int] = mapped_column(BigInteger)
    taken_ms: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("patrol_ticks_by_item", "item", "at_ms"), Index("patrol_ticks_by_time", "at_ms"))
