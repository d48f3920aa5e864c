"""Tables as people keep them, CSV or Excel: rows of texts with the row numbers that a spreadsheet shows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_EXCEL = (".xlsx", ".xlsm")
_EXACT = 10**15


class TableError(ValueError):
    """A file that holds no table; the message names it."""


@dataclass(frozen=True, slots=True)
class Table:
    """One sheet; a CSV file is one sheet without a name. `lines`: (row number, cells), stripped of spaces."""

    sheet: str
    lines: list[tuple[int, list[str]]]


def read_tables(path: Path) -> list[Table]:
    """The sheets of a file, in its order.

    Raises:
        TableError: it cannot be read.
    """
    try:
        return list(_excel(path) if path.suffix.lower() in _EXCEL else _csv(path))
    except OSError as error:
        raise TableError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # openpyxl tells broken files in many ways
        raise TableError(f"{path}: no table that can be read: {error}") from error


def _csv(path: Path) -> Iterator[Table]:
    text = _decoded(path.read_bytes())
    dialect = "\t" if text.count("\t") > text.count(",") else ";" if text.count(";") > text.count(",") else ","
    reader, lines, before = csv.reader(io.StringIO(text, newline=""), delimiter=dialect), [], 0
    for cells in reader:
        lines.append((before + 1, [cell.strip() for cell in cells]))
        before = reader.line_num  # a quoted cell may go over several lines: its row begins at the first
    yield Table("", lines)


def _decoded(raw: bytes) -> str:
    """UTF-8 with or without its mark; else what Chinese Excel writes."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("gb18030")


def _excel(path: Path) -> Iterator[Table]:
    from openpyxl import load_workbook  # noqa: PLC0415 - only those who have an Excel file need it

    book = load_workbook(path, read_only=True, data_only=True)
    try:
        for sheet in book.worksheets:
            rows = sheet.iter_rows(values_only=True)
            yield Table(sheet.title, [(n, [_text(cell) for cell in cells]) for n, cells in enumerate(rows, 1)])
    finally:
        book.close()


def _text(cell: Any) -> str:
    """A cell as people see it: 4096 stays 4096, though Excel keeps 4096.0, and so does an address of 14 digits."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:.0f}" if cell.is_integer() and abs(cell) < _EXACT else f"{cell:.12g}"
    return str(cell).strip()
