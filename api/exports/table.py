"""A table as a file: CSV that spreadsheets open as it is, or an Excel workbook."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain
from typing import Literal

from starlette.responses import Response

from api.problems import Problem

Form = Literal["csv", "xlsx"]
Cell = str | float | int | bool | datetime | None
MOST_ROWS: dict[str, int] = {"csv": 500_000, "xlsx": 100_000}
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MARK = "\ufeff"  # else spreadsheets in China read it as GBK
# Spreadsheets in China take the full-width signs for the same.
# No text becomes a formula, a link or a number.
_AS_THEY_ARE = {
    "constant_memory": True, "remove_timezone": True, "strings_to_formulas": False, "strings_to_urls": False,
    "default_date_format": "yyyy-mm-dd hh:mm:ss",
}  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def table_response(name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]], form: Form) -> Response:
    """The rows as a file of that name.

    Raises:
        Problem: 413, more rows than the form takes.
    """
    content = _csv(head, rows) if form == "csv" else _xlsx(head, rows)
    media_type = "text/csv; charset=utf-8" if form == "csv" else XLSX
    header = {"Content-Disposition": f'attachment; filename="{name}.{form}"'}
    return Response(content, media_type=media_type, headers=header)


def _bounded(rows: Iterable[Sequence[Cell]], form: Form) -> Iterable[list[Cell]]:
    for number, row in enumerate(rows, start=1):
        if number > MOST_ROWS[form]:
            raise Problem(413, f"That is more than {MOST_ROWS[form]} rows: ask for less at once.")
        yield [plain_cell(value) for value in row]


def plain_cell(value: Cell) -> Cell:
    """A text that a spreadsheet would take for a formula stays a text; it knows no offsets."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def _csv(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    text = io.StringIO()
    text.write(_MARK)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows(
        [value.isoformat() if isinstance(value, datetime) else value for value in row] for row in _bounded(rows, "csv")
    )
    return text.getvalue().encode()


def _xlsx(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    import xlsxwriter  # noqa: PLC0415 - takes memory that few need

    kept = list(_bounded(rows, "xlsx"))  # first: a sheet that was begun must be ended
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, _AS_THEY_ARE)
    sheet = book.add_worksheet("AquaVolt")
    for number, row in enumerate(chain([head], kept)):
        sheet.write_row(number, 0, [_printable(value) for value in row])
    book.close()
    return out.getvalue()


def _printable(value: Cell) -> Cell:
    """Without what a workbook cannot hold."""
    if not isinstance(value, str):
        return value
    return "".join(c for c in value if c >= " " or c in "\n\t")
