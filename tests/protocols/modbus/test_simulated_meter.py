"""The developer's single meter: any profile on a socket, with counters that count."""

from __future__ import annotations

import asyncio

import pytest

from collector.read_meter import read_meter
from device_profiles import ModbusProfile, list_profiles, load_profile
from simulators.modbus.meter import lifelike_values, serve_meter

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


def test_the_same_seed_is_the_same_meter() -> None:
    profile = MODBUS[0]
    assert lifelike_values(profile, 1, lambda: START)() == lifelike_values(profile, 1, lambda: START)()
    assert lifelike_values(profile, 1, lambda: START)() != lifelike_values(profile, 2, lambda: START)()
