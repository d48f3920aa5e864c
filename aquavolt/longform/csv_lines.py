"""Lines of CSV split into fields with numpy, a whole block at a time. Pure.

Only a block with a quotation mark in it goes line by line. A quoted field may hold commas, not line ends: no meter id
has one.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aquavolt.longform.faults import RowFault, RowFaults
from aquavolt.longform.rows import RowBlock
from aquavolt.longform.texts import Texts

Int64 = npt.NDArray[np.int64]

# Longer than any id, time or number; what is longer is set aside, so that one odd line cannot take all memory.
LONGEST_FIELD = 200
_COMMA, _LINE_FEED, _CARRIAGE_RETURN = ord(","), ord("\n"), ord("\r")


@dataclass(frozen=True, slots=True)
class _Fields:
    """Where fields stand in `data`: `begin` and `end` are rows x columns, `place` is each row's line."""

    data: npt.NDArray[np.uint8]
    place: Int64
    begin: Int64
    end: Int64

    def take(self, rows: npt.NDArray[np.bool_]) -> _Fields:
        return _Fields(self.data, self.place[rows], self.begin[rows], self.end[rows])

    def column(self, index: int) -> Texts:
        begin, length = self.begin[:, index], self.end[:, index] - self.begin[:, index]
        width = max(1, int(length.max(initial=0)))
        within = np.arange(width)
        chars = self.data[np.minimum(begin[:, None] + within, len(self.data) - 1)]
        chars[within >= length[:, None]] = 0
        column: Texts = chars.view(f"S{width}").ravel()
        return column

    def text(self, row: int, index: int) -> str:
        return self.data[self.begin[row, index] : self.end[row, index]].tobytes().decode(errors="replace")


def split(block: bytes, first_line: int, columns: Sequence[str], faults: RowFaults) -> RowBlock:
    """The rows of a block of whole lines, the first of which is line `first_line` of its file.

    Empty lines are passed over; a line with too few or too many fields, or a field beyond all length, is a fault.
    """
    begin, end, place = _lines(block, first_line)
    if b'"' in block:
        fields = _split_quoted(block, begin, end, place, columns, faults)
    else:
        fields = _split_plain(block, begin, end, place, columns, faults)
    fields = _without_giants(fields, columns, faults)
    return RowBlock(place=fields.place, **{name: fields.column(i) for i, name in enumerate(columns)})


def _lines(block: bytes, first_line: int) -> tuple[Int64, Int64, Int64]:
    """Begin, end (without line end) and number of the lines that are not empty."""
    data = np.frombuffer(block, np.uint8)
    end = np.flatnonzero(data == _LINE_FEED)
    begin = np.concatenate([np.zeros(1, np.int64), end[:-1] + 1])
    place = first_line + np.arange(len(end))
    end = end - ((end > begin) & (data[end - 1] == _CARRIAGE_RETURN))
    filled = end > begin
    return begin[filled], end[filled], place[filled]


def _split_plain(
    block: bytes, begin: Int64, end: Int64, place: Int64, columns: Sequence[str], faults: RowFaults
) -> _Fields:
    data = np.frombuffer(block, np.uint8)
    commas = np.flatnonzero(data == _COMMA)
    first = np.searchsorted(commas, begin)
    fields = np.searchsorted(commas, end) - first + 1
    ragged = np.flatnonzero(fields != len(columns))
    faults.add("line", len(ragged))
    faults.name(
        _ragged(block[begin[i] : end[i]], int(place[i]), int(fields[i]), columns) for i in ragged[: faults.room]
    )
    rows = fields == len(columns)
    between = commas[first[rows, None] + np.arange(len(columns) - 1)]
    begins = np.concatenate([begin[rows, None], between + 1], axis=1)
    return _Fields(data, place[rows], begins, np.concatenate([between, end[rows, None]], axis=1))


def _split_quoted(
    block: bytes, begin: Int64, end: Int64, place: Int64, columns: Sequence[str], faults: RowFaults
) -> _Fields:
    parts: list[bytes] = []
    kept: list[int] = []
    for i, (a, b) in enumerate(zip(begin.tolist(), end.tolist(), strict=True)):
        fields = _quoted_fields(block[a:b])
        if len(fields) == len(columns):
            kept.append(i)
            parts += fields
        else:
            faults.add("line", 1)
            faults.name([_ragged(block[a:b], int(place[i]), len(fields), columns)])
    lengths = np.array([len(part) for part in parts], np.int64)
    ends = np.cumsum(lengths)
    shape = (len(kept), len(columns))
    data = np.frombuffer(b"".join(parts) or b"\0", np.uint8)
    return _Fields(data, place[kept], (ends - lengths).reshape(shape), ends.reshape(shape))


def _quoted_fields(line: bytes) -> list[bytes]:
    """The fields of one line; none where a quotation mark is not closed."""
    try:
        # One byte a character, and the same byte back: the parser needs text, the fields may be in any encoding.
        return [field.encode("latin-1") for field in next(csv.reader([line.decode("latin-1")], strict=True))]
    except csv.Error:
        return []


def _ragged(line: bytes, place: int, fields: int, columns: Sequence[str]) -> RowFault:
    reason = f"has {fields} fields; allowed: {len(columns)} ({','.join(columns)})"
    if not fields:
        reason = "a quotation mark is not closed on its line"
    return RowFault(place, "line", line.decode(errors="replace"), reason)


def _without_giants(fields: _Fields, columns: Sequence[str], faults: RowFaults) -> _Fields:
    length = fields.end - fields.begin
    is_fit = np.asarray((length <= LONGEST_FIELD).all(axis=1))
    if is_fit.all():
        return fields
    for row in np.flatnonzero(~is_fit):
        at = int(length[row].argmax())
        faults.add(columns[at], 1)
        reason = f"{length[row, at]} bytes long; allowed: {LONGEST_FIELD}"
        faults.name([RowFault(int(fields.place[row]), columns[at], fields.text(int(row), at), reason)])
    return fields.take(is_fit)
