"""Lines of comma-separated values: a head that names quantities, then a reading a line; or a value a line. Pure.

time,water_volume,flow_rate                 head, then values; an empty field is no value
2026-03-01T08:00:00+08:00,12.5,0.3

water_volume,12.5,2026-03-01T08:00:00+08:00   without a head: quantity, value and, if there is one, time
"""

from __future__ import annotations

import csv
import math
from datetime import UTC, datetime

from collector.read_value import ReadValue
from metering.quantities import BY_NAME

_TIME = "time"
_MS_FROM = 1e11  # a Unix time above this counts milliseconds


class CsvError(ValueError):
    """Lines that cannot be read; the message names line and field."""


def read_lines(data: bytes) -> list[ReadValue]:
    """The values of all lines.

    Raises:
        CsvError: a line that is none of the two forms; no value is taken then.
    """
    try:
        rows = [row for row in csv.reader(data.decode("utf-8-sig").splitlines(), strict=True) if any(row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise CsvError(f"no lines of text: {error}") from error
    if not rows:
        raise CsvError("no line")
    head = [name.strip() for name in rows[0]]
    if any(name in BY_NAME for name in head) and all(not _is_number(name) for name in head):
        if twice := {name for name in head if name and head.count(name) > 1}:
            raise CsvError(f"line 1: {', '.join(sorted(twice))} stands there twice")
        values = [v for i, row in enumerate(rows[1:], 2) for v in _by_head(head, row, i)]
    else:
        values = [_by_name(row, i) for i, row in enumerate(rows, 1)]
    if not values:
        raise CsvError("no value")
    return values


def _by_head(head: list[str], row: list[str], line: int) -> list[ReadValue]:
    if len(row) != len(head):
        raise CsvError(f"line {line}: {len(row)} fields, the head has {len(head)}")
    fields = dict(zip(head, (text.strip() for text in row), strict=True))
    time = _time(fields.pop(_TIME, ""), line)
    return [_value(name, text, time, line) for name, text in fields.items() if text]


def _by_name(row: list[str], line: int) -> ReadValue:
    if not 2 <= len(row) <= 3 or row[0].strip() not in BY_NAME:  # noqa: PLR2004
        raise CsvError(f"line {line}: {','.join(row)[:60]!r}; allowed: quantity,value[,time], or a head of quantities")
    time = _time(row[2].strip() if len(row) > 2 else "", line)  # noqa: PLR2004
    return _value(row[0].strip(), row[1].strip(), time, line)


def _value(name: str, text: str, time: datetime | None, line: int) -> ReadValue:
    if not name:
        raise CsvError(f"line {line}: {text[:40]!r} stands in a column without a name")
    if not _is_number(text):
        raise CsvError(f"line {line}: {name} must be a number, is {text[:40]!r}")
    return ReadValue(name, float(text), BY_NAME[name].unit if name in BY_NAME else "", time)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _time(text: str, line: int) -> datetime | None:
    """ISO 8601, or Unix seconds or milliseconds; without an offset it is the meter's own clock."""
    if not text:
        return None
    try:
        if _is_number(text):
            number = float(text)
            return datetime.fromtimestamp(number / 1000 if number > _MS_FROM else number, UTC)
        return datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError) as error:
        raise CsvError(f"line {line}: time {text[:40]!r} is none; ISO 8601 or Unix time") from error
