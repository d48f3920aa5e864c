"""The rows of a meter list: cells by our names, read and checked one by one; every fault keeps its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aquavolt.meter_list.columns import ABOUT_SHEETS, BY_NAME, NEEDED, PLACES, CellError, column_of
from aquavolt.meter_list.kinds import Kinds
from device_profiles.table import Table, TableError, read_tables


@dataclass(frozen=True, slots=True)
class Fault:
    """One cell that cannot be right: where it stands, what stands there, what is wrong with it."""

    sheet: str
    row: int
    column: str
    value: str
    message: str

    def __str__(self) -> str:
        sheet = f"sheet {self.sheet} " if self.sheet else ""
        column = f" column {self.column}" if self.column else ""
        return f"{sheet}row {self.row}{column}: {self.value!r}: {self.message}"


@dataclass(slots=True)
class Row:
    """One meter of the list. `said` has the cells as texts, `values` as they are read."""

    sheet: str
    number: int
    headers: dict[str, str]
    said: dict[str, str]
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> tuple[tuple[str, str], ...]:
        """Where it stands: (kind, name), the largest first."""
        return tuple((kind, self.said[kind]) for kind in PLACES if self.said.get(kind))

    def fault(self, column: str, message: str) -> Fault:
        """What is wrong with one of its cells."""
        if column == "profile" and column not in self.said and "protocol" in self.said:
            column = "protocol"
        return Fault(self.sheet, self.number, self.headers.get(column, column), self.said.get(column, ""), message)


@dataclass(slots=True)
class Listed:
    """A list as read: rows, all faults of cells, and what was passed over (told, never silently)."""

    rows: list[Row] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_list(path: Path) -> Listed:
    """All sheets that have the needed columns.

    Raises:
        TableError: the file cannot be read, or no sheet has them.
    """
    listed, kinds = Listed(), Kinds()
    for table in read_tables(path):
        found = _header(table)
        if found is None:
            if table.sheet not in ABOUT_SHEETS and any(any(cells) for _, cells in table.lines):
                listed.notes.append(f"sheet {table.sheet}: no row names the columns; passed over")
            continue
        listed.rows += _rows(table, *found, listed.notes)
    if not listed.rows and not listed.notes:
        listed.notes.append("there is no row below the names of the columns")
    if not listed.rows:
        wanted = ", ".join("/".join(BY_NAME[name].words[:2]) for name in NEEDED)
        raise TableError(f"{path}: no meters; {'; '.join(listed.notes)}; needed columns: {wanted}")
    for row in listed.rows:
        listed.faults += _read(row, kinds)
    listed.faults += _twice(listed.rows)
    return listed


def _header(table: Table) -> tuple[int, list[str]] | None:
    for number, cells in table.lines:
        if set(NEEDED) <= {column_of(cell) for cell in cells}:
            return number, cells
    return None


def _rows(table: Table, number: int, cells: list[str], notes: list[str]) -> Iterator[Row]:
    columns: dict[int, str] = {}
    for i, cell in enumerate(cells):
        name = column_of(cell)
        if name is not None and name not in columns.values():
            columns[i] = name
        elif cell:
            sheet = f"sheet {table.sheet}: " if table.sheet else ""
            notes.append(f"{sheet}column {cell} is not taken over")
    headers = {name: cells[i] for i, name in columns.items()}
    for n, line in table.lines:
        said = {name: line[i] for i, name in columns.items() if i < len(line) and line[i]}
        if n > number and said:
            yield Row(table.sheet, n, headers, said)


def _read(row: Row, kinds: Kinds) -> Iterator[Fault]:
    for name in NEEDED:
        if not row.said.get(name):
            yield row.fault(name, "must not be empty")
    for name, text in row.said.items():
        try:
            row.values[name] = BY_NAME[name].read(text)
        except CellError as error:
            yield row.fault(name, f"allowed: {error}")
    row.values.pop("protocol", None)
    try:
        profile = kinds.find(row.said, row.values.get("medium", ""))
    except CellError as error:
        yield row.fault("profile", f"allowed: {error}")
    else:
        row.values |= {} if profile is None else {"profile": profile}


def _twice(rows: Sequence[Row]) -> Iterator[Fault]:
    first: dict[str, Row] = {}
    for row in rows:
        known = first.setdefault(row.said.get("id", ""), row)
        if known is not row and row.said.get("id"):
            where = f"sheet {known.sheet} " if known.sheet != row.sheet else ""
            yield row.fault("id", f"each number once; it stands in {where}row {known.number} already")
