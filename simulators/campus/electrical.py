"""What a live meter shows besides its register: power, voltages, currents; flow, pulses, battery."""

from __future__ import annotations

import numpy as np

from simulators.campus.layout import ELECTRICITY, Layout
from simulators.campus.randomness import Float64, normal, stream_number

_VOLTS, _VOLTS_SIGMA, _HERTZ = 231.0, 1.2, 50.0
_POWER_FACTOR = 0.93
_BATTERY_PERCENT = 96.0


def live_values(seed: int, layout: Layout, time_ms: int, registers: Float64, rates: Float64) -> list[dict[str, float]]:
    """Quantities by meter at a time; `rates` in kW or m3/h, registers NaN where the unit does not answer.

    A three-phase load is spread evenly; line voltages waver together, as they hang on one transformer.
    """
    volts = _VOLTS + _VOLTS_SIGMA * normal(seed, stream_number("volts"), time_ms // 10_000, np.arange(3))
    hertz = _HERTZ + 0.02 * float(normal(seed, stream_number("hertz"), time_ms // 10_000))
    out: list[dict[str, float]] = []
    for meter, register, rate in zip(layout.meters, registers.tolist(), rates.tolist(), strict=True):
        if np.isnan(register):
            out.append({})
        elif meter.medium == ELECTRICITY:
            out.append(_electric(register, rate, volts.tolist(), hertz))
        else:
            pulses = round(register * meter.instrument.size.counts_per_unit)
            out.append(
                {"water_volume": register, "flow_rate": rate, "pulse_count": pulses, "battery": _BATTERY_PERCENT}
            )
    return out


def _electric(register: float, kw: float, volts: list[float], hertz: float) -> dict[str, float]:
    reactive = kw * float(np.tan(np.arccos(_POWER_FACTOR)))
    values = {
        "active_energy_import": register,
        "active_energy_export": 0.0,
        "active_power": kw,
        "reactive_power": reactive,
        "apparent_power": kw / _POWER_FACTOR,
        "power_factor": _POWER_FACTOR,
        "frequency": hertz,
    }
    for phase, volt in enumerate(volts, 1):
        values[f"voltage_l{phase}"] = volt
        values[f"active_power_l{phase}"] = kw / 3
        values[f"current_l{phase}"] = kw / 3 * 1000 / _POWER_FACTOR / volt
    return values
