"""From a value to register words: the inverse of `collector.modbus.decode`, one point at a time. Pure."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

from device_profiles.dtypes import WordOrder, byte_positions
from device_profiles.schema import ModbusPoint

Encode = Callable[[float | str], bytes]


def compile_encoder(point: ModbusPoint) -> Encode:
    """A function from the point's value, in its printed unit, to its register bytes as they stand on the wire.

    Counters that have grown past their register start again at 0, as the meter's own do; any other value out of
    range stays at the nearest end.
    """
    if point.type.family == "text":
        return _digits_encoder(point) if point.dtype == "bcd_text" else _text_encoder(point)
    order = byte_positions(point.word_order or WordOrder.MSW_FIRST, point.byte_order, point.registers)
    natural = _natural_encoder(point)
    if order == tuple(range(len(order))):
        return natural

    def encode(value: float | str) -> bytes:
        wire = bytearray(len(order))
        for byte, place in zip(natural(value), order, strict=True):
            wire[place] = byte
        return bytes(wire)

    return encode


def _natural_encoder(point: ModbusPoint) -> Encode:
    """Most significant byte first."""
    scale, offset, size = point.signed_scale, point.offset, 2 * point.registers
    family = point.type.family
    if family == "parts":
        split = _whole_and_fraction if point.dtype == "int32_float32" else _all_and_nothing
        return lambda value: split((float(value) - offset) / scale)
    if family == "float":
        code = struct.Struct(">f" if size == struct.calcsize("f") else ">d")
        return lambda value: code.pack((float(value) - offset) / scale)
    low, modulus = _bounds(point)
    end = low + modulus
    is_counter = point.known.is_cumulative if point.known else point.semantics == "counter"

    def encode(value: float | str) -> bytes:
        # A hair above, so that 123.4 / 0.1 is the 1234 it stands for; a register never runs ahead of its value.
        raw = (float(value) - offset) / scale
        whole = math.floor(raw + 1e-6) if is_counter else round(raw)
        whole = whole % end if is_counter else min(max(whole, low), end - 1)
        if family == "bcd":
            return bytes.fromhex(f"{whole:0{2 * size}d}")
        if family == "bits":
            whole <<= point.bit
        if family == "magnitude":
            whole = abs(whole) | (whole < 0) << (8 * size - 1)
            return whole.to_bytes(size, "big")
        return whole.to_bytes(size, "big", signed=low < 0)

    return encode


def register_end(point: ModbusPoint) -> float:
    """Where a counter starts again at 0, in the point's printed unit; infinite where it is no whole number."""
    if point.type.family in {"float", "parts", "text"}:
        return math.inf
    return sum(_bounds(point)) * abs(point.scale)


def _bounds(point: ModbusPoint) -> tuple[int, int]:
    """The least raw value, and how many there are."""
    bits = point.type.bits
    if point.type.family == "int":
        return -(1 << (bits - 1)), 1 << bits
    if point.type.family == "magnitude":
        return 1 - (1 << (bits - 1)), (1 << bits) - 1
    if point.type.family == "bits":
        return 0, 1 << (point.width or 1)
    if point.type.family == "bcd":
        return 0, 10 ** (bits // 4)
    return 0, 1 << bits


def _all_and_nothing(value: float) -> bytes:
    """Everything in the first of two counters."""
    return struct.pack(">dd", value, 0.0)


def _whole_and_fraction(value: float) -> bytes:
    whole = math.floor(value)
    return struct.pack(">if", (whole + (1 << 31)) % (1 << 32) - (1 << 31), value - whole)


def _digits_encoder(point: ModbusPoint) -> Encode:
    digits = 4 * point.registers
    order = byte_positions(point.word_order or WordOrder.MSW_FIRST, point.byte_order, point.registers)

    def encode(value: float | str) -> bytes:
        text = value if isinstance(value, str) else str(int(value))
        raw = bytes.fromhex(text.zfill(digits)[-digits:])
        wire = bytearray(len(raw))
        for byte, place in zip(raw, order, strict=True):
            wire[place] = byte
        return bytes(wire)

    return encode


def _text_encoder(point: ModbusPoint) -> Encode:
    size = 2 * point.registers
    order = byte_positions(WordOrder.MSW_FIRST, point.byte_order, point.registers)

    def encode(value: float | str) -> bytes:
        text = str(value).encode("ascii", "replace")[:size].ljust(size, b"\x00")
        return bytes(text[i] for i in order)

    return encode
