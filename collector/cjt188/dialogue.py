"""What a collector says to CJ/T 188 meters: read the current data, ask for an address. Pure."""

from __future__ import annotations

from collections.abc import Callable

from collector.cjt188.decode import ADDRESS, READING, identifier, read_frame
from collector.cjt188.frame import ANY_TYPE, READ, READ_ADDRESS, WILDCARD, Frame, address_text, encode, find_frame
from collector.line.dialogue import Dialogue, Question

_LONGEST_REPLY = 4 + 13 + 0x2E
_DI_BYTES = 2


def read(address: str, meter_type: int, *, di_order: str = "90_1f", serial: int = 1) -> Dialogue:
    """Read the current data (901F). `serial` is a number that most meters send back."""
    meter = address_text(address)
    data = _wire_order(READING, di_order) + bytes([serial & 0xFF])

    def is_answer(frame: Frame) -> bool:
        if not _is_from(frame.address, meter) or frame.control & 0x3F != READ:
            return False
        return frame.is_refusal or identifier(frame.data) == READING

    frame: Frame = yield Question(encode(meter_type, meter, READ, data), _finder(is_answer), _LONGEST_REPLY)
    return read_frame(frame)


def find_address(*, di_order: str = "90_1f", meter_type: int = ANY_TYPE) -> Dialogue:
    """The address of the one meter on a line."""
    data = _wire_order(ADDRESS, di_order) + b"\x00"

    def is_answer(frame: Frame) -> bool:
        return frame.control & 0x3F == READ_ADDRESS

    request = encode(meter_type, WILDCARD, READ_ADDRESS, data)
    frame: Frame = yield Question(request, _finder(is_answer), _LONGEST_REPLY)
    return read_frame(frame)


def _wire_order(di: int, order: str) -> bytes:
    return di.to_bytes(_DI_BYTES, "big" if order == "90_1f" else "little")


def _is_from(sender: str, meter: str) -> bool:
    """A question with places of AA is answered by whoever is there."""
    return all(b in {a, "A"} for a, b in zip(sender, meter, strict=True))


def _finder(is_answer: Callable[[Frame], bool]) -> Callable[[bytes], Frame | None]:
    def find(heard: bytes) -> Frame | None:
        at = 0
        while found := find_frame(heard, at):
            if found.frame.is_reply and is_answer(found.frame):
                return found.frame
            at = found.end
        return None

    return find
