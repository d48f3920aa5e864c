"""Alerts, audit, outbox, snapshots and the shard's position."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_COUNTED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER audit_no_{act} BEFORE {act.upper()} ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit trail is only ever added to'); END"
        for act in ("update", "delete")
    ],
    "postgresql": [
        """CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the audit trail is only ever added to'; END $$""",
        """CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
        FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()""",
    ],
}


def upgrade() -> None:
    """Create everything."""
    _create_alerts()
    _create_audit()
    _create_outbox()
    _create_shard_tables()


def _create_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("incident", sa.String(), nullable=False, unique=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("is_inhibited", sa.Boolean(), nullable=False),
        sa.Column("inhibited_by", sa.String()),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("medium", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("detected_ms", sa.BigInteger(), nullable=False),
        sa.Column("onset_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_ms", sa.BigInteger()),
        sa.Column("observed", sa.Double()),
        sa.Column("expected", sa.Double()),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("loss_rate", sa.Double()),
        sa.Column("loss_total", sa.Double()),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("rules_revision", sa.String(), nullable=False),
        sa.Column("is_acknowledged", sa.Boolean(), nullable=False),
        sa.Column("acknowledged_by", sa.String()),
        sa.Column("acknowledged_ms", sa.BigInteger()),
        sa.Column("outcome", sa.String()),
        sa.Column("resolved_by", sa.String()),
        sa.Column("resolved_ms", sa.BigInteger()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("comments", sa.Integer(), nullable=False),
        sa.Column("figures_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
    )
    for name, columns in {
        "alerts_by_time": ["is_inhibited", "detected_ms", "id"],
        "alerts_by_state": ["is_inhibited", "is_active", "detected_ms", "id"],
        "alerts_by_person": ["is_inhibited", "is_active", "is_acknowledged", "detected_ms", "id"],
        "alerts_by_node": ["node", "is_inhibited", "detected_ms", "id"],
        "alerts_counted": ["is_inhibited", "is_active", "is_acknowledged", "severity", "node"],
    }.items():
        op.create_index(name, "alerts", columns)


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", _COUNTED, primary_key=True, autoincrement=True),
        sa.Column("alert_id", sa.String(), sa.ForeignKey("alerts.id"), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("event_ms", sa.BigInteger()),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_by_alert", "audit", ["alert_id", "id"])
    for statement in _APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("alert_id", sa.String(), sa.ForeignKey("alerts.id"), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("delivered_ms", sa.BigInteger()),
        sa.Column("last_error", sa.Text(), nullable=False),
    )
    op.create_index("outbox_due", "outbox", ["channel", "state", "due_ms", "created_ms", "id"])
    op.create_index("outbox_by_alert", "outbox", ["alert_id", "created_ms"])
    op.create_index("outbox_recent", "outbox", ["created_ms", "id"])


def _create_shard_tables() -> None:
    op.create_table(
        "snapshots",
        sa.Column("shard", sa.String(), primary_key=True),
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("code_revision", sa.String(), nullable=False),
        sa.Column("rules_revision", sa.String(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("blob", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "positions",
        sa.Column("shard", sa.String(), primary_key=True),
        sa.Column("applied_seq", sa.BigInteger(), nullable=False),
    )
