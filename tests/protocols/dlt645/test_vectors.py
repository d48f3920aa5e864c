"""Published DL/T 645 frames say what their publishers say; broken ones say nothing."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.dlt645.decode import decode
from collector.dlt645.frame import READING_CONTROLS, Dlt645Error, WriteRefusedError, build, encode

VECTORS = yaml.safe_load((Path(__file__).parent / "vectors.yaml").read_text(encoding="utf-8"))
FRAMES = [bytes.fromhex(v["frame"]) for v in VECTORS if not v.get("negative")]


def reply(di: int, body: bytes, control: int = 0x91) -> bytes:
    return build("000000000161", control, di.to_bytes(4 if control & 0x10 else 2, "little") + body)


def told(data: bytes) -> dict[str, object]:
    return {v.quantity: v.value for v in decode(data).values}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_a_published_frame(vector: dict) -> None:
    data = bytes.fromhex(vector["frame"])
    if vector.get("negative"):
        with pytest.raises(Dlt645Error):
            decode(data)
        return
    values = decode(data).values
    expected = vector.get("value")
    if expected is None:
        assert values == ()
        assert decode(data).meaning
        return
    wanted = expected if isinstance(expected, list) else [expected]
    assert [v.value for v in values][: len(wanted)] == wanted
    assert values[0].unit == vector.get("unit", "")


@pytest.mark.parametrize(
    ("di", "body", "expected"),
    [
        (0x00010100, "78 56 34 12", {"active_energy_import_t1": 123456.78}),
        (0x00013F00, "01 00 00 00", {"active_energy_import_t63": 0.01}),
        (0x00000000, "78 56 34 92", {"active_energy_combined_total": -123456.78}),
        (0x00010001, "10 00 00 00", {"active_energy_import_total_settlement_1": 0.1}),
        (0x00050000, "10 00 00 00", {"reactive_energy_quadrant_1_total": 0.1}),
        (0x00150000, "10 00 00 00", {"active_energy_import_l1_total": 0.1}),
        (0x0203FF00, "12 25 00 12 25 00 00 00 80 00 00 00", {"active_power": 0.2512, "active_power_l2": 0.0}),
        (0x02030100, "12 25 80", {"active_power_l1": -0.2512}),
        (0x0201FF00, "01 22 FF FF FF FF", {"voltage_l1": 220.1}),
        (0x0206FF00, "98 09 98 09 00 90 00 10", {"power_factor_l2": -1.0, "power_factor_l3": 1.0}),
        (0x02800001, "00 10 00", {"neutral_current": 1.0}),
        (0x0280000A, "15 00 00 00", {"battery_working_time": 15}),
        (0x04000101, "05 22 11 24", {"date": "2024-11-22"}),
        (0x04000102, "59 34 12", {"time": "12:34:59"}),
        (0x04000503, "10 00", {"running_state_word_3": "0x0010", "relay_open": True}),
        (0x040005FF, "00 00 " * 7, {"running_state_word_7": "0x0000"}),
        (0x03110000, "03 00 00", {"power_down_count": 3}),
        (0x03110002, "01 02 03 04 05 24 06 07 08 09 10 24", {"power_down_start_last_2": "2024-05-04T03:02:01"}),
        (0x05060101, "01 00 00 00 02 00 00 00", {"active_energy_import_total_freeze_daily_1": 0.01}),
    ],
)
def test_identifiers_by_the_standard(di: int, body: str, expected: dict) -> None:
    found = told(reply(di, bytes.fromhex(body)))
    assert expected.items() <= found.items()


def test_a_demand_carries_the_time_it_was_reached() -> None:
    (value,) = decode(reply(0x01010000, bytes.fromhex("34 12 00 30 14 05 11 24"))).values
    assert (value.quantity, value.value, value.unit) == ("active_demand_max", 0.1234, "kW")
    assert value.time is not None
    assert value.time.isoformat() == "2024-11-05T14:30:00"


def test_the_1997_edition_closes_a_block_with_aa() -> None:
    body = bytes.fromhex("00 01 00 00 00 02 00 00 AA")
    assert told(reply(0x901F, body, 0x81)) == {"active_energy_import": 1.0, "active_energy_import_t1": 2.0}
    assert told(reply(0x9410, body[:4], 0x81)) == {"active_energy_import_total_last_month": 1.0}
    assert told(reply(0xB630, bytes.fromhex("12 25 00"), 0x81)) == {"active_power": 0.2512}


def test_following_frames_are_put_together() -> None:
    whole = bytes.fromhex("00 01 00 00 00 02 00 00 00 03 00 00")
    first = reply(0x0001FF00, whole[:7], 0xB1)
    second = reply(0x0001FF00, whole[7:] + b"\x01", 0x92)
    assert told(first + b"\xfe\xfe" + second) == {
        "active_energy_import": 1.0,
        "active_energy_import_t1": 2.0,
        "active_energy_import_t2": 3.0,
    }
    assert told(first) == {"active_energy_import": 1.0}
    assert "more frames follow" in decode(first).meaning
    assert told(second) == {}


def test_what_a_meter_does_not_support_is_no_value() -> None:
    said = decode(reply(0x00010000, b"\xff" * 4))
    assert said.values == ()
    assert "not supported" in said.meaning
    assert decode(reply(0x00010000, b"\x1a\x00\x00\x00")).values == ()
    assert decode(reply(0x06010001, b"\x00" * 9)).values == ()


def test_a_gateways_text_and_noise_before_a_frame_are_skipped() -> None:
    good = reply(0x00010000, bytes.fromhex("07 00 00 00"))
    assert told(b"CTRL:hello" + b"\xfe" * 4 + good + b"\r\n") == {"active_energy_import": 0.07}


def test_a_broken_frame_beside_a_right_one_is_refused() -> None:
    good = reply(0x00010000, bytes.fromhex("07 00 00 00"))
    broken = good[:-3] + bytes([good[-3] ^ 1]) + good[-2:]
    for data in (broken + good, good + broken, good + good[:-4]):
        with pytest.raises(Dlt645Error):
            decode(data)


@pytest.mark.parametrize("control", sorted(set(range(256)) - READING_CONTROLS))
def test_nothing_but_reading_is_ever_encoded(control: int) -> None:
    with pytest.raises(WriteRefusedError):
        encode("161", control)


@given(st.binary(max_size=300))
def test_any_bytes_give_values_or_the_protocols_own_error(data: bytes) -> None:
    with contextlib.suppress(Dlt645Error):
        decode(data)


@settings(max_examples=300)
@given(st.sampled_from(FRAMES), st.data())
def test_a_changed_byte_never_gives_a_value(frame: bytes, data: st.DataObject) -> None:
    start = frame.index(0x68)
    place = data.draw(st.integers(start, len(frame) - 1))
    change = data.draw(st.integers(1, 255))
    with pytest.raises(Dlt645Error):
        decode(frame[:place] + bytes([frame[place] ^ change]) + frame[place + 1 :])


@given(st.sampled_from(FRAMES), st.integers(1, 30))
def test_a_frame_cut_short_never_gives_a_value(frame: bytes, missing: int) -> None:
    with pytest.raises(Dlt645Error):
        decode(frame[:-missing])


@given(st.integers(0, 0xFFFFFFFF), st.binary(max_size=60), st.sampled_from([0x91, 0xB1, 0x92, 0xD1, 0x81, 0x93]))
def test_any_right_frame_is_understood_or_told(di: int, body: bytes, control: int) -> None:
    said = decode(reply(di & (0xFFFFFFFF if control & 0x10 else 0xFFFF), body, control))
    assert said.values or said.meaning
