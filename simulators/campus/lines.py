"""The lines of the campus on 127.0.0.1: Modbus gateways, and converters with DL/T 645 and CJ/T 188 meters behind.

A meter that is dead is silent; the others on its line speak.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from device_profiles.loader import load_profile
from device_profiles.schema import ModbusProfile
from metering.batch import to_datetime
from simulators.campus.layout import DLT645_PROFILE, RADIO_PROFILE, MeterPoint
from simulators.campus.live import LiveCampus
from simulators.campus.schedule import LOCAL
from simulators.campus.wiring import FRAME_LINES, address_of, line_count, line_of, unit_of
from simulators.cjt188.meter import Cjt188Meter, Variant
from simulators.dlt645.meter import Dlt645Meter
from simulators.lifelike import tariffs_of
from simulators.line.server import HEALTHY as WELL_ON_LINE
from simulators.line.server import FrameMeter, LineFault, SimulatedLine
from simulators.modbus.image import ProfileImage
from simulators.modbus.server import HEALTHY, Fault, ModbusServer, SimulatedUnit

_HOST = "127.0.0.1"
_WHOLE_LITRES = Variant(unit=0x29)
_QUIET = "0x0000"  # a status word that reports nothing
_WELL, _LOW_BATTERY = b"\0\0", b"\x04\0"  # CJ/T 188 status: bit 2
_WEAK_PERCENT = 20


class CampusLines:
    """Serves every wired meter."""

    def __init__(self, live: LiveCampus) -> None:
        self._live = live
        self._units: dict[int, SimulatedUnit] = {}
        self._meters: dict[int, FrameMeter] = {}
        layout = live.campus.layout
        rows: list[list[int]] = [[] for _ in range(line_count(layout))]
        for row, meter in enumerate(layout.meters):
            if meter.profile != RADIO_PROFILE:
                rows[line_of(layout, row)].append(row)
        self._lines = [self._line(on_it) for on_it in rows]

    def _line(self, rows: list[int]) -> ModbusServer | SimulatedLine:
        layout = self._live.campus.layout
        profile = layout.meters[rows[0]].profile
        if profile in FRAME_LINES:
            self._meters |= {row: self._frame_meter(row) for row in rows}
            return SimulatedLine([self._meters[row] for row in rows], baud=FRAME_LINES[profile].baud)
        self._units |= {row: _unit(layout.meters[row], partial(self._live.values, row)) for row in rows}
        return ModbusServer({unit_of(layout, row): self._units[row] for row in rows})

    def _frame_meter(self, row: int) -> FrameMeter:
        layout = self._live.campus.layout
        address = address_of(layout, row)
        if layout.meters[row].profile == DLT645_PROFILE:
            return Dlt645Meter(address, partial(_electricity, self._live, row))
        return Cjt188Meter(address, partial(self._live.values, row), variant=_WHOLE_LITRES)

    async def start(self, first_port: int = 0) -> list[int]:
        """Listen on consecutive ports from `first_port`, or on free ones (0); the ports, one a line.

        Raises:
            OSError: a port is in use.
        """
        self.refresh()
        ports = []
        for number, line in enumerate(self._lines):
            start = line.start if isinstance(line, ModbusServer) else line.start_tcp
            ports.append(await start(_HOST, first_port and first_port + number))
        return ports

    def refresh(self) -> None:
        """Silence the units that are dead now, and let the others speak."""
        for row, unit in self._units.items():
            unit.fault = HEALTHY if self._live.values(row) else Fault(is_silent=True)
        for row, meter in self._meters.items():
            values = self._live.values(row)
            meter.fault = WELL_ON_LINE if values else LineFault(is_silent=True)
            if isinstance(meter, Cjt188Meter):
                meter.status = _LOW_BATTERY if values and values["battery"] < _WEAK_PERCENT else _WELL

    async def stop(self) -> None:
        """Close every port."""
        for line in self._lines:
            await line.stop()


def _unit(meter: MeterPoint, values: Callable[[], dict[str, float]]) -> SimulatedUnit:
    profile = load_profile(meter.profile)
    if not isinstance(profile, ModbusProfile):
        raise TypeError(f"meter {meter.id} on a Modbus line has the profile {profile.id}, which is no Modbus one")
    multiplier = meter.instrument.resolution if meter.medium == "water" else 1.0
    return SimulatedUnit(ProfileImage(profile, values, medium=meter.medium, multiplier=multiplier))


def _electricity(live: LiveCampus, row: int) -> Mapping[str, float | str]:
    values = live.values(row)
    kwh = values.get("active_energy_import", 0.0)
    now = to_datetime(live.taken_at).astimezone(LOCAL)
    now += live.campus.clock_error(live.campus.meters[row], live.taken_at)
    return {
        **values,
        **tariffs_of(kwh),
        "active_energy_combined_total": kwh,
        "running_state_word_1": _QUIET,
        "running_state_word_3": _QUIET,
        "date": f"{now:%Y-%m-%d}",
        "time": f"{now:%H:%M:%S}",
    }
