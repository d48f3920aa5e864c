"""The tables of head-counts: who brought them and when, and the counts themselves, each kept for ever."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from alerts.models import Base

_Counted = BigInteger().with_variant(Integer, "sqlite")


class HeadCountImportRow(Base):
    """One file or form that somebody brought. `number`, `event_ms`: as in `FeedbackRow`."""

    __tablename__ = "head_count_imports"

    id: Mapped[int] = mapped_column(_Counted, primary_key=True, autoincrement=True)
    number: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    event_ms: Mapped[int | None] = mapped_column(BigInteger)
    at_ms: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str]
    origin: Mapped[str]
    source: Mapped[str] = mapped_column(String)
    counts: Mapped[int]

    __table_args__ = ({"sqlite_autoincrement": True},)


class HeadCountRow(Base):
    """Beds and people of a place from a local day (ISO 8601) on; of one place and day the newest holds."""

    __tablename__ = "head_counts"

    id: Mapped[int] = mapped_column(_Counted, primary_key=True, autoincrement=True)
    import_id: Mapped[int] = mapped_column(ForeignKey("head_count_imports.id"))
    node: Mapped[str]
    first_day: Mapped[str]
    beds: Mapped[int | None]
    people: Mapped[int | None]

    __table_args__ = (
        Index("head_counts_by_node", "node", "first_day", "id"),
        Index("head_counts_by_import", "import_id"),
        {"sqlite_autoincrement": True},
    )
