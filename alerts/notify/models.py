"""Tables of routing: groups and what they told, messages that wait, marks, and keys of links. Times: UTC ms."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from alerts.drills.mark import Drilled
from alerts.models import Base

_Counted = BigInteger().with_variant(Integer, "sqlite")


class LookRow(Base):
    """An alert that changed: the dispatcher looks at it, then takes the row away."""

    __tablename__ = "looks"

    alert_id: Mapped[str] = mapped_column(ForeignKey("alerts.id"), primary_key=True)
    at_ms: Mapped[int] = mapped_column(BigInteger)


class GroupRow(Base):
    """Alerts of one route that are told together."""

    __tablename__ = "alert_groups"

    id: Mapped[str] = mapped_column(String, primary_key=True)
    route: Mapped[str]
    labels: Mapped[dict[str, str]] = mapped_column(JSON)
    opened_ms: Mapped[int] = mapped_column(BigInteger)
    flushed_ms: Mapped[int | None] = mapped_column(BigInteger)
    due_ms: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (Index("alert_groups_due", "due_ms"),)


class MemberRow(Base):
    """An alert in a group, and what was told of it last (all None: nothing)."""

    __tablename__ = "group_members"

    group_id: Mapped[str] = mapped_column(ForeignKey("alert_groups.id"), primary_key=True)
    alert_id: Mapped[str] = mapped_column(ForeignKey("alerts.id"), primary_key=True)
    told_severity: Mapped[str | None]
    told_active: Mapped[bool | None]
    first_ms: Mapped[int | None] = mapped_column(BigInteger)
    told_ms: Mapped[int | None] = mapped_column(BigInteger)
    steps: Mapped[int] = mapped_column(Integer, default=0)

    __table_args__ = (Index("group_members_by_alert", "alert_id"),)


class TellingRow(Drilled, Base):
    """What a group has to tell one receiver. Without `sent_ms` it waits for the brake; the rest is the log."""

    __tablename__ = "tellings"

    id: Mapped[int] = mapped_column(_Counted, primary_key=True, autoincrement=True)
    receiver: Mapped[str]
    group_id: Mapped[str]
    items: Mapped[list[list[Any]]] = mapped_column(JSON)  # [alert id, reason, step]
    has_burst: Mapped[bool]
    why: Mapped[str]
    about: Mapped[str]
    at_ms: Mapped[int] = mapped_column(BigInteger)
    letter: Mapped[str | None]  # the message it went out with; None: it waits, or had nothing to say any more
    sent_ms: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (
        Index("tellings_sent", "sent_ms", "receiver"),
        {"sqlite_autoincrement": True},
    )


class MarkRow(Base):
    """Something that is done once: a day's digest, a hole that was told."""

    __tablename__ = "desk_marks"

    kind: Mapped[str] = mapped_column(String, primary_key=True)
    key: Mapped[str] = mapped_column(String, primary_key=True)
    at_ms: Mapped[int] = mapped_column(BigInteger)


class LinkKeyRow(Base):
    """A key that signs links. The newest signs; older ones still open what they signed."""

    __tablename__ = "link_keys"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    created_ms: Mapped[int] = mapped_column(BigInteger)
