"""What `decode` prints of one payload: values, a meaning without values, or an error that says why."""

from __future__ import annotations

import pytest

from collector.decode_payload import DecodeError, decode_payload, parse_hex
from collector.modbus.frame import Frame, encode_rtu, encode_tcp
from collector.read_value import ReadValue
from device_profiles import load_profile
from device_profiles.loader import parse_profile

SDM = load_profile("eastron-sdm630")
REQUEST, REPLY = "01 04 00 00 00 02 71 CB", "01 04 04 43 66 33 34 1B 38"
VOLTAGE = (ReadValue("voltage_l1", pytest.approx(230.2, rel=1e-6), "V"),)


@pytest.mark.parametrize(
    ("data", "more"),
    [
        (REPLY.encode(), {"request": REQUEST}),
        (REPLY.encode(), {"at": "4:0"}),
        (REPLY.encode(), {"at": "4:0x0000"}),
        (REPLY.replace(" ", "").lower().encode() + b"\n", {"at": "4:0", "is_hex": True}),
        (REPLY.replace(" ", ":").encode(), {"request": REQUEST.replace(" ", "")}),
        (bytes.fromhex(REPLY), {"request": REQUEST}),
        (encode_tcp(Frame(1, bytes.fromhex(REPLY)[1:-2], 9)), {"at": "4:0"}),
        (encode_tcp(Frame(1, bytes.fromhex(REPLY)[1:-2], 9)), {"request": "00 09 00 00 00 06 01 04 00 00 00 02"}),
    ],
)
def test_a_reply_in_any_form(data: bytes, more: dict) -> None:
    assert decode_payload(SDM, data, **more).values == VOLTAGE


@pytest.mark.parametrize(
    ("frame", "meaning"),
    [
        ("01 84 02 C2 C1", "unit 1: exception 2 (illegal data address) to function 4"),
        ("01 10 00 0A 00 02 61 CA", "unit 1 confirms a write of registers at 10"),
        (REQUEST, "a request to unit 1 for 2 input registers from 0 on"),
        (encode_rtu(Frame(1, b"\x01\x01\x05")).hex(), "unit 1 states coils, which no profile reads"),
    ],
)
def test_a_valid_frame_without_a_value_has_a_meaning(frame: str, meaning: str) -> None:
    decoded = decode_payload(SDM, frame.encode(), at="4:0")
    assert decoded.values == ()
    assert decoded.meaning == meaning


def test_registers_that_no_point_covers_wholly_are_said_so() -> None:
    data = encode_rtu(Frame(1, b"\x04\x02\x43\x66"))
    assert (
        decode_payload(SDM, data, at="4:0").meaning
        == "no value of eastron-sdm630 lies wholly in input registers 0 to 0"
    )


@pytest.mark.parametrize(
    ("data", "more", "why"),
    [
        (REPLY, {}, "does not say which registers it carries"),
        (REPLY[:-3], {"at": "4:0"}, "CRC is"),
        (REPLY + " 00", {"at": "4:0"}, "says 4 bytes of data and has 5"),  # a CRC alone lets a zero pass
        (REPLY + " 55", {"at": "4:0"}, "CRC is"),
        (REPLY, {"at": "3:0"}, "function 3 was asked, function 4 is answered"),
        (REPLY, {"at": "0:4"}, "is no place; allowed: FUNCTION:ADDRESS"),
        (REPLY, {"at": "4:70000"}, "is no place"),
        (REPLY, {"request": "01 04 00 00 00 04 F1 C9"}, "4 registers were asked for, the reply has 2"),
        (REPLY, {"request": "02 04 00 00 00 02 71 F8"}, "goes to unit 2, the reply comes from unit 1"),
        (REPLY, {"request": REPLY}, "not a request to read registers"),
        (REPLY, {"request": "zz"}, "not hex text"),
        ("01 04 04 xx", {"at": "4:0", "is_hex": True}, "not hex text"),
        ("01 04 03 43 66 33 5F 5A", {"at": "4:0"}, "CRC is"),
        (encode_rtu(Frame(1, b"\x04\x03\x01\x02\x03\x04")).hex(), {"at": "4:0"}, "says 3 bytes of data and has 4"),
        (encode_rtu(Frame(1, b"\x41\x00\x00")).hex(), {"at": "4:0"}, "function 65 is none that a meter answers with"),
        ("", {"at": "4:0"}, "4 to 256 bytes"),
    ],
)
def test_what_cannot_be_told_is_refused(data: str, more: dict, why: str) -> None:
    with pytest.raises(DecodeError, match=why):
        decode_payload(SDM, data.encode(), **more)


def test_a_value_that_the_meter_marks_as_none_is_named_not_printed() -> None:
    data = encode_rtu(Frame(1, b"\x04\x08" + bytes.fromhex("7FC00000 43663334")))
    decoded = decode_payload(SDM, data, at="4:0")
    assert [v.quantity for v in decoded.values] == ["voltage_l2"]
    assert decoded.meaning == "no value stated for voltage_l1"


def test_text_points_come_out_as_text() -> None:
    profile = parse_profile(
        "schema: device_profile/1\nid: t\nmanufacturer: t\nmedium: other\nprotocol: modbus\nconfidence: low\n"
        "points: [{quantity: serial, unit: '', function: 3, address: 0, dtype: ascii, count: 3}]\n",
        "t.yaml",
    )
    data = encode_rtu(Frame(1, b"\x03\x06AB12\x00\x00"))
    assert decode_payload(profile, data, at="3:0").values == (ReadValue("serial", "AB12", ""),)


@pytest.mark.parametrize("text", [b"[]", b"{}", b"not json", b'{"water_volume": "x"}', b"\xff"])
def test_a_json_payload_without_a_value_is_refused(text: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_payload(load_profile("json-plain"), text)


def test_plain_json_has_its_time() -> None:
    payload = b'{"water_volume": 12.5, "time": "2026-03-01T08:00:00+08:00"}'
    (value,) = decode_payload(load_profile("json-plain"), payload).values
    assert value.as_dict() == {
        "quantity": "water_volume", "value": 12.5, "unit": "m3", "time": "2026-03-01T00:00:00+00:00",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["01 04", "0x01 0x04", "01:04", "01,04", "0104", " 01-04\n"])
def test_hex_text_in_the_forms_people_paste(text: str) -> None:
    assert parse_hex(text.encode()) == b"\x01\x04"


@pytest.mark.parametrize("text", ["", "0", "01 4", "0x1", "01 04 g0", "０１"])
def test_what_is_no_hex_text(text: str) -> None:
    with pytest.raises(ValueError, match="not hex text"):
        parse_hex(text.encode())
