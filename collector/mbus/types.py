"""Data types of M-Bus records: binary, BCD and real numbers, dates and times, text. Pure."""

from __future__ import annotations

import math
import struct

_TYPE_F, _TYPE_I, _TYPE_J, _TYPE_G = 4, 6, 3, 2
_INVALID = 1 << 7


def integer(data: bytes) -> int:
    """Two's complement, low byte first."""
    return int.from_bytes(data, "little", signed=True)


def bcd(data: bytes) -> int | None:
    """Decimal digits, low byte first; F in the top nibble is a minus sign. None where a nibble is no digit."""
    text = data[::-1].hex()
    if text.isdecimal():
        return int(text)
    return -int(text[1:]) if text[0] == "f" and text[1:].isdecimal() else None


def real(data: bytes) -> float | None:
    """A 32-bit float, low byte first; None where it is no number."""
    value: float = struct.unpack("<f", data)[0]
    return value if math.isfinite(value) else None


def date(data: bytes) -> str | None:
    """Type G: day and year, month and year. A day or month of 0 is told as it stands: the date is not set."""
    if len(data) != _TYPE_G or data == b"\xff\xff":
        return None
    day, month, year = data[0] & 0x1F, data[1] & 0x0F, (data[0] >> 5) | (data[1] & 0xF0) >> 1
    return f"{_year(year, 0):04d}-{month:02d}-{day:02d}"


def moment(data: bytes) -> str | None:
    """Types F (4 bytes), I (6) and J (3, time only); None where the meter marks it as invalid."""
    if not data.strip(b"\xff"):
        return None
    if len(data) == _TYPE_F:
        return _type_f(data)
    if len(data) == _TYPE_I:
        return _type_i(data)
    if len(data) == _TYPE_J:
        return f"{data[2] & 0x1F:02d}:{data[1] & 0x3F:02d}:{data[0] & 0x3F:02d}"
    return date(data) if len(data) == _TYPE_G else None


def _type_f(data: bytes) -> str | None:
    if data[0] & _INVALID:
        return None
    minute, hour, day, month = data[0] & 0x3F, data[1] & 0x1F, data[2] & 0x1F, data[3] & 0x0F
    year = _year((data[2] >> 5) | (data[3] & 0xF0) >> 1, (data[1] & 0x60) >> 5)
    return f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:00"


def _type_i(data: bytes) -> str | None:
    if data[1] & _INVALID:
        return None
    second, minute, hour = data[0] & 0x3F, data[1] & 0x3F, data[2] & 0x1F
    day, month = data[3] & 0x1F, data[4] & 0x0F
    year = _year((data[3] >> 5) | (data[4] & 0xF0) >> 1, 0)
    return f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}"


def _year(two_digits: int, hundreds: int) -> int:
    """Years 00 to 80 are of this century where the meter states no century, as old meters send them."""
    if hundreds:
        return 1900 + 100 * hundreds + two_digits
    return (2000 if two_digits <= 80 else 1900) + two_digits  # noqa: PLR2004


def weighed(data: bytes) -> int:
    """BCD with nibbles above 9, as libmbus reads it: such a high nibble counts nothing, a low one what it is."""
    value = 0
    for byte in data[::-1]:
        value = value * 100 + (byte >> 4 if byte >> 4 <= 9 else 0) * 10 + (byte & 0xF)  # noqa: PLR2004
    return value


def text(data: bytes) -> str:
    """Latin letters, the last first."""
    return data[::-1].replace(b"\0", b"").decode("latin-1")
