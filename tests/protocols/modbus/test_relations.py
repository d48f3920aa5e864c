"""Values that hang together: scale-factor registers, parts of one value, signs, power factors, one value a request."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from collector.connection import parse_connection
from collector.decode_payload import decode_payload
from collector.modbus.frame import Frame, encode_rtu
from collector.modbus.once import read_once
from collector.modbus.plan import plan_blocks
from collector.modbus.polls import PollCompiler
from device_profiles import ModbusProfile, load_profile
from device_profiles.binding import bind_points
from device_profiles.loader import parse_profile
from metering.site import Meter
from simulators.modbus.image import FixedImage, ProfileImage
from simulators.modbus.server import ModbusServer, SimulatedUnit

TEXT = """
schema: device_profile/1
id: related
manufacturer: test
medium: electricity
protocol: modbus
confidence: high
limits: {max_registers: 20, max_gap: 0}
defaults: {function: 3, dtype: int16, word_order: msw_first}
points:
  - {quantity: active_power, address: 0, power_of_ten: power_scale, positive: export, poll: fast}
  - {quantity: voltage_l1, address: 1, dtype: uint16}
  - {quantity: power_scale, unit: '', address: 9}
  - {quantity: power_factor, address: 30, dtype: float32, fold: four_quadrant}
  - {quantity: current_l1, address: 40, dtype: magnitude16, scale: 0.1}
  - {quantity: label, unit: '', address: 50, dtype: bcd_text, count: 2}
  - {quantity: active_energy_import, address: 60, dtype: int32_float32, restates: true}
  - {quantity: whole, unit: kWh, address: 60, dtype: int32}
  - {quantity: part, unit: kWh, address: 62, dtype: float32}
"""
PROFILE = parse_profile(TEXT, "related.yaml")
assert isinstance(PROFILE, ModbusProfile)


def decoded(address: int, words: bytes) -> tuple[dict[str, float | str], str]:
    reply = encode_rtu(Frame(1, bytes([3, len(words)]) + words))
    found = decode_payload(PROFILE, reply, at=f"3:{address}")
    return {v.quantity: v.value for v in found.values}, found.meaning


@pytest.mark.parametrize(
    ("raw", "exponent", "expected"),
    [(1234, -3, -1.234), (-50, 1, 500.0), (7, 0, -7.0), (7, -32768, None), (7, 11, None)],
)
def test_a_scale_factor_register(raw: int, exponent: int, expected: float | None) -> None:
    found, _ = decoded(0, struct.pack(">hH14sh", raw, 230, bytes(14), exponent))
    assert found.get("active_power") == expected
    assert found["voltage_l1"] == 230.0


def test_without_its_scale_factor_a_value_cannot_be_told() -> None:
    found, meaning = decoded(0, struct.pack(">hH", 7, 230))
    assert found == {"voltage_l1": 230.0}
    assert "active_power" in meaning


def test_value_and_scale_factor_come_by_one_request() -> None:
    blocks = plan_blocks(PROFILE.points, PROFILE.limits)
    assert [(b.address, b.count) for b in blocks] == [(0, 10), (30, 2), (40, 1), (50, 2), (60, 4)]
    meter = Meter("m", "electricity", profile="related", connection="tcp://h:1", device_address="1")
    fast = PollCompiler(lambda _: PROFILE).compile(meter)[0]
    first = fast.questions[0].request
    assert (first.address, first.count) == (0, 10)
    one = parse_profile(TEXT.replace("max_gap: 0", "max_gap: 5, one_value: true"), "x")
    assert isinstance(one, ModbusProfile)
    apart = plan_blocks(one.points, one.limits)
    assert (apart[0].address, apart[0].count) == (0, 10)
    assert len(apart) == len(blocks)


@pytest.mark.parametrize(("raw", "factor"), [(0.9, 0.9), (-0.5, -0.5), (1.2, 0.8), (-1.1, -0.9), (1.0, 1.0)])
def test_a_power_factor_of_four_quadrants(raw: float, factor: float) -> None:
    assert decoded(30, struct.pack(">f", raw))[0]["power_factor"] == pytest.approx(factor, abs=1e-6)


@pytest.mark.parametrize(("raw", "value"), [(0x0010, 1.6), (0x8010, -1.6), (0x8000, 0.0)])
def test_sign_and_magnitude(raw: int, value: float) -> None:
    assert decoded(40, raw.to_bytes(2, "big"))[0]["current_l1"] == value


def test_digits_keep_their_zeros_and_no_digits_are_no_value() -> None:
    assert decoded(50, bytes.fromhex("00120034"))[0] == {"label": "00120034"}
    assert decoded(50, bytes.fromhex("0012FFFF")) == ({}, "no value stated for label")


@given(st.integers(0, 2**31 - 1), st.floats(0, 0.75, width=32))
def test_a_whole_part_and_its_fraction(whole: int, part: float) -> None:
    found, _ = decoded(60, struct.pack(">if", whole, part))
    assert found["active_energy_import"] == pytest.approx(whole + part, rel=1e-9, abs=1e-9)
    assert found["whole"] == pytest.approx(whole, rel=1e-11)


def test_the_simulated_meter_has_the_same_rules() -> None:
    given_values = {
        "active_power": -1.5,
        "power_scale": -3.0,
        "label": "0042",
        "active_energy_import": 12.25,
        "current_l1": -3.0,
    }

    async def scene() -> dict[str, float | str]:
        server = ModbusServer({1: SimulatedUnit(ProfileImage(PROFILE, lambda: given_values))})
        port = await server.start()
        try:
            values = await read_once(PROFILE, parse_connection(f"tcp://127.0.0.1:{port}"), "1")
        finally:
            await server.stop()
        return {v.quantity: v.value for v in values}

    found = asyncio.run(scene())
    assert found["active_power"] == -1.5
    assert (found["label"], found["current_l1"]) == ("00000042", -3.0)
    assert (found["active_energy_import"], found["whole"], found["part"]) == (12.25, 12.0, 0.25)


def test_the_sites_multiplier_leaves_a_flow_alone_that_is_right_as_it_stands() -> None:
    tuf = load_profile("tuf2000m")
    factors = {o.quantity.name: o.factor for o in bind_points(tuf.points, medium="water", multiplier=0.01)}  # type: ignore[union-attr]
    assert factors == {"flow_rate": 1.0, "water_volume": 0.01}


def test_ratios_that_the_meter_does_not_apply_are_told() -> None:
    acrel = load_profile("acrel-dtsd1352")
    assert isinstance(acrel, ModbusProfile)
    words = {(3, p.address + i): 0 for p in acrel.points for i in range(p.registers)}
    words |= {(3, 0x8E): 40, (3, 0x8D): 1}
    notes: list[str] = []

    async def scene() -> None:
        server = ModbusServer({1: SimulatedUnit(FixedImage(words))})
        port = await server.start()
        try:
            await read_once(acrel, parse_connection(f"tcp://127.0.0.1:{port}"), "1", on_note=notes.append)
        finally:
            await server.stop()

    asyncio.run(scene())
    assert notes == [
        "ct_ratio is 40: the values are of the secondary side; the product of the ratios is the multiplier"
    ]


def test_the_example_of_the_documents_is_a_profile_that_holds() -> None:
    text = (Path(__file__).parents[3] / "docs" / "profiles.md").read_text(encoding="utf-8")
    example = text.split("```yaml\n")[1].split("```")[0]
    profile = parse_profile(example, "maker-model.yaml")
    assert isinstance(profile, ModbusProfile)
    assert yaml.safe_load(example)["id"] == profile.id
    (test,) = profile.tests
    words = b"".join(w.to_bytes(2, "big") for w in test.registers[0])
    reply = encode_rtu(Frame(1, bytes([3, len(words)]) + words))
    assert {v.quantity: v.value for v in decode_payload(profile, reply, at="3:0").values} == test.expect
