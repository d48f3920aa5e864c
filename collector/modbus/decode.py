"""From register bytes to values, by profile: compiled once a block, then whole arrays of replies at a time. Pure.

The bytes of a reply are gathered point by point, most significant byte first, into a matrix (replies x points x
bytes), which numpy then views as big-endian numbers. Every word and byte order is only another gather.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from device_profiles.binding import parameter_factor
from device_profiles.dtypes import WordOrder, byte_positions
from device_profiles.schema import ModbusPoint, Parameter
from metering.batch import Float64, Mask

Bytes = npt.NDArray[np.uint8]
_Reads = Callable[[Bytes], tuple[Float64, Mask]]
# Scale factors are small; a larger one is a register that holds no scale factor (0x8000 means "not there").
_LARGEST_EXPONENT = 10
_PART_CODES = {"int32": ">i4", "float32": ">f4", "float64": ">f8"}


@dataclass(frozen=True, slots=True)
class _Group:
    """Points of one data type: where their values go, where their bytes lie, how raw bytes become numbers."""

    columns: npt.NDArray[np.intp]
    positions: npt.NDArray[np.intp]
    read: _Reads
    markers: tuple[tuple[int, int], ...]


class BlockDecoder:
    """Decodes the numeric points of one block, for any number of replies at once.

    points  the numeric points, one a column, in the order given; text is `decode_text`'s
    """

    def __init__(
        self,
        points: Sequence[ModbusPoint],
        address: int,
        count: int,
        parameters: Mapping[str, Parameter] | None = None,
    ) -> None:
        self.points = tuple(p for p in points if p.type.family != "text")
        for point in self.points:
            if not address <= point.address <= point.end <= address + count:
                raise ValueError(f"{point.quantity} does not lie in registers {address} to {address + count - 1}")
        self._size = 2 * count
        factors = [parameter_factor(p, parameters or {}) for p in self.points]
        self._scale = np.array([p.signed_scale * f for p, f in zip(self.points, factors, strict=True)])
        self._offset = np.array([p.offset * f for p, f in zip(self.points, factors, strict=True)])
        self._groups = _group(self.points, address)
        self._exponents = _exponent_columns(self.points)
        self._folded = [i for i, p in enumerate(self.points) if p.fold]

    def values(self, replies: Bytes) -> tuple[Float64, Mask]:
        """Values and which of them the meter means: (replies x points) each, from (replies x register bytes).

        A value that is an invalid marker, no number or no decimal digits is False in the mask, and 0.

        Raises:
            ValueError: the replies do not have the block's length.
        """
        if replies.ndim != 2 or replies.shape[1] != self._size:  # noqa: PLR2004
            raise ValueError(f"replies of this block have {self._size} bytes, not {replies.shape[1:]}")
        out = np.empty((len(replies), len(self.points)))
        valid = np.empty(out.shape, np.bool_)
        for group in self._groups:
            raw = np.ascontiguousarray(replies[:, group.positions])
            numbers, good = group.read(raw)
            for column, marker in group.markers:
                good[:, column] &= _patterns(raw[:, column]) != marker
            out[:, group.columns], valid[:, group.columns] = numbers, good
        out[~valid] = 0.0
        out *= self._scale
        for column, exponent in self._exponents:
            valid[:, column] &= valid[:, exponent] & (np.abs(out[:, exponent]) <= _LARGEST_EXPONENT)
            out[:, column] *= 10.0 ** np.where(valid[:, column], out[:, exponent], 0.0)
        out += self._offset
        for column in self._folded:
            out[:, column] = _fold_quadrants(out[:, column])
        out[~valid] = 0.0
        return out, valid


def _exponent_columns(points: Sequence[ModbusPoint]) -> list[tuple[int, int]]:
    """Columns of the points with a scale-factor register, and of that register.

    Raises:
        ValueError: the register does not lie in this block.
    """
    column = {p.quantity: i for i, p in enumerate(points)}
    for point in points:
        if point.power_of_ten is not None and point.power_of_ten not in column:
            raise ValueError(f"{point.quantity} cannot be told without {point.power_of_ten}")
    return [(i, column[p.power_of_ten]) for i, p in enumerate(points) if p.power_of_ten is not None]


def _fold_quadrants(factor: Float64) -> Float64:
    """Power factors of a meter that writes the other kind of reactive power as 2 less the factor, with its sign."""
    folded: Float64 = np.where(np.abs(factor) > 1, np.sign(factor) * 2 - factor, factor)
    return folded


def decode_text(point: ModbusPoint, registers: bytes, address: int) -> str:
    """The text of an `ascii` or `bcd_text` point in a block's register bytes.

    Without padding, NULs between letters (one letter a register) included; what is not ASCII becomes '?'.
    """
    start = 2 * (point.address - address)
    raw = registers[start : start + 2 * point.registers]
    order = byte_positions(point.word_order or WordOrder.MSW_FIRST, point.byte_order, point.registers)
    wire = bytes(raw[i] for i in order)
    if point.dtype == "bcd_text":
        return wire.hex()
    return wire.decode("ascii", "replace").replace("�", "?").replace("\x00", "").strip()


def _group(points: Sequence[ModbusPoint], address: int) -> tuple[_Group, ...]:
    by_type: dict[object, list[int]] = {}
    for column, point in enumerate(points):
        field = (point.bit, point.width) if point.type.family == "bits" else None
        by_type.setdefault((point.dtype, field), []).append(column)
    return tuple(_one_group([points[c] for c in columns], columns, address) for columns in by_type.values())


def _one_group(points: Sequence[ModbusPoint], columns: Sequence[int], address: int) -> _Group:
    positions = [
        [
            2 * (p.address - address) + i
            for i in byte_positions(p.word_order or WordOrder.MSW_FIRST, p.byte_order, p.registers)
        ]
        for p in points
    ]
    mask = (1 << points[0].type.bits) - 1
    markers = tuple((i, marker & mask) for i, p in enumerate(points) for marker in p.invalid)
    return _Group(np.array(columns, np.intp), np.array(positions, np.intp), _reader(points[0]), markers)


def _reader(point: ModbusPoint) -> _Reads:
    family, width = point.type.family, 2 * point.registers
    if family == "bcd":
        return _read_bcd
    if family == "bits":
        return _bit_reader(point.bit, (1 << (point.width or 1)) - 1)
    if family == "parts":
        return _parts_reader(*(_PART_CODES[part] for part in point.dtype.split("_")))
    if family == "magnitude":
        return _magnitude_reader(point.type.bits - 1)
    code = {"uint": "u", "int": "i", "float": "f"}[family]
    return _number_reader(np.dtype(f">{code}{width}"))


def _number_reader(dtype: np.dtype[np.generic]) -> _Reads:
    def read(raw: Bytes) -> tuple[Float64, Mask]:
        with np.errstate(invalid="ignore"):  # a signalling NaN is none of ours, but no fault either
            numbers = raw.view(dtype)[..., 0].astype(np.float64)
        return numbers, np.isfinite(numbers)

    return read


def _bit_reader(bit: int, mask: int) -> _Reads:
    def read(raw: Bytes) -> tuple[Float64, Mask]:
        numbers = ((_patterns(raw) >> np.uint64(bit)) & np.uint64(mask)).astype(np.float64)
        return numbers, np.ones(numbers.shape, np.bool_)

    return read


def _magnitude_reader(sign_bit: int) -> _Reads:
    def read(raw: Bytes) -> tuple[Float64, Mask]:
        patterns = _patterns(raw)
        sizes = (patterns & np.uint64((1 << sign_bit) - 1)).astype(np.float64)
        return np.where(patterns >> np.uint64(sign_bit), -sizes, sizes), np.ones(sizes.shape, np.bool_)

    return read


def _parts_reader(*codes: str) -> _Reads:
    """The sum of two values that lie one after the other."""
    readers = [_number_reader(np.dtype(code)) for code in codes]

    def read(raw: Bytes) -> tuple[Float64, Mask]:
        half = raw.shape[-1] // 2
        (first, is_first), (second, is_second) = (
            reader(np.ascontiguousarray(part))
            for reader, part in zip(readers, (raw[..., :half], raw[..., half:]), strict=True)
        )
        good: Mask = is_first & is_second
        return np.where(good, first, 0.0) + np.where(good, second, 0.0), good

    return read


def _read_bcd(raw: Bytes) -> tuple[Float64, Mask]:
    high, low = raw >> 4, raw & 0xF
    weights = 100.0 ** np.arange(raw.shape[-1] - 1, -1, -1)
    numbers = (high * 10.0 + low) @ weights
    good: Mask = np.all((high <= 9) & (low <= 9), axis=-1)  # noqa: PLR2004
    return numbers, good


def _patterns(raw: Bytes) -> npt.NDArray[np.uint64]:
    """The raw bytes of each value as one unsigned number."""
    out = np.zeros(raw.shape[:-1], np.uint64)
    for i in range(raw.shape[-1]):
        out = (out << np.uint64(8)) | raw[..., i]
    return out
