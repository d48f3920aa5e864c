"""Accounts, sessions, API tokens, sign-in throttles and the accounts' audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "u0001"
down_revision = "0001"

_COUNTED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER account_audit_no_{act} BEFORE {act.upper()} ON account_audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit trail is only ever added to'); END"
        for act in ("update", "delete")
    ],
    # The function is the first revision's.
    "postgresql": [
        """CREATE TRIGGER account_audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON account_audit
        FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"""
    ],
}


def upgrade() -> None:
    """Create everything."""
    _create_accounts()
    _create_sessions()
    _create_tokens()
    op.create_table(
        "throttles",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
    )
    _create_audit()


def _counted() -> sa.Column[int]:
    return sa.Column("id", _COUNTED, primary_key=True, autoincrement=True)


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        _counted(),
        sa.Column("name", sa.String(), nullable=False, unique=True),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("nodes", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("password_ms", sa.BigInteger(), nullable=False),
        sa.Column("signed_in_ms", sa.BigInteger()),
        sa.Column("version", sa.Integer(), nullable=False),
    )


def _of_account(table: str, *columns: sa.Column[object]) -> None:
    op.create_table(
        table,
        _counted(),
        sa.Column("digest", sa.String(), nullable=False, unique=True),
        sa.Column("account_id", sa.BigInteger(), sa.ForeignKey("accounts.id"), nullable=False),
        *columns,
        sqlite_autoincrement=True,
    )
    op.create_index(f"{table}_by_account", table, ["account_id"])


def _create_sessions() -> None:
    _of_account(
        "sessions",
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
    )


def _create_tokens() -> None:
    _of_account(
        "tokens",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_ms", sa.BigInteger()),
        sa.Column("revoked_ms", sa.BigInteger()),
    )


def _create_audit() -> None:
    op.create_table(
        "account_audit",
        _counted(),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("account_audit_by_account", "account_audit", ["account", "id"])
    for statement in _APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)
