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
CHINESE_NAMES = {
    "正向有功总电能": "active_energy_import",
    "正向有功电能": "active_energy_import",
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
TYPES = {
    "u16": "uint16", "word": "uint16", "unsigned int": "uint16", "ushort": "uint16", "s16": "int16", "short": "int16",
    "int": "int16", "u32": "uint32", "dword": "uint32", "unsigned long": "uint32", "s32": "int32", "long": "int32",
    "float": "float32", "real": "float32", "ieee754": "float32", "double": "float64", "u64": "uint64", "s64": "int64",
}  # fmt: skip
