"""Unit codes of CJ/T 188 replies, and the factor to our unit where we have one.

The codes are those of the old M-Bus fixed structure: 1, 10, 100 times a unit in turn.
"""

from __future__ import annotations

from dataclasses import dataclass

_KWH_A_J = 1 / 3.6e6


@dataclass(frozen=True, slots=True)
class Unit:
    """`name` as written, `to_ours` the factor to kWh, kW, m3 or m3/h by `measures`; `decimals` of the number."""

    name: str
    measures: str
    to_ours: float
    decimals: int = 2


def _tens(first: int, names: tuple[str, ...], measures: str, base: float) -> dict[int, Unit]:
    """Three codes a name: x1, x10, x100; each name a thousand times the one before."""
    found = {}
    for n, name in enumerate(names):
        for power in range(3):
            shown = name if power == 0 else f"{name} x{10**power}"
            found[first + 3 * n + power] = Unit(shown, measures, base * 1000**n * 10**power)
    return found


UNITS: dict[int, Unit] = {
    0x01: Unit("J", "energy", _KWH_A_J),
    **_tens(0x02, ("Wh", "kWh", "MWh"), "energy", 1e-3),
    **_tens(0x0B, ("kJ", "MJ", "GJ"), "energy", 1e3 * _KWH_A_J),
    **_tens(0x14, ("W", "kW", "MW"), "power", 1e-3),
    **_tens(0x1D, ("kJ/h", "MJ/h", "GJ/h"), "power", 1e3 * _KWH_A_J),
    **_tens(0x26, ("mL", "L", "m3"), "volume", 1e-6),
    **_tens(0x2F, ("mL/h", "L/h", "m3/h"), "flow", 1e-6),
}
# A litre is the register's last digit: every sample seen counts whole litres.
UNITS[0x29] = Unit("L", "volume", 1e-3, 0)
UNITS[0x32] = Unit("L/h", "flow", 1e-3, 0)
# The standard writes the flow of a heat meter as XXXX.XXXX m3/h; every sample seen is zero.
UNITS[0x35] = Unit("m3/h", "flow", 1.0, 4)
VOLUME, ENERGY = UNITS[0x2C], UNITS[0x05]
