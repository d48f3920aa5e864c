"""The table of what people said that the rules are told of."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from alerts.models import Base

_Counted = BigInteger().with_variant(Integer, "sqlite")


class FeedbackRow(Base):
    """One word: an outcome, planned use, a reset, or that an earlier word holds no longer.

    number, event_ms   its place in the order in which the rules are told, and from when on they know it; at first null
    replaces, replaced_by   the word that it stands for, and the one that stands for it
    judged             [rule, subject] of each finding that the alert was made of
    start_ms, end_ms   of planned use, with its place and medium (null: all)
    expected_size      of planned use: m3 or kWh, as people expect it
    """

    __tablename__ = "feedback"

    id: Mapped[int] = mapped_column(_Counted, primary_key=True, autoincrement=True)
    number: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    event_ms: Mapped[int | None] = mapped_column(BigInteger)
    at_ms: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str]
    origin: Mapped[str]
    outcome: Mapped[str] = mapped_column(String)
    alert_id: Mapped[str | None] = mapped_column(ForeignKey("alerts.id"))
    replaces: Mapped[int | None] = mapped_column(ForeignKey("feedback.id"))
    replaced_by: Mapped[int | None] = mapped_column(ForeignKey("feedback.id"))
    judged: Mapped[list[list[str]]] = mapped_column(JSON)
    node: Mapped[str | None]
    medium: Mapped[str | None]
    start_ms: Mapped[int | None] = mapped_column(BigInteger)
    end_ms: Mapped[int | None] = mapped_column(BigInteger)
    text: Mapped[str] = mapped_column(Text)
    expected_size: Mapped[float | None]

    __table_args__ = (
        Index("feedback_by_alert", "alert_id", "id"),
        Index("feedback_planned", "end_ms", "id"),
        Index("feedback_standing", "replaced_by", "id"),
        {"sqlite_autoincrement": True},
    )
