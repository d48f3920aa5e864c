"""One Modbus frame without a connection: its values by profile, or what it means. Pure."""

from __future__ import annotations

import re

from collector.modbus.frame import (
    READ_HOLDING,
    READ_INPUT,
    TABLES,
    BrokenFrameError,
    Frame,
    ReadRequest,
    decode_rtu,
    decode_tcp,
    describe_valueless,
    parse_request,
)
from collector.modbus.values import block_values
from collector.read_value import ReadValue
from device_profiles import ModbusProfile

_AT = re.compile(r"([1-4]):(0[xX][0-9a-fA-F]{1,4}|[0-9]{1,5})")
# The shortest TCP frames are exceptions; eight bytes that look like a header are a write reply in RTU.
_SHORTEST_TCP = 9
_ADDRESSES = 0x10000
_ANSWERS = {*TABLES, 5, 6, 15, 16}
_REGISTER_READS = (READ_HOLDING, READ_INPUT)


def decode_reply(
    profile: ModbusProfile, data: bytes, request: bytes | None = None, at: str | None = None
) -> tuple[list[ReadValue], str]:
    """The values of a reply, in RTU or TCP form, and what is to be said about it.

    request  the frame it answers; or
    at       function and first address, FUNCTION:ADDRESS with the 0-based wire address

    Raises:
        BrokenFrameError: the frame is not whole and right, or does not answer the request.
        ValueError: a reply with registers, and nothing says which.
    """
    frame = parse_frame(data)
    asked = parse_request(request) if request is not None else None
    if asked is not None and asked.unit != frame.unit:
        raise BrokenFrameError(f"the request goes to unit {asked.unit}, the reply comes from unit {frame.unit}")
    if (meaning := describe_valueless(frame)) is not None:
        return [], meaning
    count = _count(frame)
    if frame.function not in _REGISTER_READS:
        return [], f"unit {frame.unit} states {TABLES[frame.function]}, which no profile reads"
    function, address = _place(asked, at)
    if function != frame.function:
        raise BrokenFrameError(f"function {function} was asked, function {frame.function} is answered")
    if asked is not None and asked.count != count:
        raise BrokenFrameError(f"{asked.count} registers were asked for, the reply has {count}")
    return _values(profile, ReadRequest(frame.unit, function, address, count), frame.pdu[2:])


def parse_frame(data: bytes) -> Frame:
    """The frame in these bytes: TCP where the header fits, RTU else.

    Raises:
        BrokenFrameError: neither is whole and right.
    """
    is_tcp = len(data) >= _SHORTEST_TCP and data[2:4] == b"\0\0" and int.from_bytes(data[4:6], "big") == len(data) - 6
    frame = decode_tcp(data) if is_tcp else decode_rtu(data)
    if frame.function not in _ANSWERS:
        raise BrokenFrameError(f"function {frame.function} is none that a meter answers with")
    return frame


def _count(frame: Frame) -> int:
    """How many registers a read reply carries; 0 for coils."""
    size = len(frame.pdu) - 2
    if size < 1 or frame.pdu[1] != size or (frame.function in _REGISTER_READS and size % 2):
        raise BrokenFrameError(
            f"the reply says {frame.pdu[1] if size >= 0 else 0} bytes of data and has {max(size, 0)}"
        )
    return size // 2 if frame.function in _REGISTER_READS else 0


def _place(asked: ReadRequest | None, at: str | None) -> tuple[int, int]:
    if asked is not None:
        return asked.function, asked.address
    if at is None:
        raise ValueError(
            "a Modbus reply does not say which registers it carries: give the request, or --at such as 4:0"
        )
    match = _AT.fullmatch(at.strip())
    address = (int(match[2], 16) if match[2][:2].lower() == "0x" else int(match[2])) if match else _ADDRESSES
    if match is None or address >= _ADDRESSES:
        raise ValueError(f"{at!r} is no place; allowed: FUNCTION:ADDRESS such as 4:0x48 or 3:8192, address 0 to 65535")
    return int(match[1]), address


def _values(profile: ModbusProfile, read: ReadRequest, registers: bytes) -> tuple[list[ReadValue], str]:
    end = read.address + read.count
    points = [p for p in profile.points if p.function == read.function and read.address <= p.address and p.end <= end]
    where = f"{TABLES[read.function]} {read.address} to {end - 1}"
    if not points:
        return [], f"no value of {profile.id} lies wholly in {where}"
    values, without = block_values(points, read.address, registers, profile.parameters)
    return values, f"no value stated for {', '.join(without)}" if without else ""
