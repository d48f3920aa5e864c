"""What a collector says to M-Bus meters: reset the link, select by secondary address, ask for all telegrams. Pure."""

from __future__ import annotations

from collections.abc import Callable

from collector.line.dialogue import Dialogue, Question
from collector.mbus.decode import read_frame
from collector.mbus.frame import (
    ACK,
    ANY_WITH_ANSWER,
    REQ_UD2,
    REQ_UD2_FCB,
    SELECTED,
    SND_NKE,
    Frame,
    MbusError,
    encode_select,
    encode_short,
    find_frame,
)
from collector.statement import merge

_LONGEST_REPLY = 261
_MOST_TELEGRAMS = 8
_LAST_PRIMARY = 250
_SECONDARY_DIGITS = (8, 16)


def parse_address(text: str) -> int | str:
    """A primary address 0 to 250 (or 254, one meter on the line), or a secondary one as text.

    Raises:
        MbusError: it is neither.
    """
    if text.isdecimal() and len(text) < _SECONDARY_DIGITS[0]:
        if int(text) <= _LAST_PRIMARY or int(text) == ANY_WITH_ANSWER:
            return int(text)
    elif len(text) in _SECONDARY_DIGITS:
        encode_select(text)
        return text
    raise MbusError(f"address {text!r} is none; allowed: 0 to 250, 254, or 8 or 16 digits of a secondary address")


def read(address: str) -> Dialogue:
    """All telegrams that the meter has to tell."""
    where = parse_address(address)
    unit = SELECTED if isinstance(where, str) else where
    yield Question(encode_short(SND_NKE, unit), _acknowledged, 1, is_optional=True)
    if isinstance(where, str):
        yield Question(encode_select(where), _acknowledged, 1)
    statements = []
    for turn in range(_MOST_TELEGRAMS):
        # The bit that alternates tells the meter to go on to the next telegram.
        control = REQ_UD2 if turn % 2 else REQ_UD2_FCB
        frame: Frame = yield Question(encode_short(control, unit), _reply_of(unit), _LONGEST_REPLY)
        statements.append(read_frame(frame))
        if not statements[-1].meaning.count("more records follow"):
            break
    return merge(statements)


def _acknowledged(heard: bytes) -> bool | None:
    return True if ACK in heard else None


def _reply_of(unit: int) -> Callable[[bytes], Frame | None]:
    def find(heard: bytes) -> Frame | None:
        at = 0
        while found := find_frame(heard, at):
            is_meant = unit in {SELECTED, ANY_WITH_ANSWER} or found.frame.address == unit
            if found.frame.is_reply and is_meant:
                return found.frame
            at = found.end
        return None

    return find
