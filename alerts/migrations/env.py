"""What alembic runs: all revisions on the connection it is given, inside that connection's transaction."""

from __future__ import annotations

from alembic import context
from sqlalchemy import text
from sqlalchemy.engine import Connection

from alerts import feedback_models as _feedback  # noqa: F401 - its table belongs to Base
from alerts.duty_desk import models as _duty_desk  # noqa: F401 - its tables belong to the schema
from alerts.models import Base
from alerts.notify import models as _notify  # noqa: F401 - its tables too
from alerts.orders import models as _orders  # noqa: F401 - its tables too
from alerts.users import models as _users  # noqa: F401 - its tables belong to Base

# Any number will do, as long as it stays: two programs that start at once migrate one after the other.
_POSTGRES_LOCK = 4_107_001


def _run() -> None:
    connection: Connection = context.config.attributes["connection"]
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _POSTGRES_LOCK})
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()


_run()
