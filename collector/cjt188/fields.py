"""The pieces of a CJ/T 188 reply: numbers with a unit code before or after, the meter's clock, the status. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from collector.bcd import digits, is_all_nines, is_unset, number
from collector.cjt188.units import UNITS, Unit

AMOUNT = 5  # four bytes of digits and a unit code
_VALVES = {0: "open", 1: "closed", 3: "fault"}
_BATTERY_LOW = 1 << 2
_CLOCK = 7


@dataclass(frozen=True, slots=True)
class Amount:
    """A number and its unit; `value` is None where the meter has none, and `why` says so."""

    value: float | None
    unit: Unit | None
    why: str = ""


def amount(data: bytes, measures: str, *, is_unit_first: bool = False) -> Amount:
    """Five bytes: four of digits, one unit code, in the order that the reply as a whole shows.

    measures  what the unit must be one of: volume, energy, power, flow
    """
    code, raw = (data[0], data[1:]) if is_unit_first else (data[4], data[:4])
    unit = UNITS.get(code)
    if is_unset(raw) or is_all_nines(raw):
        return Amount(None, unit, f"not supported ({digits(raw)})")
    if unit is None or unit.measures != measures:
        return Amount(None, unit, f"unit code {code:02X} is none of {measures}")
    value = number(raw, unit.decimals)
    return Amount(value, unit, "" if value is not None else f"no digits ({digits(raw)})")


def is_unit_first(data: bytes, kinds: tuple[str, ...]) -> bool:
    """Whether amounts lying one after the other have their unit codes in front: only if more of them fit there."""

    def fitting(place: int) -> int:
        units = [UNITS.get(data[AMOUNT * i + place]) for i in range(len(kinds))]
        return sum(unit is not None and unit.measures == kind for unit, kind in zip(units, kinds, strict=True))

    return fitting(0) > fitting(4)


def clock(data: bytes) -> datetime | None:
    """The meter's clock, seven digits pairs: ss mm hh DD MM YY CC or the other way round, whichever is a time."""
    text = data.hex()
    if len(data) != _CLOCK or not text.isdecimal():
        return None
    return _moment(data[::-1].hex()) or _moment(text)


def _moment(text: str) -> datetime | None:
    """CC YY MM DD hh mm ss."""
    year = int(text[:4])
    month, day, hour, minute, second = (int(text[i : i + 2]) for i in range(4, 14, 2))
    if not 2000 <= year < 2100:  # noqa: PLR2004 - any other century is a wrong order, not a time
        return None
    try:
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - the meter states no zone
    except ValueError:
        return None


def valve_state(status: bytes) -> str | None:
    """Bits 0 and 1 of the first status byte."""
    return None if is_unset(status) else _VALVES.get(status[0] & 3)


def is_battery_low(status: bytes) -> bool | None:
    """Bit 2 of the first status byte, as most makers set it; None where the status is not filled in."""
    return None if is_unset(status) else bool(status[0] & _BATTERY_LOW)
