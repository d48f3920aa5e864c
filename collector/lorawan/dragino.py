"""Dragino SW3L payloads: pulses of a flow sensor. Pure. After the maker's decoders as the fact file states them."""

from __future__ import annotations

from datetime import UTC, datetime

from collector.lorawan.uplink import UplinkError
from collector.read_value import ReadValue
from collector.statement import Statement

_READING, _LOG, _SETTINGS, _INFORMATION = 2, 3, 4, 5
_RECORD, _INFORMATION_BYTES = 11, 7
_DIFFERENCES = 1
_ALARM = 2


def decode(payload: bytes, port: int | None) -> Statement:
    """All values of a payload.

    Raises:
        UplinkError: a port or a length that is none of the device's.
    """
    if port in {None, _READING} and len(payload) == _RECORD:
        values = _record(payload)
        alarm = ReadValue("alarm", bool(payload[0] & _ALARM), "", values[0].time)
        return Statement((*values, ReadValue("flag", payload[0] >> 2 & 0x0F, ""), alarm))
    if port == _LOG and payload and len(payload) % _RECORD == 0:
        # In the log the byte after the flags stands where a reading has its mode; pulses are running totals.
        records = [payload[i : i + _RECORD] for i in range(0, len(payload), _RECORD)]
        return Statement(tuple(value for record in records for value in _logged(record)))
    if port == _SETTINGS:
        return Statement(meaning=f"the device's settings: {payload.hex(' ').upper()}")
    if port == _INFORMATION and len(payload) >= _INFORMATION_BYTES:
        battery = int.from_bytes(payload[5:7], "big")
        return Statement((ReadValue("battery_voltage", battery, "mV"),), f"device information, {payload.hex(' ')}")
    raise UplinkError(f"port {port} with {len(payload)} bytes is none of an SW3L: readings come on port 2 with 11")


def _record(data: bytes) -> list[ReadValue]:
    """A reading: pulses as a running total, or since the last report (mode 1), which no register is made of."""
    name = "pulses_since_last" if data[5] == _DIFFERENCES else "pulse_count"
    return [ReadValue(name, int.from_bytes(data[1:5], "big"), "pulse", _time(data[7:11]))]


def _logged(data: bytes) -> list[ReadValue]:
    """A record of the log: flags, mode, one byte, pulses, time."""
    name = "pulses_since_last" if data[1] == _DIFFERENCES else "pulse_count"
    return [ReadValue(name, int.from_bytes(data[3:7], "big"), "pulse", _time(data[7:11]))]


def _time(data: bytes) -> datetime:
    return datetime.fromtimestamp(int.from_bytes(data, "big"), UTC)
