"""Frames: literal ones from makers and captures, and that no broken frame ever gives a value.

Vectors with their publishers: Eastron SDM120/SDM630 Modbus protocol (worked examples; PDFs kept in
nmakel/sdm_modbus), TUF-2000M, Applent and Lumel manuals (worked examples), esphome/feature-requests issue 629
(bus capture of a Duco ventilation unit). CRCs of all were recomputed.
"""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.decode_payload import DecodeError, decode_payload
from collector.modbus.frame import (
    BrokenFrameError,
    ExceptionReplyError,
    Frame,
    ReadRequest,
    crc16,
    decode_rtu,
    decode_tcp,
    encode_rtu,
    encode_tcp,
    find_rtu,
    parse_request,
    read_pdu,
    registers_of,
    split_tcp,
)
from device_profiles import ModbusProfile, load_profile

REQUESTS = [
    ("01 04 00 00 00 02 71 CB", 4, 0, 2),
    ("01 03 00 00 00 02 C4 0B", 3, 0, 2),
    ("01 03 00 00 00 0A C5 CD", 3, 0, 10),
    ("01 04 00 0B 00 01 40 08", 4, 11, 1),
    ("01 04 00 17 00 01 81 CE", 4, 23, 1),
    ("01 03 00 64 00 01 C5 D5", 3, 100, 1),
    ("01 04 00 00 00 01 31 CA", 4, 0, 1),
]
REPLIES = [
    ("01 04 04 43 66 33 34 1B 38", 4, ">f", 230.2),
    ("01 03 04 3F 80 00 00 F7 CF", 3, ">f", 1.0),
    ("01 04 02 01 D4 B8 FF", 4, ">H", 468),
    ("01 03 02 00 32 39 91", 3, ">H", 50),
    ("01 03 02 00 01 79 84", 3, ">H", 1),
    ("01 04 02 08 00 BE F0", 4, ">H", 2048),
    ("01 04 02 4D 97 CD CE", 4, ">H", 19863),
    ("01 04 02 00 2A 38 EF", 4, ">H", 42),
]
# Misprints of makers, and a published frame whose CRC is wrong.
WRONG_CRC = ["01 04 02 62 60 B6 98", "01 10 00 14 00 02 E0 08", "01 03 00 61 00 01 C5 D5"]

frames = st.builds(Frame, st.integers(0, 255), st.binary(min_size=1, max_size=253), st.integers(0, 0xFFFF))


@pytest.mark.parametrize(("text", "function", "address", "count"), REQUESTS)
def test_published_requests(text: str, function: int, address: int, count: int) -> None:
    assert parse_request(bytes.fromhex(text)) == ReadRequest(1, function, address, count)
    assert encode_rtu(Frame(1, read_pdu(function, address, count))) == bytes.fromhex(text)


@pytest.mark.parametrize(("text", "function", "form", "value"), REPLIES)
def test_published_replies(text: str, function: int, form: str, value: float) -> None:
    frame = decode_rtu(bytes.fromhex(text))
    registers = registers_of(frame.pdu, function, struct.calcsize(form) // 2)
    assert struct.unpack(form, registers)[0] == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("text", WRONG_CRC)
def test_published_misprints_are_refused(text: str) -> None:
    with pytest.raises(BrokenFrameError, match="CRC is"):
        decode_rtu(bytes.fromhex(text))


def test_a_whole_frame_is_found_in_a_noisy_stream() -> None:
    """A line capture: the tail of an earlier frame runs into a whole one."""
    stream = bytes.fromhex("01 64 00 01 C5 D5 01 03 00 64 00 01 C5 D5")
    assert find_rtu(stream) == [bytes.fromhex("01 03 00 64 00 01 C5 D5")]


@given(frames)
def test_what_is_encoded_decodes(frame: Frame) -> None:
    assert decode_tcp(encode_tcp(frame)) == frame
    assert decode_rtu(encode_rtu(frame)) == Frame(frame.unit, frame.pdu)


@given(st.lists(frames, max_size=4), st.binary(max_size=5), st.data())
def test_a_stream_gives_the_same_frames_however_it_is_cut(sent: list[Frame], tail: bytes, data: st.DataObject) -> None:
    stream = b"".join(map(encode_tcp, sent)) + b"\x00\x01\x00\x00\x00\x06"[: len(tail)]
    cut = data.draw(st.integers(0, len(stream)))
    first, rest = split_tcp(stream[:cut])
    second, rest = split_tcp(rest + stream[cut:])
    assert first + second == sent
    assert len(rest) == len(tail)


@given(st.integers(0, 8 * 8 - 1), st.sampled_from([r for r, *_ in REPLIES]))
def test_any_flipped_bit_of_a_reply_is_noticed(bit: int, text: str) -> None:
    frame = bytearray.fromhex(text)
    frame[bit // 8 % len(frame)] ^= 1 << bit % 8
    with pytest.raises(BrokenFrameError):
        decode_rtu(bytes(frame))


@pytest.mark.parametrize(
    "header", ["00 01 00 01 00 06 01", "00 01 00 00 00 01 01", "00 01 00 00 01 00 01", "48 54 54 50 2F 31 2E"]
)
def test_a_header_that_cannot_be_is_broken(header: str) -> None:
    with pytest.raises(BrokenFrameError, match="no Modbus TCP header"):
        split_tcp(bytes.fromhex(header) + bytes(300))


@pytest.mark.parametrize(
    "pdu", [b"\x04", b"\x04\x04\x00\x00", b"\x03\x04\x00\x00\x00\x00", b"\x04\x04" + bytes(6), b"\x84", b"\x83\x02"]
)  # fmt: skip
def test_a_reply_to_something_else_is_broken(pdu: bytes) -> None:
    with pytest.raises(BrokenFrameError, match="no reply to function 4 for 2 registers"):
        registers_of(pdu, 4, 2)


def test_an_exception_is_the_units_own_word() -> None:
    with pytest.raises(ExceptionReplyError, match=r"exception 2 .illegal data address. to function 4"):
        registers_of(b"\x84\x02", 4, 2)


@given(st.binary(max_size=64))
def test_garbage_never_gives_a_value_unless_its_crc_is_right(data: bytes) -> None:
    profile = load_profile("eastron-sdm630")
    assert isinstance(profile, ModbusProfile)
    is_tcp = data[2:4] == b"\0\0"
    try:
        decoded = decode_payload(profile, data, at="4:0")
    except DecodeError:
        return
    is_text = data.strip().isascii()
    assert not decoded.values or is_tcp or is_text or crc16(data[:-2]) == int.from_bytes(data[-2:], "little")


@given(st.binary(min_size=5, max_size=40), st.sampled_from([None, "4:0", "3:0"]))
def test_whole_frames_of_garbage_give_values_only_as_read_replies(body: bytes, at: str | None) -> None:
    profile = load_profile("eastron-sdm630")
    data = body + crc16(body).to_bytes(2, "little")
    try:
        decoded = decode_payload(profile, data, at=at)
    except DecodeError:
        return
    if decoded.values:
        assert body[1] == 4
        assert body[2] == len(body) - 3
    else:
        assert decoded.meaning
