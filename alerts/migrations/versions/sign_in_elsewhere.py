"""Signing in at a provider: who an account is there, sign-ins that are under way, where a session came from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "s001"
down_revision = "h001"

_COUNTED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create it; whoever is signed in now came by a password."""
    op.create_table(
        "identities",
        sa.Column("id", _COUNTED, primary_key=True, autoincrement=True),
        sa.Column("account_id", sa.BigInteger(), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("issuer", "subject", name="identities_by_subject"),
        sqlite_autoincrement=True,
    )
    op.create_index("identities_by_account", "identities", ["account_id"])
    op.create_table(
        "departures",
        sa.Column("state", sa.String(), primary_key=True),
        sa.Column("browser", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("account_id", sa.BigInteger()),
        sa.Column("nonce", sa.String(), nullable=False),
        sa.Column("verifier", sa.String(), nullable=False),
        sa.Column("back", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
    )
    op.create_index("departures_by_time", "departures", ["at_ms"])
    op.add_column("sessions", sa.Column("provider", sa.String(), nullable=False, server_default=""))
    op.add_column("sessions", sa.Column("hint", sa.Text(), nullable=False, server_default=""))
