"""The repair platform: what is told to it, what came from it, and its numbers of our orders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "p001"
down_revision = "o001"

_COUNTED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    _create_sent()
    _create_received()
    op.create_table(
        "platform_links",
        sa.Column("order_id", _COUNTED, sa.ForeignKey("work_orders.id"), primary_key=True, autoincrement=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("said", sa.String(), nullable=False),
        sa.Column("said_ms", sa.BigInteger()),
        sa.Column("rating", sa.Integer()),
    )
    op.create_index("platform_links_by_number", "platform_links", ["number"])
    op.create_table(
        "platform_photos",
        sa.Column("id", _COUNTED, primary_key=True, autoincrement=True),
        sa.Column("order_id", _COUNTED, sa.ForeignKey("work_orders.id"), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
    )
    op.create_index("platform_photos_due", "platform_photos", ["state", "due_ms"])
    op.create_index("platform_photos_by_order", "platform_photos", ["order_id"])
    op.create_table(
        "platform_position",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
    )


def _create_sent() -> None:
    op.create_table(
        "platform_sent",
        sa.Column("event_id", _COUNTED, sa.ForeignKey("work_order_events.id"), primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(), nullable=False, unique=True),
        sa.Column("order_id", _COUNTED, sa.ForeignKey("work_orders.id"), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("replays", sa.Integer(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("delivered_ms", sa.BigInteger()),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
    )
    op.create_index("platform_sent_due", "platform_sent", ["state", "event_id"])
    op.create_index("platform_sent_by_order", "platform_sent", ["order_id", "event_id"])
    op.create_index("platform_sent_recent", "platform_sent", ["created_ms", "event_id"])


def _create_received() -> None:
    op.create_table(
        "platform_received",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger()),
        sa.Column("order_id", _COUNTED, sa.ForeignKey("work_orders.id")),
        sa.Column("our_number", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("says", sa.String()),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("placing", sa.String(), nullable=False),
        sa.Column("whys", sa.JSON(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
    )
    op.create_index("platform_received_recent", "platform_received", ["received_ms", "id"])
    op.create_index("platform_received_placing", "platform_received", ["placing", "received_ms"])
    op.create_index("platform_received_number", "platform_received", ["number", "placing"])
