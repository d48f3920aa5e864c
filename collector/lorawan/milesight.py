"""Milesight payloads: channel, type and value in a row (EM300-DI, CT10x, CT30x, EM500-PP). Pure.

After the maker's tables as the fact files state them; a channel that is not known ends the row.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import UTC, datetime

from collector.lorawan.uplink import UplinkError
from collector.read_value import ReadValue
from collector.statement import Statement

_FAILED = 0xFFFF
_ALARMS = ("threshold", "threshold_release", "over_range", "over_range_release")
_CURRENT = {0x98: 100.0, 0x99: 10.0}
_CURRENT_CHANNEL = {0x04: 1, 0x06: 2, 0x08: 3}
_PULSE_INPUT = 2
_ALARM_BIT = 0x80
# Device information on channel FF: type to length. It is configuration, not a reading.
_INFORMATION = {0x01: 1, 0x08: 6, 0x09: 2, 0x0A: 2, 0x0B: 1, 0x0F: 1, 0x16: 8, 0xFE: 1, 0xFF: 2}
Reader = Callable[[bytes], list[ReadValue]]


def decode(payload: bytes) -> Statement:
    """All values of a payload.

    Raises:
        UplinkError: it is cut short, or its first channel is none of the maker's.
    """
    values: list[ReadValue] = []
    notes: list[str] = []
    at = 0
    while at + 1 < len(payload):
        channel, kind = payload[at], payload[at + 1]
        size, reader = _reader(channel, kind)
        if size is None:
            if at == 0:
                raise UplinkError(f"channel {channel:02X} of type {kind:02X} is none of these devices")
            notes.append(f"{len(payload) - at} bytes from channel {channel:02X} {kind:02X} on are not known")
            break
        part = payload[at + 2 : at + 2 + size]
        if len(part) < size:
            raise UplinkError(f"cut short inside channel {channel:02X}: {len(part)} bytes of {size}")
        told = reader(part) if reader else []
        notes += [] if told or reader is None else [f"channel {channel:02X}: no value (read failed)"]
        values += told
        at += 2 + size
    if at == 0 or (at + 1 == len(payload) and not notes):
        raise UplinkError(f"cut short: {len(payload) - at} bytes where a channel should begin")
    return Statement(tuple(values), "; ".join(notes))


def _reader(channel: int, kind: int) -> tuple[int | None, Reader | None]:
    """(length, reader) of a channel; (None, None) where it is not known."""
    if channel == 0xFF:  # noqa: PLR2004
        return _INFORMATION.get(kind), None
    if kind in _CURRENT and channel & ~_ALARM_BIT in _CURRENT_CHANNEL:
        return _current(channel, kind)
    if kind == 0x97 and channel in {3, 5, 7}:  # noqa: PLR2004
        name = f"charge_total_ch{(channel - 1) // 2}"
        return 4, lambda d: [ReadValue(name, int.from_bytes(d, "little") / 100, "Ah")]
    return _READERS.get((channel, kind), (None, None))


def _current(channel: int, kind: int) -> tuple[int, Reader]:
    name, scale = f"current_ch{_CURRENT_CHANNEL[channel & ~_ALARM_BIT]}", _CURRENT[kind]

    def plain(data: bytes) -> list[ReadValue]:
        raw = int.from_bytes(data, "little")
        return [] if raw == _FAILED else [ReadValue(name, raw / scale, "A")]

    def alarmed(data: bytes) -> list[ReadValue]:
        highest, lowest, now, alarm = struct.unpack("<HHHB", data)
        said = ", ".join(text for bit, text in enumerate(_ALARMS) if alarm & 1 << bit) or "none"
        told = ((name, now), (f"{name}_max", highest), (f"{name}_min", lowest))
        values = [ReadValue(n, raw / scale, "A") for n, raw in told if raw != _FAILED]
        return [*values, ReadValue(f"{name}_alarm", said, "")]

    return (7, alarmed) if channel & _ALARM_BIT else (2, plain)


def _temperature(data: bytes) -> list[ReadValue]:
    raw: int = struct.unpack("<h", data[:2])[0]
    return [ReadValue("temperature", raw / 10, "degC")]


def _humidity(data: bytes) -> list[ReadValue]:
    return [ReadValue("humidity", data[0] / 2, "%")]


def _pressure(data: bytes) -> list[ReadValue]:
    raw = int.from_bytes(data, "little")
    # The maker's name and unit beside ours: a pressure of 10 kPa is 0.1 bar.
    return [ReadValue("water_pressure", raw, "kPa"), ReadValue("pressure", raw / 100, "bar")]


def _pulse(data: bytes) -> list[ReadValue]:
    return [ReadValue("pulse_count", int.from_bytes(data, "little"), "pulse")]


def _water(data: bytes) -> list[ReadValue]:
    """Firmware 1.3 and later: the device has turned pulses into its own unit; a float keeps 7 digits."""
    per, pulses, volume = struct.unpack("<HHf", data[:8])
    values = [ReadValue("water_conv", per / 10, ""), ReadValue("pulse_conv", pulses / 10, "")]
    if volume == volume and abs(volume) != float("inf"):  # noqa: PLR0124 - NaN is not itself
        values.append(ReadValue("water_volume", float(f"{volume:.7g}"), "m3"))
    if len(data) > 8:  # noqa: PLR2004
        values.append(ReadValue("water_alarm", f"{data[8]:02X}", ""))
    return values


def _history(data: bytes) -> list[ReadValue]:
    """A logged record with its own time, pulses as counted."""
    seconds, celsius, humidity, kind, level, pulses = struct.unpack("<IhBBBI", data)
    value = ReadValue("pulse_count", pulses, "pulse")
    if kind != _PULSE_INPUT:
        value = ReadValue("input_state", level, "")
    return _at(
        seconds, [ReadValue("temperature", celsius / 10, "degC"), ReadValue("humidity", humidity / 2, "%"), value]
    )


def _water_history(data: bytes) -> list[ReadValue]:
    """A logged record with its own time, pulses already turned into a volume."""
    seconds, celsius, humidity, alarm, kind, level = struct.unpack("<IhBBBB", data[:10])
    values = [ReadValue("temperature", celsius / 10, "degC"), ReadValue("humidity", humidity / 2, "%")]
    values += _water(data[10:]) if kind == _PULSE_INPUT else [ReadValue("input_state", level, "")]
    values += [ReadValue("water_alarm", f"{alarm:02X}", "")] if alarm else []
    return _at(seconds, values)


def _at(seconds: int, values: list[ReadValue]) -> list[ReadValue]:
    time = datetime.fromtimestamp(seconds, UTC)
    return [ReadValue(v.quantity, v.value, v.unit, time) for v in values]


_READERS: dict[tuple[int, int], tuple[int | None, Reader | None]] = {
    (0x01, 0x75): (1, lambda d: [ReadValue("battery", d[0], "%")]),
    (0x03, 0x67): (2, _temperature),
    (0x09, 0x67): (2, _temperature),
    (0x83, 0x67): (3, _temperature),
    (0x89, 0x67): (3, _temperature),
    (0x04, 0x68): (1, _humidity),
    (0x03, 0x7B): (2, _pressure),
    (0x05, 0x00): (1, lambda d: [ReadValue("input_state", d[0], "")]),
    (0x05, 0xC8): (4, _pulse),
    (0x05, 0xE1): (8, _water),
    (0x85, 0xE1): (9, _water),
    (0x20, 0xCE): (13, _history),
    (0x21, 0xCE): (18, _water_history),
}
