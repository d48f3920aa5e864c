"""M-Bus frames of the link layer: found in what a line carries, taken apart, and put together for reading. Pure.

    long     68 L L 68 C A CI DATA CS 16      L counts C, A, CI and DATA; CS is the sum of C..DATA modulo 256
    short    10 C A CS 16
    single   E5 (acknowledgement)

After EN 13757-2 as the vectors' facts state it.
"""

from __future__ import annotations

from dataclasses import dataclass

from collector.summed_frame import END, Found, checksum, closed, tail_fault

START_LONG, START_SHORT, ACK = 0x68, 0x10, 0xE5
SND_NKE, REQ_UD2, REQ_UD2_FCB, SND_UD, SND_UD_FCB = 0x40, 0x5B, 0x7B, 0x53, 0x73
SELECT = 0x52
SELECTED, ANY_WITH_ANSWER = 0xFD, 0xFE
_SHORT, _LONG_EXTRA, _HEAD = 5, 6, 4
_LEAST_LENGTH = 3
_REPLIES = {0x08, 0x18, 0x28, 0x38}


class MbusError(ValueError):
    """What came is no right frame, or none that can be understood. The message says why."""


class WriteRefusedError(MbusError):
    """Somebody asked for a frame that does more than read."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame whose length and checksum are right. `ci` is None in a short frame."""

    control: int
    address: int
    ci: int | None = None
    data: bytes = b""

    @property
    def is_reply(self) -> bool:
        """User data from a meter."""
        return self.ci is not None and self.control in _REPLIES


def find_frame(data: bytes, start: int = 0) -> Found[Frame] | None:
    """The first right long or short frame at or after `start`; whatever lies before it is skipped."""
    for at in range(start, len(data)):
        if data[at] == START_LONG and not fault_at(data, at):
            end = at + data[at + 1] + _LONG_EXTRA
            return Found(Frame(data[at + 4], data[at + 5], data[at + 6], data[at + 7 : end - 2]), at, end)
        if data[at] == START_SHORT and not _short_fault(data, at):
            return Found(Frame(data[at + 1], data[at + 2]), at, at + _SHORT)
    return None


def fault_at(data: bytes, at: int) -> str:
    """Why no long frame begins there; empty where one does."""
    if len(data) < at + _HEAD:
        return f"cut short: {len(data) - at} bytes"
    length = data[at + 1]
    if data[at] != START_LONG or data[at + 3] != START_LONG or data[at + 2] != length:
        return "no frame: its head 68 L L 68 is not there"
    if length < _LEAST_LENGTH:
        return f"a length of {length}; at least {_LEAST_LENGTH} are needed"
    return tail_fault(data, at, at + _HEAD, at + length + _LONG_EXTRA)


def _short_fault(data: bytes, at: int) -> bool:
    part = data[at : at + _SHORT]
    return len(part) < _SHORT or part[3] != checksum(part[1:3]) or part[4] != END


def encode_short(control: int, address: int) -> bytes:
    """A request without data.

    Raises:
        WriteRefusedError: a control code that does more than read.
    """
    if control not in {SND_NKE, REQ_UD2, REQ_UD2_FCB}:
        raise WriteRefusedError(f"control code {control:02X} is never sent: monitoring only reads")
    return closed(bytes([START_SHORT, control, address]), 1)


def encode_select(address: str) -> bytes:
    """Select a meter by its secondary address: 8 digits (F stands for any), then maker, version and medium or FFs.

    Raises:
        MbusError: no address.
    """
    text = address.upper().ljust(16, "F")
    try:
        raw = bytes.fromhex(text)
    except ValueError as error:
        raise MbusError(f"secondary address {address!r} is none; allowed: 8 or 16 hex digits") from error
    if len(text) != 16:  # noqa: PLR2004
        raise MbusError(f"secondary address {address!r} is none; allowed: 8 or 16 hex digits")
    # The identification goes low byte first; the maker's two bytes, version and medium as a reply carries them.
    return build(SND_UD, SELECTED, SELECT, raw[:4][::-1] + raw[4:])


def build(control: int, address: int, ci: int, data: bytes) -> bytes:
    """Any long frame, for selecting, simulated meters and tests."""
    body = bytes([control, address, ci]) + data
    return closed(bytes([START_LONG, len(body), len(body), START_LONG]) + body, _HEAD)
