"""Steps: what one channel counted between two accepted readings, in columns ordered by (channel, time)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rows:
    """Readings by channel: `channel`, `time` (ms), `value` in the quantity's unit, `flags` (bits of `Quality`)."""

    channel: Int64
    time: Int64
    value: Float64
    flags: npt.NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.time)

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Rows:
        """The rows given by index or mask."""
        return Rows(self.channel[rows], self.time[rows], self.value[rows], self.flags[rows])


@dataclass(frozen=True, slots=True)
class Steps:
    """From register r0 at t0 to r1 at t1 (ms); registers are made continuous over rollovers and replacements.

    unknown   the step's usage is not known (reset, undeclared replacement, first reading): nothing is booked
    """

    channel: Int64
    t0: Int64
    r0: Float64
    t1: Int64
    r1: Float64
    flags: npt.NDArray[np.uint16]
    unknown: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.t1)

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Steps:
        """The rows given by index or mask."""
        return Steps(*(getattr(self, name)[rows] for name in Steps.__slots__))


def join(parts: Sequence[Steps]) -> Steps:
    """All steps in one, ordered by (channel, t1)."""
    columns = [
        np.concatenate([getattr(p, name) for p in parts])
        for name in ("channel", "t0", "r0", "t1", "r1", "flags", "unknown")
    ]
    order = np.lexsort((columns[3], columns[0]))
    return Steps(*(c[order] for c in columns))
