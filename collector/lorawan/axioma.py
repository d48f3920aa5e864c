"""Axioma Qalcosonic W1, enhanced payload: a volume, 23 hourly differences, status. Pure.

Bits of the status after a published codec (TheThingsNetwork/lorawan-devices, vendor/axioma/qalcosonic-w1-codec.js).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from collector.lorawan.uplink import UplinkError
from collector.read_value import ReadValue
from collector.statement import Statement

_PORT, _LENGTH, _VERSION = 100, 51, 1
_HOURS, _BITS = 23, 14
_BACKFLOW, _BURST, _LEAK, _COLD, _EMPTY = 0x60, 0xA0, 0x20, 0x80, 0x10


def decode(payload: bytes, port: int | None) -> Statement:
    """The volume now and at the 23 hours before, and what the status says.

    Raises:
        UplinkError: another payload than the enhanced one.
    """
    if port not in {None, _PORT} or len(payload) != _LENGTH or payload[0] != _VERSION:
        raise UplinkError(
            f"port {port}, {len(payload)} bytes, version {payload[:1].hex()}: read is port 100, 51 bytes, version 01"
        )
    time = datetime.fromtimestamp(int.from_bytes(payload[1:5], "little"), UTC)
    packed = int.from_bytes(payload[10:], "little")
    if packed >> (_HOURS * _BITS):
        raise UplinkError("its differences carry a multiplier that is not known")
    litres = [int.from_bytes(payload[6:10], "little")]
    for hour in range(_HOURS):
        litres.append(litres[-1] + (packed >> (_BITS * hour) & (1 << _BITS) - 1))
    values = [
        ReadValue("water_volume", volume / 1000, "m3", time - timedelta(hours=hours))
        for hours, volume in enumerate(reversed(litres))
    ]
    return Statement((*values, *_status(payload[5], time)))


def _status(status: int, time: datetime) -> list[ReadValue]:
    is_backflow, is_burst = status & _BACKFLOW == _BACKFLOW, status & _BURST == _BURST
    said = {
        "low_battery": bool(status & 0x04),
        "permanent_error": bool(status & 0x08),
        "temporary_error": bool(status & 0x10),
        "pipe_empty": status == _EMPTY,
        "backflow": is_backflow,
        "burst": is_burst,
        "leakage": bool(status & _LEAK) and not is_backflow and not is_burst,
        "low_temperature": bool(status & _COLD) and not is_burst,
    }
    return [ReadValue("status", f"0x{status:02X}", "", time), *(ReadValue(n, v, "", time) for n, v in said.items())]
