"""Rows of drills, and why nothing sees them by accident.

Every statement that the records run leaves rows of drills out, unless it says that it wants them (`with_drills`). So a
list, a count or a figure that nobody thought of is as if there had been no drill.
"""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import String, event
from sqlalchemy.orm import Mapped, ORMExecuteState, Session, mapped_column, with_loader_criteria

WITH_DRILLS: dict[str, Any] = {"with_drills": True}
"""Execution options of a statement that sees drills too; `Session.get` takes them as they are."""

_Statement = TypeVar("_Statement", bound=Any)


class Drilled:
    """A table whose rows may be of a drill: its id, None for what is real."""

    drill: Mapped[str | None] = mapped_column(String, default=None)


def with_drills(statement: _Statement) -> _Statement:
    """The statement, which sees rows of drills too."""
    marked: _Statement = statement.execution_options(**WITH_DRILLS)
    return marked


# Made once: each statement of the records carries it.
_REAL = with_loader_criteria(Drilled, lambda row: row.drill.is_(None), include_aliases=True)


class RecordsSession(Session):
    """A session whose statements see what is real, and rows of drills only where they say so."""


@event.listens_for(RecordsSession, "do_orm_execute")
def _leave_drills_out(state: ORMExecuteState) -> None:
    if state.is_column_load or state.is_relationship_load or state.execution_options.get("with_drills"):
        return  # a row that is known already, read again
    if state.is_select or state.is_update or state.is_delete:
        state.statement = state.statement.options(_REAL)
