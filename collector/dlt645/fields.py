"""DL/T 645-2007: parameters, clock, status words and counted events, by data identifier."""

from __future__ import annotations

from collector.dlt645.layout import Field


def _number(name: str, size: int, unit: str = "", decimals: int = 0) -> tuple[Field, ...]:
    return (Field(name, size, unit, decimals),)


def _text(name: str, size: int, kind: str = "text") -> tuple[Field, ...]:
    return (Field(name, size, kind=kind),)


STATUS_WORDS = tuple(Field(f"running_state_word_{n}", 2, kind="bits") for n in range(1, 8))


def _counts_and_times(name: str) -> tuple[Field, ...]:
    """Times it happened and minutes it lasted, for phases A, B, C."""
    return tuple(
        Field(f"{name}_{what}_l{p}", 3, unit) for p in (1, 2, 3) for what, unit in (("count", ""), ("time", "min"))
    )


_PHASE_EVENTS = {
    0x01: "voltage_loss", 0x02: "under_voltage", 0x03: "over_voltage", 0x04: "phase_loss", 0x0B: "current_loss",
    0x0C: "over_current", 0x0D: "current_break", 0x0E: "power_reversed", 0x0F: "overload",
}  # fmt: skip
_COUNTED = {
    0x03110000: "power_down", 0x03300000: "programming", 0x03300100: "meter_clear", 0x03300200: "demand_clear",
    0x03300300: "event_clear", 0x03300400: "clock_set", 0x03300500: "periods_programming",
    0x03300600: "zones_programming", 0x03300700: "rest_day_programming", 0x03300800: "holiday_programming",
    0x03300900: "active_mode_programming", 0x03300A00: "reactive_1_mode_programming",
    0x03300B00: "reactive_2_mode_programming", 0x03300C00: "settlement_day_programming",
    0x03300D00: "cover_open", 0x03300E00: "terminal_cover_open", 0x03350000: "magnetic_field",
}  # fmt: skip
_SPANS = {0x03110001: "power_down", 0x03050001: "all_voltages_lost"}


def _span(name: str) -> tuple[Field, ...]:
    return (Field(f"{name}_start_last_1", 6, kind="moment"), Field(f"{name}_end_last_1", 6, kind="moment"))


PARAMETERS: dict[int, tuple[Field, ...]] = {
    **{0x03000000 | di2 << 16: _counts_and_times(name) for di2, name in _PHASE_EVENTS.items()},
    **{di: _number(f"{name}_count", 3) for di, name in _COUNTED.items()},
    **{di: _span(name) for di, name in _SPANS.items()},
    0x03050000: (Field("all_voltages_lost_count", 3), Field("all_voltages_lost_time", 3, "min")),
    0x03060000: (Field("auxiliary_power_lost_count", 3), Field("auxiliary_power_lost_time", 3, "min")),
    0x03300401: (
        Field("clock_set_operator_last_1", 4, kind="digits"),
        Field("clock_before_last_1", 6, kind="moment"),
        Field("clock_after_last_1", 6, kind="moment"),
    ),
    0x04000101: _text("date", 4, "date"),
    0x04000102: _text("time", 3, "clock"),
    0x04000103: _number("demand_period", 1, "min"),
    0x04000104: _number("demand_slip", 1, "min"),
    0x04000105: _number("pulse_width", 2, "ms"),
    0x04000106: _text("zones_switch_time", 5, "moment"),
    0x04000107: _text("periods_switch_time", 5, "moment"),
    0x0400010C: (Field("time", 3, kind="clock"), Field("date", 4, kind="date")),
    0x04000201: _number("zones_a_year", 1),
    0x04000202: _number("day_tables", 1),
    0x04000203: _number("periods_a_day", 1),
    0x04000204: _number("tariffs", 1),
    0x04000205: _number("holidays", 2),
    0x04000206: _number("harmonics", 1),
    0x04000301: _number("display_screens", 1),
    0x04000302: _number("display_time", 1, "s"),
    0x04000303: _number("energy_decimals", 1),
    0x04000304: _number("power_decimals", 1),
    0x04000305: _number("button_screens", 1),
    0x04000306: _number("current_transformer_ratio", 3),
    0x04000307: _number("voltage_transformer_ratio", 3),
    0x04000401: _text("communication_address", 6, "digits"),
    0x04000402: _text("meter_number", 6, "digits"),
    0x04000403: _text("asset_code", 32),
    0x04000404: _text("rated_voltage", 6),
    0x04000405: _text("rated_current", 6),
    0x04000406: _text("maximum_current", 6),
    0x04000407: _text("active_accuracy_class", 4),
    0x04000408: _text("reactive_accuracy_class", 4),
    0x04000409: _number("active_constant", 3, "imp/kWh"),
    0x0400040A: _number("reactive_constant", 3, "imp/kvarh"),
    0x0400040B: _text("meter_model", 10),
    0x0400040C: _text("production_date", 10),
    0x0400040D: _text("protocol_version", 16),
    0x0400040E: _text("customer_number", 6, "digits"),
    **{0x04000500 | n: (word,) for n, word in enumerate(STATUS_WORDS, 1)},
    0x04000601: _text("active_combination_mode", 1, "bits"),
    0x04000602: _text("reactive_1_combination_mode", 1, "bits"),
    0x04000603: _text("reactive_2_combination_mode", 1, "bits"),
    **{0x04000700 | n: _text(f"baud_feature_{n}", 1, "bits") for n in range(1, 6)},
    0x04000801: _text("rest_day_feature", 1, "bits"),
    0x04000802: _number("rest_day_table", 1),
    **{0x04000B00 | n: _text(f"settlement_day_{n}", 2, "digits") for n in (1, 2, 3)},
    0x04800001: _text("software_version", 32),
    0x04800002: _text("hardware_version", 32),
    0x04800003: _text("maker_code", 32),
}
