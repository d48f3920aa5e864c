"""Tables of what is told to the repair platform and what came from it. Times are UTC milliseconds since 1970."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from alerts.models import Base, Counted


class SentRow(Base):
    """One message to the platform.

    event_id  the line of the order's history that it tells of; these rise, and so they are sent in their order
    document  the order as of then, in our words: the mapping is applied when it is sent
    """

    __tablename__ = "platform_sent"

    event_id: Mapped[int] = mapped_column(ForeignKey("work_order_events.id"), primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(String, unique=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("work_orders.id"))
    event: Mapped[str]
    document: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    replays: Mapped[int] = mapped_column(Integer, default=0)
    created_ms: Mapped[int] = mapped_column(BigInteger)
    due_ms: Mapped[int] = mapped_column(BigInteger)
    delivered_ms: Mapped[int | None] = mapped_column(BigInteger)
    last_error: Mapped[str] = mapped_column(Text, default="")
    answer: Mapped[str] = mapped_column(Text, default="")

    __table_args__ = (
        Index("platform_sent_due", "state", "event_id"),
        Index("platform_sent_by_order", "order_id", "event_id"),
        Index("platform_sent_recent", "created_ms", "event_id"),
    )


class ReceivedRow(Base):
    """One event of the platform, by its own id.

    digest  of the body: the same id with another body is another's, or a fault of theirs
    answer  what was answered, and is again
    """

    __tablename__ = "platform_received"

    id: Mapped[str] = mapped_column(String, primary_key=True)
    received_ms: Mapped[int] = mapped_column(BigInteger)
    at_ms: Mapped[int | None] = mapped_column(BigInteger)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("work_orders.id"))
    our_number: Mapped[str] = mapped_column(String, default="")
    number: Mapped[str] = mapped_column(String, default="")
    says: Mapped[str | None]
    code: Mapped[str] = mapped_column(String, default="")
    placing: Mapped[str]
    whys: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    digest: Mapped[str]
    answer: Mapped[dict[str, Any]] = mapped_column(JSON)

    __table_args__ = (
        Index("platform_received_recent", "received_ms", "id"),
        Index("platform_received_placing", "placing", "received_ms"),
        Index("platform_received_number", "number", "placing"),
    )


class LinkRow(Base):
    """What the platform calls an order, and the state it said last, with its own time."""

    __tablename__ = "platform_links"

    order_id: Mapped[int] = mapped_column(ForeignKey("work_orders.id"), primary_key=True, autoincrement=False)
    number: Mapped[str] = mapped_column(String, default="")
    said: Mapped[str] = mapped_column(String, default="")
    said_ms: Mapped[int | None] = mapped_column(BigInteger)
    rating: Mapped[int | None] = mapped_column(Integer)  # given before the order could be closed here

    __table_args__ = (Index("platform_links_by_number", "number"),)


class WantedPhotoRow(Base):
    """A photo that the platform named by its address, to be fetched from there."""

    __tablename__ = "platform_photos"

    id: Mapped[int] = mapped_column(Counted, primary_key=True, autoincrement=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("work_orders.id"))
    url: Mapped[str] = mapped_column(Text)
    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    due_ms: Mapped[int] = mapped_column(BigInteger)
    last_error: Mapped[str] = mapped_column(Text, default="")

    __table_args__ = (
        Index("platform_photos_due", "state", "due_ms"),
        Index("platform_photos_by_order", "order_id"),
    )


class PlatformPositionRow(Base):
    """Up to which line of the orders' history all is told, or was before there was a platform. One row."""

    __tablename__ = "platform_position"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    event_id: Mapped[int] = mapped_column(BigInteger)
