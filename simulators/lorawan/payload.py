"""What simulated LoRaWAN devices send: bytes of Milesight, Dragino, Axioma and Kamstrup devices. Pure.

Each is written from the maker's table as the fact files state it, not from our decoder.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from device_profiles.kinds import MessageProfile
from simulators.mbus.meter import type_f

History = Callable[[datetime], Mapping[str, float]]
"""What the device counted and measured at a moment (aware)."""

_HOUR = timedelta(hours=1)
_DRAGINO_PORT, _USUAL_PORT = 2, 85
_AXIOMA_HOURS, _AXIOMA_BITS = 23, 14
_KAMSTRUP_HOURS = 11


def encode_payload(profile: MessageProfile, history: History, moment: datetime) -> tuple[int, bytes]:
    """(port, bytes) of a device's usual report.

    Raises:
        ValueError: the profile is of no device whose bytes are known here, or knows none of the values.
    """
    encode = _CODECS.get(profile.codec)
    if encode is None:
        raise ValueError(f"{profile.id} is of no LoRaWAN device; its codec is {profile.codec}")
    data = encode(history, moment)
    if not data:
        raise ValueError(f"{profile.id} states none of: {', '.join(history(moment))}")
    return profile.f_port or (_DRAGINO_PORT if profile.codec == "dragino-sw3l" else _USUAL_PORT), data


def milesight(values: Mapping[str, float]) -> bytes:
    """Channel, type and value of each that is given, in the maker's order."""
    return b"".join(_MILESIGHT[name](value) for name, value in values.items() if name in _MILESIGHT)


def _channel(channel: int, kind: int, form: str, scale: float = 1.0) -> Callable[[float], bytes]:
    return lambda value: bytes([channel, kind]) + struct.pack(f"<{form}", round(value * scale))


_MILESIGHT: dict[str, Callable[[float], bytes]] = {
    "battery": _channel(0x01, 0x75, "B"),
    "temperature": _channel(0x03, 0x67, "h", 10),
    "humidity": _channel(0x04, 0x68, "B", 2),
    "pulse_count": _channel(0x05, 0xC8, "I"),
    "water_pressure": _channel(0x03, 0x7B, "H"),
    **{f"current_ch{n}": _channel(2 + 2 * n, 0x99, "H", 10) for n in (1, 2, 3)},
    **{f"charge_total_ch{n}": _channel(1 + 2 * n, 0x97, "I", 100) for n in (1, 2, 3)},
}


def _dragino(history: History, moment: datetime) -> bytes:
    """Flags, pulses as a running total (mode 0), a byte not used, Unix seconds; high byte first."""
    pulses = round(history(moment)["pulse_count"])
    return struct.pack(">BIBBI", 0, pulses, 0, 0, int(moment.timestamp()))


def _axioma(history: History, moment: datetime) -> bytes:
    """Version, time, status, the oldest volume in litres, 23 hourly differences of 14 bits each."""
    litres = _hourly_litres(history, moment, _AXIOMA_HOURS)[::-1]
    packed = 0
    for hour in range(_AXIOMA_HOURS):
        packed |= (litres[hour + 1] - litres[hour]) << (_AXIOMA_BITS * hour)
    size = -(-_AXIOMA_HOURS * _AXIOMA_BITS // 8)
    return struct.pack("<BIBI", 1, int(moment.timestamp()), 0, litres[0]) + packed.to_bytes(size, "little")


def _kamstrup(history: History, moment: datetime) -> bytes:
    """M-Bus records without a link layer: time, volume, state, flows, temperatures, the hours before as a profile."""
    litres = _hourly_litres(history, moment, _KAMSTRUP_HOURS)
    values = history(moment)
    records = [b"\x44\x6d" + type_f(moment), b"\x44\x13" + litres[0].to_bytes(4, "little"), b"\x52\xff\x25\x00\x00"]
    for name, head, form, scale in (
        ("flow_min", b"\x62\x3b", "<h", 1000), ("flow_max", b"\x52\x3b", "<h", 1000),
        ("water_temperature_min", b"\x61\x5b", "<b", 1), ("water_temperature_max", b"\x51\x5b", "<b", 1),
    ):  # fmt: skip
        if name in values:
            records.append(head + struct.pack(form, round(values[name] * scale)))
    deltas = b"".join((litres[i] - litres[i + 1]).to_bytes(2, "little") for i in range(_KAMSTRUP_HOURS))
    # Spacing control 62: differences of two bytes, an hour apart, going back.
    profile = b"\x4d\x93\x13" + bytes([2 + len(deltas)]) + b"\x62\x01" + deltas
    return b"\x78" + b"".join(records) + profile


def _hourly_litres(history: History, moment: datetime, hours: int) -> list[int]:
    """Litres now and at each hour before."""
    return [round(history(moment - n * _HOUR)["water_volume"] * 1000) for n in range(hours + 1)]


_CODECS: dict[str, Callable[[History, datetime], bytes]] = {
    "milesight": lambda history, moment: milesight(history(moment)),
    "dragino-sw3l": _dragino,
    "axioma-w1": _axioma,
    "kamstrup-lorawan": _kamstrup,
}
