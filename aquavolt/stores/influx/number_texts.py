"""Numbers and times out of a buffer of text, many at once: each lies in [start, end). Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Times

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]

_ZERO, _MINUS, _POINT = b"0-."
_EXACT_DIGITS = 15  # so many decimal digits fit into a float64 whole, as do powers of ten up to 22
_LONGEST_USUAL = 26  # 17 digits, a point, a few zeros before them
_POWERS = 10.0 ** np.arange(_EXACT_DIGITS + 1)
_SHORTEST_TIME = len("2026-03-01T00:00:00Z")


def parse_unsigned(text: Bytes, start: Offsets, end: Offsets) -> Offsets:
    """Whole numbers without sign."""
    value = np.zeros(len(start), np.int64)
    width = end - start
    for place in range(int(width.max(initial=0))):
        digit = text[np.minimum(start + place, len(text) - 1)].astype(np.int64) - _ZERO
        value = np.where(place < width, value * 10 + digit, value)
    return value


def parse_times(text: Bytes, start: Offsets, end: Offsets) -> Times:
    """RFC 3339 times in UTC, as Flux writes them; finer than a millisecond is cut off."""

    def number(at: int, digits: int) -> Offsets:
        return parse_unsigned(text, start + at, start + at + digits)

    months = (number(0, 4) - 1970) * 12 + number(5, 2) - 1
    days = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + number(8, 2) - 1
    seconds = ((days * 24 + number(11, 2)) * 60 + number(14, 2)) * 60 + number(17, 2)
    ms = seconds * 1000
    fine = np.flatnonzero(end - start > _SHORTEST_TIME)
    if fine.size:
        fraction, last = start[fine] + _SHORTEST_TIME, end[fine] - 1
        for place, worth in enumerate((100, 10, 1)):
            digit = text[fraction + place].astype(np.int64) - _ZERO
            ms[fine] += np.where(fraction + place < last, digit * worth, 0)
    return ms.astype("datetime64[ms]")


def parse_floats(text: Bytes, start: Offsets, end: Offsets) -> Float64:
    """Decimal numbers, each exactly the float64 nearest to it.

    Up to 15 digits it is a whole number divided by a power of ten, both exact, so rounded once; the others go through
    numpy's own conversion.
    """
    is_negative = text[start] == _MINUS
    start = start + is_negative
    width = end - start
    digits = np.zeros(len(start), np.int64)
    behind = np.zeros(len(start), np.int64)
    seen_point = np.zeros(len(start), np.bool_)
    is_plain = width <= _EXACT_DIGITS + 1
    for place in range(min(int(width.max(initial=0)), _EXACT_DIGITS + 1)):
        byte = text[np.minimum(start + place, len(text) - 1)]
        is_inside = place < width
        digit = byte.astype(np.int64) - _ZERO
        is_digit = is_inside & (digit >= 0) & (digit <= 9)  # noqa: PLR2004
        is_point = is_inside & (byte == _POINT)
        is_plain &= is_digit | is_point | ~is_inside
        digits = np.where(is_digit, digits * 10 + digit, digits)
        behind += is_digit & seen_point
        seen_point |= is_point
    is_plain &= width - seen_point <= _EXACT_DIGITS
    value = digits / _POWERS[np.minimum(behind, _EXACT_DIGITS)]
    _parse_others(text, start, end, value, np.flatnonzero(~is_plain))
    return np.where(is_negative, -value, value)


def _parse_others(text: Bytes, start: Offsets, end: Offsets, value: Float64, rows: npt.NDArray[np.intp]) -> None:
    width = end[rows] - start[rows]
    usual = rows[width <= _LONGEST_USUAL]
    if usual.size:
        at = start[usual, None] + np.arange(_LONGEST_USUAL)
        letters = np.where(at < end[usual, None], text[np.minimum(at, len(text) - 1)], np.uint8(0))
        value[usual] = letters.view(f"S{_LONGEST_USUAL}").ravel().astype(np.float64)
    # Flux writes no exponents: 1e-300 has three hundred digits.
    for row in rows[width > _LONGEST_USUAL].tolist():
        value[row] = float(text[start[row] : end[row]].tobytes())
