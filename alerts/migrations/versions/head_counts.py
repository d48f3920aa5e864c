"""Beds and people of places, dated, and what size a planned use is expected to have."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "h001"
down_revision = "f001"

_COUNTED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables, and the column of planned use."""
    op.create_table(
        "head_count_imports",
        sa.Column("id", _COUNTED, primary_key=True, autoincrement=True),
        sa.Column("number", sa.BigInteger(), unique=True),
        sa.Column("event_ms", sa.BigInteger()),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("counts", sa.Integer(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "head_counts",
        sa.Column("id", _COUNTED, primary_key=True, autoincrement=True),
        sa.Column("import_id", _COUNTED, sa.ForeignKey("head_count_imports.id"), nullable=False),
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("first_day", sa.String(), nullable=False),
        sa.Column("beds", sa.Integer()),
        sa.Column("people", sa.Integer()),
        sqlite_autoincrement=True,
    )
    op.create_index("head_counts_by_node", "head_counts", ["node", "first_day", "id"])
    op.create_index("head_counts_by_import", "head_counts", ["import_id"])
    op.add_column("feedback", sa.Column("expected_size", sa.Double()))
