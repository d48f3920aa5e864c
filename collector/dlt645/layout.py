"""How a data identifier's bytes are laid out: fields of decimal digits, one after the other or in a block. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from collector.bcd import digits, number
from collector.read_value import ReadValue
from metering.quantities import BY_NAME


@dataclass(frozen=True, slots=True)
class Field:
    """One value: `size` bytes under `name`.

    kind  number (with `decimals`), signed, demand (3 bytes and the time it was reached), text (ASCII),
          digits, bits (status word), date, clock, moment
    """

    name: str
    size: int
    unit: str = ""
    decimals: int = 0
    kind: str = "number"


def read_field(field: Field, data: bytes) -> ReadValue | None:
    """The value; None where the meter has none or the digits are no digits."""
    known = BY_NAME.get(field.name)
    unit = known.unit if known else field.unit
    if field.kind == "demand":
        return _demand(field, data, unit)
    if field.kind in {"number", "signed"}:
        value = number(data, field.decimals, is_signed=field.kind == "signed")
        return None if value is None else ReadValue(field.name, value, unit)
    text = _TEXTS[field.kind](data)
    return None if text is None else ReadValue(field.name, text, unit)


def _demand(field: Field, data: bytes, unit: str) -> ReadValue | None:
    """Highest demand and when: XX.XXXX, then mm hh DD MM YY of the meter's own clock, which states no zone."""
    width = field.size - 5 if field.size > 4 else field.size  # noqa: PLR2004 - with time or without
    value = number(data[:width], field.decimals, is_signed=True)
    if value is None:
        return None
    return ReadValue(field.name, value, unit, moment_of(data[width:]) if field.size > width else None)


def moment_of(data: bytes) -> datetime | None:
    """A time of the meter's own clock, low byte first: [ss] mm hh DD MM YY; None where it is none."""
    text = digits(data)
    if not text.isdecimal() or len(text) not in {10, 12}:
        return None
    year, month, day, hour, minute, second = (int(f"{text}00"[i : i + 2]) for i in range(0, 12, 2))
    try:
        return datetime(2000 + year, month, day, hour, minute, second)  # noqa: DTZ001 - the meter states no zone
    except ValueError:
        return None


def _ascii(data: bytes) -> str | None:
    # Low byte first, so the text comes backwards; unused places are zero or FF.
    text = data[::-1].replace(b"\xff", b"").replace(b"\0", b"").decode("ascii", "replace").strip()
    return text if text and text.isprintable() else None


def _digits(data: bytes) -> str | None:
    text = digits(data)
    return text if text.isdecimal() else None


def _bits(data: bytes) -> str:
    return f"0x{digits(data)}"


def _date(data: bytes) -> str | None:
    """WW DD MM YY, low byte first."""
    text = digits(data)
    if not text.isdecimal():
        return None
    shown = f"20{text[0:2]}-{text[2:4]}-{text[4:6]}"
    try:
        datetime.fromisoformat(shown)
    except ValueError:
        return None
    return shown


def _clock(data: bytes) -> str | None:
    text = digits(data)
    if not text.isdecimal() or int(text[0:2]) > 23 or int(text[2:4]) > 59 or int(text[4:6]) > 59:  # noqa: PLR2004
        return None
    return f"{text[0:2]}:{text[2:4]}:{text[4:6]}"


def _moment(data: bytes) -> str | None:
    found = moment_of(data)
    return found.isoformat() if found else None


_TEXTS: dict[str, Callable[[bytes], str | None]] = {
    "text": _ascii,
    "digits": _digits,
    "bits": _bits,
    "date": _date,
    "clock": _clock,
    "moment": _moment,
}
