"""Answers of Flux, which are CSV, as numpy columns; a row is never looked at by itself.

    ,result,table,_time,_value,meter,quantity      the head; again wherever the columns are other ones
    ,_result,0,2026-03-01T00:00:00Z,1.5,m,water_volume

What comes before the tags has neither commas nor quotes, so the commas of a row say where its columns are. The tags are
the same in all rows of a table: they are read once a table.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aquavolt.stores.influx.number_texts import parse_floats, parse_times, parse_unsigned
from metering.batch import Float64, Times

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]

_LINE_END, _COMMA, _UNDERSCORE = b"\n,_"
_BLOCK = 4 << 20
_REASON = 300
_TABLE = 1  # the comma before the table's number; the one before `_time`, where there is one, is the next


class AnswerError(Exception):
    """The server broke the query off in the midst of its answer, or answered what is no answer of ours."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Rows of an answer. `series` is an index into `tags`, which has (meter tag, quantity) of each table."""

    tags: tuple[tuple[str, ...], ...]
    series: npt.NDArray[np.int32]
    time: Times
    value: Float64


def parse(chunks: Iterable[bytes]) -> Columns:
    """All rows of an answer whose columns are `[_time,] _value, tags...`; without `_time` the times are 1970.

    Raises:
        AnswerError: the answer is an error, or has other columns.
    """
    reader = _Reader()
    for block in _whole_lines(chunks):
        reader.take(block)
    return reader.columns()


def _whole_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks of some size that end where a line does."""
    waiting: list[bytes] = []
    size = 0
    for chunk in chunks:
        waiting.append(chunk)
        size += len(chunk)
        if size >= _BLOCK and b"\n" in chunk:
            whole, _, rest = b"".join(waiting).rpartition(b"\n")
            yield whole + b"\n"
            waiting, size = [rest], len(rest)
    if size:
        yield b"".join([*waiting, b"" if waiting[-1].endswith(b"\n") else b"\n"])


class _Reader:
    def __init__(self) -> None:
        self._tags: list[tuple[str, ...]] = []
        self._table = -1
        self._has_time = True
        self._parts: list[tuple[npt.NDArray[np.int32], Times, Float64]] = []

    def take(self, block: bytes) -> None:
        """Take whole lines; runs of rows under one head are parsed at once."""
        text = np.frombuffer(block, np.uint8)
        ends = np.flatnonzero(text == _LINE_END).astype(np.int64)
        starts = np.concatenate([np.zeros(1, np.int64), ends[:-1] + 1])
        # A row's second character begins `_result`; a head's begins `result`.
        is_row = (ends - starts > 2) & (text[np.minimum(starts + 1, len(text) - 1)] == _UNDERSCORE)  # noqa: PLR2004
        others = np.flatnonzero(~is_row)
        commas = np.flatnonzero(text == _COMMA).astype(np.int64)
        first = 0
        for other in [*others.tolist(), len(starts)]:
            if other > first:
                self._rows(block, text, commas, starts[first:other], ends[first:other])
            if other < len(starts):
                self._head(block[starts[other] : ends[other]].strip(), block[ends[other] + 1 :])
            first = other + 1

    def _head(self, line: bytes, behind: bytes) -> None:
        if not line:
            return
        columns = line.split(b",")
        if columns[:3] != [b"", b"result", b"table"] or b"_value" not in columns:
            reason = behind[:_REASON].split(b"\r\n")[0] or line[:_REASON]
            raise AnswerError(f"InfluxDB broke off: {reason.decode(errors='replace')}")
        self._has_time = columns[3] == b"_time"
        self._table = -1  # tables are numbered on, but what follows has its own columns

    def _rows(self, block: bytes, text: Bytes, commas: Offsets, starts: Offsets, ends: Offsets) -> None:
        first = np.searchsorted(commas, starts)
        values = _TABLE + 1 + self._has_time  # the comma before `_value`

        def between(comma: int) -> tuple[Offsets, Offsets]:
            return commas[first + comma] + 1, commas[first + comma + 1]

        table = parse_unsigned(text, *between(_TABLE))
        is_new = np.diff(table, prepend=self._table) != 0
        self._table = int(table[-1])
        known = len(self._tags)
        for row in np.flatnonzero(is_new).tolist():
            self._tags.append(_tags(block[commas[first[row] + values + 1] + 1 : ends[row]]))
        series = (known - 1 + np.cumsum(is_new)).astype(np.int32)
        has_time = self._has_time
        time = parse_times(text, *between(_TABLE + 1)) if has_time else np.zeros(len(starts), "datetime64[ms]")
        self._parts.append((series, time, parse_floats(text, *between(values))))

    def columns(self) -> Columns:
        """What was taken."""
        if not self._parts:
            return Columns((), np.zeros(0, np.int32), np.zeros(0, "datetime64[ms]"), np.zeros(0))
        series, time, value = zip(*self._parts, strict=True)
        return Columns(tuple(self._tags), np.concatenate(series), np.concatenate(time), np.concatenate(value))


def _tags(text: bytes) -> tuple[str, ...]:
    return tuple(next(csv.reader([text.rstrip(b"\r").decode()])))
