"""What data sheets call quantities, units and types, English and Chinese, and what we call them."""

from __future__ import annotations

# Units, and the factor that makes ours of them.
UNITS_TO_OURS: dict[str, tuple[str, str]] = {
    "wh": ("kWh", "0.001"), "mwh": ("kWh", "1000"), "w": ("kW", "0.001"), "mw": ("kW", "1000"),
    "var": ("kvar", "0.001"), "va": ("kVA", "0.001"), "varh": ("kvarh", "0.001"), "mv": ("V", "0.001"),
    "kv": ("V", "1000"), "ma": ("A", "0.001"), "l": ("m3", "0.001"), "l/h": ("m3/h", "0.001"),
    "kpa": ("bar", "0.01"), "mpa": ("bar", "10"),
}  # fmt: skip
SAME_UNITS = {
    "kwh": "kWh", "kw": "kW", "kvar": "kvar", "kva": "kVA", "kvarh": "kvarh", "v": "V", "a": "A", "hz": "Hz",
    "m3": "m3", "m³": "m3", "m3/h": "m3/h", "m³/h": "m3/h", "℃": "degC", "°c": "degC", "c": "degC", "%": "%",
    "bar": "bar", "度": "kWh", "吨": "m3",
}  # fmt: skip
_PHASES = (("A", "1"), ("B", "2"), ("C", "3"))
CHINESE_NAMES = {
    "正向有功总电能": "active_energy_import",
    "正向有功电能": "active_energy_import",
    **dict.fromkeys(("当前正向有功总电能", "正向有功总电度", "正向有功电度", "正向总有功电能"), "active_energy_import"),
    **dict.fromkeys(("当前反向有功总电能", "反向有功总电度", "反向有功电度", "反向总有功电能"), "active_energy_export"),
    **dict.fromkeys(("三相总有功功率", "合相有功功率", "有功功率总", "总功率"), "active_power"),
    **dict.fromkeys(("三相总无功功率", "合相无功功率", "无功功率"), "reactive_power"),
    **dict.fromkeys(("三相总视在功率", "合相视在功率", "视在功率"), "apparent_power"),
    **dict.fromkeys(("三相总功率因数", "合相功率因数"), "power_factor"),
    **dict.fromkeys(("正累计流量", "累积流量", "累计用水量", "累计水量"), "water_volume"),
    "流量": "flow_rate",
    "反向有功总电能": "active_energy_export",
    "反向有功电能": "active_energy_export",
    "总有功电能": "active_energy_sum_total",
    "总有功功率": "active_power",
    "有功功率": "active_power",
    "总无功功率": "reactive_power",
    "总视在功率": "apparent_power",
    "总功率因数": "power_factor",
    "功率因数": "power_factor",
    "频率": "frequency",
    "电网频率": "frequency",
    "累计流量": "water_volume",
    "瞬时流量": "flow_rate",
    **{f"{p}相电压": f"voltage_l{i}" for i, p in enumerate("ABC", 1)},
    **{f"{p}相电流": f"current_l{i}" for i, p in enumerate("ABC", 1)},
    **{f"{p}相有功功率": f"active_power_l{i}" for i, p in enumerate("ABC", 1)},
}
# What English sheets say, in lower case with underscores.
ENGLISH_NAMES = {
    name: f"{quantity}_l{n}"
    for letter, n in _PHASES
    for p in (letter.lower(), n, f"l{n}")
    for quantity, words in (
        ("voltage", (f"phase_{p}_voltage", f"voltage_{p}", f"voltage_phase_{p}", f"u{p}", f"v{p}",
                     f"phase_{p}_line_to_neutral_volts")),
        ("current", (f"phase_{p}_current", f"current_{p}", f"current_phase_{p}", f"i{p}")),
        ("active_power", (f"phase_{p}_active_power", f"active_power_phase_{p}", f"active_power_{p}")),
    )
    for name in words
} | {
    **dict.fromkeys(("total_active_power", "total_system_power", "active_power_total"), "active_power"),
    **dict.fromkeys(("total_reactive_power", "reactive_power_total"), "reactive_power"),
    **dict.fromkeys(("total_apparent_power", "apparent_power_total"), "apparent_power"),
    **dict.fromkeys(("total_power_factor", "power_factor_total", "total_system_power_factor"), "power_factor"),
    **dict.fromkeys(("grid_frequency", "line_frequency", "frequency_of_supply_voltages"), "frequency"),
    **dict.fromkeys(("import_active_energy", "total_import_active_energy", "total_import_kwh", "positive_active_energy",
                     "forward_active_energy", "total_forward_active_energy"), "active_energy_import"),
    **dict.fromkeys(("export_active_energy", "total_export_active_energy", "total_export_kwh", "negative_active_energy",
                     "reverse_active_energy", "total_reverse_active_energy"), "active_energy_export"),
}  # fmt: skip
TYPES = {
    "u16": "uint16", "word": "uint16", "unsigned int": "uint16", "ushort": "uint16", "s16": "int16", "short": "int16",
    "int": "int16", "u32": "uint32", "dword": "uint32", "unsigned long": "uint32", "s32": "int32", "long": "int32",
    "float": "float32", "real": "float32", "ieee754": "float32", "double": "float64", "u64": "uint64", "s64": "int64",
    "unsignedint16": "uint16", "unsigned16": "uint16", "unsignedshort": "uint16", "signedint16": "int16",
    "signed16": "int16", "unsignedint32": "uint32", "unsigned32": "uint32", "signedint32": "int32",
    "signed32": "int32", "floatingpoint": "float32", "singlefloat": "float32", "unsignedint": "uint16",
    "unsignedlong": "uint32", "无符号16位": "uint16", "有符号16位": "int16", "无符号32位": "uint32",
    "有符号32位": "int32", "16位无符号整数": "uint16", "16位有符号整数": "int16", "32位无符号整数": "uint32",
    "32位有符号整数": "int32",
    "浮点": "float32", "浮点数": "float32", "单精度浮点": "float32", "单精度浮点数": "float32",
}  # fmt: skip
