"""Sparkplug B payloads: metrics of a protobuf message, by name or by the alias that a birth gave them. Pure.

Payload: 1 timestamp, 2 metrics, 3 seq, 4 uuid, 5 body. Metric: 1 name, 2 alias, 3 timestamp, 4 datatype,
5 is_historical, 6 is_transient, 7 is_null, 9 properties, then one of 10 int, 11 long, 12 float, 13 double, 14 boolean,
15 string, 16 bytes. After the Eclipse Sparkplug 3.0 specification.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from collector.read_value import ReadValue
from metering.quantities import BY_NAME

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_TIMESTAMP, _METRICS, _SEQ = 1, 2, 3
_NAME, _ALIAS, _WHEN, _TYPE, _HISTORICAL, _NULL, _PROPERTIES = 1, 2, 3, 4, 5, 7, 9
_INT, _LONG, _FLOAT, _DOUBLE, _BOOLEAN, _STRING = 10, 11, 12, 13, 14, 15
# Signed datatypes travel as unsigned numbers of their width.
_SIGNED = {1: 8, 2: 16, 3: 32, 4: 64}
_WIRE = {_INT: _VARINT, _LONG: _VARINT, _FLOAT: _FIXED32, _DOUBLE: _FIXED64, _BOOLEAN: _VARINT, _STRING: _BYTES}
_LONGEST_VARINT = 10
_ENGINEERING_UNIT = "engUnit"


class SparkplugError(ValueError):
    """Bytes that are no Sparkplug B payload; the message says why."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `value` is None where it says that it has none, or holds what is no number, text or truth."""

    name: str
    alias: int | None
    value: float | str | bool | None
    unit: str
    time_ms: int | None
    is_historical: bool


@dataclass(frozen=True, slots=True)
class Payload:
    """Metrics in order, the payload's own time in ms and its sequence number."""

    metrics: tuple[Metric, ...]
    time_ms: int | None
    seq: int | None


def read_payload(data: bytes) -> Payload:
    """The metrics of a payload.

    Raises:
        SparkplugError: it is no protobuf message of that form, or cut short.
    """
    metrics, time_ms, seq = [], None, None
    for number, wire, value in _fields(data):
        if number == _TIMESTAMP and wire == _VARINT and isinstance(value, int):
            time_ms = value
        elif number == _SEQ and wire == _VARINT and isinstance(value, int):
            seq = value
        elif number == _METRICS and isinstance(value, bytes) and wire == _BYTES:
            metrics.append(_metric(value))
        elif number > 5:  # noqa: PLR2004 - extensions are allowed from 6 on, and not ours to read
            continue
    if not metrics and time_ms is None:
        raise SparkplugError(f"{len(data)} bytes without metrics and time are no Sparkplug B payload")
    return Payload(tuple(metrics), time_ms, seq)


def _metric(data: bytes) -> Metric:
    name, alias, when, kind, unit = "", None, None, 0, ""
    value: float | str | bool | None = None
    is_historical = is_null = False
    for number, wire, raw in _fields(data):
        if number == _NAME and isinstance(raw, bytes):
            name = _utf8(raw)
        elif number == _PROPERTIES and isinstance(raw, bytes):
            unit = _unit(raw)
        elif number in _WIRE and wire == _WIRE[number]:
            value = _value(number, raw)
        elif isinstance(raw, int) and wire == _VARINT:
            alias = raw if number == _ALIAS else alias
            when = raw if number == _WHEN else when
            kind = raw if number == _TYPE else kind
            is_historical |= number == _HISTORICAL and bool(raw)
            is_null |= number == _NULL and bool(raw)
    if isinstance(value, int) and not isinstance(value, bool) and kind in _SIGNED:
        value = _signed(value, _SIGNED[kind])
    return Metric(name, alias, None if is_null else value, unit, when, is_historical)


def _value(number: int, raw: int | bytes) -> float | str | bool | None:
    if number == _FLOAT and isinstance(raw, bytes):
        return _finite(struct.unpack("<f", raw)[0])
    if number == _DOUBLE and isinstance(raw, bytes):
        return _finite(struct.unpack("<d", raw)[0])
    if number == _BOOLEAN:
        return bool(raw)
    return _utf8(raw) if isinstance(raw, bytes) else raw


def _finite(value: float) -> float | None:
    return value if value - value == 0 else None


def _signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _utf8(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SparkplugError("a text that is no UTF-8") from error


def _unit(data: bytes) -> str:
    """The unit among a metric's properties: keys and values in two rows."""
    keys, texts = [], []
    for number, _, raw in _fields(data):
        if number == 1 and isinstance(raw, bytes):
            keys.append(_utf8(raw))
        elif number == 2 and isinstance(raw, bytes):  # noqa: PLR2004
            found = [r for n, _, r in _fields(raw) if n == 8 and isinstance(r, bytes)]  # noqa: PLR2004 - a string value
            texts.append(_utf8(found[0]) if found else "")
    return next((t for k, t in zip(keys, texts, strict=False) if k == _ENGINEERING_UNIT), "")


def _fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """(number, wire type, value) of a message's fields."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if number == 0:
            raise SparkplugError("a field without a number")
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, wire, value
            continue
        if wire == _BYTES:
            size, at = _varint(data, at)
        elif wire in {_FIXED64, _FIXED32}:
            size = 8 if wire == _FIXED64 else 4
        else:
            raise SparkplugError(f"a field of wire type {wire}")
        if at + size > len(data):
            raise SparkplugError(f"cut short: a field of {size} bytes, {len(data) - at} are left")
        yield number, wire, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for i in range(_LONGEST_VARINT):
        if at + i >= len(data):
            raise SparkplugError("cut short inside a number")
        value |= (data[at + i] & 0x7F) << (7 * i)
        if data[at + i] < 0x80:  # noqa: PLR2004
            return value, at + i + 1
    raise SparkplugError("a number of more than ten bytes")


class Births:
    """Names by alias, as births told them, for one device's messages."""

    def __init__(self) -> None:
        self._names: dict[int, tuple[str, str]] = {}

    def read(self, data: bytes) -> list[ReadValue]:
        """The values of a payload, our quantities under our names; a metric whose alias has no name yet by its alias.

        Raises:
            SparkplugError: the payload is broken.
        """
        payload = read_payload(data)
        values = []
        for metric in payload.metrics:
            if metric.alias is not None and metric.name:
                self._names[metric.alias] = (metric.name, metric.unit)
            known = self._names.get(metric.alias if metric.alias is not None else -1)
            name, unit = known if known and not metric.name else (metric.name, metric.unit)
            name = name or f"alias {metric.alias}"
            if metric.value is None or name in {"bdSeq", "Node Control/Rebirth"}:
                continue
            values.append(_read_value(name, unit, metric, payload.time_ms))
        return values


def _read_value(name: str, unit: str, metric: Metric, payload_ms: int | None) -> ReadValue:
    quantity = BY_NAME.get(name.rsplit("/", 1)[-1])
    time_ms = metric.time_ms if metric.time_ms is not None else payload_ms
    assert metric.value is not None  # noqa: S101 - told apart before
    return ReadValue(
        quantity.name if quantity else name, metric.value, quantity.unit if quantity else unit, _time(time_ms)
    )


def _time(ms: int | None) -> datetime | None:
    try:
        return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise SparkplugError(f"a time that is none: {ms}") from error
