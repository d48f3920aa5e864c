"""DL/T 645 frames: found in what a line carries, taken apart, and put together for reading. Pure.

    FE x0..4 (wake) 68 A0..A5 68 C L DATA CS 16

A are 12 decimal digits, low byte first; DATA has 33H added to each byte; CS is the sum from the first 68 to the end
of DATA. C: D7 from the meter, D6 refusal, D5 more frames follow, D4..D0 function.

After DL/T 645-2007 and -1997 as the vectors' facts state them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from collector.summed_frame import TAIL, Found, closed, first_right, tail_fault

START, WAKE = 0x68, 0xFE
OFFSET = 0x33
WILDCARD = "A" * 12
_ADDRESS_BYTES = 6
_HEAD = 10
SHORTEST = _HEAD + TAIL
_LARGEST_DATA = 200
_ADDRESS = re.compile(r"[0-9A]{1,12}")
FROM_METER, REFUSED, FOLLOWED, FUNCTION = 0x80, 0x40, 0x20, 0x1F

READ_2007, FOLLOW_2007, ADDRESS_2007 = 0x11, 0x12, 0x13
READ_1997, FOLLOW_1997, REREAD_1997 = 0x01, 0x02, 0x03
# All that a collector may say. Everything else writes, switches, clears, freezes or sets a clock.
READING_CONTROLS = frozenset({READ_2007, FOLLOW_2007, ADDRESS_2007, READ_1997, FOLLOW_1997, REREAD_1997})


class Dlt645Error(ValueError):
    """What came is no right frame, or none that can be understood. The message says why."""


class WriteRefusedError(Dlt645Error):
    """Somebody asked for a frame that does more than read."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame whose length and checksum are right. `data` is without the offset of 33H."""

    address: str
    control: int
    data: bytes

    @property
    def function(self) -> int:
        """What it asks or answers."""
        return self.control & FUNCTION

    @property
    def is_reply(self) -> bool:
        """From the meter."""
        return bool(self.control & FROM_METER)

    @property
    def is_refusal(self) -> bool:
        """The meter says no."""
        return bool(self.control & REFUSED)

    @property
    def has_more(self) -> bool:
        """More frames follow."""
        return bool(self.control & FOLLOWED)


def find_frame(data: bytes, start: int = 0) -> Found[Frame] | None:
    """The first right frame at or after `start`; whatever lies before it (wake bytes, noise, text) is skipped."""
    at = first_right(data, start, START, fault_at)
    if at < 0:
        return None
    end = at + _HEAD + data[at + 9] + TAIL
    return Found(_frame(data[at:end]), at, end)


def fault_at(data: bytes, at: int) -> str:
    """Why no frame begins there; empty where one does."""
    if len(data) < at + SHORTEST:
        return f"cut short: {len(data) - at} bytes of at least {SHORTEST}"
    if data[at] != START or data[at + 7] != START:
        return "no frame: the two 68 of its head are missing"
    length = data[at + 9]
    if length > _LARGEST_DATA:
        return f"a length of {length} bytes; at most {_LARGEST_DATA} are allowed"
    return tail_fault(data, at, at, at + _HEAD + length + TAIL)


def _frame(whole: bytes) -> Frame:
    data = bytes((b - OFFSET) & 0xFF for b in whole[_HEAD:-TAIL])
    return Frame(whole[1:7][::-1].hex().upper(), whole[8], data)


def address_text(address: str) -> str:
    """An address as 12 digits; a shorter one gets zeros in front.

    Raises:
        Dlt645Error: it is none.
    """
    if not _ADDRESS.fullmatch(address):
        raise Dlt645Error(f"address {address!r} is none; allowed: 1 to 12 decimal digits (A stands for any)")
    return address.zfill(2 * _ADDRESS_BYTES)


def encode(address: str, control: int, data: bytes = b"", *, wake: int = 4) -> bytes:
    """A request that reads.

    Raises:
        WriteRefusedError: a control code that does more than read.
        Dlt645Error: no address.
    """
    if control not in READING_CONTROLS:
        raise WriteRefusedError(f"control code {control:02X} is never sent: monitoring only reads")
    return bytes([WAKE] * wake) + build(address_text(address), control, data)


def build(address: str, control: int, data: bytes) -> bytes:
    """Any frame, for simulated meters and tests; a collector uses `encode`."""
    head = bytes([START, *bytes.fromhex(address)[::-1], START, control, len(data)])
    body = head + bytes((b + OFFSET) & 0xFF for b in data)
    return closed(body)
