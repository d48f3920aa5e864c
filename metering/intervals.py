"""Intervals: usage of a channel over one step of the 15 min grid, in columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Int32, Mask, Times, UInt8, UInt16


@dataclass(frozen=True, slots=True)
class IntervalBatch:
    """Intervals, one a row, columns of equal length.

    meters    the batch's own tuple of meter ids
    meter     int32, index into `meters`
    quantity  uint8, code of a cumulative quantity
    start     datetime64[ms], UTC, on the 15 min grid; the interval is [start, start + 15 min)
    usage     float64, in the quantity's unit; negative only where the register truly ran backwards
    quality   uint16, bits of `Quality`
    """

    meters: tuple[str, ...]
    meter: Int32
    quantity: UInt8
    start: Times
    usage: Float64
    quality: UInt16

    def __len__(self) -> int:
        return len(self.usage)

    def take(self, rows: npt.NDArray[np.intp] | Mask) -> IntervalBatch:
        """The rows given by index or mask, same tuple of meters."""
        return IntervalBatch(
            self.meters, self.meter[rows], self.quantity[rows], self.start[rows], self.usage[rows], self.quality[rows]
        )


def joined(batches: Sequence[IntervalBatch]) -> IntervalBatch:
    """One batch of all, in their order; they share their tuple of meters."""
    if len(batches) == 1:
        return batches[0]
    columns = ("meter", "quantity", "start", "usage", "quality")
    if not batches:
        kinds = ("int32", "uint8", "datetime64[ms]", "float64", "uint16")
        return IntervalBatch((), *(np.zeros(0, kind) for kind in kinds))
    return IntervalBatch(batches[0].meters, *(np.concatenate([getattr(b, c) for b in batches]) for c in columns))
