"""Head-counts as people bring them each term: `node,from,beds,people`, one row a place and first day."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

COLUMNS = ("node", "from", "beds", "people")
MOST_ROWS = 50_000
MOST_HEADS = 100_000
_NEEDED = ("node", "from")
# What offices call the columns; a file out of their own tables need not be renamed.
_ALSO = {"位置": "node", "房间": "node", "起始日期": "from", "床位": "beds", "床位数": "beds", "人数": "people"}
_DAY = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_EARLIEST, _LATEST = date(2000, 1, 1), date(2200, 1, 1)
_BOMS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class HeadCount:
    """Beds and people of a place from the midnight on that begins a local day; None: not said."""

    node: str
    first: date
    beds: int | None
    people: int | None

    @property
    def heads(self) -> int | None:
        """By how many its use is divided: who lives there, and where that is not known the beds."""
        return self.beds if self.people is None else self.people


@dataclass(frozen=True, slots=True)
class CountFault:
    """A row that was not taken: the file's line, the column, why (a code), what stood there, what is allowed."""

    line: int
    column: str
    reason: str
    given: str = ""
    allowed: str = ""


@dataclass(frozen=True, slots=True)
class CountTable:
    """The good rows with their lines, and what is wrong with the others."""

    rows: tuple[tuple[int, HeadCount], ...]
    faults: tuple[CountFault, ...]


class _RowFaultError(ValueError):
    def __init__(self, column: str, reason: str, given: str = "", allowed: str = "") -> None:
        super().__init__(reason)
        self.told = column, reason, given, allowed


def read_count_table(content: bytes, nodes: Collection[str]) -> CountTable:
    """Head-counts of a CSV file (UTF-8 with or without a mark, or GBK); a bad row never stops the others.

    Args:
        content: the file.
        nodes: the places that may be named.
    """
    if content.startswith(_BOMS):
        return CountTable((), (CountFault(1, "", "encoding", "UTF-16", "UTF-8, GBK"),))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("gb18030", "replace")
    lines = _lines(text)
    number, header = next(lines, (1, []))
    columns = [_ALSO.get(name, name.lower()) for name in header]
    if fault := _header_fault(number, columns):
        return CountTable((), (fault,))
    return _table(
        ((line, dict(zip(columns, row, strict=False)), len(row) > len(columns)) for line, row in lines), nodes
    )


def read_count_rows(given: list[Mapping[str, object]], nodes: Collection[str]) -> CountTable:
    """The same of rows that are objects already; the first is line 1."""
    rows = ({name: "" if v is None else str(v).strip() for name, v in row.items()} for row in given)
    return _table(((line, row, bool(set(row) - set(COLUMNS))) for line, row in enumerate(rows, start=1)), nodes)


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Number and fields of every line that is not empty; each line for itself, so that a lost quote costs one."""
    for number, line in enumerate(io.StringIO(text.replace("\r\n", "\n").replace("\r", "\n")), start=1):
        row = _fields(line.rstrip("\n"))
        if any(row):
            yield number, row


def _fields(line: str) -> list[str]:
    """The line's fields; of one that cannot be read more than there may be."""
    try:
        return [field.strip() for field in next(csv.reader([line]), [])]
    except csv.Error:  # a field of more than 128 kB
        return [line[:200], *COLUMNS]


def _header_fault(line: int, columns: list[str]) -> CountFault | None:
    allowed, seen = ",".join(COLUMNS), ",".join(columns)
    is_right = set(columns) <= set(COLUMNS) and len(set(columns)) == len(columns)
    if is_right and set(_NEEDED) <= set(columns) and len(columns) > len(_NEEDED):
        return None
    return CountFault(line, "", "header", seen[:200], allowed)


def _table(rows: Iterator[tuple[int, Mapping[str, str], bool]], nodes: Collection[str]) -> CountTable:
    taken: dict[tuple[str, date], tuple[int, HeadCount]] = {}
    faults: list[CountFault] = []
    for done, (line, row, is_long) in enumerate(rows):
        try:
            if done >= MOST_ROWS:
                raise _RowFaultError("", "too_many", "", str(MOST_ROWS))
            if is_long:
                raise _RowFaultError("", "columns", "", ",".join(COLUMNS))
            count = _count_of(row, nodes)
            earlier = taken.setdefault((count.node, count.first), (line, count))
            if earlier[1] != count:
                raise _RowFaultError("node", "twice", count.node, str(earlier[0]))
        except _RowFaultError as fault:
            faults.append(CountFault(line, *fault.told))
            if done >= MOST_ROWS:
                break
    return CountTable(tuple(taken.values()), tuple(faults))


def _count_of(row: Mapping[str, str], nodes: Collection[str]) -> HeadCount:
    node = row.get("node", "")
    if node not in nodes:
        raise _RowFaultError("node", "unknown_node", node[:200])
    first = _day_of(row.get("from", ""))
    beds, people = (_heads_of(name, row.get(name, "")) for name in ("beds", "people"))
    if beds is None and people is None:
        raise _RowFaultError("people", "nothing_said")
    return HeadCount(node, first, beds, people)


def _day_of(text: str) -> date:
    match = _DAY.fullmatch(text)
    try:
        day = date(*map(int, match.groups())) if match else None
    except ValueError:
        day = None
    if day is None or not _EARLIEST <= day < _LATEST:
        raise _RowFaultError("from", "no_day", text[:200], "2026-09-01")
    return day


def _heads_of(column: str, text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MOST_HEADS)) and int(text) <= MOST_HEADS):
        raise _RowFaultError(column, "no_count", text[:200], f"0-{MOST_HEADS}")
    return int(text)
