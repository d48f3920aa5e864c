"""The desk: assignment, reopening, deadlines and their breaches, answers kept for idempotency keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "l001"
down_revision = "u0001"

_COUNTED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WHY = "is only ever added to"
_LISTS = {
    "alerts_by_time": ["is_inhibited", "raised_ms", "id"],
    "alerts_by_state": ["is_inhibited", "is_active", "raised_ms", "id"],
    "alerts_by_person": ["is_inhibited", "is_active", "is_acknowledged", "raised_ms", "id"],
    "alerts_by_node": ["node", "is_inhibited", "raised_ms", "id"],
}
_NEW = {
    "alerts_by_assignee": ["assigned_to", "is_inhibited", "raised_ms", "id"],
    "alerts_by_key": ["category", "medium", "node", "closed_ms"],
    "alerts_due": ["is_breached", "is_acknowledged", "is_active", "due_ms"],
}


def upgrade() -> None:
    """Add it all; an alert that is there was raised when it was detected, and has no deadline."""
    _widen_alerts()
    for name in _LISTS:
        op.drop_index(name, "alerts")
    for name, columns in (_LISTS | _NEW).items():
        op.create_index(name, "alerts", columns)
    _create_tables()
    _keep("breaches", "id = NEW.id OR (alert_id = NEW.alert_id AND due_ms = NEW.due_ms)")
    _keep("desk_policies", "version = NEW.version")
    if op.get_bind().dialect.name == "sqlite":
        _refuse_replacing("audit", "id = NEW.id")


def _widen_alerts() -> None:
    for column in (
        sa.Column("assigned_to", sa.String()),
        sa.Column("assigned_by", sa.String()),
        sa.Column("assigned_ms", sa.BigInteger()),
        sa.Column("raised_ms", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("reopened", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("reopened_ms", sa.BigInteger()),
        sa.Column("is_unstable", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("due_ms", sa.BigInteger()),
        sa.Column("is_breached", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("breaches", sa.Integer(), nullable=False, server_default="0"),
    ):
        op.add_column("alerts", column)
    op.execute("UPDATE alerts SET raised_ms = detected_ms")


def _create_tables() -> None:
    op.create_table(
        "alert_episodes",
        sa.Column("alert_id", sa.String(), sa.ForeignKey("alerts.id"), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("incident", sa.String(), nullable=False),
        sa.Column("detected_ms", sa.BigInteger(), nullable=False),
        sa.Column("onset_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("loss_total", sa.Double()),
        sa.Column("outcome", sa.String()),
        sa.Column("resolved_by", sa.String()),
    )
    op.create_index("alert_episodes_by_incident", "alert_episodes", ["incident"])
    op.create_table(
        "breaches",
        sa.Column("id", _COUNTED, primary_key=True, autoincrement=True),
        sa.Column("alert_id", sa.String(), sa.ForeignKey("alerts.id"), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("assigned_to", sa.String()),
        sqlite_autoincrement=True,
    )
    op.create_index("breaches_once", "breaches", ["alert_id", "due_ms"], unique=True)
    op.create_index("breaches_by_due", "breaches", ["due_ms", "category", "severity"])
    op.create_table(
        "answers",
        sa.Column("account", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("request", sa.String(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
    )
    op.create_index("answers_by_age", "answers", ["at_ms"])
    op.create_table(
        "desk_policies",
        sa.Column("version", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
    )


def _keep(table: str, is_same: str) -> None:
    """Rows of the table are never changed nor deleted."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION 'the table {table} {_WHY}'; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()"
        )
        return
    for act in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{act} BEFORE {act.upper()} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, 'the table {table} {_WHY}'); END"
        )
    _refuse_replacing(table, is_same)


def _refuse_replacing(table: str, is_same: str) -> None:
    """SQLite's INSERT OR REPLACE deletes the old row without asking the triggers of DELETE."""
    op.execute(
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "  # noqa: S608 - names of ours
        f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {is_same}) "
        f"BEGIN SELECT RAISE(ABORT, 'the table {table} {_WHY}'); END"
    )
