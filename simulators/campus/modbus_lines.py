"""The Modbus lines of the campus: a server a line, a unit a meter, a dead meter a silent unit."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from device_profiles.loader import load_profile
from device_profiles.schema import ModbusProfile
from simulators.campus.layout import RADIO_PROFILE, MeterPoint
from simulators.campus.live import LiveCampus
from simulators.campus.wiring import line_count, line_of, unit_of
from simulators.modbus.image import ProfileImage
from simulators.modbus.server import HEALTHY, Fault, ModbusServer, SimulatedUnit

_SILENT = Fault(is_silent=True)


class ModbusLines:
    """Serves every wired meter on 127.0.0.1."""

    def __init__(self, live: LiveCampus) -> None:
        self._live = live
        layout = live.campus.layout
        self._units: dict[int, SimulatedUnit] = {}
        lines: list[dict[int, SimulatedUnit]] = [{} for _ in range(line_count(layout))]
        for row, meter in enumerate(layout.meters):
            if meter.profile != RADIO_PROFILE:
                self._units[row] = _unit(meter, partial(live.values, row))
                lines[line_of(layout, row)][unit_of(layout, row)] = self._units[row]
        self._servers = [ModbusServer(units) for units in lines]

    async def start(self, first_port: int = 0) -> list[int]:
        """Listen on consecutive ports from `first_port`, or on free ones (0); the ports, one a line.

        Raises:
            OSError: a port is in use.
        """
        self.refresh()
        return [
            await server.start("127.0.0.1", first_port and first_port + line)
            for line, server in enumerate(self._servers)
        ]

    def refresh(self) -> None:
        """Silence the units that are dead now, and let the others speak."""
        for row, unit in self._units.items():
            unit.fault = HEALTHY if self._live.values(row) else _SILENT

    async def stop(self) -> None:
        """Close every port."""
        for server in self._servers:
            await server.stop()


def _unit(meter: MeterPoint, values: Callable[[], dict[str, float]]) -> SimulatedUnit:
    profile = load_profile(meter.profile)
    if not isinstance(profile, ModbusProfile):
        raise TypeError(f"meter {meter.id} on a Modbus line has the profile {profile.id}, which is no Modbus one")
    multiplier = meter.instrument.resolution if meter.medium == "water" else 1.0
    return SimulatedUnit(ProfileImage(profile, values, medium=meter.medium, multiplier=multiplier))
