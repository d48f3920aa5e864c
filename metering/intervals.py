"""Intervals: usage of a channel over one step of the 15 min grid, in columns."""

from __future__ import annotations

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
