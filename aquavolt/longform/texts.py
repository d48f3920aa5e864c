"""Columns of text into columns of values, a whole block of rows at a time. Pure.

A text column is a numpy array of bytes (`S`), one row an item. Each parser gives its values and, for the rows that have
none, False in a mask; `explain_*` then says of one such text what is wrong and what is allowed.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Mask, Times, to_ms

Texts = npt.NDArray[np.bytes_]

_EXAMPLE_TIME = "2026-09-01T08:00:00+08:00"
_HEAD = 19  # YYYY-MM-DDTHH:MM:SS
_DIGITS = np.array([i for i in range(_HEAD) if i not in (4, 7, 10, 13, 16)])
_SUFFIX = re.compile(rb"(?:[.,](\d{1,9}))?(?:[Zz]|([+-])([01]\d|2[0-3])(?::?([0-5]\d))?)")
# Python's own parser also takes minutes of an offset beyond 59 and a space before it; ISO 8601 knows neither.
_OFFSET_AT_END = re.compile(rb"[^ ](?:[Zz]|[+-]\d\d(?::?[0-5]\d)?)\Z")
_MINUTE_MS = 60_000
_NUMBER_BYTES = np.zeros(256, np.bool_)
_NUMBER_BYTES[list(b"0123456789+-.eE\0")] = True
# Odd multipliers, so that no word of a text can drop out of its hash.
_MIX = np.random.default_rng(0x5EED).integers(0, 2**63, 64, dtype=np.uint64) * np.uint64(2) + np.uint64(1)


def distinct(texts: Texts) -> tuple[Texts, npt.NDArray[np.intp]]:
    """The distinct texts, in no certain order, and for each row which of them it is."""
    if not len(texts):
        return texts, np.zeros(0, np.intp)
    words = -(-texts.dtype.itemsize // 8)
    if words > len(_MIX):
        return np.unique(texts, return_inverse=True)
    padded = texts.astype(f"S{words * 8}").view(np.uint64).reshape(len(texts), words)
    key = padded[:, 0] if words == 1 else _hash(padded)
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    found = texts[first]
    if words > 1 and not np.array_equal(found[inverse], texts):
        return np.unique(texts, return_inverse=True)
    return found, inverse


def _hash(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    key = np.zeros(len(words), np.uint64)
    for i in range(words.shape[1]):
        key = (key ^ (key >> np.uint64(29))) * _MIX[i] + words[:, i]
    return key


def look_up(texts: Texts, known: dict[bytes, int]) -> npt.NDArray[np.int64]:
    """The number of each text; -1 where it is unknown."""
    found, which = distinct(texts)
    return np.array([known.get(text, -1) for text in found.tolist()], np.int64)[which] if len(texts) else which


def parse_times(texts: Texts) -> tuple[Times, Mask]:
    """ISO 8601 times with offset as UTC; a fraction of a second is cut to milliseconds."""
    ms = np.zeros(len(texts), np.int64)
    is_read = np.zeros(len(texts), np.bool_)
    plain = _plain_rows(texts)
    if len(plain):
        chars = _characters(texts)[plain]
        seconds = _seconds(chars[:, :_HEAD])
        shift, has_offset = _shifts(chars[:, _HEAD:])
        if seconds is not None:
            ms[plain] = seconds * 1000 + shift
            is_read[plain] = has_offset
    odd = np.flatnonzero(~is_read)
    ms[odd], is_read[odd] = _odd_times(texts[odd])
    return ms.astype("datetime64[ms]"), is_read


def parse_values(texts: Texts) -> tuple[Float64, Mask]:
    """Finite decimal numbers (`12`, `0.5`, `-1e3`)."""
    is_read: Mask = np.asarray(_NUMBER_BYTES[_characters(texts)].all(axis=1))
    values = np.zeros(len(texts))
    try:
        values[is_read] = texts[is_read].astype(np.float64)
    except ValueError:
        for row in np.flatnonzero(is_read):
            values[row], is_read[row] = _any_number(texts[row])
    is_read &= np.isfinite(values)
    return values, is_read


def parse_quality(texts: Texts) -> tuple[npt.NDArray[np.uint16], Mask]:
    """Bits of `Quality` as a number, 0..255."""
    values, is_read = parse_values(texts)
    is_read &= (values >= 0) & (values < 256) & (values == np.floor(values))  # noqa: PLR2004
    return np.where(is_read, values, 0).astype(np.uint16), is_read


def explain_time(text: str) -> str:
    """Why this is no time."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return f"no ISO 8601 time with offset, such as {_EXAMPLE_TIME}"
    if moment.tzinfo is None:
        return f"has no offset from UTC; allowed: ISO 8601 with offset, such as {_EXAMPLE_TIME}"
    return f"no time in the years 1 to 9999 with an offset such as in {_EXAMPLE_TIME}"


def explain_value(text: str) -> str:
    """Why this is no value."""
    return "is missing; a reading that is not there has no row" if not text else "no finite number, such as 12.345"


def explain_quality(_text: str) -> str:
    """Why these are no quality bits."""
    return "no quality bits; allowed: a whole number from 0 to 255"


def _characters(texts: Texts) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(texts).view(np.uint8).reshape(len(texts), texts.dtype.itemsize)


def _plain_rows(texts: Texts) -> npt.NDArray[np.intp]:
    """Rows that begin like YYYY-MM-DDTHH:MM:SS and go on."""
    if texts.dtype.itemsize <= _HEAD:
        return np.zeros(0, np.intp)
    chars = _characters(texts)
    is_plain = (chars[:, _DIGITS] - np.uint8(ord("0")) < 10).all(axis=1)  # noqa: PLR2004 - wraps below "0"
    is_plain &= (chars[:, 4] == ord("-")) & (chars[:, 7] == ord("-"))
    is_plain &= (chars[:, 13] == ord(":")) & (chars[:, 16] == ord(":"))
    is_plain &= (chars[:, 10] == ord("T")) | (chars[:, 10] == ord(" "))
    is_plain &= chars[:, 0] != ord("0")  # years below 1000 go the general way, which knows the year 0 as wrong
    return np.flatnonzero(is_plain)


def _seconds(head: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64] | None:
    """Seconds since 1970 of local clock times; None where one of them is impossible, such as month 13."""
    try:
        clock = np.ascontiguousarray(head).view(f"S{_HEAD}").ravel().astype("datetime64[s]")
    except ValueError:
        return None
    return clock.astype(np.int64)


def _shifts(rest: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.int64], Mask]:
    """What fraction and offset add, in ms; False where there is no offset."""
    suffixes, which = distinct(np.ascontiguousarray(rest).view(f"S{rest.shape[1]}").ravel())
    found = [_shift(suffix) for suffix in suffixes.tolist()]
    shift = np.array([0 if s is None else s for s in found], np.int64)
    return shift[which], np.array([s is not None for s in found], np.bool_)[which]


def _shift(suffix: bytes) -> int | None:
    match = _SUFFIX.fullmatch(suffix)
    if match is None:
        return None
    fraction, sign, hours, minutes = match.groups()
    ms = int(fraction[:3].ljust(3, b"0")) if fraction else 0
    offset = (int(hours or 0) * 60 + int(minutes or 0)) * _MINUTE_MS
    return ms + offset if sign == b"-" else ms - offset


def _odd_times(texts: Texts) -> tuple[npt.NDArray[np.int64], Mask]:
    """Every other way that ISO 8601 writes a time, one distinct text at a time."""
    forms, which = distinct(texts)
    found = [_odd_time(form) for form in forms.tolist()]
    ms = np.array([0 if t is None else t for t in found], np.int64)
    return ms[which], np.array([t is not None for t in found], np.bool_)[which]


def _odd_time(text: bytes) -> int | None:
    if not _OFFSET_AT_END.search(text):
        return None
    try:
        return int(to_ms(datetime.fromisoformat(text.decode())).astype(np.int64))
    except (ValueError, OverflowError):
        return None


def _any_number(text: Any) -> tuple[float, bool]:
    try:
        return float(text), True
    except ValueError:
        return 0.0, False
