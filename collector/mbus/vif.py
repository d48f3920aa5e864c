"""Value information: what a record measures, in which unit, and the factor of ten. Pure tables.

After EN 13757-3; quantities and units are named as libmbus names them (its test set is the source of our vectors).
"""

from __future__ import annotations

from dataclasses import dataclass

_MINUTE, _HOUR, _DAY, _MONTH, _YEAR = 60.0, 3600.0, 86400.0, 2629743.83, 31556926.0
SECONDS = (1.0, _MINUTE, _HOUR, _DAY)


@dataclass(frozen=True, slots=True)
class Meaning:
    """`value = raw x factor`; `kind` is number, date, moment, text or bits."""

    quantity: str
    unit: str = ""
    factor: float = 1.0
    kind: str = "number"


def _tens(first: int, count: int, exponent: int, quantity: str, unit: str) -> dict[int, Meaning]:
    # float("1e-3") is the nearest float, 10 ** -3 may miss it.
    return {first + n: Meaning(quantity, unit, float(f"1e{exponent + n}")) for n in range(count)}


def _times(first: int, quantity: str, factors: tuple[float, ...] = SECONDS) -> dict[int, Meaning]:
    return {first + n: Meaning(quantity, "s", factor) for n, factor in enumerate(factors)}


def _names(first: int, *names: str) -> dict[int, Meaning]:
    return {first + n: Meaning(name) for n, name in enumerate(names) if name}


PRIMARY: dict[int, Meaning] = {
    **_tens(0x00, 8, -3, "Energy", "Wh"),
    **_tens(0x08, 8, 0, "Energy", "J"),
    **_tens(0x10, 8, -6, "Volume", "m3"),
    **_tens(0x18, 8, -3, "Mass", "kg"),
    **_times(0x20, "On time"),
    **_times(0x24, "Operating time"),
    **_tens(0x28, 8, -3, "Power", "W"),
    **_tens(0x30, 8, 0, "Power", "J/h"),
    **_tens(0x38, 8, -6, "Volume flow", "m3/h"),
    **_tens(0x40, 8, -7, "Volume flow", "m3/min"),
    **_tens(0x48, 8, -9, "Volume flow", "m3/s"),
    **_tens(0x50, 8, -3, "Mass flow", "kg/h"),
    **_tens(0x58, 4, -3, "Flow temperature", "°C"),
    **_tens(0x5C, 4, -3, "Return temperature", "°C"),
    **_tens(0x60, 4, -3, "Temperature difference", "K"),
    **_tens(0x64, 4, -3, "External temperature", "°C"),
    **_tens(0x68, 4, -3, "Pressure", "bar"),
    0x6C: Meaning("Time point (date)", "-", kind="date"),
    0x6D: Meaning("Time point (date & time)", "-", kind="moment"),
    0x6E: Meaning("H.C.A.", "Units for H.C.A."),
    **_times(0x70, "Averaging Duration"),
    **_times(0x74, "Actuality Duration"),
    **_names(0x78, "Fabrication No", "(Enhanced) Identification", "Bus Address"),
    0x7E: Meaning("Any VIF"),
    0x7F: Meaning("Manufacturer specific", kind="maker"),
}
# After FD.
EXTENDED: dict[int, Meaning] = {
    **_tens(0x00, 4, -3, "Credit", "Currency units"),
    **_tens(0x04, 4, -3, "Debit", "Currency units"),
    **_names(
        0x08, "Access Number (transmission count)", "Medium", "Manufacturer", "Parameter set identification",
        "Model / Version", "Hardware version", "Firmware version", "Software version", "Customer location", "Customer",
        "Access Code User", "Access Code Operator", "Access Code System Operator", "Access Code Developer", "Password",
        "Error flags", "Error mask",
    ),
    **_names(0x1A, "Digital Output", "Digital Input"),
    0x1C: Meaning("Baudrate", "Baud"),
    0x1D: Meaning("Response delay time", "Bittimes"),
    0x1E: Meaning("Retry"),
    **_names(0x20, "First storage # for cyclic storage", "Last storage # for cyclic storage", "Size of storage block"),
    **_times(0x24, "Storage interval", (*SECONDS, _MONTH, _YEAR)),
    **_times(0x2C, "Duration since last readout"),
    0x30: Meaning("Start of tariff", "-", kind="moment"),
    **_times(0x31, "Duration of tariff", SECONDS[1:]),
    **_times(0x34, "Period of tariff", (*SECONDS, _MONTH, _YEAR)),
    0x3A: Meaning("Dimensionless"),
    **_tens(0x40, 16, -9, "Voltage", "V"),
    **_tens(0x50, 16, -12, "Current", "A"),
    **_names(
        0x60, "Reset counter", "Cumulation counter", "Control signal", "Day of week", "Week number",
        "Time point of day change", "State of parameter activation", "Special supplier information",
    ),
    **_times(0x68, "Duration since last cumulation", (_HOUR, _DAY, _MONTH, _YEAR)),
    **_times(0x6C, "Operating time battery", (_HOUR, _DAY, _MONTH, _YEAR)),
    0x70: Meaning("Date and time of battery change", "-", kind="moment"),
    0x71: Meaning("RF level", "dBm"),
    0x74: Meaning("Remaining battery life time", "s", _DAY),
}  # fmt: skip
# After FB.
ALTERNATE: dict[int, Meaning] = {
    **_tens(0x00, 2, 5, "Energy", "Wh"),
    **_tens(0x02, 2, 3, "Reactive energy", "varh"),
    **_tens(0x04, 2, 3, "Apparent energy", "VAh"),
    **_tens(0x08, 2, 8, "Energy", "J"),
    **_tens(0x10, 2, 2, "Volume", "m3"),
    **_tens(0x14, 4, 0, "Reactive power", "var"),
    **_tens(0x18, 2, 5, "Mass", "kg"),
    **_tens(0x1A, 2, -1, "Relative humidity", "%"),
    0x20: Meaning("Volume", "feet3"),
    0x21: Meaning("Volume", "feet3", 0.1),
    **_tens(0x22, 2, -1, "Volume", "American gallon"),
    0x24: Meaning("Volume flow", "American gallon/min", 1e-3),
    0x25: Meaning("Volume flow", "American gallon/min"),
    0x26: Meaning("Volume flow", "American gallon/h"),
    **_tens(0x28, 2, 5, "Power", "W"),
    0x2A: Meaning("Phase U-U", "°", 0.1),
    0x2B: Meaning("Phase U-I", "°", 0.1),
    **_tens(0x2C, 4, -3, "Frequency", "Hz"),
    **_tens(0x30, 2, 8, "Power", "J/h"),
    **_tens(0x34, 4, 0, "Apparent power", "VA"),
    **_tens(0x58, 4, -3, "Flow temperature", "°F"),
    **_tens(0x5C, 4, -3, "Return temperature", "°F"),
    **_tens(0x60, 4, -3, "Temperature difference", "°F"),
    **_tens(0x64, 4, -3, "External temperature", "°F"),
    **_tens(0x70, 4, -3, "Cold / Warm Temperature Limit", "°F"),
    **_tens(0x74, 4, -3, "Cold / Warm Temperature Limit", "°C"),
    **_tens(0x78, 8, -3, "Cumul count max power", "W"),
}
# The one-byte unit codes of the old fixed structure (CI 73).
FIXED: dict[int, Meaning] = {
    **_tens(0x02, 9, 0, "Energy", "Wh"),
    **_tens(0x0B, 9, 3, "Energy", "J"),
    **_tens(0x14, 9, 0, "Power", "W"),
    **_tens(0x1D, 9, 3, "Power", "J/h"),
    **_tens(0x26, 9, -6, "Volume", "m3"),
    **_tens(0x2F, 9, -6, "Volume flow", "m3/h"),
    0x38: Meaning("Temperature", "°C", 1e-3),
    0x39: Meaning("H.C.A.", "Units for H.C.A."),
    0x3F: Meaning("Counter"),
}
HISTORIC = 0x3E


def _unit_names() -> dict[int, str]:
    """The units of the fixed structure as they are written: 1, 10, 100 times each in turn."""
    found: dict[int, str] = {}
    for first, names in ((0x02, ("Wh", "kWh", "MWh")), (0x0B, ("kJ", "MJ", "GJ")), (0x14, ("W", "kW", "MW")),
                         (0x1D, ("kJ/h", "MJ/h", "GJ/h")), (0x26, ("ml", "l", "m3")),
                         (0x2F, ("ml/h", "l/h", "m3/h"))):  # fmt: skip
        for n, name in enumerate(names):
            found |= {first + 3 * n + power: (f"{10**power} " if power else "") + name for power in range(3)}
    return found


FIXED_UNITS = _unit_names()

MEDIA = {
    0x00: "Other", 0x01: "Oil", 0x02: "Electricity", 0x03: "Gas", 0x04: "Heat: Outlet", 0x05: "Steam",
    0x06: "Warm water (30-90°C)", 0x07: "Water", 0x08: "Heat Cost Allocator", 0x09: "Compressed Air",
    0x0A: "Cooling load meter: Outlet", 0x0B: "Cooling load meter: Inlet", 0x0C: "Heat: Inlet",
    0x0D: "Heat / Cooling load meter", 0x0E: "Bus/System", 0x0F: "Unknown Medium", 0x14: "Calorific value",
    0x15: "Hot water (>90°C)", 0x16: "Cold water", 0x17: "Dual water", 0x18: "Pressure", 0x19: "A/D Converter",
    0x1A: "Smoke", 0x1B: "Room sensor", 0x1C: "Gas detector", 0x20: "Breaker: Electricity",
    0x21: "Valve: Gas or Water",
    0x25: "Customer unit (display)", 0x28: "Waste water", 0x29: "Garbage",
    0x31: "System unit: communication controller",
}  # fmt: skip
# Media of the fixed structure, two bits of each unit byte.
FIXED_MEDIA = {
    0: 0x00, 1: 0x01, 2: 0x02, 3: 0x03, 4: 0x04, 5: 0x05, 6: 0x06, 7: 0x07, 8: 0x08,
    10: 0x03, 11: 0x04, 12: 0x15, 13: 0x07, 14: 0x08,
}  # fmt: skip
ELECTRICITY = frozenset({0x02, 0x20})
GAS = frozenset({0x03})
WATER = frozenset({0x06, 0x07, 0x15, 0x16, 0x17, 0x28, 0x21})
HEAT = frozenset({0x04, 0x05, 0x0A, 0x0B, 0x0C, 0x0D, 0x14})
