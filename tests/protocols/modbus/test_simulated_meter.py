"""The developer's single meter: any profile on a socket, with counters that count."""

from __future__ import annotations

import asyncio
import socket

import pytest

from collector.read_meter import read_meter
from device_profiles import ModbusProfile, list_profiles, load_profile
from simulators.modbus.meter import lifelike_values, serve_line, serve_meter

ALL = [load_profile(name, allow_low_confidence=True) for name in list_profiles()]
MODBUS = [p for p in ALL if isinstance(p, ModbusProfile)]
START = 1_772_000_000.0


@pytest.mark.parametrize("profile", MODBUS, ids=lambda p: p.id)
def test_it_is_read_and_its_counters_only_grow(profile: ModbusProfile) -> None:
    now = START

    async def scene() -> list[dict[str, float | str]]:
        nonlocal now
        server, port = await serve_meter(profile, "127.0.0.1", 0, 1, lifelike_values(profile, 3, lambda: now))
        found = []
        for _ in range(3):
            values = await read_meter(profile.id, f"tcp://127.0.0.1:{port}", "1", allow_low_confidence=True)
            found.append({v.quantity: v.value for v in values})
            now += 3600.0
        await server.stop()
        return found

    first, second, third = asyncio.run(scene())
    assert list(first) == [p.quantity for p in profile.points]
    counters = [p.quantity for p in profile.points if p.printed_unit in {"kWh", "kvarh", "m3", "pulse"}]
    assert counters or profile.id == "acrel-acr10r"
    for name in counters:
        assert 0 < first[name] < second[name] < third[name]  # type: ignore[operator]


@pytest.mark.parametrize("scheme", ["tcp", "rtu+tcp", "rtu", "listen"])
def test_it_is_served_on_every_kind_of_line(scheme: str) -> None:
    profile = load_profile("hiking-dds238")
    assert isinstance(profile, ModbusProfile)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]

    async def scene() -> dict[str, float | str]:
        stop, where = await serve_line(profile, scheme, "127.0.0.1", free, 9, "REG-1")
        try:
            return {v.quantity: v.value for v in await read_meter(profile.id, where, "9")}
        finally:
            await stop()

    found = asyncio.run(scene())
    assert found["voltage_l1"] == pytest.approx(230, rel=0.03)
    assert found["active_energy_import"] > 0  # type: ignore[operator]


def test_the_same_seed_is_the_same_meter() -> None:
    profile = MODBUS[0]
    assert lifelike_values(profile, 1, lambda: START)() == lifelike_values(profile, 1, lambda: START)()
    assert lifelike_values(profile, 1, lambda: START)() != lifelike_values(profile, 2, lambda: START)()
