"""Roster, routes, silences, groups and their timers, links; the outbox tells of several alerts, or of none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "n001"
down_revision = "l001"

_COUNTED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER desk_changes_no_{act} BEFORE {act.upper()} ON desk_changes "
        "BEGIN SELECT RAISE(ABORT, 'the history of the roster is only ever added to'); END"
        for act in ("update", "delete")
    ],
    "postgresql": [
        """CREATE FUNCTION desk_changes_refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the history of the roster is only ever added to'; END $$""",
        """CREATE TRIGGER desk_changes_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON desk_changes
        FOR EACH STATEMENT EXECUTE FUNCTION desk_changes_refuse()""",
    ],
}


def upgrade() -> None:
    """Widen the outbox, create the rest."""
    _widen_outbox()
    _create_entries()
    _create_groups()
    _create_marks_and_keys()


def _widen_outbox() -> None:
    with op.batch_alter_table("outbox") as outbox:
        outbox.alter_column("alert_id", existing_type=sa.String(), nullable=True)
        for name in ("receiver", "address", "language"):
            outbox.add_column(sa.Column(name, sa.String(), nullable=False, server_default=""))
        outbox.add_column(sa.Column("detail", sa.JSON(), nullable=False, server_default="{}"))
    op.create_table(
        "outbox_alerts",
        sa.Column("outbox_id", sa.String(), sa.ForeignKey("outbox.id"), primary_key=True),
        sa.Column("alert_id", sa.String(), sa.ForeignKey("alerts.id"), primary_key=True),
        sa.Column("reason", sa.String(), nullable=False),
    )
    op.create_index("outbox_alerts_by_alert", "outbox_alerts", ["alert_id"])
    op.execute("INSERT INTO outbox_alerts (outbox_id, alert_id, reason) SELECT id, alert_id, reason FROM outbox")


def _create_entries() -> None:
    op.create_table(
        "desk_entries",
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "desk_changes",
        sa.Column("id", _COUNTED, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("desk_changes_by_entry", "desk_changes", ["kind", "entry_id", "id"])
    for statement in _APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


def _create_groups() -> None:
    op.create_table(
        "looks",
        sa.Column("alert_id", sa.String(), sa.ForeignKey("alerts.id"), primary_key=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "alert_groups",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("flushed_ms", sa.BigInteger()),
        sa.Column("due_ms", sa.BigInteger()),
    )
    op.create_index("alert_groups_due", "alert_groups", ["due_ms"])
    op.create_table(
        "group_members",
        sa.Column("group_id", sa.String(), sa.ForeignKey("alert_groups.id"), primary_key=True),
        sa.Column("alert_id", sa.String(), sa.ForeignKey("alerts.id"), primary_key=True),
        sa.Column("told_severity", sa.String()),
        sa.Column("told_active", sa.Boolean()),
        sa.Column("first_ms", sa.BigInteger()),
        sa.Column("told_ms", sa.BigInteger()),
        sa.Column("steps", sa.Integer(), nullable=False),
    )
    op.create_index("group_members_by_alert", "group_members", ["alert_id"])
    op.create_table(
        "tellings",
        sa.Column("id", _COUNTED, primary_key=True, autoincrement=True),
        sa.Column("receiver", sa.String(), nullable=False),
        sa.Column("group_id", sa.String(), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.Column("has_burst", sa.Boolean(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("letter", sa.String()),
        sa.Column("sent_ms", sa.BigInteger()),
        sqlite_autoincrement=True,
    )
    op.create_index("tellings_sent", "tellings", ["sent_ms", "receiver"])


def _create_marks_and_keys() -> None:
    op.create_table(
        "desk_marks",
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "link_keys",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
    )
