"""What is wrong with a long-form file: a row is set aside and named, a file that is none is refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

_SHOWN = 60


class LongFormError(Exception):
    """The file is refused whole; nothing of it was taken."""


@dataclass(frozen=True, slots=True)
class RowFault:
    """One bad row. `place` is its line in a CSV file (header = 1) or its row in a Parquet file (first = 1)."""

    place: int
    column: str
    text: str
    reason: str

    def describe(self, path: Path) -> str:
        """The fault as one line: file, line, column, what stands there and what is allowed."""
        shown = self.text if len(self.text) <= _SHOWN else self.text[:_SHOWN] + "…"
        return f"{path}:{self.place}: {self.column} {shown!r}: {self.reason}"


@dataclass(slots=True)
class RowFaults:
    """Bad rows: all are counted (by column), the first `limit` listed."""

    limit: int = 20
    count: int = 0
    by_column: dict[str, int] = field(default_factory=dict)
    listed: list[RowFault] = field(default_factory=list)

    def add(self, column: str, rows: int) -> None:
        """Count bad rows, by the first column that is wrong in them."""
        if rows:
            self.count += rows
            self.by_column[column] = self.by_column.get(column, 0) + rows

    def name(self, found: Iterable[RowFault]) -> None:
        """List these in the order of the file, as far as the limit allows."""
        self.listed += sorted(found, key=lambda fault: fault.place)[: self.room]

    @property
    def room(self) -> int:
        """How many more can be listed."""
        return self.limit - len(self.listed)
