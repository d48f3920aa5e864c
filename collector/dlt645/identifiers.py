"""What DL/T 645-2007 data identifiers mean: DI3 DI2 DI1 DI0 to fields. Pure tables and how they combine.

After DL/T 645-2007 annex A, as libraries and traces state it; quantities with a name of ours carry that.
"""

from __future__ import annotations

from collections.abc import Iterator

from collector.dlt645.fields import PARAMETERS, STATUS_WORDS
from collector.dlt645.layout import Field

BLOCK = 0xFF
LAST_TARIFF, LAST_SETTLEMENT, LAST_HARMONIC = 63, 12, 21
_ENERGY, _DEMAND, _VARIABLE, _, _, _FREEZE = range(6)

# Kinds of energy and demand in order of DI2: (name, unit of the energy, has a sign).
_TOTALS = (
    ("active_energy_combined", "kWh", True),
    ("active_energy_import", "kWh", False),
    ("active_energy_export", "kWh", False),
    ("reactive_energy_combined_1", "kvarh", True),
    ("reactive_energy_combined_2", "kvarh", True),
    *((f"reactive_energy_quadrant_{q}", "kvarh", False) for q in (1, 2, 3, 4)),
    ("apparent_energy_import", "kVAh", False),
    ("apparent_energy_export", "kVAh", False),
)
_SPECIAL = (
    ("active_energy_associated", "kWh", False),
    ("active_energy_fundamental_import", "kWh", False),
    ("active_energy_fundamental_export", "kWh", False),
    ("active_energy_harmonic_import", "kWh", False),
    ("active_energy_harmonic_export", "kWh", False),
    ("active_energy_copper_loss", "kWh", True),
    ("active_energy_iron_loss", "kWh", True),
)
_ALL_STATUS_WORDS = 0x040005FF
_PHASE_AT = {1: 0x15, 2: 0x29, 3: 0x3D}
_SPECIAL_AT = {0: 0x80, 1: 0x94, 2: 0xA8, 3: 0xBC}
_DEMAND_UNITS = {"kWh": "kW", "kvarh": "kvar", "kVAh": "kVA"}


def _energies() -> Iterator[tuple[int, tuple[str, str, bool, str]]]:
    for di2, (name, unit, signed) in enumerate(_TOTALS):
        yield di2, (name, unit, signed, "")
    for phase, first in _PHASE_AT.items():
        for i, (name, unit, signed) in enumerate(_TOTALS[1:]):
            yield first + i, (name, unit, signed, f"_l{phase}")
    for phase, first in _SPECIAL_AT.items():
        for i, (name, unit, signed) in enumerate(_SPECIAL):
            yield first + i, (name, unit, signed, f"_l{phase}" if phase else "")


_KINDS = dict(_energies())
# Variables of a phase: DI2 to (name, unit, bytes, decimals, has a sign, has a total).
_PHASED = {
    0x01: ("voltage", "V", 2, 1, False, False),
    0x02: ("current", "A", 3, 3, True, False),
    0x03: ("active_power", "kW", 3, 4, True, True),
    0x04: ("reactive_power", "kvar", 3, 4, True, True),
    0x05: ("apparent_power", "kVA", 3, 4, True, True),
    0x06: ("power_factor", "", 2, 3, True, True),
    0x07: ("phase_angle", "deg", 2, 1, False, False),
    0x08: ("voltage_distortion", "%", 2, 2, False, False),
    0x09: ("current_distortion", "%", 2, 2, False, False),
}
_HARMONICS = {0x0A: "voltage_harmonic", 0x0B: "current_harmonic"}
_SINGLE = {
    0x01: Field("neutral_current", 3, "A", 3, "signed"),
    0x02: Field("frequency", 2, "Hz", 2),
    0x03: Field("active_power_average_1min", 3, "kW", 4, "signed"),
    0x04: Field("active_power_demand", 3, "kW", 4, "signed"),
    0x05: Field("reactive_power_demand", 3, "kvar", 4, "signed"),
    0x06: Field("apparent_power_demand", 3, "kVA", 4, "signed"),
    0x07: Field("temperature_inside", 2, "degC", 1, "signed"),
    0x08: Field("clock_battery_voltage", 2, "V", 2),
    0x09: Field("reading_battery_voltage", 2, "V", 2),
    0x0A: Field("battery_working_time", 4, "min"),
    0x0B: Field("current_price", 4, "CNY/kWh", 4),
}


def fields_of(di: int, size: int) -> tuple[Field, ...] | None:
    """The fields of a data identifier whose reply carries `size` bytes; None where the layout is not known.

    A block (FF in the place of tariff, phase, settlement day or word) gives as many fields as the bytes hold.
    """
    di3, di2, di1, di0 = di.to_bytes(4, "big")
    if di3 == _ENERGY:
        return _counted(di2, di1, di0, size, 4)
    if di3 == _DEMAND:
        return _counted(di2, di1, di0, size, 8)
    if di3 == _VARIABLE:
        return _variables(di2, di1, di0, size)
    if di == _ALL_STATUS_WORDS:
        return _exact(STATUS_WORDS, size)
    if di3 == _FREEZE:
        return _frozen(di2, di1, di0, size)
    found = PARAMETERS.get(di) or _numbered_record(di)
    return _exact(found, size) if found else None


def _exact(fields: tuple[Field, ...], size: int) -> tuple[Field, ...] | None:
    return fields if sum(f.size for f in fields) == size else None


def _numbered_record(di: int) -> tuple[Field, ...] | None:
    """A record of the last ten, which are all alike: the first one's layout under the other's number."""
    place = di & 0xFF
    if not 1 < place <= 10:  # noqa: PLR2004 - the standard keeps ten
        return None
    first = PARAMETERS.get(di & 0xFFFFFF00 | 1)
    if first is None or not first[0].name.endswith("_last_1"):
        return None
    return tuple(Field(f"{f.name.removesuffix('_1')}_{place}", f.size, f.unit, f.decimals, f.kind) for f in first)


# -- energies and demands --------------------------------------------------------------------------------


def _counted(di2: int, tariff: int, settlement: int, size: int, each: int) -> tuple[Field, ...] | None:
    """Energy (4 bytes) or highest demand with its time (8 bytes), one or a block over tariffs or settlement days."""
    kind = _KINDS.get(di2)
    count, rest = divmod(size, each)
    if kind is None or rest or not count:
        return None
    if tariff == BLOCK and settlement != BLOCK:
        places = [(t, settlement) for t in range(count)]
    elif settlement == BLOCK and tariff != BLOCK:
        places = [(tariff, s) for s in range(count)]
    else:
        places = [(tariff, settlement)] * count if count == 1 else []
    if not places or any(t > LAST_TARIFF or s > LAST_SETTLEMENT for t, s in places):
        return None
    make = _energy if each == 4 else _demand  # noqa: PLR2004
    return tuple(make(kind, t, s) for t, s in places)


def _energy(kind: tuple[str, str, bool, str], tariff: int, settlement: int) -> Field:
    name, unit, signed, phase = kind
    return Field(_energy_name(name + phase, tariff, settlement), 4, unit, 2, "signed" if signed else "number")


def _energy_name(name: str, tariff: int, settlement: int) -> str:
    is_register = name in {"active_energy_import", "active_energy_export"}
    total = "" if is_register and not settlement else "_total"
    return name + (f"_t{tariff}" if tariff else total) + _settled(settlement)


def _demand(kind: tuple[str, str, bool, str], tariff: int, settlement: int) -> Field:
    name, unit, _, phase = kind
    # The fact file's name for the demand of import; the others are named in the same way.
    plain = name.replace("_energy", "_demand").replace("active_demand_import", "active_demand") + phase
    shown = f"{plain}_max" + (f"_t{tariff}" if tariff else "") + _settled(settlement)
    return Field(shown, 8, _DEMAND_UNITS[unit], 4, "demand")


def _settled(settlement: int) -> str:
    return f"_settlement_{settlement}" if settlement else ""


# -- what a meter measures now ---------------------------------------------------------------------------


def _variables(di2: int, di1: int, di0: int, size: int) -> tuple[Field, ...] | None:
    if di2 == 0x80:  # noqa: PLR2004
        return _single(di1, di0, size)
    if di2 in _HARMONICS:
        return _harmonics(di2, di1, di0, size)
    if di2 not in _PHASED or di0 != 0:
        return None
    width, has_total = _PHASED[di2][2], _PHASED[di2][5]
    count, rest = divmod(size, width)
    phases = [di1]
    if di1 == BLOCK:
        # A single-phase meter answers a block with what it has: the total and one phase, or one phase alone.
        phases = list(range(0 if has_total else 1, 4))[:count]
    if rest or count != len(phases) or max(phases) > 3 or (min(phases) == 0 and not has_total):  # noqa: PLR2004
        return None
    return tuple(_phase_field(di2, p) for p in phases)


def _phase_field(di2: int, phase: int) -> Field:
    name, unit, width, decimals, signed, _ = _PHASED[di2]
    return Field(f"{name}_l{phase}" if phase else name, width, unit, decimals, "signed" if signed else "number")


def _single(di1: int, di0: int, size: int) -> tuple[Field, ...] | None:
    if di1 != 0:
        return None
    return _exact((_SINGLE[di0],), size) if di0 in _SINGLE else None


def _harmonics(di2: int, phase: int, order: int, size: int) -> tuple[Field, ...] | None:
    orders = [order] if order != BLOCK else list(range(1, size // 2 + 1))
    if not 1 <= phase <= 3 or size != 2 * len(orders) or not orders or max(orders) > LAST_HARMONIC:  # noqa: PLR2004
        return None
    return tuple(Field(f"{_HARMONICS[di2]}_{n}_l{phase}", 2, "%", 2) for n in orders)


# -- frozen values ---------------------------------------------------------------------------------------

_FREEZES = {0: "timed", 1: "instant", 2: "zones", 3: "periods", 4: "hourly", 5: "price", 6: "daily", 7: "tiers"}
_FROZEN_POWERS = 8


def _frozen(di2: int, what: int, place: int, size: int) -> tuple[Field, ...] | None:
    """The values kept at a moment: its time (0), energies with tariffs (1 to 8), demands (9, A), powers (10H)."""
    if di2 not in _FREEZES or not 1 <= place <= 254:  # noqa: PLR2004
        return None
    suffix = f"_freeze_{_FREEZES[di2]}_{place}"
    if what == 0:
        return _exact((Field(f"time{suffix}", 5, kind="moment"),), size)
    if di2 == 4 and what in {1, 2}:  # noqa: PLR2004 - hourly: the total alone
        return _exact((Field(f"{_TOTALS[what][0]}_total{suffix}", 4, "kWh", 2),), size)
    if 1 <= what <= 8:  # noqa: PLR2004
        found = _counted(what, BLOCK, 0, size, 4)
    elif what in {9, 10}:
        found = _counted(what - 8, BLOCK, 0, size, 8)
    elif what == 0x10 and size == 3 * _FROZEN_POWERS:  # noqa: PLR2004
        found = tuple(_phase_field(di2, p) for di2 in (3, 4) for p in range(4))
    else:
        found = None
    return found and tuple(Field(_full(f.name) + suffix, f.size, f.unit, f.decimals, f.kind) for f in found)


def _full(name: str) -> str:
    return f"{name}_total" if name in {"active_energy_import", "active_energy_export"} else name
