"""How questions and answers lie in a stream of bytes: Modbus TCP with its header, or RTU. No I/O.

In RTU nothing says which question an answer belongs to. What is taken as the answer must come from the unit that was
asked, with the function and the number of registers asked for, and a right CRC; everything else (noise, echoes,
heartbeats of a modem, answers that are too late) is dropped.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from collector.modbus.frame import Frame, ReadRequest, crc16, decode_rtu, encode_rtu, find_rtu, read_pdu, split_tcp

_EXCEPTION_BIT = 0x80
_EXCEPTION_SIZE, _HEAD, _CRC_SIZE = 5, 3, 2
# Longer than any frame: what stands before is noise.
_LONGEST_STREAM = 1024
_SHOWN = 12


class Heard(NamedTuple):
    """A whole frame. `key` is what a question is known by when its answer comes too late."""

    frame: Frame
    is_answer: bool
    key: int


class Framing(Protocol):
    """One connection's bytes: encodes a question, then finds its answer. `key` is what the open one is known by."""

    is_half_duplex: bool
    key: int

    def encode(self, request: ReadRequest) -> bytes:
        """The bytes of a question, which is the open one from now on."""
        ...

    def feed(self, data: bytes) -> list[Heard]:
        """The frames that are whole now.

        Raises:
            BrokenFrameError: the stream is out of step; the connection has to be made anew.
        """
        ...

    def complaint(self) -> str:
        """What came instead of an answer; empty where nothing did."""
        ...


class TcpFraming:
    """Modbus TCP: each answer carries its question's transaction id."""

    is_half_duplex = False

    def __init__(self) -> None:
        self.key = 0
        self._rest = b""

    def encode(self, request: ReadRequest) -> bytes:
        """A new transaction id, and the rest of the frame."""
        self.key = (self.key + 1) & 0xFFFF
        return self.key.to_bytes(2, "big") + request.tail()

    def feed(self, data: bytes) -> list[Heard]:
        """Whole frames; raises BrokenFrameError where no header stands."""
        frames, self._rest = split_tcp(self._rest + data if self._rest else data)
        return [Heard(f, f.transaction == self.key, f.transaction or 0) for f in frames]

    def complaint(self) -> str:
        """Half a frame."""
        return f"{len(self._rest)} bytes of an unfinished frame came" if self._rest else ""


class RtuFraming:
    """Modbus RTU, on a serial line or through a socket."""

    is_half_duplex = True

    def __init__(self) -> None:
        self.key = -1
        self._asked: ReadRequest | None = None
        self._stream = b""

    def encode(self, request: ReadRequest) -> bytes:
        """Unit, PDU and CRC. What was left over of earlier bytes is forgotten."""
        self._asked, self._stream, self.key = request, b"", request.unit
        return encode_rtu(Frame(request.unit, read_pdu(request.function, request.address, request.count)))

    def feed(self, data: bytes) -> list[Heard]:
        """The answer to the open question, and whole frames beside it: answers that are too late."""
        stream = (self._stream + data)[-_LONGEST_STREAM:]
        if self._asked is None:
            found = _strangers(stream)
            self._stream = b"" if found else stream
            return found
        span = _find_answer(stream, self._asked)
        if span is None:
            self._stream = stream
            return []
        start, end = span
        self._asked, self._stream = None, b""
        answer = decode_rtu(stream[start:end])
        return [*_strangers(stream[:start]), Heard(answer, is_answer=True, key=answer.unit), *_strangers(stream[end:])]

    def complaint(self) -> str:
        """The bytes that came."""
        shown = self._stream[:_SHOWN].hex(" ")
        return f"{len(self._stream)} bytes came that are no right answer: {shown}" if self._stream else ""


def framing_of_scheme(scheme: str) -> Framing:
    """How frames lie on a connection of that scheme."""
    return TcpFraming() if scheme in ("tcp", "tls") else RtuFraming()


def _strangers(stream: bytes) -> list[Heard]:
    frames = (decode_rtu(found) for found in find_rtu(stream))
    return [Heard(frame, is_answer=False, key=frame.unit) for frame in frames]


def _find_answer(stream: bytes, asked: ReadRequest) -> tuple[int, int] | None:
    """Where the answer stands in the stream, if it is whole."""
    for start in range(len(stream) - _HEAD + 1):
        unit, function, size = stream[start : start + _HEAD]
        if unit != asked.unit or function & ~_EXCEPTION_BIT != asked.function:
            continue
        if function & _EXCEPTION_BIT:
            end = start + _EXCEPTION_SIZE
        elif size == 2 * asked.count:
            end = start + _HEAD + size + _CRC_SIZE
        else:
            continue
        if end <= len(stream) and crc16(stream[start : end - 2]) == int.from_bytes(stream[end - 2 : end], "little"):
            return start, end
    return None


def answer_size(count: int) -> int:
    """Bytes of an RTU answer with so many registers."""
    return _HEAD + 2 * count + _CRC_SIZE
