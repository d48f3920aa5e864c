"""Rows of a data sheet's table, from CSV or Excel, with the row numbers that a person sees."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from device_profiles.table import TableError, read_tables

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
_HEX_HEAD = re.compile(r"hex|十六进制|16进制")
_HEX_DIGITS = re.compile(r"[0-9a-fA-F]{1,4}")


class SheetError(ValueError):
    """A table that cannot be used. One line a fault: `file row N: column: what is allowed`."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row by our column names; `number` is the one that the spreadsheet shows.

    A plain address in a column whose head says that it is hexadecimal has `0x` in front.
    """

    number: int
    cells: dict[str, str]


def read_sheet(path: Path) -> list[Row]:
    """The rows below the first row that names the needed columns; empty ones are left out.

    Raises:
        SheetError: the file cannot be read, or no row names the columns.
    """
    try:
        lines = read_tables(path)[0].lines
    except TableError as error:
        raise SheetError(str(error)) from error
    for number, cells in lines:
        columns = _columns(cells)
        if all(name in columns.values() for name in NEEDED):
            hexadecimal = {
                i for i, name in columns.items() if name == "address" and _HEX_HEAD.search(cells[i].casefold())
            }
            return [_row(n, c, columns, hexadecimal) for n, c in lines if n > number and any(c)]
    wanted = "; ".join(f"{name} (or {', '.join(COLUMNS[name][1:4])})" for name in NEEDED)
    raise SheetError(f"{path.name}: no row names the columns that are needed: {wanted}")


def _row(number: int, cells: list[str], columns: dict[int, str], hexadecimal: set[int]) -> Row:
    said = {columns[i]: text for i, text in enumerate(cells) if i in columns}
    for i in hexadecimal:
        if i < len(cells) and _HEX_DIGITS.fullmatch(cells[i]):
            said["address"] = f"0x{cells[i]}"
    return Row(number, said)


def _columns(cells: list[str]) -> dict[int, str]:
    found: dict[int, str] = {}
    for i, cell in enumerate(cells):
        plain = cell.casefold().split("(")[0].split("（")[0].strip()
        for name, words in COLUMNS.items():
            if plain in words and name not in found.values():
                found[i] = name
    return found
