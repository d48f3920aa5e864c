"""What a pulled source gives: rows with where they stand, in chunks, each with how far it has then come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

CHUNK_ROWS = 5000


class SourceError(Exception):
    """The source cannot be read now; the message says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row by column, and where it stands (`file:line`, or which row of an answer)."""

    where: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """What cannot be read at all: a line that is no CSV, a file without the columns. `kind`: few words, to count by."""

    where: str
    kind: str
    message: str


@dataclass(slots=True)
class Chunk:
    """Rows, what could not be read beside them, and the marks that are true once the rows are journaled."""

    rows: list[Row] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    marks: dict[str, str] = field(default_factory=dict)


class PullSource(Protocol):
    """A folder, or a database."""

    @property
    def overlap_ms(self) -> int:
        """How far before its newest time it gives rows again; 0: never."""
        ...

    def read(self, marks: Mapping[str, str]) -> Iterator[Chunk]:
        """What is new since the marks. Raises: SourceError."""
        ...

    def marks_after(self, newest_ms: int) -> dict[str, str]:
        """The marks that are true once all chunks of a `read` are journaled, the newest reading of this time."""
        ...
