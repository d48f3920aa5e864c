"""Packed decimal digits as meters send them: two a byte, the low byte first."""

from __future__ import annotations

_SIGN = 0x80
_NINES = {"9" * n for n in (6, 8)}


def digits(data: bytes) -> str:
    """The digits, high byte first, as hex text: a nibble above 9 shows as a letter."""
    return data[::-1].hex().upper()


def is_unset(data: bytes) -> bool:
    """Whether the field is filled with FF, which means that the meter has no such value."""
    return bool(data) and not data.strip(b"\xff")


def is_all_nines(data: bytes) -> bool:
    """Whether a field is filled with 99, as one maker marks what a meter does not support."""
    return data.hex() in _NINES


def number(data: bytes, decimals: int = 0, *, is_signed: bool = False) -> float | None:
    """The number with that many decimals; None where a nibble is no digit or the field is unset.

    With `is_signed` the top bit of the highest byte means minus.
    """
    if not data or is_unset(data):
        return None
    is_negative = is_signed and bool(data[-1] & _SIGN)
    magnitude = data[:-1] + bytes([data[-1] & ~_SIGN & 0xFF]) if is_negative else data
    text = digits(magnitude)
    if not text.isdecimal():
        return None
    # Through text: 12345678 with two decimals is the float nearest to 123456.78.
    shown = float(f"{text[: len(text) - decimals] or '0'}.{text[len(text) - decimals :] or '0'}")
    return -shown if is_negative and shown else shown
