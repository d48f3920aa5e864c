"""Each profile that ships: loads, plans, its vectors decode, and a simulated meter of it reads back over a socket."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from collector.connection import parse_connection
from collector.decode_payload import DecodeError, decode_payload
from collector.modbus.frame import Frame, ReadRequest, encode_rtu, encode_tcp
from collector.modbus.once import read_once
from collector.modbus.plan import plan_blocks
from device_profiles import JsonProfile, ModbusProfile, ProfileError, list_profiles, load_profile
from device_profiles.binding import bind_points
from device_profiles.schema import ProfileTest
from simulators.modbus.image import FixedImage, ProfileImage
from simulators.modbus.rtu import RtuLine
from simulators.modbus.server import ModbusServer, SimulatedUnit

ALL = [load_profile(name, allow_low_confidence=True) for name in list_profiles()]
MODBUS = [p for p in ALL if isinstance(p, ModbusProfile)]
JSON = [p for p in ALL if isinstance(p, JsonProfile)]


def by_id(profile: ModbusProfile | JsonProfile) -> str:
    return profile.id


def vectors(profiles: list) -> list:
    return [pytest.param(p, t, id=f"{p.id}: {t.name}") for p in profiles for t in p.tests]


def agrees(given: dict[str, float | str], test: ProfileTest) -> bool:
    return all(
        math.isclose(given[name], value, rel_tol=test.tolerance) if isinstance(value, float) else given[name] == value
        for name, value in test.expect.items()
    )


def words_of(profile: ModbusProfile, test: ProfileTest) -> dict[tuple[int, int], int]:
    """The registers that a vector fixes, whether it gives them or a frame."""
    if test.frame is None:
        return {(test.function or 0, a + i): w for a, words in test.registers.items() for i, w in enumerate(words)}
    request = bytes.fromhex(test.request or "")
    function, address = request[1], int.from_bytes(request[2:4], "big")
    data = bytes.fromhex(test.frame)[3:-2]
    return {(function, address + i): int.from_bytes(data[2 * i : 2 * i + 2], "big") for i in range(len(data) // 2)}


def test_there_are_at_least_forty_and_low_confidence_is_held_back() -> None:
    assert len(MODBUS) >= 40
    low = {p.id for p in ALL if p.confidence == "low"}
    assert low == {"acrel-acr10r", "acrel-djsf1352", "sbc-ale3"}
    for name in low:
        with pytest.raises(ProfileError, match=r"is of low confidence .* --allow-low-confidence"):
            load_profile(name)


def test_there_are_electricity_water_and_plain_profiles() -> None:
    assert {"eastron-sdm630", "chint-dtsu666", "moxa-iologik-e1200", "milesight-em300-di", "json-plain"} <= set(
        list_profiles()
    )


@pytest.mark.parametrize("profile", [*MODBUS, *JSON], ids=by_id)
def test_it_names_its_sources_and_has_a_vector(profile) -> None:
    assert profile.tests
    assert profile.id == "json-plain" or profile.sources


@pytest.mark.parametrize("profile", MODBUS, ids=by_id)
def test_its_blocks_hold_every_point_once_within_the_limits(profile: ModbusProfile) -> None:
    blocks = plan_blocks(profile.points, profile.limits)
    planned = [p for b in blocks for p in b.points]
    assert sorted(p.quantity for p in planned) == sorted(p.quantity for p in profile.points)
    for block in blocks:
        assert block.count <= profile.limits.max_registers
        assert all(block.address <= p.address and p.end <= block.end for p in block.points)
        if profile.limits.even_start:
            assert block.address % 2 == block.count % 2 == 0
    fast = [p for p in profile.points if p.poll == "fast" and (p.known or p.pulse_channel == 0)]
    assert len(plan_blocks(fast, profile.limits)) <= 4


@pytest.mark.parametrize(("profile", "test"), vectors(MODBUS))
def test_its_vector_decodes_as_a_reply(profile: ModbusProfile, test: ProfileTest) -> None:
    found: dict[str, float | str] = {}
    if test.frame is not None:
        found = {v.quantity: v.value for v in decode_payload(profile, test.frame.encode(), request=test.request).values}
    for address, words in test.registers.items():
        data = b"".join(w.to_bytes(2, "big") for w in words)
        frame = Frame(1, bytes([test.function or 0, len(data)]) + data, 7)
        request = ReadRequest(1, test.function or 0, address, len(words))
        at = f"{request.function}:{address:#x}"
        rtu = decode_payload(profile, encode_rtu(frame), at=at)
        tcp = decode_payload(profile, encode_tcp(frame).hex(" ").encode(), at=at, is_hex=True)
        assert rtu == tcp
        found |= {v.quantity: v.value for v in rtu.values}
    assert agrees(found, test)


@asynccontextmanager
async def pymodbus_meter(profile: ModbusProfile, test: ProfileTest) -> AsyncIterator[str]:
    """A server of pymodbus's that holds the vector's registers, and zeros in the others that a read asks for."""
    words = words_of(profile, test)
    blocks: list[list[SimData]] = []
    for function in (3, 4):
        held = {a: 0 for b in plan_blocks(profile.points, profile.limits) if b.function == function
                for a in range(b.address, b.address + b.count)}  # fmt: skip
        held |= {address: word for (of, address), word in words.items() if of == function}
        blocks.append([SimData(a, values=w, datatype=DataType.REGISTERS) for a, w in sorted((held or {0: 0}).items())])
    none = [SimData(0, values=False, datatype=DataType.BITS)]
    server = ModbusTcpServer(SimDevice(17, simdata=(none, none, *blocks)), address=("127.0.0.1", 0))
    await server.listen()
    try:
        yield f"tcp://127.0.0.1:{server.transport.sockets[0].getsockname()[1]}"
    finally:
        await server.shutdown()


@asynccontextmanager
async def rtu_meter(profile: ModbusProfile, test: ProfileTest) -> AsyncIterator[str]:
    """Our own line of RTU meters through a socket, one of which holds the vector's registers."""
    line = RtuLine({17: SimulatedUnit(FixedImage(words_of(profile, test)))})
    try:
        yield f"rtu+tcp://127.0.0.1:{await line.start_tcp()}"
    finally:
        await line.stop()


@pytest.mark.parametrize("meter", [pymodbus_meter, rtu_meter])
@pytest.mark.parametrize(("profile", "test"), vectors(MODBUS))
def test_a_meter_that_holds_the_vector_reads_as_it_says(profile: ModbusProfile, test: ProfileTest, meter) -> None:
    async def scene() -> dict[str, float | str]:
        async with meter(profile, test) as where:
            return {v.quantity: v.value for v in await read_once(profile, parse_connection(where), "17")}

    assert agrees(asyncio.run(scene()), test)


@pytest.mark.parametrize("profile", MODBUS, ids=by_id)
def test_its_simulated_meter_reads_back_every_value(profile: ModbusProfile) -> None:
    # A number that every layout can hold; what restates other points would overwrite them.
    values = {p.quantity: float(3 + i % 200) for i, p in enumerate(profile.points) if not p.restates}
    values |= {p.quantity: float(i % 2) for i, p in enumerate(profile.points) if p.fold}

    async def scene() -> dict[str, tuple[float | str, str]]:
        server = ModbusServer({1: SimulatedUnit(ProfileImage(profile, lambda: values))})
        port = await server.start()
        try:
            found = await read_once(profile, parse_connection(f"tcp://127.0.0.1:{port}"), "1")
        finally:
            await server.stop()
        return {v.quantity: (v.value, v.unit) for v in found}

    found = asyncio.run(scene())
    assert {name: unit for name, (_, unit) in found.items()} == {p.quantity: p.printed_unit for p in profile.points}
    for point in profile.points:
        if not point.restates:
            value = found[point.quantity][0]
            assert float(value) == pytest.approx(values[point.quantity], abs=abs(point.scale)), point.quantity


@pytest.mark.parametrize("profile", MODBUS, ids=by_id)
@settings(max_examples=25)
@given(data=st.data())
def test_whatever_the_registers_hold_every_value_is_a_number_in_its_unit(
    profile: ModbusProfile, data: st.DataObject
) -> None:
    block = data.draw(st.sampled_from(plan_blocks(profile.points, profile.limits)))
    registers = data.draw(st.binary(min_size=2 * block.count, max_size=2 * block.count))
    reply = encode_rtu(Frame(1, bytes([block.function, len(registers)]) + registers))
    decoded = decode_payload(profile, reply, at=f"{block.function}:{block.address}")
    units = {p.quantity: p.printed_unit for p in block.points}
    for value in decoded.values:
        assert value.unit == units[value.quantity]
        assert isinstance(value.value, str) or math.isfinite(value.value)
    broken = bytearray(reply)
    broken[data.draw(st.integers(0, len(reply) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DecodeError):
        decode_payload(profile, bytes(broken), at=f"{block.function}:{block.address}")


@pytest.mark.parametrize(("profile", "test"), vectors(JSON))
def test_its_payload_decodes(profile: JsonProfile, test: ProfileTest) -> None:
    values = decode_payload(profile, (test.payload or "").encode()).values
    assert agrees({v.quantity: v.value for v in values}, test)


def test_a_pulse_counter_gives_pulses_and_the_register_of_its_medium() -> None:
    profile = load_profile("moxa-iologik-e1200")
    bound = bind_points(profile.points, medium="water", multiplier=0.01, channel=2)
    assert [(profile.points[o.point].quantity, o.quantity.name, o.factor) for o in bound] == [
        ("counter_ch2", "pulse_count", 1.0),
        ("counter_ch2", "water_volume", 0.01),
    ]


def test_a_simulated_pulse_counter_counts_what_the_register_says() -> None:
    profile = load_profile("moxa-iologik-e1200")
    assert isinstance(profile, ModbusProfile)
    image = ProfileImage(profile, lambda: {"water_volume": 123.456}, medium="water", multiplier=0.01)
    assert int.from_bytes(image.read(4, 16, 2), "big") == 12345
    assert image.read(4, 18, 2) == bytes(4)


def test_a_multiplier_leaves_voltage_and_current_alone() -> None:
    profile = load_profile("eastron-sdm630")
    factors = {o.quantity.name: o.factor for o in bind_points(profile.points, medium="electricity", multiplier=40.0)}
    assert factors["active_energy_import"] == factors["active_power"] == factors["apparent_power"] == 40.0
    assert factors["voltage_l1"] == factors["current_l1"] == factors["power_factor"] == factors["frequency"] == 1.0
