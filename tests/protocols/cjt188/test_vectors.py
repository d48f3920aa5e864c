"""Published CJ/T 188 frames say what is expected of them; broken ones say nothing."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.cjt188.decode import decode
from collector.cjt188.frame import READING_CONTROLS, Cjt188Error, WriteRefusedError, build, encode

VECTORS = yaml.safe_load((Path(__file__).parent / "vectors.yaml").read_text(encoding="utf-8"))
FRAMES = [bytes.fromhex(v["frame"]) for v in VECTORS if not v.get("negative")]
# The vectors' names to the fact files', and what turns a unit into ours.
NAMES = {
    "cumulative": "water_volume", "energy": "heat_energy", "settlement_energy": "heat_energy_settlement_or_cooling",
    "power": "thermal_power", "flow": "flow_rate", "volume": "water_volume", "supply_temp_c": "supply_temperature",
    "return_temp_c": "return_temperature", "work_hours": "operating_hours",
}  # fmt: skip
TO_OURS = {("water_volume", "L"): 1e-3, ("heat_energy", "MWh"): 1000.0}


def water(body: str, meter_type: int = 0x10) -> dict[str, object]:
    data = bytes.fromhex(body)
    return {v.quantity: v.value for v in decode(build(meter_type, "00000010000192", 0x81, data)).values}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_a_published_frame(vector: dict) -> None:
    data = bytes.fromhex(vector.get("prefix", "") + vector["frame"])
    if vector.get("negative"):
        with pytest.raises(Cjt188Error):
            decode(data)
        return
    said = decode(data)
    found = {v.quantity: v.value for v in said.values}
    expected = vector.get("expected")
    if expected is None:
        assert found == {}
        assert said.meaning
        return
    for key, value in expected.items():
        name = NAMES.get(key, key)
        if key in {"di_order", "ser"} or key.endswith("_unit"):
            continue
        factor = TO_OURS.get((name, expected.get(f"{key}_unit")), 1.0)
        wanted = value * factor if isinstance(value, float | int) else value
        assert found.get(name) == (pytest.approx(wanted) if isinstance(wanted, float) else wanted)


def test_units_before_the_numbers_are_seen() -> None:
    found = water("90 1F 01 2C 00 22 22 00 2C 00 00 00 00" + " 00" * 9)
    assert found["water_volume"] == 2222.0


def test_gas_hot_water_and_heat_in_joules() -> None:
    body = "90 1F 01 00 22 22 00 2C 00 00 00 00 2C" + " 00" * 9
    assert water(body, 0x30)["gas_volume"] == 2222.0
    assert water(body, 0x11)["water_volume"] == 2222.0
    heat = (
        "1F 90 00 00 00 00 00 05 00 01 00 00 11 FF FF FF FF 17 00 00 00 00 35 00 00 00 00 2C 02 23 00 11 23 00 34 58 00"
    )
    found = water(heat + " 00" * 9, 0x25)
    assert found["heat_energy"] == pytest.approx(277.777778)
    assert "thermal_power" not in found


def test_fields_filled_with_ff_or_99_and_unknown_units_are_no_values() -> None:
    for register in ("FF FF FF FF 2C", "99 99 99 99 2C", "00 22 22 00 7E", "0A 00 00 00 2C"):
        assert "water_volume" not in water(f"90 1F 01 {register} 00 00 00 00 2C" + " 00" * 9)


def test_status_bits() -> None:
    found = water("90 1F 01 00 22 22 00 2C 00 00 00 00 2C" + " 00" * 7 + " 05 00")
    assert (found["valve_state"], found["battery_low"]) == ("closed", True)


@pytest.mark.parametrize("control", sorted(set(range(256)) - READING_CONTROLS))
def test_nothing_but_reading_is_ever_encoded(control: int) -> None:
    with pytest.raises(WriteRefusedError):
        encode(0x10, "1", control, b"\x90\x1f\x01")


@given(st.binary(max_size=300))
def test_any_bytes_give_values_or_the_protocols_own_error(data: bytes) -> None:
    with contextlib.suppress(Cjt188Error):
        decode(data)


@settings(max_examples=300)
@given(st.sampled_from(FRAMES), st.data())
def test_a_changed_byte_never_gives_a_value(frame: bytes, data: st.DataObject) -> None:
    start = frame.index(0x68)
    place = data.draw(st.integers(start, len(frame) - 1))
    change = data.draw(st.integers(1, 255))
    with pytest.raises(Cjt188Error):
        decode(frame[:place] + bytes([frame[place] ^ change]) + frame[place + 1 :])


@given(st.sampled_from([0x10, 0x20, 0x30, 0x40, 0xAA]), st.sampled_from([0x81, 0xC1, 0x83]), st.binary(max_size=60))
def test_any_right_frame_is_understood_or_told(meter_type: int, control: int, body: bytes) -> None:
    said = decode(build(meter_type, "00000010000192", control, body))
    assert said.values or said.meaning
