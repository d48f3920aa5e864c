"""What a meter can measure: one row a quantity, with unit, medium and whether it is a counter.

A code is written into journals and stores, so it is never reused and never changed.
"""

from __future__ import annotations

from dataclasses import dataclass

ELECTRICITY, WATER, GAS, HEAT, OTHER = "electricity", "water", "gas", "heat", "other"
MEDIA = (ELECTRICITY, WATER, GAS, HEAT, OTHER)


@dataclass(frozen=True, slots=True)
class Quantity:
    """One measurable quantity; `unit` is the only unit in which it is ever carried."""

    code: int
    name: str
    unit: str
    medium: str
    is_cumulative: bool


def _phases(code: int, name: str, unit: str) -> list[Quantity]:
    return [Quantity(code + i, f"{name}_l{i + 1}", unit, ELECTRICITY, is_cumulative=False) for i in range(3)]


def _tariffs(code: int, name: str) -> list[Quantity]:
    return [Quantity(code + i, f"{name}_t{i + 1}", "kWh", ELECTRICITY, is_cumulative=True) for i in range(4)]


QUANTITIES: tuple[Quantity, ...] = (
    Quantity(1, "active_energy_import", "kWh", ELECTRICITY, is_cumulative=True),
    Quantity(2, "active_energy_export", "kWh", ELECTRICITY, is_cumulative=True),
    *_tariffs(3, "active_energy_import"),
    *_tariffs(7, "active_energy_export"),
    Quantity(11, "reactive_energy_import", "kvarh", ELECTRICITY, is_cumulative=True),
    Quantity(20, "active_power", "kW", ELECTRICITY, is_cumulative=False),
    *_phases(21, "active_power", "kW"),
    Quantity(24, "active_power_demand", "kW", ELECTRICITY, is_cumulative=False),
    Quantity(25, "reactive_power", "kvar", ELECTRICITY, is_cumulative=False),
    Quantity(26, "apparent_power", "kVA", ELECTRICITY, is_cumulative=False),
    *_phases(30, "voltage", "V"),
    *_phases(33, "current", "A"),
    Quantity(36, "power_factor", "", ELECTRICITY, is_cumulative=False),
    Quantity(37, "frequency", "Hz", ELECTRICITY, is_cumulative=False),
    Quantity(50, "water_volume", "m3", WATER, is_cumulative=True),
    Quantity(51, "flow_rate", "m3/h", WATER, is_cumulative=False),
    Quantity(60, "gas_volume", "m3", GAS, is_cumulative=True),
    Quantity(61, "heat_energy", "kWh", HEAT, is_cumulative=True),
    Quantity(70, "temperature", "degC", OTHER, is_cumulative=False),
    Quantity(71, "humidity", "%", OTHER, is_cumulative=False),
    Quantity(72, "pressure", "bar", OTHER, is_cumulative=False),
    Quantity(73, "pulse_count", "pulse", OTHER, is_cumulative=True),
    Quantity(74, "battery", "%", OTHER, is_cumulative=False),
)

BY_NAME: dict[str, Quantity] = {q.name: q for q in QUANTITIES}
BY_CODE: dict[int, Quantity] = {q.code: q for q in QUANTITIES}

# The register that says how much a meter of this medium has counted, and the rate that stands in for it
# where a meter has no register (a flow transmitter, a plug that reports power only).
MAIN_REGISTER: dict[str, Quantity] = {
    ELECTRICITY: BY_NAME["active_energy_import"],
    WATER: BY_NAME["water_volume"],
    GAS: BY_NAME["gas_volume"],
    HEAT: BY_NAME["heat_energy"],
}
MAIN_RATE: dict[str, Quantity] = {ELECTRICITY: BY_NAME["active_power"], WATER: BY_NAME["flow_rate"]}


def quantity(name: str) -> Quantity:
    """The quantity of that name.

    Raises:
        ValueError: no such quantity; the message lists the names there are.
    """
    found = BY_NAME.get(name)
    if found is None:
        raise ValueError(f"unknown quantity {name!r}; allowed: {', '.join(BY_NAME)}")
    return found
