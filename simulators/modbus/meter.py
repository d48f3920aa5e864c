"""One simulated Modbus meter for a developer: any profile, plausible values, counters that count."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import time
from collections.abc import Awaitable, Callable

from device_profiles.schema import ModbusPoint, ModbusProfile
from simulators.modbus.image import ProfileImage, ValueSource
from simulators.modbus.rtu import RtuLine
from simulators.modbus.server import ModbusServer, SimulatedUnit

_HOUR_S = 3600.0
_EPOCH_S = 1_767_225_600.0  # 2026-01-01T00:00Z
# Typical values by unit; watts and their kin too, for values that carry the source's own unit.
_TYPICAL = {
    "V": 230.0, "A": 6.0, "Hz": 50.0, "kW": 1.3, "W": 1300.0, "kvar": 0.4, "var": 400.0, "kVA": 1.4, "VA": 1400.0,
    "m3/h": 0.2, "degC": 18.0, "bar": 3.0, "%": 80.0, "": 0.95,
}  # fmt: skip
# What a counter of this unit gains in an hour.
_PER_HOUR = {"kWh": 1.3, "kvarh": 0.4, "m3": 0.2, "pulse": 20.0}
_SWING = 0.02
_REDIAL_S = 2.0


def lifelike_values(profile: ModbusProfile, seed: int = 0, clock: Callable[[], float] = time.time) -> ValueSource:
    """Values of a meter at work: gauges swing by 2 % around a typical value, counters gain steadily.

    The same seed and clock (seconds) give the same values; counters go on over a restart, for they are a function
    of the time since 2026 began.
    """
    draw = random.Random(f"{profile.id} {seed}")
    traits = {p.quantity: (draw.uniform(0.5, 1.5), draw.uniform(0, 2 * math.pi)) for p in profile.points}

    def values() -> dict[str, float]:
        now = clock()
        return {p.quantity: _value(p, *traits[p.quantity], now) for p in profile.points if not _is_sum(p)}

    return values


def _is_sum(point: ModbusPoint) -> bool:
    """Whether it is the sum of two counters that count by themselves."""
    return point.dtype == "float64_float64"


def _value(point: ModbusPoint, size: float, phase: float, now: float) -> float:
    unit = point.printed_unit
    is_counter = point.known.is_cumulative if point.known else unit in _PER_HOUR
    if is_counter:
        # Counted since a fixed day, so that it goes on over a restart and fits a float32 without losing litres.
        return (now - _EPOCH_S) / _HOUR_S * _PER_HOUR.get(unit, 1.0) * size
    typical = _TYPICAL.get(unit, 1.0)
    # Voltage and frequency are alike everywhere; what flows differs from meter to meter.
    share = 1.0 if unit in {"V", "Hz", ""} else size
    return typical * share * (1 + _SWING * math.sin(now / 97.0 + phase))


async def serve_meter(
    profile: ModbusProfile, host: str, port: int, unit: int, values: ValueSource | None = None
) -> tuple[ModbusServer, int]:
    """Listen with one meter behind the port; the server, for `stop`, and the port (0 chooses a free one).

    Raises:
        OSError: the port is in use, or not ours to take.
    """
    server = ModbusServer({unit: SimulatedUnit(ProfileImage(profile, values or lifelike_values(profile)))})
    return server, await server.start(host, port)


async def serve_line(
    profile: ModbusProfile, scheme: str, host: str, port: int, unit: int, registration: str = ""
) -> tuple[Callable[[], Awaitable[None]], str]:
    """One meter on a line of that kind: how to end it, and the connection by which a collector reads it.

    tcp, rtu+tcp  listens there
    rtu           a pseudo-terminal, whose name is found out only now
    listen        a modem that dials in there, sends its registration, and dials again when it is cut off

    Raises:
        OSError: the port is in use, or not ours to take.
    """
    if scheme == "tcp":
        server, taken = await serve_meter(profile, host, port, unit)
        return server.stop, f"tcp://{host}:{taken}"
    line = RtuLine({unit: SimulatedUnit(ProfileImage(profile, lifelike_values(profile)))}, baud=9600)
    if scheme == "rtu":
        return line.stop, f"rtu://{line.start_pty()}?baud=9600"
    if scheme == "rtu+tcp":
        return line.stop, f"rtu+tcp://{host}:{await line.start_tcp(host, port)}"
    dialling = asyncio.create_task(_keep_dialling(line, host, port, registration.encode()))

    async def stop() -> None:
        dialling.cancel()
        await line.stop()

    return stop, f"listen://{host}:{port}?id={registration}"


async def _keep_dialling(line: RtuLine, host: str, port: int, registration: bytes) -> None:
    while True:
        if not line.sessions:
            with contextlib.suppress(OSError):  # nobody listens yet
                await line.dial_in(host, port, registration, heartbeat=b"\xfe", every_s=30.0)
        await asyncio.sleep(_REDIAL_S)
