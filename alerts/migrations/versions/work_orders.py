"""Work orders, what people report, photos, and ticks of the patrol list."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "o001"
down_revision = "f001"

_COUNTED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WHY = "is only ever added to"


def upgrade() -> None:
    """Create the tables."""
    _create_orders()
    _create_reports()
    _create_photos()
    _create_ticks()
    for table in ("work_order_events", "patrol_ticks"):
        _keep(table)


def _create_orders() -> None:
    texts = [
        sa.Column(name, sa.String()) for name in ("assignee", "assigned_by", "done_by", "verified_by", "closed_by")
    ]
    times = ("due_ms", "assigned_ms", "started_ms", "done_ms", "verified_ms", "closed_ms")
    op.create_table(
        "work_orders",
        sa.Column("id", _COUNTED, primary_key=True, autoincrement=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("alert_id", sa.String(), sa.ForeignKey("alerts.id")),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("node", "title", "severity", "owner")),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        *texts,
        *(sa.Column(name, sa.BigInteger()) for name in times),
        sa.Column("outcome", sa.String()),
        sa.Column("rating", sa.Integer()),
        sa.Column("rating_words", sa.Text(), nullable=False),
        sa.Column("checklist", sa.JSON(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("reopened", "photos", "version")),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("work_orders_by_state", "work_orders", ["state", "id"])
    op.create_index("work_orders_by_assignee", "work_orders", ["assignee", "id"])
    op.create_index("work_orders_by_alert", "work_orders", ["alert_id", "id"])
    op.create_table(
        "work_order_events",
        sa.Column("id", _COUNTED, primary_key=True, autoincrement=True),
        sa.Column("order_id", _COUNTED, sa.ForeignKey("work_orders.id"), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("actor", "origin", "action")),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("work_order_events_by_order", "work_order_events", ["order_id", "id"])


def _create_reports() -> None:
    op.create_table(
        "water_reports",
        sa.Column("id", _COUNTED, primary_key=True, autoincrement=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("state", "node", "spot", "language")),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("order_id", _COUNTED, sa.ForeignKey("work_orders.id")),
        sa.Column("handled_by", sa.String()),
        sa.Column("handled_ms", sa.BigInteger()),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("photos", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("water_reports_by_state", "water_reports", ["state", "id"])
    op.create_index("water_reports_by_order", "water_reports", ["order_id"])


def _create_photos() -> None:
    op.create_table(
        "work_photos",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("order_id", _COUNTED, sa.ForeignKey("work_orders.id")),
        sa.Column("report_id", _COUNTED, sa.ForeignKey("water_reports.id")),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("width", "height", "size_bytes")),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )
    op.create_index("work_photos_by_order", "work_photos", ["order_id", "at_ms"])
    op.create_index("work_photos_by_report", "work_photos", ["report_id", "at_ms"])


def _create_ticks() -> None:
    op.create_table(
        "patrol_ticks",
        sa.Column("id", sa.String(), primary_key=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("item", "node", "result", "actor", "origin")),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("taken_ms", sa.BigInteger(), nullable=False),
    )
    op.create_index("patrol_ticks_by_item", "patrol_ticks", ["item", "at_ms"])
    op.create_index("patrol_ticks_by_time", "patrol_ticks", ["at_ms"])


def _keep(table: str) -> None:
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
    refused = f"BEGIN SELECT RAISE(ABORT, 'the table {table} {_WHY}'); END"
    for act in ("update", "delete"):
        op.execute(f"CREATE TRIGGER {table}_no_{act} BEFORE {act.upper()} ON {table} {refused}")
    # INSERT OR REPLACE deletes the old row without asking the triggers of DELETE.
    op.execute(
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "  # noqa: S608 - names of ours
        f"WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id) {refused}"
    )
