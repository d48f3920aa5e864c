"""DL/T 645 frames into what they state. Pure: bytes in, values out, and an error that says what is wrong."""

from __future__ import annotations

from dataclasses import dataclass

from collector.bcd import is_unset
from collector.dlt645 import identifiers, identifiers_1997
from collector.dlt645.frame import (
    ADDRESS_2007,
    FOLLOW_1997,
    FOLLOW_2007,
    READ_1997,
    READ_2007,
    REREAD_1997,
    START,
    Dlt645Error,
    Frame,
    fault_at,
    find_frame,
)
from collector.dlt645.layout import Field, read_field
from collector.read_value import ReadValue
from collector.statement import Statement, merge

_IDLE = b"\x00\xfe\xff\r\n \t"
_BLOCK_END = 0xAA
_ERRORS_2007 = (
    "other error", "no such data", "password wrong or not authorised", "baud rate cannot be changed",
    "too many time zones a year", "too many periods a day", "too many tariffs",
)  # fmt: skip
_ERRORS_1997 = ("illegal data", "no such identifier", "password wrong", "", "too many zones", "too many periods",
                "too many tariffs")  # fmt: skip
_FUNCTIONS_2007 = {
    0x08: "broadcast time", 0x11: "read", 0x12: "read following", 0x13: "read address", 0x14: "write",
    0x15: "write address", 0x16: "freeze", 0x17: "change baud rate", 0x18: "change password",
    0x19: "clear highest demand", 0x1A: "clear meter", 0x1B: "clear events", 0x1C: "remote control",
}  # fmt: skip
_FUNCTIONS_1997 = {
    0x01: "read", 0x02: "read following", 0x03: "read again", 0x04: "write", 0x0A: "write address",
    0x0C: "change baud rate", 0x0F: "change password", 0x10: "clear highest demand",
}  # fmt: skip
_DATA_1997 = frozenset({READ_1997, FOLLOW_1997, REREAD_1997})
_RELAY_OPEN, _SWITCH = 1 << 4, "running_state_word_3"


@dataclass(frozen=True, slots=True)
class Data:
    """The data a reply carries: its identifier, the bytes after it, and its place where one of several."""

    di: int
    body: bytes
    is_1997: bool
    sequence: int | None = None


def decode(data: bytes) -> Statement:
    """All that the frames in `data` state; a block spread over several frames is put together.

    Wake bytes, noise and a gateway's text before a frame are skipped.

    Raises:
        Dlt645Error: no right frame, or something broken beside right ones. No value comes from such bytes.
    """
    statements: list[Statement] = []
    begun: list[Frame] = []
    for frame in split(data):
        if frame.is_reply and not frame.is_refusal and (frame.has_more or begun):
            begun.append(frame)
            if frame.has_more:
                continue
            statements.append(read_following(begun))
            begun = []
        else:
            statements.append(read_frame(frame))
    if begun:
        statements.append(read_following(begun))
    return merge(statements)


def split(data: bytes) -> list[Frame]:
    """The frames in a capture.

    Raises:
        Dlt645Error: none is right, or bytes after one are no frame.
    """
    found = find_frame(data)
    if found is None:
        raise Dlt645Error(_why_none(data))
    _refuse_broken_head(data, found.start)
    frames, end = [found.frame], found.end
    while data[end:].strip(_IDLE):
        found = find_frame(data, end)
        if found is None or data[end : found.start].strip(_IDLE):
            raise Dlt645Error(f"{len(data) - end} bytes after a frame are none: {data[end : end + 12].hex(' ')}")
        frames.append(found.frame)
        end = found.end
    return frames


def _refuse_broken_head(data: bytes, start: int) -> None:
    """What looks like a frame's head before the first right one is a broken frame, not noise."""
    at = data.find(START, 0, start)
    while at >= 0:
        if at + 7 < start and data[at + 7] == START:
            raise Dlt645Error(f"a broken frame before a right one: {fault_at(data, at)}")
        at = data.find(START, at + 1, start)


def _why_none(data: bytes) -> str:
    at = data.find(START)
    if at < 0:
        return f"no frame: 68 does not occur in {len(data)} bytes"
    while (later := data.find(START, at + 1)) >= 0 and (len(data) <= at + 7 or data[at + 7] != START):
        at = later
    return fault_at(data, at)


def read_frame(frame: Frame) -> Statement:
    """What a single frame states."""
    if not frame.is_reply:
        return Statement(meaning=_request_meaning(frame))
    if frame.is_refusal:
        return Statement(meaning=_refusal_meaning(frame))
    if frame.function == ADDRESS_2007 and len(frame.data) == 6:  # noqa: PLR2004
        return Statement(meaning=f"the meter's address is {frame.data[::-1].hex().upper()}")
    data = data_of(frame)
    if data is None:
        return Statement(meaning=f"meter {frame.address} acknowledges: {_function_name(frame)}")
    return state(data, frame.address)


def read_following(frames: list[Frame]) -> Statement:
    """What a reply over several frames states, as far as they are all there.

    Raises:
        Dlt645Error: the frames do not belong together.
    """
    parts = [data_of(f) for f in frames]
    first = parts[0]
    if first is None or any(p is None or p.di != first.di for p in parts) or len({f.address for f in frames}) > 1:
        raise Dlt645Error("following frames do not belong together: another identifier or meter")
    if first.sequence is not None:
        count = f"frame {first.sequence} of a longer reply"
        return Statement(meaning=f"{count}; its values are told together with the frames before it")
    body = b"".join(p.body for p in parts if p)
    is_whole = not frames[-1].has_more
    note = "" if is_whole else "more frames follow; what this one holds is only a part"
    told = state(Data(first.di, body, first.is_1997), frames[0].address, is_whole=is_whole)
    return merge([told, Statement(meaning=note)])


def data_of(frame: Frame) -> Data | None:
    """The data of a reply that carries any."""
    if frame.function in _DATA_1997:
        width, is_following, is_1997 = 2, frame.function == FOLLOW_1997, True
    elif frame.function in {READ_2007, FOLLOW_2007}:
        width, is_following, is_1997 = 4, frame.function == FOLLOW_2007, False
    else:
        return None
    if len(frame.data) < width + is_following:
        return None
    di, body = int.from_bytes(frame.data[:width], "little"), frame.data[width:]
    if is_following and not is_1997:  # the 2007 edition numbers its following frames in the last byte
        return Data(di, body[:-1], is_1997, body[-1])
    return Data(di, body, is_1997)


def state(data: Data, address: str, *, is_whole: bool = True) -> Statement:
    """The values of an identifier's bytes; without a known layout none, and the bytes in the meaning."""
    shown = f"{data.di:04X}" if data.is_1997 else f"{data.di:08X}"
    fields, body = _layout(data, is_whole=is_whole)
    if fields is None:
        return Statement(meaning=f"{shown}: the layout of {len(body)} bytes is not known: {body.hex(' ').upper()}")
    values: list[ReadValue] = []
    missing: list[str] = []
    at = 0
    for field in fields:
        part = body[at : at + field.size]
        at += field.size
        value = read_field(field, part)
        if value is None:
            missing.append(f"{field.name}: {_why_no_value(part)}")
        else:
            values += [_with_address(v, address) for v in (value, *_meant(value))]
    return Statement(tuple(values), "; ".join(missing))


def _layout(data: Data, *, is_whole: bool) -> tuple[tuple[Field, ...] | None, bytes]:
    """The fields, and the bytes they lie in. A part of a block holds whole fields first and may end inside one."""
    body = data.body
    find = identifiers_1997.fields_of if data.is_1997 else identifiers.fields_of
    found = find(data.di, len(body))
    if found is None and body and body[-1] == _BLOCK_END:  # the 1997 edition closes a block with AA
        body = body[:-1]
        found = find(data.di, len(body))
    if found is None and not is_whole:
        sizes = range(len(body) - 1, max(0, len(body) - 8), -1)
        fits = next((n for n in sizes if find(data.di, n)), None)
        if fits:
            return find(data.di, fits), body[:fits]
    return found, body


def _meant(value: ReadValue) -> list[ReadValue]:
    """What a status word says in plain: the relay's state."""
    if value.quantity != _SWITCH:
        return []
    return [ReadValue("relay_open", bool(int(str(value.value), 16) & _RELAY_OPEN), "")]


def _with_address(value: ReadValue, address: str) -> ReadValue:
    return ReadValue(value.quantity, value.value, value.unit, value.time, address)


def _why_no_value(part: bytes) -> str:
    return "not supported (FF)" if is_unset(part) else f"no digits ({part[::-1].hex().upper()})"


def _function_name(frame: Frame) -> str:
    return _FUNCTIONS_2007.get(frame.function) or _FUNCTIONS_1997.get(frame.function) or f"{frame.function:02X}"


def _request_meaning(frame: Frame) -> str:
    data = data_of(frame)
    what = f" {data.di:0{4 if data.is_1997 else 8}X}" if data else ""
    return f"a request to meter {frame.address}: {_function_name(frame)}{what}"


def _refusal_meaning(frame: Frame) -> str:
    word = frame.data[0] if frame.data else 0
    texts = _ERRORS_1997 if frame.function in _DATA_1997 else _ERRORS_2007
    reasons = [text for bit, text in enumerate(texts) if word & 1 << bit and text]
    reason = ", ".join(reasons) or "no reason given"
    return f"meter {frame.address} refuses to {_function_name(frame)}: error word {word:02X} ({reason})"
