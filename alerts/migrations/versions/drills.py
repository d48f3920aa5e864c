"""Drills, and the mark of what is of one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "d001"
down_revision = "s001"

_COUNTED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MARKED = ("alerts", "outbox", "tellings")
_APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER drill_audit_no_{act} BEFORE {act.upper()} ON drill_audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit trail is only ever added to'); END"
        for act in ("update", "delete")
    ],
    # The function is the first revision's.
    "postgresql": [
        """CREATE TRIGGER drill_audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON drill_audit
        FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"""
    ],
}


def upgrade() -> None:
    """Create the tables, and mark rows."""
    for table in _MARKED:
        op.add_column(table, sa.Column("drill", sa.String()))
    op.create_index("alerts_of_drill", "alerts", ["drill"])
    op.create_index("outbox_of_drill", "outbox", ["drill"])
    op.drop_index("alerts_counted", "alerts")
    counted = ["is_inhibited", "is_active", "is_acknowledged", "severity", "node", "drill"]
    op.create_index("alerts_counted", "alerts", counted)
    _create_drills()
    _create_audit()


def _create_drills() -> None:
    op.create_table(
        "drills",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("slot", sa.Integer(), unique=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("state", "kind", "node", "meter", "medium")),
        sa.Column("size", sa.Float(), nullable=False),
        sa.Column("speed", sa.Integer(), nullable=False),
        sa.Column("after_s", sa.Integer(), nullable=False),
        sa.Column("lasts_s", sa.Integer()),
        sa.Column("limit_s", sa.Integer(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.BigInteger()) for name in ("started_ms", "event_start_ms", "event_ms")),
        sa.Column("source_days", sa.Integer()),
        *(sa.Column(name, sa.BigInteger()) for name in ("fault_ms", "fault_event_ms")),
        sa.Column("repaired_by", sa.String()),
        *(sa.Column(name, sa.BigInteger()) for name in ("repaired_ms", "repaired_event_ms")),
        sa.Column("stopped_by", sa.String()),
        sa.Column("ended_ms", sa.BigInteger()),
        sa.Column("ending", sa.String()),
        sa.Column("detail", sa.Text(), nullable=False),
    )
    op.create_index("drills_by_time", "drills", ["asked_ms", "id"])


def _create_audit() -> None:
    op.create_table(
        "drill_audit",
        sa.Column("id", _COUNTED, primary_key=True, autoincrement=True),
        sa.Column("drill_id", sa.String(), sa.ForeignKey("drills.id"), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("event_ms", sa.BigInteger()),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("drill_audit_by_drill", "drill_audit", ["drill_id", "id"])
    for statement in _APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)
