"""How a value lies in 16-bit registers: the data types of Modbus maps and the orders of their words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Family = Literal["uint", "int", "magnitude", "float", "bcd", "text", "bits", "parts"]


@dataclass(frozen=True, slots=True)
class Dtype:
    """A data type. `registers` is 0 where the point itself says how many (text).

    magnitude        the top bit is the sign, the others the number (no two's complement)
    int32_float32    whole part, then fraction: two values whose sum is one, read in one request
    float64_float64  two counters whose sum is one (tariffs), read in one request
    bcd_text         decimal digits that are kept as text, zeros and all
    """

    name: str
    family: Family
    registers: int

    @property
    def bits(self) -> int:
        """Width of the raw pattern in bits."""
        return 16 * self.registers


DTYPES: dict[str, Dtype] = {
    d.name: d
    for d in (
        *(Dtype(f"uint{16 * n}", "uint", n) for n in (1, 2, 4)),
        *(Dtype(f"int{16 * n}", "int", n) for n in (1, 2, 4)),
        *(Dtype(f"magnitude{16 * n}", "magnitude", n) for n in (1, 2)),
        *(Dtype(f"float{16 * n}", "float", n) for n in (2, 4)),
        *(Dtype(f"bcd{16 * n}", "bcd", n) for n in (1, 2, 3, 4)),
        Dtype("bits16", "bits", 1),
        Dtype("bits32", "bits", 2),
        Dtype("int32_float32", "parts", 4),
        Dtype("float64_float64", "parts", 8),
        Dtype("ascii", "text", 0),
        Dtype("bcd_text", "text", 0),
    )
}


class WordOrder(StrEnum):
    """Order of the registers of one value; with the byte order it makes the four 32-bit and six 64-bit orders.

    Letters are bytes from the most significant (A), byte order big:
    msw_first       ABCD  ABCDEFGH
    lsw_first       CDAB  GHEFCDAB
    pairs_swapped         CDABGHEF  (64 bit only)
    halves_swapped        EFGHABCD  (64 bit only)
    """

    MSW_FIRST = "msw_first"
    LSW_FIRST = "lsw_first"
    PAIRS_SWAPPED = "pairs_swapped"
    HALVES_SWAPPED = "halves_swapped"


class ByteOrder(StrEnum):
    """Order of the two bytes in a register; Modbus says big, some meters swap them."""

    BIG = "big"
    LITTLE = "little"


_FOUR_WORDS = {WordOrder.PAIRS_SWAPPED: (1, 0, 3, 2), WordOrder.HALVES_SWAPPED: (2, 3, 0, 1)}


def word_positions(order: WordOrder, registers: int) -> tuple[int, ...]:
    """Where each word stands on the wire, most significant word first.

    Raises:
        ValueError: the order exists for 64-bit values only.
    """
    if order is WordOrder.MSW_FIRST:
        return tuple(range(registers))
    if order is WordOrder.LSW_FIRST:
        return tuple(reversed(range(registers)))
    if registers != len(_FOUR_WORDS[order]):
        raise ValueError(f"word order {order} is for values of 4 registers, not {registers}")
    return _FOUR_WORDS[order]


def byte_positions(order: WordOrder, bytes_: ByteOrder, registers: int) -> tuple[int, ...]:
    """Where each byte stands on the wire, most significant byte first."""
    first = (0, 1) if bytes_ is ByteOrder.BIG else (1, 0)
    return tuple(2 * word + byte for word in word_positions(order, registers) for byte in first)
