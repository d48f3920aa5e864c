"""What the repair of an order cost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "c001"
down_revision = "w001"


def upgrade() -> None:
    """Nobody has said so yet of any."""
    op.add_column("work_orders", sa.Column("cost_cents", sa.BigInteger()))
