"""One place of a meter in every type and order: what a person compares with the display. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from collector.modbus.decode import BlockDecoder
from device_profiles.dtypes import DTYPES, ByteOrder, WordOrder, byte_positions
from device_profiles.schema import ModbusPoint

_QUAD = 4
_LEAST = 1e-3
_SCALES = (1.0, 0.1, 0.01, 0.001, 0.0001, 10.0, 100.0, 1000.0)
_FAMILIES = ("uint", "int", "magnitude", "float", "bcd", "parts")
_NEAR = 0.005


@dataclass(frozen=True, slots=True)
class Guess:
    """One reading of the registers. `scale` is the factor with which it fits what is expected; None where none does."""

    dtype: str
    word_order: str
    byte_order: str
    letters: str
    value: float
    scale: float | None


def all_guesses(
    registers: bytes, *, expected: float | None = None, plausible: tuple[float, float] | None = None
) -> list[Guess]:
    """Every type and order that fits into the registers (2 to 8 bytes), those without a value left out.

    expected   what the display shows: a scale is given where the value, scaled, is within 0.5 %
    plausible  or the range in which the value must lie
    """
    guesses = []
    for dtype, word_order, byte_order in _forms(len(registers) // 2):
        count = DTYPES[dtype].registers
        point = ModbusPoint(
            quantity="guess", unit="", function=3, address=0, dtype=dtype, word_order=word_order, byte_order=byte_order
        )
        raw = np.frombuffer(registers[: 2 * count], np.uint8)[np.newaxis]
        values, valid = BlockDecoder([point], 0, count).values(raw)
        if valid[0, 0]:
            value = float(values[0, 0])
            letters = _letters(word_order, byte_order, count)
            fit = _fitting_scale(value, expected, plausible)
            guesses.append(Guess(dtype, word_order.value, byte_order.value, letters, value, fit))
    return guesses


def _forms(count: int) -> Iterator[tuple[str, WordOrder, ByteOrder]]:
    for dtype in DTYPES.values():
        if dtype.family not in _FAMILIES or not 0 < dtype.registers <= count:
            continue
        for word_order in WordOrder:
            is_of_four = word_order in (WordOrder.PAIRS_SWAPPED, WordOrder.HALVES_SWAPPED)
            if dtype.registers == 1 and word_order is not WordOrder.MSW_FIRST:
                continue
            if (is_of_four and dtype.registers != _QUAD) or (dtype.family == "parts" and not _is_parts(word_order)):
                continue
            for byte_order in ByteOrder:
                if not (is_of_four and byte_order is ByteOrder.LITTLE):
                    yield dtype.name, word_order, byte_order


def _is_parts(order: WordOrder) -> bool:
    return order in (WordOrder.MSW_FIRST, WordOrder.PAIRS_SWAPPED)


def _letters(word_order: WordOrder, byte_order: ByteOrder, count: int) -> str:
    """The order as engineers write it: ABCD, CDAB, ..."""
    letters = [""] * (2 * count)
    for letter, place in zip("ABCDEFGH", byte_positions(word_order, byte_order, count), strict=False):
        letters[place] = letter
    return "".join(letters)


def _fitting_scale(value: float, expected: float | None, plausible: tuple[float, float] | None) -> float | None:
    if not math.isfinite(value) or value == 0:
        return None
    if expected is not None:
        return next((s for s in _SCALES if math.isclose(value * s, expected, rel_tol=_NEAR)), None)
    if plausible is not None:
        return next((s for s in _SCALES if plausible[0] <= value * s <= plausible[1] and abs(value * s) > _LEAST), None)
    return None
