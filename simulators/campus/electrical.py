"""What a live meter shows besides its register: power, voltages, currents; flow, pulses, battery."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from simulators.campus.fault_flows import DAY_MS, MINUTE_MS, fault_flows
from simulators.campus.faults import VOLTAGES, Fault
from simulators.campus.layout import ELECTRICITY, Layout
from simulators.campus.randomness import Float64, Int64, normal, stream_number
from simulators.campus.registers import UTC_OFFSET_MS, Registers

_VOLTS, _VOLTS_SIGMA, _HERTZ = 231.0, 1.2, 50.0
_POWER_FACTOR = 0.93
_KVAR_PER_KW = float(np.tan(np.arccos(_POWER_FACTOR)))
_BATTERY_PERCENT, _LOW_BATTERY_PERCENT = 96.0, 8.0
_PHASES = 3
_LOST_PHASE = 1
_ALIVE_V = 50.0
_KEPT = 64

Rows = npt.NDArray[np.intp]


class Electrical:
    """Power and voltages of the campus's meters, from its registers and what is wrong with it.

    A three-phase load is spread evenly over the phases that are there; line voltages waver together, as they hang on
    one transformer. All loads together have a power factor of 0.93, but for a heating coil, which has 1.
    """

    def __init__(self, seed: int, layout: Layout, registers: Registers) -> None:
        self._seed, self._layout, self._registers = seed, layout, registers
        self._coil_kw = lru_cache(_KEPT)(self._coil_of_day)

    def volts(self, rows: Rows, times: Int64) -> Float64:
        """Voltages of the three phases at meters and times (ms) that go in pairs: rows x 3."""
        waver = normal(self._seed, stream_number("volts"), (times // 10_000)[:, None], np.arange(_PHASES))
        volts = _VOLTS + _VOLTS_SIGMA * waver
        for fault in self._registers.others:
            if fault.kind in VOLTAGES:
                at = (rows == self._row_of(fault)) & fault.covers(times)
                phases = slice(_LOST_PHASE, _LOST_PHASE + 1) if fault.kind == "phase_lost" else slice(None)
                volts[at, phases] *= fault.size / _VOLTS
        return volts

    def power(self, rows: Rows, times: Int64) -> tuple[Float64, Float64]:
        """Active and reactive power (kW, kvar), the mean of the minute that begins at each time."""
        kw = self._registers.power(rows, times)
        return kw, np.maximum(kw - self._coil(rows, times), 0.0) * _KVAR_PER_KW

    def _coil(self, rows: Rows, times: Int64) -> Float64:
        """How much of it (kW) a heating coil takes."""
        out = np.zeros(len(times))
        minute, rest = np.divmod(times + UTC_OFFSET_MS, MINUTE_MS)
        part = rest / MINUTE_MS
        for fault in self._registers.others:
            if fault.kind == "appliance_room":
                at = np.flatnonzero(rows == self._row_of(fault))
                out[at] += [
                    (1 - p) * self._coil_at(fault, m) + p * self._coil_at(fault, m + 1)
                    for m, p in zip(minute[at].tolist(), part[at].tolist(), strict=True)
                ]
        return out

    def _coil_at(self, fault: Fault, minute: int) -> float:
        day, inside = divmod(minute, DAY_MS // MINUTE_MS)
        return float(self._coil_kw(fault, day)[inside])

    def _coil_of_day(self, fault: Fault, day: int) -> Float64:
        flows = fault_flows([fault], self._layout, self._seed, day, UTC_OFFSET_MS)
        return 60 * next(iter(flows.values()), np.zeros(DAY_MS // MINUTE_MS))

    def _row_of(self, fault: Fault) -> int:
        return self._layout.meter_index[self._layout.meter_of(fault.node, ELECTRICITY).id]

    def live(self, time_ms: int, registers: Float64) -> list[dict[str, float]]:
        """Quantities by meter at a time; `registers` are NaN where the unit does not answer."""
        layout = self._layout
        rows = np.arange(len(layout.meters))
        times = np.full(len(rows), time_ms, np.int64)
        volts = self.volts(rows, times).tolist()
        kw, kvar = self.power(rows, times)
        hertz = _HERTZ + 0.02 * float(normal(self._seed, stream_number("hertz"), time_ms // 10_000))
        weak = {f.meter for f in self._registers.others if f.kind == "battery_low" and f.covers(times)[0]}
        out: list[dict[str, float]] = []
        for row, (meter, register) in enumerate(zip(layout.meters, registers.tolist(), strict=True)):
            if np.isnan(register):
                out.append({})
            elif meter.medium == ELECTRICITY:
                out.append(_electric(register, float(kw[row]), float(kvar[row]), volts[row]) | {"frequency": hertz})
            else:
                battery = _LOW_BATTERY_PERCENT if meter.id in weak else _BATTERY_PERCENT
                pulses = round(register * meter.instrument.size.counts_per_unit)
                flow = float(kw[row])
                out.append({"water_volume": register, "flow_rate": flow, "pulse_count": pulses, "battery": battery})
        return out


def _electric(register: float, kw: float, kvar: float, volts: list[float]) -> dict[str, float]:
    apparent = float(np.hypot(kw, kvar))
    factor = kw / apparent if apparent else 1.0
    values = {
        "active_energy_import": register,
        "active_energy_export": 0.0,
        "active_power": kw,
        "reactive_power": kvar,
        "apparent_power": apparent,
        "power_factor": factor,
    }
    alive = sum(volt >= _ALIVE_V for volt in volts)
    for phase, volt in enumerate(volts, 1):
        share = kw / alive if volt >= _ALIVE_V else 0.0
        values[f"voltage_l{phase}"] = volt
        values[f"active_power_l{phase}"] = share
        values[f"current_l{phase}"] = share * 1000 / factor / volt if share else 0.0
    return values
