"""How the meters are wired: eight units a Modbus line, each line a port; radio meters publish over MQTT."""

from __future__ import annotations

from functools import lru_cache

from simulators.campus.layout import RADIO_PROFILE, Layout

UNITS_PER_LINE = 8
RADIO_LINE = -1


@lru_cache(maxsize=8)
def _lines(profiles: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """(line, unit) of each meter; meters of one profile share lines, in their order."""
    used: dict[str, int] = {}
    line_numbers: dict[tuple[str, int], int] = {}
    out = []
    for profile in profiles:
        if profile == RADIO_PROFILE:
            out.append((RADIO_LINE, 0))
            continue
        position = used.get(profile, 0)
        used[profile] = position + 1
        key = (profile, position // UNITS_PER_LINE)
        line = line_numbers.setdefault(key, len(line_numbers))
        out.append((line, position % UNITS_PER_LINE + 1))
    return tuple(out)


def _of(layout: Layout) -> tuple[tuple[int, int], ...]:
    return _lines(tuple(m.profile for m in layout.meters))


def line_of(layout: Layout, row: int) -> int:
    """Number of the Modbus line of a meter by position; a number of its own below 0 for a radio meter."""
    line = _of(layout)[row][0]
    return line if line != RADIO_LINE else RADIO_LINE - row


def unit_of(layout: Layout, row: int) -> int:
    """Unit number on its line, from 1; 0 for a radio meter."""
    return _of(layout)[row][1]


def line_count(layout: Layout) -> int:
    """How many Modbus lines there are."""
    return max(line for line, _ in _of(layout)) + 1


def device_eui(layout: Layout, row: int) -> str:
    """The radio address of a meter: 16 hexadecimal digits, of a range that no maker has."""
    return f"a40000000000{row:04x}" if layout.meters[row].profile == RADIO_PROFILE else ""
