"""What frames with a length, a sum of their bytes and an end mark share: DL/T 645, CJ/T 188 and M-Bus. Pure.

68 ... LENGTH ... DATA CS 16      CS is the sum of the bytes, modulo 256; where it starts is the protocol's own
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

END = 0x16
TAIL = 2  # the sum and the end mark

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Found(Generic[F]):
    """A frame and where it lay."""

    frame: F
    start: int
    end: int


def checksum(data: bytes) -> int:
    """The sum of the bytes, modulo 256."""
    return sum(data) & 0xFF


def closed(body: bytes, summed: int = 0) -> bytes:
    """The body with its sum, taken from the byte `summed` on, and the end mark."""
    return body + bytes([checksum(body[summed:]), END])


def first_right(data: bytes, start: int, mark: int, fault_at: Callable[[bytes, int], str]) -> int:
    """Where the first right frame begins at or after `start`, -1 for none; what lies before it is skipped."""
    at = data.find(mark, start)
    while at >= 0 and fault_at(data, at):
        at = data.find(mark, at + 1)
    return at


def tail_fault(data: bytes, at: int, summed: int, end: int) -> str:
    """What is wrong with the end of the frame that lies from `at` to before `end`; empty where it is right.

    summed  where the sum begins
    """
    if len(data) < end:
        return f"cut short: {len(data) - at} bytes of {end - at}"
    right = checksum(data[summed : end - TAIL])
    if data[end - 2] != right:
        return f"checksum {data[end - 2]:02X}, right is {right:02X}"
    return "" if data[end - 1] == END else f"ends with {data[end - 1]:02X} instead of 16"
