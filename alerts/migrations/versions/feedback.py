"""What people said that the rules are told of: outcomes, planned use, resets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "f001"
down_revision = "n001"

_COUNTED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "feedback",
        sa.Column("id", _COUNTED, primary_key=True, autoincrement=True),
        sa.Column("number", sa.BigInteger(), unique=True),
        sa.Column("event_ms", sa.BigInteger()),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("alert_id", sa.String(), sa.ForeignKey("alerts.id")),
        sa.Column("replaces", _COUNTED, sa.ForeignKey("feedback.id")),
        sa.Column("replaced_by", _COUNTED, sa.ForeignKey("feedback.id")),
        sa.Column("judged", sa.JSON(), nullable=False),
        sa.Column("node", sa.String()),
        sa.Column("medium", sa.String()),
        sa.Column("start_ms", sa.BigInteger()),
        sa.Column("end_ms", sa.BigInteger()),
        sa.Column("text", sa.Text(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("feedback_by_alert", "feedback", ["alert_id", "id"])
    op.create_index("feedback_planned", "feedback", ["end_ms", "id"])
    op.create_index("feedback_standing", "feedback", ["replaced_by", "id"])
