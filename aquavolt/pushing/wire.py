"""What travels between the services, as bytes. Pure.

A push is gzip of

    [ length u32 LE ][ header JSON ] then for each entry [ length u32 LE ][ entry as `metering.entries` writes it ]

with the header `{collector, epoch, from_seq, seqs, stored, health?}`. The answer is `{next, refused}`.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
import numpy as np

from alerts.sender import ChannelStatus
from metering.entries import Entry, EntryError, decode_entry, encode_entry
from metering.health import HealthReport

VERSION = 1
VERSION_HEADER = "AquaVolt-Version"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
LONGEST_PUSH = 64 << 20  # bytes, unpacked
_LENGTH = struct.Struct("<I")
_GZIP = 16 + zlib.MAX_WBITS


class WireError(ValueError):
    """Bytes that are no message of this version; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Hello:
    """A collector introduces itself: who it is, of which site, and which meters it is told to read."""

    epoch: str
    site: str
    meters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Welcome:
    """The answer to a hello or a push.

    next     the sequence wanted next; 0: whatever the collector has
    refused  meters that this collector must not read, and why
    """

    next: int
    refused: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something was not taken; a person reads it."""

    error: str


@dataclass(frozen=True, slots=True)
class WatchState:
    """How `watch` does: whether history is judged, how far it is (0 to 1), and how collecting goes.

    platform  how sending to the repair platform goes; None: there is none, or an older `watch` does not say
    """

    is_ready: bool
    progress: float | None
    detail: str
    health: HealthReport
    platform: ChannelStatus | None = None


@dataclass(frozen=True, slots=True)
class PushHeader:
    """What a push says of its entries.

    from_seq  all that the collector has from this sequence on begins here: what lies before the first entry is gone
    seqs      the entries' own sequences
    stored    up to where the collector's readings are in the store
    health    the collector's report, now and then
    """

    collector: str
    epoch: str
    from_seq: int
    seqs: tuple[int, ...]
    stored: int = 0
    health: HealthReport | None = None


@dataclass(frozen=True, slots=True)
class Push:
    """A push as it came."""

    header: PushHeader
    entries: tuple[Entry, ...]


T = TypeVar("T")


def to_json(value: Any) -> bytes:
    """A message as JSON; times are milliseconds since 1970, UTC."""
    return msgspec.json.encode(value, enc_hook=_encode_time)


def from_json(kind: type[T], data: bytes) -> T:
    """The message in this JSON.

    Raises:
        WireError: it is none.
    """
    try:
        return msgspec.json.decode(data, type=kind, dec_hook=_decode_time)
    except msgspec.DecodeError as error:
        raise WireError(f"not a {kind.__name__} of version {VERSION}: {error}") from error


def encode_push(header: PushHeader, entries: Sequence[Entry], level: int = 1) -> bytes:
    """A push as bytes, gzipped."""
    parts = [to_json(header), *map(encode_entry, entries)]
    packed = b"".join(piece for part in parts for piece in (_LENGTH.pack(len(part)), part))
    packer = zlib.compressobj(level, zlib.DEFLATED, _GZIP)
    return packer.compress(packed) + packer.flush()


def decode_push(data: bytes) -> Push:
    """The push in these bytes.

    Raises:
        WireError: it is none, it is too long, or an entry is of a version that is not known here.
    """
    parts = _parts(_unpacked(data))
    header = from_json(PushHeader, parts[0])
    if len(header.seqs) != len(parts) - 1:
        raise WireError(f"a push names {len(header.seqs)} sequences for {len(parts) - 1} entries")
    if any(b <= a for a, b in zip((header.from_seq - 1, *header.seqs), header.seqs, strict=False)):
        raise WireError("the sequences of a push must rise, beginning with from_seq")
    try:
        return Push(header, tuple(map(decode_entry, parts[1:])))
    except (EntryError, ValueError) as error:
        raise WireError(str(error)) from error


def _unpacked(data: bytes) -> bytes:
    unpacker = zlib.decompressobj(_GZIP)
    try:
        packed = unpacker.decompress(data, LONGEST_PUSH)
    except zlib.error as error:
        raise WireError(f"a push is gzip: {error}") from error
    if not unpacker.eof:
        raise WireError(f"a push is cut short, or longer than {LONGEST_PUSH} bytes")
    return packed


def _parts(packed: bytes) -> list[bytes]:
    parts, at = [], 0
    while at < len(packed):
        if at + _LENGTH.size > len(packed):
            raise WireError("a push is cut short")
        (length,) = _LENGTH.unpack_from(packed, at)
        at += _LENGTH.size
        if at + length > len(packed):
            raise WireError("a push is cut short")
        parts.append(packed[at : at + length])
        at += length
    if not parts:
        raise WireError("a push without a header")
    return parts


def _encode_time(value: Any) -> Any:
    if isinstance(value, np.datetime64):
        return int(value.astype("datetime64[ms]").astype(np.int64))
    raise NotImplementedError(f"{type(value).__name__} does not travel")


def _decode_time(kind: type[Any], value: Any) -> Any:
    if kind is np.datetime64 and isinstance(value, int):
        return np.datetime64(value, "ms")
    raise NotImplementedError(f"{kind.__name__} does not travel")
