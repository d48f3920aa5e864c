"""A simulated DL/T 645 meter: values by quantity, answered by the identifiers' own layout, whatever is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from collector.dlt645 import identifiers, identifiers_1997
from collector.dlt645.frame import (
    ADDRESS_2007,
    FOLLOW_1997,
    FOLLOW_2007,
    FOLLOWED,
    FROM_METER,
    READ_1997,
    READ_2007,
    REFUSED,
    Frame,
    build,
    find_frame,
)
from collector.dlt645.layout import Field
from simulators.line.server import HEALTHY, LineFault

Values = Callable[[], Mapping[str, float | str]]
_NO_SUCH_DATA = b"\x02"
_SIZES = range(1, 201)


class Dlt645Meter:
    """Answers reading only; a block carries its total and tariffs 1 to 4, or the phases that have a value.

    part  bytes of data a frame carries at most; more goes into following frames
    """

    def __init__(self, address: str, values: Values, *, edition: int = 2007, part: int = 180) -> None:
        self.address = address.zfill(12)
        self.fault: LineFault = HEALTHY
        self._values, self._edition, self._part = values, edition, part

    def answer(self, heard: bytes) -> bytes | None:
        """The reply to a request to this meter."""
        found = find_frame(heard)
        while found and not self._is_meant(found.frame):
            found = find_frame(heard, found.end)
        return self._reply(found.frame) if found else None

    def _is_meant(self, frame: Frame) -> bool:
        return not frame.is_reply and all(a in {b, "A"} for a, b in zip(frame.address, self.address, strict=True))

    def _reply(self, frame: Frame) -> bytes:
        if self.fault.exception is not None:
            return build(self.address, frame.control | FROM_METER | REFUSED, bytes([self.fault.exception]))
        is_2007 = self._edition == 2007  # noqa: PLR2004
        if is_2007 and frame.control == ADDRESS_2007:
            return build(self.address, ADDRESS_2007 | FROM_METER, bytes.fromhex(self.address)[::-1])
        reads = {READ_2007: 4, FOLLOW_2007: 4} if is_2007 else {READ_1997: 2, FOLLOW_1997: 2}
        width = reads.get(frame.control)
        if width is None:
            return build(self.address, frame.function | FROM_METER | REFUSED, _NO_SUCH_DATA)
        di = int.from_bytes(frame.data[:width], "little")
        body = self._body(di)
        if body is None:
            return build(self.address, frame.control | FROM_METER | REFUSED, _NO_SUCH_DATA)
        return self._part_of(frame, body, width)

    def _part_of(self, frame: Frame, body: bytes, width: int) -> bytes:
        is_following = frame.control in {FOLLOW_2007, FOLLOW_1997}
        sequence = frame.data[width] if len(frame.data) > width else int(is_following)
        at = sequence * self._part
        more = FOLLOWED if len(body) > at + self._part else 0
        tail = bytes([sequence]) if frame.control == FOLLOW_2007 else b""
        data = frame.data[:width] + body[at : at + self._part] + tail
        return build(self.address, frame.control | FROM_METER | more, data)

    def _body(self, di: int) -> bytes | None:
        """The data of an identifier; None where the meter has none of its values."""
        values = self._values()
        fields = next((f for f in _layouts(di, self._edition) if _has_all(f, values)), None)
        return None if fields is None else b"".join(encode_field(f, values[f.name]) for f in fields)


@lru_cache(maxsize=4096)
def _layouts(di: int, edition: int) -> tuple[tuple[Field, ...], ...]:
    """What an identifier's data may be laid out as, the longest first."""
    find = identifiers.fields_of if edition == 2007 else identifiers_1997.fields_of  # noqa: PLR2004
    return tuple(fields for size in reversed(_SIZES) if (fields := find(di, size)))


def _has_all(fields: tuple[Field, ...], values: Mapping[str, float | str]) -> bool:
    return all(f.name in values for f in fields)


def encode_field(field: Field, value: float | str) -> bytes:
    """A value as the meter's digits.

    Raises:
        ValueError: it does not fit.
    """
    if isinstance(value, str):
        return _encode_text(field, value)
    if field.kind == "demand":
        return encode_field(Field(field.name, 3, field.unit, 4, "signed"), value) + b"\x00\x12\x01\x01\x26"
    text = f"{round(abs(value) * 10**field.decimals):0{2 * field.size}d}"
    if len(text) > 2 * field.size or (value < 0 and field.kind != "signed"):
        raise ValueError(f"{field.name} = {value} does not fit into {field.size} bytes of digits")
    raw = bytearray(bytes.fromhex(text)[::-1])
    if value < 0:
        raw[-1] |= 0x80
    return bytes(raw)


def _encode_text(field: Field, text: str) -> bytes:
    if field.kind == "bits":
        return int(text, 16).to_bytes(field.size, "little")
    plain = text.replace("-", "").replace(":", "")
    if field.kind == "text":
        return text.encode("ascii").ljust(field.size, b"\0")[: field.size][::-1]
    if field.kind == "date":
        return bytes.fromhex(plain[2:] + "01")[::-1]
    return bytes.fromhex(plain.zfill(2 * field.size))[::-1]
