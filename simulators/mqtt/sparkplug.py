"""Sparkplug B payloads of a simulated device: a birth that names its metrics, and data by alias. Pure.

Field numbers after the Eclipse Sparkplug 3.0 definition: payload 1 timestamp, 2 metrics, 3 seq; metric 1 name,
2 alias, 3 timestamp, 4 datatype, 13 double value.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

_DOUBLE = 10


def birth(values: Mapping[str, float], time_ms: int, seq: int = 0) -> bytes:
    """Names and aliases of all metrics, with their values."""
    return _payload(values, time_ms, seq, is_named=True)


def data(values: Mapping[str, float], time_ms: int, seq: int) -> bytes:
    """Values by the aliases that the birth gave."""
    return _payload(values, time_ms, seq, is_named=False)


def _payload(values: Mapping[str, float], time_ms: int, seq: int, *, is_named: bool) -> bytes:
    metrics = b"".join(
        _bytes(2, _metric(name if is_named else "", alias, value, time_ms))
        for alias, (name, value) in enumerate(values.items(), 1)
    )
    return _number(1, time_ms) + metrics + _number(3, seq & 0xFF)


def _metric(name: str, alias: int, value: float, time_ms: int) -> bytes:
    named = _bytes(1, name.encode()) if name else b""
    return named + _number(2, alias) + _number(3, time_ms) + _number(4, _DOUBLE) + b"\x69" + struct.pack("<d", value)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
