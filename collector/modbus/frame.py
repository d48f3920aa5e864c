"""Modbus frames as bytes, without I/O.

    TCP  [ transaction 2 ][ protocol 2 = 0 ][ length 2 ][ unit 1 ][ PDU ]     length counts unit and PDU
    RTU  [ unit 1 ][ PDU ][ CRC 2, low byte first ]
    PDU  [ function 1 ][ data ]   a reply with function | 0x80 is an exception: [ function | 0x80 ][ code ]

Sources: MODBUS Application Protocol V1.1b3, MODBUS Messaging on TCP/IP V1.0b, MODBUS over Serial Line V1.02.

Errors are grouped by who handles them: `BrokenFrameError` means the stream is out of step (the connection is made
anew, no value is taken); `ExceptionReplyError` is the meter's own answer (counted at the meter, the line is fine).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

READ_HOLDING, READ_INPUT = 3, 4
READS = (1, 2, 3, 4)
_WRITES = {5: "one coil", 6: "one register", 15: "coils", 16: "registers"}
TABLES = {1: "coils", 2: "discrete inputs", 3: "holding registers", 4: "input registers"}
MAX_REGISTERS = 125

_MBAP = struct.Struct(">HHHB")
_REQUEST = struct.Struct(">BHH")
_HEAD = _MBAP.size
_MAX_ADU = 260
_EXCEPTION_BIT = 0x80
_MIN_RTU, _RTU_REQUEST, _TCP_REQUEST, _WRITE_PDU = 4, 8, 12, 5

EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    5: "acknowledge",
    6: "server device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target device failed to respond",
}
# With these a gateway says of a unit behind it what silence says on a line of one's own.
SILENCE_CODES = (10, 11)


class ModbusError(Exception):
    """Whatever goes wrong in talking Modbus."""


class BrokenFrameError(ModbusError):
    """Bytes that are no frame, or not the frame that was asked for."""


class ExceptionReplyError(ModbusError):
    """The unit answered that it will not; `code` says why."""

    def __init__(self, function: int, code: int) -> None:
        self.function, self.code = function, code
        super().__init__(f"exception {code} ({EXCEPTIONS.get(code, 'unknown code')}) to function {function}")


class Frame(NamedTuple):
    """A checked frame; `transaction` is None in RTU."""

    unit: int
    pdu: bytes
    transaction: int | None = None

    @property
    def function(self) -> int:
        """The function code, without the bit that marks an exception."""
        return self.pdu[0] & ~_EXCEPTION_BIT


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A question for `count` registers from the 0-based wire address on."""

    unit: int
    function: int
    address: int
    count: int

    def tail(self) -> bytes:
        """The TCP frame after its transaction id, which is all that changes from poll to poll."""
        return struct.pack(">HHBBHH", 0, 6, self.unit, self.function, self.address, self.count)


def encode_tcp(frame: Frame) -> bytes:
    """The frame with its MBAP header; a transaction of None goes as 0."""
    return _MBAP.pack(frame.transaction or 0, 0, len(frame.pdu) + 1, frame.unit) + frame.pdu


def encode_rtu(frame: Frame) -> bytes:
    """The frame with unit and CRC."""
    body = bytes([frame.unit]) + frame.pdu
    return body + crc16(body).to_bytes(2, "little")


def read_pdu(function: int, address: int, count: int) -> bytes:
    """The PDU of a read request."""
    return _REQUEST.pack(function, address, count)


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_CRC = _crc_table()


def crc16(data: bytes) -> int:
    """The CRC of RTU: polynomial 0xA001 (reflected), start 0xFFFF; sent low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC[(crc ^ byte) & 0xFF]
    return crc


def split_tcp(buffer: bytes) -> tuple[list[Frame], bytes]:
    """The whole frames at the start of a stream, and the bytes left over.

    Raises:
        BrokenFrameError: what stands there cannot be the start of a frame.
    """
    frames: list[Frame] = []
    start = 0
    while len(buffer) - start >= _HEAD:
        transaction, protocol, length, unit = _MBAP.unpack_from(buffer, start)
        if protocol != 0 or not 2 <= length <= _MAX_ADU - 6:  # noqa: PLR2004 - unit and function at least
            raise BrokenFrameError(f"no Modbus TCP header: {buffer[start : start + _HEAD].hex(' ')}")
        end = start + 6 + length
        if end > len(buffer):
            break
        frames.append(Frame(unit, bytes(buffer[start + _HEAD : end]), transaction))
        start = end
    return frames, buffer[start:]


def decode_tcp(data: bytes) -> Frame:
    """The one TCP frame that these bytes are.

    Raises:
        BrokenFrameError: they are not exactly one.
    """
    frames, rest = split_tcp(data)
    if len(frames) != 1 or rest:
        raise BrokenFrameError(f"not one whole Modbus TCP frame: {len(data)} bytes")
    return frames[0]


def decode_rtu(data: bytes) -> Frame:
    """The one RTU frame that these bytes are.

    Raises:
        BrokenFrameError: too short or long, or the CRC is wrong.
    """
    if not _MIN_RTU <= len(data) <= _MAX_ADU - 4:
        raise BrokenFrameError(f"an RTU frame has 4 to 256 bytes, not {len(data)}")
    right, given = crc16(data[:-2]), int.from_bytes(data[-2:], "little")
    if right != given:
        raise BrokenFrameError(f"CRC is {given:04X}, of these bytes it would be {right:04X}")
    return Frame(data[0], bytes(data[1:-2]))


def find_rtu(stream: bytes) -> list[bytes]:
    """The RTU frames in a noisy stream: read requests, read replies, write replies and exceptions whose CRC fits."""
    found: list[bytes] = []
    start = 0
    while start + _MIN_RTU <= len(stream):
        for end in _possible_ends(stream, start):
            if end <= len(stream) and crc16(stream[start : end - 2]) == int.from_bytes(stream[end - 2 : end], "little"):
                found.append(stream[start:end])
                start = end
                break
        else:
            start += 1
    return found


def _possible_ends(stream: bytes, start: int) -> tuple[int, ...]:
    function = stream[start + 1]
    if function & _EXCEPTION_BIT:
        return (start + 5,)
    if function in READS:
        return (start + _RTU_REQUEST, start + 5 + stream[start + 2])
    return (start + _RTU_REQUEST,) if function in _WRITES else ()


def registers_of(pdu: bytes, function: int, count: int) -> bytes:
    """The register bytes of a reply to a read of `count` registers.

    Raises:
        ExceptionReplyError: the unit refused.
        BrokenFrameError: it is a reply to something else.
    """
    size = 2 * count
    if len(pdu) == size + 2 and pdu[0] == function and pdu[1] == size:
        return pdu[2:]
    if len(pdu) == 2 and pdu[0] == function | _EXCEPTION_BIT:  # noqa: PLR2004
        raise ExceptionReplyError(function, pdu[1])
    raise BrokenFrameError(f"no reply to function {function} for {count} registers: {pdu[:8].hex(' ')}")


def parse_request(data: bytes) -> ReadRequest:
    """A read request of registers in RTU or TCP form.

    Raises:
        BrokenFrameError: it is none.
    """
    is_tcp = len(data) == _TCP_REQUEST and data[2:6] == b"\x00\x00\x00\x06"
    frame = decode_tcp(data) if is_tcp else decode_rtu(data)
    if len(frame.pdu) != _REQUEST.size or frame.pdu[0] not in (READ_HOLDING, READ_INPUT):
        raise BrokenFrameError(f"not a request to read registers: function {frame.pdu[0]}, {len(frame.pdu)} bytes")
    _, address, count = _REQUEST.unpack(frame.pdu)
    if not 1 <= count <= MAX_REGISTERS or address + count > 0x10000:  # noqa: PLR2004
        raise BrokenFrameError(f"a request for {count} registers from {address} on is not allowed")
    return ReadRequest(frame.unit, frame.pdu[0], address, count)


def describe_valueless(frame: Frame) -> str | None:
    """What a whole frame means that can carry no value (exception, write reply, request); None for a read reply.

    Raises:
        BrokenFrameError: its length does not fit its function.
    """
    pdu, function = frame.pdu, frame.function
    if pdu[0] & _EXCEPTION_BIT:
        if len(pdu) != 2:  # noqa: PLR2004
            raise BrokenFrameError(f"an exception has 2 bytes, not {len(pdu)}")
        return f"unit {frame.unit}: {ExceptionReplyError(function, pdu[1])}"
    if function in _WRITES:
        if len(pdu) != _WRITE_PDU:
            raise BrokenFrameError(f"a reply to a write has 5 bytes, not {len(pdu)}")
        return f"unit {frame.unit} confirms a write of {_WRITES[function]} at {int.from_bytes(pdu[1:3], 'big')}"
    # A reply with registers has an even number of bytes, so five bytes are a request; of coils they may be either.
    if function in READS and len(pdu) == _REQUEST.size and (function >= READ_HOLDING or pdu[1] != len(pdu) - 2):
        _, address, count = _REQUEST.unpack(pdu)
        return f"a request to unit {frame.unit} for {count} {TABLES[function]} from {address} on"
    return None
