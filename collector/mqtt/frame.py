"""MQTT packets in a stretch of bytes: PUBLISH taken apart in bulk, PUBACK made in bulk, the rest left whole.

    [ type and flags u8 ][ remaining length, 1..4 bytes of 7 bits ][ variable header ][ payload ]
    PUBLISH header: topic length u16, topic, packet id u16 (QoS 1 and 2), MQTT 5: property length and properties
    PUBACK:         0x40 0x02 packet id u16

After OASIS MQTT 3.1.1 sections 2.2, 3.3, 3.4 and MQTT 5.0 sections 2.1.4, 2.2.2, 3.3, 3.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_PUBLISH, _RETAIN = 0x30, 0x01
_QOS_MASK, _QOS_2 = 0x06, 0x04
_LENGTH_BYTES = 4


class FrameError(ValueError):
    """Bytes that are not MQTT: the connection cannot go on."""


class Publish(NamedTuple):
    """One received message. `packet_id` is 0 for QoS 0, which needs no acknowledgement."""

    topic: bytes
    payload: bytes
    packet_id: int
    is_retained: bool


class Split(NamedTuple):
    """Messages, all other packets as they came, and how many bytes the whole packets took."""

    publishes: list[Publish]
    others: list[bytes]
    used: int


def split_packets(data: bytes, *, is_v5: bool) -> Split:
    """Whole packets at the start of `data`; a packet that is cut short stays for the next call.

    Raises:
        FrameError: a length that cannot be.
    """
    publishes: list[Publish] = []
    others: list[bytes] = []
    used, size = 0, len(data)
    while size - used >= 2:  # noqa: PLR2004 - type byte and one length byte
        first, length, start = data[used], data[used + 1], used + 2
        if length & 0x80:
            length, start = _variable_length(data, used + 1, size)
            if start == 0:
                break
        end = start + length
        if end > size:
            break
        if first & 0xF0 == _PUBLISH and first & _QOS_MASK < _QOS_2:
            publishes.append(_publish(data, first, start, end, is_v5))
        else:
            others.append(data[used:end])
        used = end
    return Split(publishes, others, used)


def _publish(data: bytes, first: int, start: int, end: int, is_v5: bool) -> Publish:
    at = start + 2
    head = at + (data[start] << 8) + data[start + 1] if at <= end else end + 1
    packet_id = 0
    topic = data[at:head]
    if first & _QOS_MASK:
        packet_id = (data[head] << 8) + data[head + 1] if head + 2 <= end else 0
        head += 2
    if is_v5:
        length, after = _variable_length(data, head, end)
        head = after + length if after else end + 1
    if head > end:
        raise FrameError(f"a PUBLISH of {end - start} bytes is shorter than its own header says")
    return Publish(topic, data[head:end], packet_id, bool(first & _RETAIN))


def _variable_length(data: bytes, at: int, end: int) -> tuple[int, int]:
    """(value, place after it); place 0 where `end` comes before it is complete."""
    value = 0
    for i in range(_LENGTH_BYTES):
        if at + i >= end:
            return 0, 0
        byte = data[at + i]
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit
            return value, at + i + 1
    raise FrameError("a length of more than four bytes")


def encode_pubacks(packet_ids: Sequence[int]) -> bytes:
    """PUBACK packets, in order; the short form, which in MQTT 5 means success."""
    packets = np.empty((len(packet_ids), 4), np.uint8)
    packets[:, 0], packets[:, 1] = 0x40, 0x02
    packets[:, 2:] = np.asarray(packet_ids, ">u2").view(np.uint8).reshape(-1, 2)
    return packets.tobytes()
