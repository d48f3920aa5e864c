"""Values in registers: every data type in every order, decoding against struct, the simulator's encoder as inverse."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.modbus.decode import BlockDecoder
from collector.modbus.plan import plan_blocks
from device_profiles.dtypes import DTYPES
from device_profiles.schema import AddressRange, Limits, ModbusPoint, Parameter
from simulators.modbus.encode import compile_encoder

ORDERS = ("msw_first", "lsw_first")
LETTERS = {
    (2, "msw_first", "big"): "ABCD",
    (2, "lsw_first", "big"): "CDAB",
    (2, "msw_first", "little"): "BADC",
    (2, "lsw_first", "little"): "DCBA",
    (4, "msw_first", "big"): "ABCDEFGH",
    (4, "lsw_first", "big"): "GHEFCDAB",
    (4, "msw_first", "little"): "BADCFEHG",
    (4, "lsw_first", "little"): "HGFEDCBA",
    (4, "pairs_swapped", "big"): "CDABGHEF",
    (4, "halves_swapped", "big"): "EFGHABCD",
}
CODES = {"uint": "HIQ", "int": "hiq", "float": "?fd"}


def point(dtype: str, **more: object) -> ModbusPoint:
    given = {"quantity": "x", "unit": "", "function": 3, "address": 0, "word_order": "msw_first", **more}
    return ModbusPoint(dtype=dtype, **given)  # type: ignore[arg-type]


def decode(p: ModbusPoint, data: bytes) -> float | None:
    values, valid = BlockDecoder([p], p.address, p.registers).values(np.frombuffer(data, np.uint8)[np.newaxis])
    return float(values[0, 0]) if valid[0, 0] else None


@pytest.mark.parametrize(("order", "letters"), LETTERS.items(), ids=LETTERS.values())
@given(data=st.binary(min_size=8, max_size=8))
def test_every_order_is_the_one_its_letters_say(order: tuple, letters: str, data: bytes) -> None:
    registers, words, bytes_ = order
    natural = data[: 2 * registers]
    wire = bytes(natural[ord(letter) - ord("A")] for letter in letters)
    p = point(f"uint{16 * registers}", word_order=words, byte_order=bytes_)
    assert decode(p, wire) == float(int.from_bytes(natural, "big"))


@pytest.mark.parametrize("dtype", [d for d in DTYPES.values() if d.family in CODES], ids=lambda d: d.name)
@given(data=st.binary(min_size=8, max_size=8))
def test_numbers_decode_as_struct_has_them(dtype, data: bytes) -> None:
    data = data[: 2 * dtype.registers]
    (value,) = struct.unpack(">" + CODES[dtype.family][{1: 0, 2: 1, 4: 2}[dtype.registers]], data)
    assert decode(point(dtype.name), data) == (float(value) if math.isfinite(value) else None)


@pytest.mark.parametrize("registers", [1, 2, 3, 4])
@given(number=st.integers(0), data=st.data())
def test_bcd_digits(registers: int, number: int, data: st.DataObject) -> None:
    digits = str(number % 10 ** (4 * registers)).zfill(4 * registers)
    assert decode(point(f"bcd{16 * registers}"), bytes.fromhex(digits)) == float(digits)
    place = data.draw(st.integers(0, 4 * registers - 1))
    broken = digits[:place] + data.draw(st.sampled_from("ABCDEF")) + digits[place + 1 :]
    assert decode(point(f"bcd{16 * registers}"), bytes.fromhex(broken)) is None


@given(st.integers(0, 0xFFFFFFFF), st.integers(0, 31), st.integers(1, 32))
def test_bit_fields(raw: int, bit: int, width: int) -> None:
    width = min(width, 32 - bit)
    assert decode(point("bits32", bit=bit, width=width), raw.to_bytes(4, "big")) == raw >> bit & (1 << width) - 1


@pytest.mark.parametrize(
    ("dtype", "marker", "data"),
    [("uint32", 0xFFFFFFFF, "FFFFFFFF"), ("int32", -1, "FFFFFFFF"), ("int32", 0x7FFFFFFF, "7FFFFFFF"),
     ("int16", -32768, "8000"), ("uint64", 0xFFFFFFFFFFFFFFFF, "FF" * 8), ("bcd32", 0x99999999, "99999999")],
)  # fmt: skip
def test_markers_are_no_values(dtype: str, marker: int, data: str) -> None:
    assert decode(point(dtype, invalid=(marker,)), bytes.fromhex(data)) is None
    assert decode(point(dtype, invalid=(marker,)), bytes(len(data) // 2)) == 0.0


@pytest.mark.parametrize("data", ["7FC00000", "7F800000", "FF800000"])
def test_no_number_is_no_value(data: str) -> None:
    assert decode(point("float32"), bytes.fromhex(data)) is None


def test_many_replies_and_points_at_once() -> None:
    points = [
        point("float32", address=10, scale=0.1),
        point("int16", address=12, quantity="y", offset=-40.0),
        point("uint32", address=14, quantity="z", word_order="lsw_first", times=("ratio",)),
    ]
    decoder = BlockDecoder(points, 10, 6, {"ratio": Parameter(default=30)})
    rows = [struct.pack(">fhHHH", 100.0 * i, -i, 0xDEAD, i, 1) for i in range(1, 50)]
    values, valid = decoder.values(np.frombuffer(b"".join(rows), np.uint8).reshape(49, 12))
    assert valid.all()
    expected = [(10.0 * i, -40.0 - i, 30.0 * (0x10000 + i)) for i in range(1, 50)]
    assert values == pytest.approx(np.array(expected))


def test_replies_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="have 4 bytes"):
        BlockDecoder([point("float32")], 0, 2).values(np.zeros((1, 6), np.uint8))
    with pytest.raises(ValueError, match="does not lie in registers 1 to 2"):
        BlockDecoder([point("float32")], 1, 2)


numeric = st.sampled_from([d for d in DTYPES.values() if d.family != "text"])


@given(
    dtype=numeric,
    order=st.sampled_from(ORDERS),
    bytes_=st.sampled_from(["big", "little"]),
    scale=st.sampled_from([1.0, 0.1, 0.001, 10.0, -1.0]),
    offset=st.sampled_from([0.0, -40.0]),
    share=st.floats(0, 1),
)
def test_the_simulators_encoder_is_the_inverse(
    dtype, order: str, bytes_: str, scale: float, offset: float, share: float
) -> None:
    p = point(dtype.name, word_order=order, byte_order=bytes_, scale=scale, offset=offset,
              width=5 if dtype.family == "bits" else None, bit=3 if dtype.family == "bits" else 0)  # fmt: skip
    largest = {"bits": 31.0, "bcd": 10.0 ** (4 * dtype.registers) - 1, "parts": 2.0**31 - 1}.get(
        dtype.family, 2.0 ** (16 * dtype.registers - 1) - 1
    )
    value = round(share * min(largest, 2.0**50)) * scale + offset
    decoded = decode(p, compile_encoder(p)(value))
    assert decoded == pytest.approx(value, abs=abs(scale) / 2 + 1e-6, rel=1e-6)


def test_a_counter_wraps_and_a_gauge_stays_at_its_end() -> None:
    counter, gauge = point("uint16", semantics="counter"), point("uint16", semantics="gauge")
    assert compile_encoder(counter)(65536 + 7) == b"\x00\x07"
    assert compile_encoder(gauge)(1e9) == b"\xff\xff"
    assert compile_encoder(gauge)(-5) == b"\x00\x00"
    assert compile_encoder(point("int16"))(-1e9) == b"\x80\x00"


places = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from(["uint16", "float32", "uint64"])), min_size=1, max_size=40
)


@given(
    places=places, size=st.integers(4, 125), gap=st.integers(0, 50), is_even=st.booleans(), banned=st.integers(0, 400)
)
def test_plans_keep_every_limit(places: list, size: int, gap: int, is_even: bool, banned: int) -> None:
    points, taken = [], set()
    for address, dtype in sorted(places):
        span = set(range(address - 1, address + DTYPES[dtype].registers + 1))
        if not span & taken and banned not in span:
            points.append(point(dtype, address=address, quantity=f"q{address}"))
            taken |= set(range(address, address + DTYPES[dtype].registers))
    limits = Limits(
        max_registers=max(size, 6), max_gap=gap, even_start=is_even,
        forbidden=(AddressRange(function=3, first=banned, last=banned),),
    )  # fmt: skip
    blocks = plan_blocks(points, limits)
    assert [p for b in blocks for p in b.points] == points
    for b in blocks:
        assert b.count <= limits.max_registers
        assert not b.address <= banned < b.end
        assert all(b.address <= p.address and p.end <= b.end for p in b.points)
        assert not is_even or b.address % 2 == b.count % 2 == 0
        assert all(r.address - q.end <= gap for q, r in zip(b.points, b.points[1:], strict=False))


def test_what_lies_together_is_one_block() -> None:
    points = [point("float32", address=2 * i, quantity=f"q{i}") for i in range(15)]
    (block,) = plan_blocks(points, Limits())
    assert (block.address, block.count) == (0, 30)


def test_functions_are_never_mixed_and_a_point_too_long_is_refused() -> None:
    points = [point("uint16", address=0), point("uint16", address=1, function=4, quantity="y")]
    assert [b.function for b in plan_blocks(points, Limits())] == [3, 4]
    with pytest.raises(ValueError, match="cannot be read within"):
        plan_blocks([point("uint64")], Limits(max_registers=2))
