"""Telegrams of real meters say what libmbus says; broken ones say nothing.

Read otherwise than the source: the fixed structure's historic counter keeps the first one's unit (`l`), where libmbus
writes "reserved but historic".
"""

from __future__ import annotations

import contextlib
import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.mbus.decode import decode
from collector.mbus.frame import MbusError, WriteRefusedError, build, encode_short
from collector.read_value import ReadValue

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))["vectors"]
FRAMES = [bytes.fromhex(v["frame"]) for v in VECTORS]
# The values that the header's status adds are no records.
STATUS = {"low_battery", "permanent_error", "temporary_error"}
FACTORS = {("kWh", "Wh"): 1e-3, ("kWh", "J"): 1 / 3.6e6, ("kW", "W"): 1e-3, ("m3", "l"): 1e-3}
OURS = {"Energy": {"active_energy_import", "heat_energy"}, "Volume": {"water_volume", "gas_volume"},
        "Power": {"active_power"}, "Volume flow": {"flow_rate"}}  # fmt: skip


def agrees(found: ReadValue, record: list) -> bool:
    quantity, unit, value, storage, tariff, _ = record
    if isinstance(value, str):
        return found.value == value
    factor = FACTORS.get((found.unit, unit), 1.0)
    is_unit = found.unit == unit or factor != 1.0 or unit == "reserved but historic"
    is_named = quantity is None or found.quantity.startswith(quantity) or found.quantity in OURS.get(quantity, ())
    is_placed = (not storage or f"storage {storage}" in found.quantity) and (
        not tariff or f"tariff {tariff}" in found.quantity
    )
    # The source rounds to six decimals.
    return (
        is_unit
        and is_named
        and is_placed
        and math.isclose(found.value, value * factor, rel_tol=2e-6, abs_tol=1.1e-6 * factor)
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_a_meters_telegram(vector: dict) -> None:
    found = [v for v in decode(bytes.fromhex(vector["frame"])).values if v.quantity not in STATUS]
    expected = [r for r in vector["records"] if r[2] not in ("", None)]
    assert len(found) >= len(expected)
    if len(vector["records"]) == vector["count"]:
        assert len(found) == len(expected)
    for value, record in zip(found, expected, strict=False):
        assert agrees(value, record), (value, record)


def test_the_current_record_carries_our_name_by_medium() -> None:
    def names(medium: int) -> list[str]:
        head = bytes.fromhex("78 56 34 12 2D 2C 01") + bytes([medium, 1, 0, 0, 0])
        records = bytes.fromhex(
            "04 03 E8 03 00 00 04 13 E8 03 00 00 04 2B 64 00 00 00 04 3B 01 00 00 00 44 13 00 00 00 00"
        )
        return [v.quantity for v in decode(build(8, 1, 0x72, head + records)).values]

    old = "Volume (storage 1)"
    assert names(0x02) == ["active_energy_import", "Volume", "active_power", "flow_rate", old]
    assert names(0x04) == ["heat_energy", "water_volume", "Power", "flow_rate", old]
    assert names(0x03) == ["Energy", "gas_volume", "Power", "flow_rate", old]
    assert names(0x01) == ["Energy", "Volume", "Power", "flow_rate", old]


def test_nothing_but_reading_is_ever_encoded() -> None:
    for control in set(range(256)) - {0x40, 0x5B, 0x7B}:
        with pytest.raises(WriteRefusedError):
            encode_short(control, 1)


def test_an_acknowledgement_has_no_value() -> None:
    assert decode(b"\xe5").values == ()
    assert decode(bytes.fromhex("10 7B 01 7C 16")).values == ()


@given(st.binary(max_size=300))
def test_any_bytes_give_values_or_the_protocols_own_error(data: bytes) -> None:
    with contextlib.suppress(MbusError):
        decode(data)


@given(st.binary(max_size=120), st.sampled_from([0x70, 0x71, 0x72, 0x73, 0x78, 0x7A]))
def test_any_application_data_gives_values_or_the_protocols_own_error(data: bytes, ci: int) -> None:
    with contextlib.suppress(MbusError):
        decode(build(8, 1, ci, data))


@settings(max_examples=300)
@given(st.sampled_from(FRAMES), st.data())
def test_a_changed_byte_never_gives_a_value(frame: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(frame) - 1))
    change = data.draw(st.integers(1, 255))
    with pytest.raises(MbusError):
        decode(frame[:place] + bytes([frame[place] ^ change]) + frame[place + 1 :])
