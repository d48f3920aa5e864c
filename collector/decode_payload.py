"""One frame or payload, decoded by a profile: what `aquavolt decode` prints. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from collector.frames import decode_frames
from collector.modbus.frame import ModbusError
from collector.modbus.payload import decode_reply
from collector.mqtt.decode import PayloadError, read_values
from collector.mqtt.message import reader
from collector.read_value import ReadValue
from device_profiles import FrameProfile, JsonProfile, MessageProfile, ModbusProfile, Profile

# Separators that people copy along with hex bytes.
_HEX = re.compile(r"(?:0x)?[0-9a-fA-F]{2}(?:[\s:,-]*(?:0x)?[0-9a-fA-F]{2})*")
_PREFIX_OR_SEPARATOR = re.compile(r"0x|[\s:,-]")
_SHORTEST_FRAME = 4


class DecodeError(ValueError):
    """No value can be told: the frame is broken, or what was given with it does not fit. The message says why."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a payload states. `meaning` says what a valid frame means that has no value, or whose values miss some."""

    values: tuple[ReadValue, ...]
    meaning: str = ""


def decode_payload(
    profile: Profile,
    data: bytes,
    *,
    topic: str | None = None,
    port: int | None = None,
    request: str | None = None,
    at: str | None = None,
    is_hex: bool = False,
) -> Decoded:
    """The values in one payload.

    topic, port  of an MQTT message or a LoRaWAN uplink
    request, at  what a Modbus reply answers: the request as hex text, or FUNCTION:ADDRESS such as 4:0x48
    is_hex       `data` is hex text; hex text of a frame is recognised without it

    Raises:
        DecodeError: no whole and right frame, or not to be understood with what was given.
    """
    try:
        if isinstance(profile, JsonProfile):
            return Decoded(tuple(read_values(profile, parse_hex(data) if is_hex else data)))
        if isinstance(profile, MessageProfile):
            is_text = is_hex or (profile.codec == "sparkplug-b" and _looks_like_hex(data))
            said = reader(profile)(parse_hex(data) if is_text else data, topic, port)
            return Decoded(said.values, said.meaning)
        if isinstance(profile, FrameProfile):
            said = decode_frames(profile, parse_hex(data) if is_hex else data)
            return Decoded(said.values, said.meaning)
        return _decode_modbus(profile, data, request, at, is_hex=is_hex)
    except (PayloadError, ModbusError, ValueError) as error:
        raise DecodeError(str(error)) from error


def _decode_modbus(
    profile: ModbusProfile, data: bytes, request: str | None, at: str | None, *, is_hex: bool
) -> Decoded:
    frame = parse_hex(data) if is_hex or _looks_like_hex(data) else data
    values, meaning = decode_reply(profile, frame, parse_hex(request.encode()) if request else None, at)
    return Decoded(tuple(values), meaning)


def _looks_like_hex(data: bytes) -> bool:
    """Whether a file is hex text: its bytes are all digits and separators, which no real frame's are."""
    try:
        text = data.decode("ascii").strip()
    except UnicodeDecodeError:
        return False
    return len(text) >= 2 * _SHORTEST_FRAME and _HEX.fullmatch(text) is not None


def parse_hex(data: bytes) -> bytes:
    """The bytes that hex text stands for; spaces, colons, commas, dashes and 0x are allowed between them.

    Raises:
        ValueError: it is no hex text.
    """
    text = data.decode("ascii", "replace").strip()
    if not _HEX.fullmatch(text):
        raise ValueError(f"not hex text: {text[:60]!r}; for example 01 04 04 43 66 33 34 1B 38")
    return bytes.fromhex(_PREFIX_OR_SEPARATOR.sub("", text))
