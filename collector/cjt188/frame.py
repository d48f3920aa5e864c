"""CJ/T 188 frames: found in what a line carries, taken apart, and put together for reading. Pure.

    FE x2..5 (wake) 68 T A0..A6 C L DATA CS 16

T is the meter's type, A are 14 digits, low byte first; DATA goes as it is (no 33H as in DL/T 645); CS is the sum from
68 to the end of DATA. C: D7 from the meter, D6 refusal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from collector.summed_frame import TAIL, Found, closed, first_right, tail_fault

START, WAKE = 0x68, 0xFE
WILDCARD = "A" * 14
ANY_TYPE = 0xAA
_HEAD = 11
SHORTEST = _HEAD + TAIL
_LARGEST_DATA = 128
# Types of meters, and AA for any; what says another is noise.
TYPES = frozenset({*range(0x10, 0x50), ANY_TYPE})
_ADDRESS = re.compile(r"[0-9A-F]{1,14}")
FROM_METER, REFUSED = 0x80, 0x40
READ, READ_ADDRESS = 0x01, 0x03
# All that a collector may say; the others write an address, a base reading or a clock, or move a valve.
READING_CONTROLS = frozenset({READ, READ_ADDRESS})


class Cjt188Error(ValueError):
    """What came is no right frame, or none that can be understood. The message says why."""


class WriteRefusedError(Cjt188Error):
    """Somebody asked for a frame that does more than read."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame whose length and checksum are right."""

    type: int
    address: str
    control: int
    data: bytes

    @property
    def is_reply(self) -> bool:
        """From the meter."""
        return bool(self.control & FROM_METER)

    @property
    def is_refusal(self) -> bool:
        """The meter says no."""
        return self.is_reply and bool(self.control & REFUSED)


def find_frame(data: bytes, start: int = 0) -> Found[Frame] | None:
    """The first right frame at or after `start`; whatever lies before it (wake bytes, noise, text) is skipped."""
    at = first_right(data, start, START, fault_at)
    if at < 0:
        return None
    end = at + _HEAD + data[at + 10] + TAIL
    whole = data[at:end]
    address = whole[2:9][::-1].hex().upper()
    return Found(Frame(whole[1], address, whole[9], whole[_HEAD:-TAIL]), at, end)


def fault_at(data: bytes, at: int) -> str:
    """Why no frame begins there; empty where one does."""
    if len(data) < at + SHORTEST:
        return f"cut short: {len(data) - at} bytes of at least {SHORTEST}"
    if data[at] != START or data[at + 1] not in TYPES:
        return "no frame: 68 and a meter type are missing"
    length = data[at + 10]
    if length > _LARGEST_DATA:
        return f"a length of {length} bytes; at most {_LARGEST_DATA} are allowed"
    return tail_fault(data, at, at, at + _HEAD + length + TAIL)


def address_text(address: str) -> str:
    """An address as 14 digits; a shorter one gets zeros in front. Some makers use A to F too.

    Raises:
        Cjt188Error: it is none.
    """
    text = address.upper()
    if not _ADDRESS.fullmatch(text):
        raise Cjt188Error(f"address {address!r} is none; allowed: 1 to 14 digits")
    return text.zfill(14)


def encode(meter_type: int, address: str, control: int, data: bytes, *, wake: int = 3) -> bytes:
    """A request that reads.

    Raises:
        WriteRefusedError: a control code that does more than read.
        Cjt188Error: no address.
    """
    if control not in READING_CONTROLS:
        raise WriteRefusedError(f"control code {control:02X} is never sent: monitoring only reads")
    return bytes([WAKE] * wake) + build(meter_type, address_text(address), control, data)


def build(meter_type: int, address: str, control: int, data: bytes) -> bytes:
    """Any frame, for simulated meters and tests; a collector uses `encode`."""
    body = bytes([START, meter_type, *bytes.fromhex(address)[::-1], control, len(data)]) + data
    return closed(body)
