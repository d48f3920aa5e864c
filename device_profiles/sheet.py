"""Rows of a data sheet's table, from CSV or Excel, with the row numbers that a person sees."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# What the columns are called in data sheets, English and Chinese; the first is our name.
COLUMNS: dict[str, tuple[str, ...]] = {
    "name": ("name", "quantity", "parameter", "description", "名称", "参数", "参数名称", "数据项", "项目"),
    "address": ("address", "register", "addr", "offset", "地址", "寄存器", "寄存器地址"),
    "type": ("type", "dtype", "data type", "format", "类型", "数据类型", "数据格式"),
    "unit": ("unit", "units", "单位"),
    "scale": ("scale", "factor", "multiplier", "resolution", "weight", "系数", "倍率", "比例", "分辨率"),
    "function": ("function", "fc", "function code", "功能码"),
    "count": ("count", "length", "registers", "words", "长度", "字数", "寄存器数", "个数"),
    "note": ("note", "notes", "remark", "comment", "备注", "说明"),
}
NEEDED = ("name", "address", "type")
_EXCEL = (".xlsx", ".xlsm")


class SheetError(ValueError):
    """A table that cannot be used. One line a fault: `file row N: column: what is allowed`."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row by our column names; `number` is the one that the spreadsheet shows."""

    number: int
    cells: dict[str, str]


def read_sheet(path: Path) -> list[Row]:
    """The rows below the first row that names the needed columns; empty ones are left out.

    Raises:
        SheetError: the file cannot be read, or no row names the columns.
    """
    try:
        lines = list(_excel_lines(path) if path.suffix.lower() in _EXCEL else _csv_lines(path))
    except OSError as error:
        raise SheetError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # openpyxl tells broken files in many ways
        raise SheetError(f"{path}: no table that can be read: {error}") from error
    for number, cells in lines:
        columns = _columns(cells)
        if all(name in columns.values() for name in NEEDED):
            return [
                Row(n, {columns[i]: text for i, text in enumerate(c) if i in columns})
                for n, c in lines
                if n > number and any(c)
            ]
    wanted = "; ".join(f"{name} (or {', '.join(COLUMNS[name][1:4])})" for name in NEEDED)
    raise SheetError(f"{path.name}: no row names the columns that are needed: {wanted}")


def _columns(cells: list[str]) -> dict[int, str]:
    found: dict[int, str] = {}
    for i, cell in enumerate(cells):
        plain = cell.casefold().split("(")[0].split("（")[0].strip()
        for name, words in COLUMNS.items():
            if plain in words and name not in found.values():
                found[i] = name
    return found


def _csv_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    raw = path.read_bytes()
    text = _decoded(raw)
    dialect = "\t" if text.count("\t") > text.count(",") else ";" if text.count(";") > text.count(",") else ","
    reader = csv.reader(text.splitlines(), delimiter=dialect)
    for cells in reader:
        yield reader.line_num, [cell.strip() for cell in cells]


def _decoded(raw: bytes) -> str:
    """UTF-8 with or without its mark; else what Chinese Excel writes."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("gb18030")


def _excel_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    from openpyxl import load_workbook  # noqa: PLC0415 - only those who have an Excel file need it

    book = load_workbook(path, read_only=True, data_only=True)
    try:
        sheet = book.worksheets[0]
        for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
            yield number, [_text(cell) for cell in cells]
    finally:
        book.close()


def _text(cell: Any) -> str:
    """A cell as people see it: 4096 stays 4096, though Excel keeps 4096.0."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:.12g}"
    return str(cell).strip()
