"""The log of notifications: all that was written to the outbox, with what became of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import select, tuple_

from alerts.database import Database
from alerts.drills.mark import WITH_DRILLS
from alerts.errors import CursorError, RefusedError, UnknownEntryError
from alerts.models import OutboxRow
from alerts.rows import delivery_of, ms_of
from alerts.texts import is_storable
from alerts.values import Delivery, DeliveryState

_CURSOR = re.compile(r"(\d{1,18})\.([0-9a-f]{1,64})")
_LONGEST_PAGE = 500


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Notifications, latest first, and where the next page begins; None at the end."""

    items: tuple[Delivery, ...]
    next_cursor: str | None


class DeliveryLog:
    """Reads. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self,
        *,
        state: DeliveryState | None = None,
        channel: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> DeliveryPage:
        """A page. Raises: CursorError, RefusedError (limit not in 1..500)."""
        if not 1 <= limit <= _LONGEST_PAGE:
            raise RefusedError(f"a page has 1 to {_LONGEST_PAGE} notifications, not {limit}")
        query = select(OutboxRow).order_by(OutboxRow.created_ms.desc(), OutboxRow.id.desc()).limit(limit + 1)
        if state is not None:
            query = query.where(OutboxRow.state == state.value)
        if channel is not None:
            query = query.where(OutboxRow.channel == (channel if is_storable(channel) else None))
        if cursor is not None:
            query = query.where(tuple_(OutboxRow.created_ms, OutboxRow.id) < _position(cursor))
        with self._database.reading() as session:
            found = [delivery_of(row) for row in session.scalars(query)]
        items = tuple(found[:limit])
        return DeliveryPage(items, _cursor(items[-1]) if len(found) > limit else None)

    def get(self, delivery_id: str) -> Delivery:
        """How a notification stands. Raises: UnknownEntryError."""
        with self._database.reading() as session:
            found = is_storable(delivery_id)
            row = session.get(OutboxRow, delivery_id, execution_options=WITH_DRILLS) if found else None
            if row is None:
                raise UnknownEntryError(f"there is no notification {delivery_id!r}")
            return delivery_of(row)


def _cursor(last: Delivery) -> str:
    return f"{ms_of(last.created_at)}.{last.id}"


def _position(cursor: str) -> tuple[int, str]:
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise CursorError("the cursor is none of this list; begin without one")
    return int(found[1]), found[2]
