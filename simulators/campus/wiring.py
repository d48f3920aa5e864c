"""How the meters are wired: units on lines, each line a port; radio meters publish over MQTT.

A Modbus line is a gateway with eight units. Meters that answer in frames hang on two-wire lines behind converters,
which pass bytes on at the line's own rate: of 18 DL/T 645 meters everything is read in 23 s at 9,600 baud.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from simulators.campus.layout import CJT188_PROFILE, DLT645_PROFILE, RADIO_PROFILE, Layout

UNITS_PER_LINE = 8
RADIO_LINE = -1


@dataclass(frozen=True, slots=True)
class FrameLine:
    """A line of meters that answer in frames: its rate, how many hang on it, and how their addresses look."""

    baud: int
    meters: int
    address: str


FRAME_LINES = {
    DLT645_PROFILE: FrameLine(9600, 18, "2603{:08d}"),
    CJT188_PROFILE: FrameLine(2400, 8, "000026{:08d}"),
}


@lru_cache(maxsize=8)
def _lines(profiles: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """(line, place on it from 1) of each meter; meters of one profile share lines, in their order."""
    used: dict[str, int] = {}
    line_numbers: dict[tuple[str, int], int] = {}
    out = []
    for profile in profiles:
        if profile == RADIO_PROFILE:
            out.append((RADIO_LINE, 0))
            continue
        shared = FRAME_LINES[profile].meters if profile in FRAME_LINES else UNITS_PER_LINE
        position = used.get(profile, 0)
        used[profile] = position + 1
        line = line_numbers.setdefault((profile, position // shared), len(line_numbers))
        out.append((line, position % shared + 1))
    return tuple(out)


def _of(layout: Layout) -> tuple[tuple[int, int], ...]:
    return _lines(tuple(m.profile for m in layout.meters))


def line_of(layout: Layout, row: int) -> int:
    """Number of the line of a meter by position; a number of its own below 0 for a radio meter."""
    line = _of(layout)[row][0]
    return line if line != RADIO_LINE else RADIO_LINE - row


def unit_of(layout: Layout, row: int) -> int:
    """Place on its line, from 1: a Modbus meter's unit number; 0 for a radio meter."""
    return _of(layout)[row][1]


def line_count(layout: Layout) -> int:
    """How many lines there are."""
    return max(line for line, _ in _of(layout)) + 1


def address_of(layout: Layout, row: int) -> str:
    """What a meter is called on its line: unit number, digits, or radio address."""
    meter = layout.meters[row]
    if meter.profile == RADIO_PROFILE:
        return device_eui(layout, row)
    if meter.profile in FRAME_LINES:
        return FRAME_LINES[meter.profile].address.format(row)
    return str(unit_of(layout, row))


def device_eui(layout: Layout, row: int) -> str:
    """The radio address of a meter: 16 hexadecimal digits, of a range that no maker has."""
    return f"a40000000000{row:04x}" if layout.meters[row].profile == RADIO_PROFILE else ""
