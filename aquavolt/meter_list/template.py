"""An empty meter list to fill in: the columns, what each is for, and three rows that show how."""

from __future__ import annotations

import csv
from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from aquavolt.meter_list.columns import ABOUT_SHEETS, COLUMNS, NEEDED

_SHOWN = {
    "id": ("1-DL-01", "1-301-D", "1-SB-01"),
    "name": ("1号楼总电表", "301室电表", "1号楼总水表"),
    "building": ("1号楼", "1号楼", "1号楼"),
    "floor": ("", "3层", ""),
    "room": ("", "301", ""),
    "medium": ("电", "电", "水"),
    "profile": ("DTSU666", "DL/T 645-2007", "CJ/T 188"),
    "device_address": ("1", "202012345678", "00924040000018"),
    "connection": ("tcp://192.168.1.10:502", "rtu+tcp://192.168.1.11:4001", "rtu+tcp://192.168.1.12:4001"),
    "multiplier": ("300/5", "", ""),
    "parent": ("", "1-DL-01", ""),
}
_AS_TEXT = "@"
_CHINESE, _ENGLISH = 0, 1
_WIDTH, _ROWS = 18, 2000


def write_template(out: Path, *, is_english: bool = False) -> None:
    """An Excel file, or CSV where the name ends so. The example rows are to be replaced.

    Raises:
        OSError: it cannot be written, or is there already.
    """
    which = _ENGLISH if is_english else _CHINESE
    headers = [column.words[which] for column in COLUMNS]
    rows = [[_SHOWN.get(column.name, ("",) * 3)[i] for column in COLUMNS] for i in range(3)]
    if out.suffix.lower() == ".csv":
        with out.open("x", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows([headers, *rows])
        return
    with out.open("xb") as file:
        _book(headers, rows, which).save(file)


def _book(headers: list[str], rows: list[list[str]], which: int) -> Workbook:
    book = Workbook()
    sheet = book.active
    assert sheet is not None  # noqa: S101 - a new workbook has one
    sheet.title = ("计量表", "meters")[which]
    sheet.append(headers)
    for row in rows:
        sheet.append(row)
    for i, column in enumerate(COLUMNS, 1):
        letter = get_column_letter(i)
        sheet.column_dimensions[letter].width = _WIDTH
        head = sheet[f"{letter}1"]
        head.font = Font(bold=True)
        head.fill = PatternFill("solid", fgColor="DCEBF7" if column.name in NEEDED else "F2F2F2")
        head.alignment = Alignment(vertical="center")
        # Numbers as texts: else Excel takes the zeros off the front of an address.
        for cell in sheet[f"{letter}2:{letter}{_ROWS}"] if column.name in ("id", "device_address", "parent") else ():
            cell[0].number_format = _AS_TEXT
    sheet.freeze_panes = "B2"
    about = book.create_sheet(ABOUT_SHEETS[which])
    for column in COLUMNS:
        names = " / ".join(dict.fromkeys((column.words[which], *column.words)))
        about.append([column.words[which], column.about[which], names])
    about.column_dimensions["B"].width = about.column_dimensions["C"].width = 60
    return book
