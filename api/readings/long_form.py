"""The long form (`meter,quantity,time,value`) of a request body, as CSV or JSON, with errors exact to the row."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from api.problems import Problem
from metering.batch import ReadingBatch, batch_of, to_ms
from metering.quantities import BY_NAME
from metering.site import Site

COLUMNS = ("meter", "quantity", "time", "value")
QUALITY = "quality"  # may be there
MOST_QUALITY = 255
MAX_ROWS = 200_000
MAX_ERRORS = 1000
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
MAX_AHEAD = timedelta(minutes=5)  # a clock that is further ahead than this is wrong


@dataclass(frozen=True, slots=True)
class RowError:
    """Row 1 is the first data row (a CSV's header is not counted); `member` is the column at fault."""

    row: int
    member: str
    message: str


class _RowFaultError(ValueError):
    def __init__(self, member: str, message: str) -> None:
        super().__init__(message)
        self.member = member


@dataclass
class _Rows:
    """Good rows in columns, bad ones with their reason."""

    site: Site
    latest: datetime
    index: dict[str, int] = field(default_factory=dict)
    meter: list[int] = field(default_factory=list)
    quantity: list[int] = field(default_factory=list)
    time: list[Any] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    quality: list[int] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    refused: int = 0

    def take(self, number: int, row: Any) -> None:
        """Add the row, or its error."""
        try:
            meter, code, time, value, quality = self._read(row)
        except _RowFaultError as fault:
            self.refused += 1
            if len(self.errors) < MAX_ERRORS:
                self.errors.append(RowError(number, fault.member, str(fault)))
            return
        self.meter.append(self.index.setdefault(meter, len(self.index)))
        self.quantity.append(code)
        self.time.append(to_ms(time))
        self.value.append(value)
        self.quality.append(quality)

    def _read(self, row: Any) -> tuple[str, int, datetime, float, int]:
        if isinstance(row, csv.Error):
            raise _RowFaultError("", f"cannot be read as CSV: {row}")
        if not isinstance(row, Mapping):
            raise _RowFaultError("", f"must be an object with {', '.join(COLUMNS)}")
        for name in row:
            if name not in COLUMNS and name != QUALITY:
                raise _RowFaultError(str(name), f"is no column; columns: {', '.join(COLUMNS)} and {QUALITY}")
        meter, name = row.get("meter"), row.get("quantity")
        if not isinstance(meter, str) or meter not in self.site.meters:
            raise _RowFaultError("meter", f"{meter!r} is no meter of this site")
        if not isinstance(name, str) or name not in BY_NAME:
            raise _RowFaultError("quantity", f"unknown quantity {name!r}; allowed: {', '.join(BY_NAME)}")
        return (
            meter,
            BY_NAME[name].code,
            self._time(row.get("time")),
            _value(row.get("value")),
            _quality(row.get(QUALITY)),
        )

    def _time(self, given: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(given)
        except (TypeError, ValueError):
            moment = None
        if moment is None or moment.tzinfo is None:
            raise _RowFaultError("time", f"{given!r} must be ISO 8601 with an offset, like 2026-11-01T08:00:00+08:00")
        if moment > self.latest:
            raise _RowFaultError("time", f"{given} lies in the future")
        if moment < _EARLIEST:
            raise _RowFaultError("time", f"{given} lies before 1970")
        return moment


def _value(given: Any) -> float:
    try:
        number = math.nan if isinstance(given, bool) else float(given)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise _RowFaultError("value", f"{given!r} must be a finite number")
    return number


def _quality(given: Any) -> int:
    if given is None or given == "":
        return 0
    text = "" if isinstance(given, bool) else str(given).strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MOST_QUALITY)) and int(text) <= MOST_QUALITY):
        raise _RowFaultError(
            QUALITY, f"{given!r} are no quality bits; allowed: a whole number from 0 to {MOST_QUALITY}"
        )
    return int(text)


@dataclass(frozen=True, slots=True)
class Parsed:
    """The good rows as a batch, and what is wrong with the others (the first `MAX_ERRORS` of `refused`)."""

    batch: ReadingBatch
    refused: int
    errors: tuple[RowError, ...]


def parse_readings(body: bytes, media_type: str, site: Site, now: datetime) -> Parsed:
    """The readings of a body of `text/csv` or `application/json` (an array, or `{"readings": [...]}`).

    Raises:
        Problem: 415 another media type; 413 too many rows; 422 the body as a whole cannot be read.
    """
    rows = _Rows(site, now + MAX_AHEAD)
    for number, row in enumerate(_rows_of(body, media_type), start=1):
        if number > MAX_ROWS:
            raise Problem(413, f"At most {MAX_ROWS} readings a request: send them in parts.")
        rows.take(number, row)
    batch = batch_of(tuple(rows.index), rows.meter, rows.quantity, rows.time, rows.value, rows.quality)
    return Parsed(batch, rows.refused, tuple(rows.errors))


def _rows_of(body: bytes, media_type: str) -> Iterable[Any]:
    if media_type == "text/csv":
        return _csv_rows(body)
    if media_type == "application/json":
        return _json_rows(body)
    raise Problem(415, f"{media_type or 'no content type'} is not read here; send text/csv or application/json.")


def _json_rows(body: bytes) -> list[Any]:
    try:
        document = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise Problem(422, f"The body is no JSON: {error}") from error
    rows = document.get("readings") if isinstance(document, dict) else document
    if not isinstance(rows, list):
        raise Problem(422, 'The body must be an array of readings, or {"readings": [...]}.')
    return rows


def _csv_rows(body: bytes) -> Iterable[Any]:
    """A mapping a row, or the error of one that is no CSV: each line for itself, so that a lost quote costs one."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Problem(422, f"The CSV must be UTF-8: {error.reason} at byte {error.start}.") from error
    lines = (line for line in text.splitlines() if line.strip())
    first = next(lines, "")
    try:
        header = [name.strip() for name in next(csv.reader([first]), [])]
    except csv.Error:  # a field of more than 128 kB
        header = [first]
    if sorted({*header} - {QUALITY}) != sorted(COLUMNS) or len({*header}) != len(header):
        raise Problem(
            422, f"The first line must name the columns {','.join(COLUMNS)}; it says {','.join(header)[:200]!r}."
        )
    return (_csv_row(header, line) for line in lines)


def _csv_row(header: list[str], line: str) -> Any:
    try:
        fields = next(csv.reader([line], strict=True))
    except csv.Error as error:
        return error
    beyond = {f"field {n}": field for n, field in enumerate(fields, start=1) if n > len(header)}
    return {**dict(zip(header, fields, strict=False)), **beyond}
