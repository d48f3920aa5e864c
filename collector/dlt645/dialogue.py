"""What a collector says to DL/T 645 meters: read data with its following frames, ask for an address. Pure."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

from collector.dlt645.decode import data_of, read_following, read_frame
from collector.dlt645.frame import (
    ADDRESS_2007,
    FOLLOW_1997,
    FOLLOW_2007,
    READ_1997,
    READ_2007,
    WILDCARD,
    Frame,
    address_text,
    encode,
    find_frame,
)
from collector.line.dialogue import Dialogue, Question
from collector.read_value import ReadValue
from collector.statement import Statement, merge

_LONGEST_REPLY = 4 + 12 + 200
_USUAL_REPLY = 4 + 12 + 40
_MOST_FRAMES = 32
_VARIABLES, _BLOCK = 0x02, 0xFF


def read(address: str, identifiers: Iterable[int], *, edition: int = 2007) -> Dialogue:
    """Read these identifiers. One that the meter refuses, or whose layout is unknown, is told in the meaning."""
    meter = address_text(address)
    statements: list[Statement] = []
    is_there = False
    for di in identifiers:
        told = yield from _read_one(meter, di, edition, is_there=is_there)
        is_there = True
        statements.append(told)
        if not told.values and (singles := _singles(di)):
            for single in singles:
                answer = yield from _read_one(meter, single, edition, is_there=True)
                statements.append(answer)
    return _once_each(merge(statements))


def _once_each(told: Statement) -> Statement:
    """A quantity that several identifiers state is told once, as first heard."""
    first: dict[str, ReadValue] = {}
    for value in told.values:
        first.setdefault(value.quantity, value)
    return Statement(tuple(first.values()), told.meaning)


def _singles(di: int) -> list[int]:
    """What to ask one by one where a meter refuses the block of all phases."""
    is_block = di >> 24 == _VARIABLES and di >> 8 & 0xFF == _BLOCK
    return [di & 0xFFFF00FF | phase << 8 for phase in (1, 2, 3)] if is_block else []


def _read_one(meter: str, di: int, edition: int, *, is_there: bool) -> Generator[Question, Any, Statement]:
    width, first, following = (4, READ_2007, FOLLOW_2007) if edition == 2007 else (2, READ_1997, FOLLOW_1997)  # noqa: PLR2004
    raw = di.to_bytes(width, "little")
    # A meter that has answered before and is silent now does not know this one; the others are still asked.
    frame: Frame | None = yield _question(meter, first, raw, di, is_optional=is_there)
    if frame is None:
        return Statement(meaning=f"{di:0{2 * width}X}: no answer")
    if frame.is_refusal or not frame.has_more:
        return read_frame(frame)
    frames: list[Frame] = [frame]
    while frames[-1].has_more and len(frames) < _MOST_FRAMES:
        sequence = bytes([len(frames)]) if edition == 2007 else b""  # noqa: PLR2004
        more: Frame = yield _question(meter, following, raw + sequence, di)
        if more.is_refusal:
            return read_frame(more)
        frames.append(more)
    return read_following(frames)


def _question(meter: str, control: int, data: bytes, di: int, *, is_optional: bool = False) -> Question:
    def find(heard: bytes) -> Frame | None:
        at = 0
        while found := find_frame(heard, at):
            if is_answer(found.frame, meter, control, di):
                return found.frame
            at = found.end
        return None

    longest = _LONGEST_REPLY if _BLOCK in di.to_bytes(4, "big") else _USUAL_REPLY
    return Question(encode(meter, control, data), find, longest, is_optional)


def is_answer(frame: Frame, meter: str, control: int, di: int) -> bool:
    """Whether a frame answers the question: same function and identifier, from the meter or from one that says AA."""
    if not frame.is_reply or frame.function != control & 0x1F or not _is_from(frame.address, meter):
        return False
    if frame.is_refusal:
        return True
    data = data_of(frame)
    return data is not None and data.di == di


def _is_from(sender: str, meter: str) -> bool:
    return WILDCARD in {sender, meter} or all(b in {a, "A"} for a, b in zip(sender, meter, strict=True))


def find_address() -> Dialogue:
    """The address of the one meter on a line (2007 edition)."""

    def find(heard: bytes) -> Frame | None:
        found = find_frame(heard)
        while found and not (found.frame.is_reply and found.frame.function == ADDRESS_2007):
            found = find_frame(heard, found.end)
        return found.frame if found else None

    frame: Frame = yield Question(encode(WILDCARD, ADDRESS_2007), find, _USUAL_REPLY)
    return read_frame(frame)
