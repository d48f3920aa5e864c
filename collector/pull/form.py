"""A row of another system's table as readings. Pure.

A table is long (a column names the quantity, or all rows are of one) or wide (a column a quantity).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from metering.batch import to_ms
from metering.quantities import BY_NAME

UNIX, UNIX_MS = "unix", "unix_ms"
MAX_AHEAD = timedelta(minutes=5)  # a clock that is further ahead than this is wrong
_EARLIEST, _LATEST = datetime(1970, 1, 2).date(), datetime(2200, 1, 1).date()  # noqa: DTZ001 - only their days count
_MOST_QUALITY = 255
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Form:
    """How a row is read.

    meter, time   names of the columns
    values        wide: quantity by column; of the column `value` long
    quantity      the column that names the quantity; empty: `values` says
    quality       the column of quality bits; empty: all are good
    scale         factor by quantity, what is not there 1
    meters        our meter by their name
    time_format   as `strptime` has it, `unix`, `unix_ms`; empty: ISO 8601
    zone          of times without an offset
    """

    meters: Mapping[str, str]
    zone: ZoneInfo
    meter: str = "meter"
    time: str = "time"
    values: Mapping[str, str] = field(default_factory=dict)
    quantity: str = ""
    value: str = "value"
    quality: str = ""
    scale: Mapping[str, float] = field(default_factory=dict)
    time_format: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that there must be."""
        long = (self.quantity, self.value) if self.quantity else ()
        return tuple(c for c in (self.meter, self.time, *long, *self.values, self.quality) if c)


@dataclass(frozen=True, slots=True)
class PulledReading:
    """One reading of a row; time in ms since 1970."""

    meter: str
    code: int
    ms: int
    value: float
    quality: int = 0


class RowFaultError(ValueError):
    """A row, or one value of it, that cannot be taken. `kind`: one of a few words, to count by."""

    def __init__(self, kind: str, column: str, message: str) -> None:
        super().__init__(f"{column}: {message}")
        self.kind = kind


def read_row(row: Mapping[str, Any], form: Form, latest: datetime) -> tuple[list[PulledReading], list[RowFaultError]]:
    """The readings of a row, and what is wrong with it; an empty value is none.

    Args:
        row: texts, or what a database gives (numbers, dates), by column.
        form: how it is read.
        latest: what lies after it is refused.
    """
    try:
        meter, moment = _meter(row, form), _moment(row.get(form.time), form, latest)
        quality = _quality(row.get(form.quality), form.quality) if form.quality else 0
        pairs = _values(row, form)
    except RowFaultError as fault:
        return [], [fault]
    readings, faults, ms = [], [], int(to_ms(moment).astype(int))
    for column, name, given in pairs:
        try:
            number = _number(given, column, form.scale.get(name, 1.0))
        except RowFaultError as fault:
            faults.append(fault)
        else:
            readings.append(PulledReading(meter, BY_NAME[name].code, ms, number, quality))
    return readings, faults


def _meter(row: Mapping[str, Any], form: Form) -> str:
    given = _text(row.get(form.meter))
    if (ours := form.meters.get(given)) is None:
        raise RowFaultError("unknown meter", form.meter, f"{_shown(given)} is no meter of this site")
    return ours


def _values(row: Mapping[str, Any], form: Form) -> list[tuple[str, str, Any]]:
    """Column, quantity and value of what the row has."""
    if form.quantity:
        name = _text(row.get(form.quantity))
        if name not in BY_NAME:
            raise RowFaultError("unknown quantity", form.quantity, f"{_shown(name)} is no quantity")
        return [(form.value, name, row.get(form.value))]
    return [(c, name, row.get(c)) for c, name in form.values.items() if _text(row.get(c))]


def _moment(given: Any, form: Form, latest: datetime) -> datetime:
    try:
        moment = given if isinstance(given, datetime) else _read_time(_text(given), form)
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=form.zone)
        is_known = _EARLIEST <= aware.date() < _LATEST
        is_ahead = is_known and aware > latest
    except (ValueError, OverflowError, OSError) as error:
        wanted = form.time_format or "ISO 8601, like 2026-11-01 08:00:00"
        raise RowFaultError("no time", form.time, f"{_shown(given)} is no time; expected {wanted}") from error
    if not is_known or is_ahead:
        where = "in the future" if is_ahead else "outside of the years 1970 to 2200"
        raise RowFaultError("wrong clock", form.time, f"{_shown(given)} lies {where}")
    return aware


def _read_time(text: str, form: Form) -> datetime:
    if form.time_format in (UNIX, UNIX_MS):
        return datetime.fromtimestamp(float(text) / (1000 if form.time_format == UNIX_MS else 1), form.zone)
    if form.time_format:
        return datetime.strptime(text, form.time_format)  # noqa: DTZ007 - the zone is put in by who asked
    return datetime.fromisoformat(text)


def _number(given: Any, column: str, factor: float) -> float:
    try:
        number = math.nan if isinstance(given, bool) else float(given) * factor
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise RowFaultError("no number", column, f"{_shown(given)} is no finite number")
    return number


def _quality(given: Any, column: str) -> int:
    text = _text(given)
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal() and len(text) <= len("255") and int(text) <= _MOST_QUALITY):
        raise RowFaultError("no quality", column, f"{_shown(text)} are no quality bits (0 to {_MOST_QUALITY})")
    return int(text)


def _text(given: Any) -> str:
    """A value as text; a whole number that a database keeps as a decimal has no point."""
    if given is None:
        return ""
    if isinstance(given, float) and given.is_integer():
        return str(int(given))
    return str(given).strip()


def _shown(given: Any) -> str:
    return repr(_text(given)[:_SHOWN])
