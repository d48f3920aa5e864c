"""Tables of what people set, and of who changed it when."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from alerts.models import Base

_Counted = BigInteger().with_variant(Integer, "sqlite")


class EntryRow(Base):
    """One duty, absence, route, silence, contact or digest, as a document."""

    __tablename__ = "desk_entries"

    kind: Mapped[str] = mapped_column(String, primary_key=True)
    id: Mapped[str] = mapped_column(String, primary_key=True)
    document: Mapped[dict[str, Any]] = mapped_column(JSON)
    version: Mapped[int] = mapped_column(Integer)
    author: Mapped[str]
    updated_ms: Mapped[int] = mapped_column(BigInteger)


class EntryChangeRow(Base):
    """One change of an entry; the database itself refuses to change or delete it (a trigger)."""

    __tablename__ = "desk_changes"

    id: Mapped[int] = mapped_column(_Counted, primary_key=True, autoincrement=True)
    kind: Mapped[str]
    entry_id: Mapped[str]
    at_ms: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str]
    origin: Mapped[str]
    action: Mapped[str]
    version: Mapped[int] = mapped_column(Integer)
    document: Mapped[dict[str, Any]] = mapped_column(JSON)

    __table_args__ = (Index("desk_changes_by_entry", "kind", "entry_id", "id"), {"sqlite_autoincrement": True})
