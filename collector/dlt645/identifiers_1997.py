"""What DL/T 645-1997 data identifiers mean: DI1 DI0 to fields. Pure tables and how they combine."""

from __future__ import annotations

from collector.dlt645.layout import Field

_BLOCK = 0xF
# Energy and demand: DI1 low two bits choose active or reactive, bits 2 and 3 the month; DI0 high nibble the direction.
_ENERGIES = {
    (0, 1): ("active_energy_import", "kWh"),
    (0, 2): ("active_energy_export", "kWh"),
    (1, 1): ("reactive_energy_import", "kvarh"),
    (1, 2): ("reactive_energy_export", "kvarh"),
    (1, 3): ("reactive_energy_quadrant_1", "kvarh"),
    (1, 4): ("reactive_energy_quadrant_4", "kvarh"),
    (1, 5): ("reactive_energy_quadrant_2", "kvarh"),
    (1, 6): ("reactive_energy_quadrant_3", "kvarh"),
}
_MONTHS = {0: "", 1: "_last_month", 2: "_month_before_last"}
_REGISTERS = {"active_energy_import", "active_energy_export", "reactive_energy_import"}
_GROUP_ENERGY, _GROUP_DEMAND, _GROUP_DEMAND_TIME = 0x9, 0xA, 0xB
# B6 variables by the high nibble of DI0: (name, unit, bytes, decimals, first of the block).
_VARIABLES = {
    1: ("voltage", "V", 2, 0, 1),
    2: ("current", "A", 2, 2, 1),
    3: ("active_power", "kW", 3, 4, 0),
    4: ("reactive_power", "kvar", 2, 2, 0),
    5: ("power_factor", "", 2, 3, 0),
}
_LIMITS = {0xB634: Field("active_power_limit_high", 2, "kW", 2), 0xB635: Field("active_power_limit_low", 2, "kW", 2)}
_OTHERS: dict[int, Field] = {
    0xB210: Field("programming_time", 4, kind="digits"),
    0xB211: Field("demand_clear_time", 4, kind="digits"),
    0xB212: Field("programming_count", 2),
    0xB213: Field("demand_clear_count", 2),
    0xB214: Field("battery_working_time", 3, "min"),
    0xB310: Field("phase_loss_count", 2),
    **{0xB310 + p: Field(f"phase_loss_count_l{p}", 2) for p in (1, 2, 3)},
    0xB320: Field("phase_loss_time", 3, "min"),
    **{0xB320 + p: Field(f"phase_loss_time_l{p}", 3, "min") for p in (1, 2, 3)},
    0xC010: Field("date", 4, kind="date"),
    0xC011: Field("time", 3, kind="clock"),
    0xC020: Field("running_state_word", 1, kind="bits"),
    0xC021: Field("grid_state_word", 1, kind="bits"),
    0xC022: Field("rest_day_feature", 1, kind="bits"),
    0xC030: Field("active_constant", 3, "imp/kWh"),
    0xC031: Field("reactive_constant", 3, "imp/kvarh"),
    0xC032: Field("meter_number", 6, kind="digits"),
    0xC033: Field("customer_number", 6, kind="digits"),
    0xC034: Field("device_number", 6, kind="digits"),
    0xC111: Field("demand_period", 1, "min"),
    0xC112: Field("demand_slip", 1, "min"),
    0xC117: Field("reading_day", 2, kind="digits"),
    0xC119: Field("active_start_reading", 4, "kWh", 1),
    0xC11A: Field("reactive_start_reading", 4, "kvarh", 1),
    **_LIMITS,
}


def fields_of(di: int, size: int) -> tuple[Field, ...] | None:
    """The fields of a data identifier whose reply carries `size` bytes; None where the layout is not known.

    A block (F in the low nibble) gives as many fields as the bytes hold; its closing AA is not counted in `size`.
    """
    if di in _OTHERS:
        return (_OTHERS[di],) if _OTHERS[di].size == size else None
    group, place = di >> 12, di & 0xF
    if group == _GROUP_ENERGY:
        return _repeated(_counted(di, 4, "kWh"), place, size, 4)
    if group == _GROUP_DEMAND:
        return _repeated(_counted(di, 3, "kW"), place, size, 3)
    if di >> 8 == 0xB6:  # noqa: PLR2004
        return _variables(di, size)
    if group == _GROUP_DEMAND_TIME:
        return _repeated(_counted(di, 4, ""), place, size, 4)
    return None


def _counted(di: int, size: int, unit: str) -> Field | None:
    """The total's field of energy, highest demand (XX.XXXX) or its time (MM DD hh mm)."""
    which, direction = di >> 8 & 0xF, di >> 4 & 0xF
    kind, month = _ENERGIES.get((which & 3, direction)), _MONTHS.get(which >> 2)
    if kind is None or month is None:
        return None
    name, energy_unit = kind
    if unit == "kWh":
        return Field(name + ("" if name in _REGISTERS and not month else "_total") + month, size, energy_unit, 2)
    demand = name.replace("_energy", "_demand").replace("active_demand_import", "active_demand") + "_max"
    if unit == "kW":
        return Field(demand + month, size, "kvar" if energy_unit == "kvarh" else "kW", 4)
    return Field(f"{demand}_time{month}", size, kind="digits")


def _repeated(total: Field | None, place: int, size: int, each: int) -> tuple[Field, ...] | None:
    count, rest = divmod(size, each)
    if total is None or rest or not count:
        return None
    places = list(range(count)) if place == _BLOCK else [place]
    if len(places) != count:
        return None
    return tuple(_at(total, p) for p in places)


def _at(total: Field, tariff: int) -> Field:
    if tariff == 0:
        return total
    base = total.name
    for month in ("_last_month", "_month_before_last"):
        if base.endswith(month):
            name = f"{base.removesuffix(month).removesuffix('_total')}_t{tariff}{month}"
            break
    else:
        name = f"{base.removesuffix('_total')}_t{tariff}"
    return Field(name, total.size, total.unit, total.decimals, total.kind)


def _variables(di: int, size: int) -> tuple[Field, ...] | None:
    kind, place = _VARIABLES.get(di >> 4 & 0xF), di & 0xF
    if kind is None:
        return None
    name, unit, width, decimals, first = kind
    count, rest = divmod(size, width)
    phases = list(range(first, 4))[:count] if place == _BLOCK else [place]
    if rest or count != len(phases) or max(phases) > 3 or min(phases) < first:  # noqa: PLR2004
        return None
    # The standard writes these without a sign; the direction stands in the status words.
    return tuple(Field(f"{name}_l{p}" if p else name, width, unit, decimals) for p in phases)
