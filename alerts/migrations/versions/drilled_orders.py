"""Work orders of drills are told apart from real ones, and so are reports; whether a program runs drills is written."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "w001"
down_revision = "p001"

_MARKED = ("work_orders", "water_reports")


def upgrade() -> None:
    """Mark them; an order that was made of a drill's alert before is of that drill."""
    op.create_table(
        "drill_runner", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("seen_ms", sa.BigInteger())
    )
    for table in _MARKED:
        op.add_column(table, sa.Column("drill", sa.String()))
    op.create_index("work_orders_of_drill", "work_orders", ["drill"])
    op.execute(
        "UPDATE work_orders SET drill = (SELECT alerts.drill FROM alerts WHERE alerts.id = work_orders.alert_id)"
        " WHERE alert_id IS NOT NULL"
    )
    op.execute(
        "UPDATE water_reports SET drill ="
        " (SELECT work_orders.drill FROM work_orders WHERE work_orders.id = water_reports.order_id)"
        " WHERE order_id IS NOT NULL"
    )
