"""What is said on `aquavolt.sock`, as bytes. A message is a head and the bodies that it announces.

    message = frame(head as JSON) frame(body) ...         frame = [ length u32 LE ][ bytes ]

A body is a journal entry (`metering.entries`) or a plain column. A client sends a request, the owner one reply, and so
on until the client hangs up.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
import numpy as np

from metering.batch import ReadingBatch
from metering.entries import EntryError, decode_entry, encode_entry

PROTOCOL = 1
LONGEST_FRAME = 64 << 20
_LENGTH = struct.Struct("<I")
_BODY_ROWS = 1_000_000  # 23 bytes each, well within a frame


class ProtocolError(Exception):
    """What came is no message of ours, or of another version of the protocol."""


class Request(msgspec.Struct, forbid_unknown_fields=True):
    """`call` is a name in `aquavolt.stores.calls`; `bodies` frames follow."""

    call: str
    arguments: dict[str, Any] = {}
    bodies: int = 0
    protocol: int = PROTOCOL


class Reply(msgspec.Struct, forbid_unknown_fields=True):
    """`error` is empty if all went well, else the kind of error, and `result` its text; `bodies` frames follow."""

    result: Any = None
    error: str = ""
    bodies: int = 0
    protocol: int = PROTOCOL


class _Version(msgspec.Struct):
    protocol: int


Message = TypeVar("Message", Request, Reply)


def send(stream: socket.socket, head: Request | Reply, bodies: Sequence[bytes] = ()) -> None:
    """Send one message.

    Raises:
        ProtocolError: a frame would be too long; nothing was sent.
    """
    head.bodies = len(bodies)
    frames = [msgspec.json.encode(head), *bodies]
    if (longest := max(map(len, frames))) > LONGEST_FRAME:
        raise ProtocolError(f"a frame of {longest} bytes; allowed: {LONGEST_FRAME}")
    for frame in frames:
        stream.sendall(_LENGTH.pack(len(frame)))
        stream.sendall(frame)


def receive(stream: socket.socket, kind: type[Message]) -> tuple[Message, list[bytes]] | None:
    """The next message; None where the other side has hung up instead.

    Raises:
        ProtocolError: it is none of ours, or it breaks off.
    """
    first = _receive_exactly(stream, _LENGTH.size, is_start=True)
    if not first:
        return None
    head = _decode(_receive_frame(stream, first), kind)
    bodies = [_receive_frame(stream, _receive_exactly(stream, _LENGTH.size)) for _ in range(head.bodies)]
    return head, bodies


def _decode(frame: bytes, kind: type[Message]) -> Message:
    try:
        version = msgspec.json.decode(frame, type=_Version).protocol
        if version != PROTOCOL:
            raise ProtocolError(f"the other side speaks version {version} of the protocol, this program {PROTOCOL}")
        return msgspec.json.decode(frame, type=kind)
    except msgspec.MsgspecError as error:
        raise ProtocolError(f"no message of the protocol: {error}") from error


def _receive_frame(stream: socket.socket, length: bytes) -> bytes:
    (size,) = _LENGTH.unpack(length)
    if size > LONGEST_FRAME:
        raise ProtocolError(f"a frame of {size} bytes; allowed: {LONGEST_FRAME}")
    return _receive_exactly(stream, size)


def _receive_exactly(stream: socket.socket, size: int, *, is_start: bool = False) -> bytes:
    buffer = bytearray(size)
    view, done = memoryview(buffer), 0
    while done < size:
        got = stream.recv_into(view[done:])
        if not got:
            if is_start and not done:
                return b""
            raise ProtocolError("the other side hung up in the middle of a message")
        done += got
    return bytes(buffer)


def encode_batch(batch: ReadingBatch) -> list[bytes]:
    """The batch as bodies, each short enough for a frame."""
    starts = range(0, max(1, len(batch)), _BODY_ROWS)
    return [encode_entry(batch.take(np.arange(a, min(a + _BODY_ROWS, len(batch))))) for a in starts]


def decode_batches(bodies: Sequence[bytes]) -> list[ReadingBatch]:
    """The batches of readings in these bodies.

    Raises:
        ProtocolError: a body is something else.
    """
    try:
        entries = [decode_entry(body) for body in bodies]
    except EntryError as error:
        raise ProtocolError(str(error)) from error
    found = [entry for entry in entries if isinstance(entry, ReadingBatch)]
    if len(found) != len(entries):
        raise ProtocolError("an entry that holds no readings, where readings are expected")
    return found


def decode_batch(bodies: Sequence[bytes]) -> ReadingBatch:
    """The one batch that `encode_batch` made these bodies of, with its own tuple of meters."""
    batches = decode_batches(bodies)
    if not batches or len({batch.meters for batch in batches}) != 1:
        raise ProtocolError("a message without the one batch that it should carry")

    def joined(name: str) -> Any:
        return np.concatenate([getattr(batch, name) for batch in batches])

    columns = ("meter", "quantity", "time", "value", "quality")
    return ReadingBatch(batches[0].meters, *map(joined, columns))
