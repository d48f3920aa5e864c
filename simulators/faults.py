"""Faults by name, as they are chosen on the command line: KIND[=VALUE][@ADDRESS].

What a fault is to the servers stands with them (`modbus.server.Fault`, `line.server.LineFault`); this is the one list
of names, what each number means, and which kinds of meter can have it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Way = Literal["modbus-tcp", "modbus-rtu", "frames", "mqtt"]
"""How a meter is reached: what can go wrong depends on it."""

_LINES: tuple[Way, ...] = ("modbus-tcp", "modbus-rtu", "frames")
_ALL: tuple[Way, ...] = (*_LINES, "mqtt")


class FaultTextError(ValueError):
    """A fault that there is not; the message says what is allowed."""


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A kind of fault. `usual` is its number where none is given, None where it takes none; `unit` what it counts."""

    name: str
    meaning: str
    ways: tuple[Way, ...]
    usual: float | None = None
    unit: str = ""
    most: float = 86_400.0


KINDS = {
    kind.name: kind
    for kind in (
        FaultKind("silent", "no answer at all", _ALL),
        FaultKind("slow", "answers, or publishes, this long after it should", _ALL, 0.5, "s"),
        FaultKind("late", "the answer to a question comes only when the next one is asked", _LINES),
        FaultKind("half", "only the first half of the bytes comes", _ALL),
        FaultKind("noise", "so many bytes of noise before each answer or message", _ALL, 8, "bytes", 256),
        FaultKind("crc", "CRC or checksum is wrong", ("modbus-rtu", "frames")),
        FaultKind("exception", "refuses every question with this code", _LINES, 4, "code", 255),
        FaultKind("word-order", "words of 32 and 64 bits stand the wrong way round", ("modbus-tcp", "modbus-rtu")),
        FaultKind(
            "stale", "answers carry the transaction id of so many questions ago", ("modbus-tcp",), 1, "questions"
        ),
        FaultKind("clock", "the meter's clock is ahead by so much, or behind", ("frames", "mqtt"), 3600, "s", 1e9),
        FaultKind("reset", "so long after the start the counters begin again at 0", _ALL, 30, "s"),
        FaultKind("rollover", "so long after the start the counters run over their last digit", _ALL, 30, "s"),
    )
}


@dataclass(frozen=True, slots=True)
class ChosenFault:
    """A fault of one meter, or of all where `address` is empty."""

    kind: str
    value: float = 0.0
    address: str = ""


@dataclass(frozen=True, slots=True)
class MeterFaults:
    """All that is wrong with one meter. Times are in seconds; None where that fault is not chosen."""

    is_silent: bool = False
    delay_s: float | None = None
    is_late: bool = False
    is_half: bool = False
    noise: int = 0
    is_crc_wrong: bool = False
    exception: int | None = None
    is_word_order_wrong: bool = False
    stale: int = 0
    clock_s: float = 0.0
    reset_s: float | None = None
    rollover_s: float | None = None


WELL = MeterFaults()


def parse_fault(text: str) -> ChosenFault:
    """The fault that a text names: `silent`, `slow=2`, `silent@3`.

    Raises:
        FaultTextError: there is no such kind, or its number is none.
    """
    said, _, address = text.partition("@")
    name, mark, number = said.partition("=")
    kind = KINDS.get(name)
    if kind is None:
        raise FaultTextError(f"fault {text!r}: unknown kind {name!r}; allowed: {', '.join(KINDS)}")
    if kind.usual is None:
        if mark:
            raise FaultTextError(f"fault {text!r}: {name} takes no number")
        return ChosenFault(name, address=address)
    value = _number(number) if mark else kind.usual
    lowest = -kind.most if name == "clock" else 0
    is_whole = kind.unit not in {"bytes", "code", "questions"} or (value is not None and value == int(value))
    if value is None or not is_whole or not lowest <= value <= kind.most:
        takes = f"{'a number' if kind.unit == 's' else 'a whole number'} ({kind.unit}), {lowest:g} to {kind.most:g}"
        raise FaultTextError(f"fault {text!r}: {name} takes {takes}; {kind.usual:g} if not given")
    return ChosenFault(name, value, address)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None


def faults_of(chosen: Iterable[ChosenFault], address: str, way: Way) -> MeterFaults:
    """What is wrong with the meter of this address.

    Raises:
        FaultTextError: a meter of that way cannot have such a fault.
    """
    mine = {f.kind: f.value for f in chosen if f.address in {"", address}}
    for name in mine:
        if way not in KINDS[name].ways:
            able = ", ".join(k.name for k in KINDS.values() if way in k.ways)
            raise FaultTextError(f"fault {name} is none of a meter on {way}; allowed there: {able}")
    return MeterFaults(
        is_silent="silent" in mine,
        delay_s=mine.get("slow"),
        is_late="late" in mine,
        is_half="half" in mine,
        noise=int(mine.get("noise", 0)),
        is_crc_wrong="crc" in mine,
        exception=int(mine["exception"]) if "exception" in mine else None,
        is_word_order_wrong="word-order" in mine,
        stale=int(mine.get("stale", 0)),
        clock_s=mine.get("clock", 0.0),
        reset_s=mine.get("reset"),
        rollover_s=mine.get("rollover"),
    )


def check_addresses(chosen: Iterable[ChosenFault], addresses: Iterable[str]) -> None:
    """Whether each fault is one of a meter that is served.

    Raises:
        FaultTextError: it is not.
    """
    known = set(addresses)
    for fault in chosen:
        if fault.address and fault.address not in known:
            raise FaultTextError(
                f"fault {fault.kind}@{fault.address}: no meter {fault.address}; {', '.join(sorted(known))}"
            )
