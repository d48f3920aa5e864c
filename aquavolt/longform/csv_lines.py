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


# Line number, the line, and how many fields it has.
_RaggedLine = tuple[int, bytes, int]


@dataclass(frozen=True, slots=True)
class _Lines:
    """The lines of a block that are not empty: their number, begin and end (without line end)."""

    block: bytes
    place: Int64
    begin: Int64
    end: Int64

    def text(self, index: int) -> bytes:
        return self.block[self.begin[index] : self.end[index]]


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


def split(block: bytes, first_line: int, columns: Sequence[str], faults: RowFaults) -> RowBlock:
    """The rows of a block of whole lines, the first of which is line `first_line` of its file.

    Empty lines are passed over; a line with too few or too many fields, or a field beyond all length, is a fault:
    counted in `faults`, described in the block's `broken`.
    """
    lines = _lines(block, first_line)
    fields, ragged = (_split_quoted if b'"' in block else _split_plain)(lines, len(columns))
    faults.add("line", len(ragged))
    broken = [_ragged(*line, columns) for line in ragged[: faults.room]]
    length = fields.end - fields.begin
    is_fit = np.asarray((length <= LONGEST_FIELD).all(axis=1))
    for row in np.flatnonzero(~is_fit):
        at = int(length[row].argmax())
        faults.add(columns[at], 1)
        if len(broken) < 2 * faults.room:
            broken.append(_giant(fields, int(row), at, columns[at]))
    fields = fields.take(is_fit)
    texts = {name: fields.column(i) for i, name in enumerate(columns)}
    return RowBlock(place=fields.place, broken=tuple(broken), **texts)


def _lines(block: bytes, first_line: int) -> _Lines:
    data = np.frombuffer(block, np.uint8)
    end = np.flatnonzero(data == _LINE_FEED)
    begin = np.concatenate([np.zeros(1, np.int64), end[:-1] + 1])
    place = first_line + np.arange(len(end))
    end = end - ((end > begin) & (data[end - 1] == _CARRIAGE_RETURN))
    filled = end > begin
    return _Lines(block, place[filled], begin[filled], end[filled])


def _split_plain(lines: _Lines, width: int) -> tuple[_Fields, list[_RaggedLine]]:
    data = np.frombuffer(lines.block, np.uint8)
    commas = np.flatnonzero(data == _COMMA)
    first = np.searchsorted(commas, lines.begin)
    count = np.searchsorted(commas, lines.end) - first + 1
    rows = count == width
    between = commas[first[rows, None] + np.arange(width - 1)]
    begin = np.concatenate([lines.begin[rows, None], between + 1], axis=1)
    end = np.concatenate([between, lines.end[rows, None]], axis=1)
    ragged = [(int(lines.place[i]), lines.text(i), int(count[i])) for i in np.flatnonzero(~rows).tolist()]
    return _Fields(data, lines.place[rows], begin, end), ragged


def _split_quoted(lines: _Lines, width: int) -> tuple[_Fields, list[_RaggedLine]]:
    parts: list[bytes] = []
    kept: list[int] = []
    ragged: list[_RaggedLine] = []
    for i, place in enumerate(lines.place.tolist()):
        fields = _quoted_fields(lines.text(i))
        if len(fields) == width:
            kept.append(i)
            parts += fields
        else:
            ragged.append((place, lines.text(i), len(fields)))
    lengths = np.array([len(part) for part in parts], np.int64)
    ends = np.cumsum(lengths)
    shape = (len(kept), width)
    data = np.frombuffer(b"".join(parts) or b"\0", np.uint8)
    return _Fields(data, lines.place[kept], (ends - lengths).reshape(shape), ends.reshape(shape)), ragged


def _quoted_fields(line: bytes) -> list[bytes]:
    """The fields of one line; none where a quotation mark is not closed."""
    try:
        # One byte a character, and the same byte back: the parser needs text, the fields may be in any encoding.
        return [field.encode("latin-1") for field in next(csv.reader([line.decode("latin-1")], strict=True))]
    except csv.Error:
        return []


def _ragged(place: int, line: bytes, fields: int, columns: Sequence[str]) -> RowFault:
    reason = f"has {fields} fields; allowed: {len(columns)} ({','.join(columns)})"
    if not fields:
        reason = "a quotation mark is not closed on its line"
    return RowFault(place, "line", line[:LONGEST_FIELD].decode(errors="replace"), reason)


def _giant(fields: _Fields, row: int, index: int, column: str) -> RowFault:
    begin, end = int(fields.begin[row, index]), int(fields.end[row, index])
    text = fields.data[begin : begin + LONGEST_FIELD].tobytes().decode(errors="replace")
    return RowFault(int(fields.place[row]), column, text, f"{end - begin} bytes long; allowed: {LONGEST_FIELD}")
