"""A block's registers as printable values, under our names and units or the source's. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from collector.modbus.decode import BlockDecoder, decode_text
from collector.read_value import ReadValue
from device_profiles.schema import ModbusPoint, Parameter

# Digits that a value can mean: a float32 carries a little over seven.
_DIGITS_OF_FLOAT32, _DIGITS = 8, 12


def block_values(
    points: Sequence[ModbusPoint], address: int, registers: bytes, parameters: Mapping[str, Parameter]
) -> tuple[list[ReadValue], list[str]]:
    """The values of the points in these registers, in the points' order, and the names of those without a value.

    A value whose scale-factor register is not among them cannot be told.
    """
    names = {p.quantity for p in points}
    lone = {p.quantity for p in points if p.power_of_ten is not None and p.power_of_ten not in names}
    decoder = BlockDecoder([p for p in points if p.quantity not in lone], address, len(registers) // 2, parameters)
    numbers, valid = decoder.values(np.frombuffer(registers, np.uint8)[np.newaxis, :])
    column = {point.quantity: i for i, point in enumerate(decoder.points)}
    values: list[ReadValue] = []
    without: list[str] = []
    for point in points:
        text = decode_text(point, registers, address) if point.type.family == "text" else None
        if text is not None and (point.dtype == "ascii" or text.isdecimal()):
            values.append(ReadValue(point.quantity, text, point.printed_unit))
        elif point.quantity in column and valid[0, column[point.quantity]]:
            number = tidy(float(numbers[0, column[point.quantity]]), point)
            values.append(ReadValue(point.quantity, number, point.printed_unit))
        else:
            without.append(point.quantity)
    return values, without


def tidy(number: float, point: ModbusPoint) -> float:
    """The number without the digits that only arithmetic made: 230.199996948 from a float32 is 230.2."""
    digits = _DIGITS_OF_FLOAT32 if point.dtype == "float32" else _DIGITS
    return float(f"{number:.{digits}g}")
