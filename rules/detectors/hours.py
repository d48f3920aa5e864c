"""Whole hours out of 15 min steps, however the steps are cut into blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Times
from rules.blocks import STEPS_PER_HOUR, IntervalBlock

_NO_STEP = -1


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours that these steps completed, aligned to UTC.

    number      int64 by hour: hours since 1970
    volume      hours x columns: sum of the four cells; NaN where one is missing
    at          by hour: when its last step was judged
    local_hour  int64 by hour: hour of the local day in which its last step lies
    """

    number: npt.NDArray[np.int64]
    volume: Float64
    at: Times
    local_hour: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.number)


@dataclass
class HourCut:
    """Keeps the cells of the hour that is not complete yet: always summed in the same order, so exact by any cut."""

    cells: Float64
    held: int = 0
    next_step: int = _NO_STEP

    @classmethod
    def of(cls, columns: int) -> HourCut:
        """One that has seen nothing."""
        return cls(np.full((STEPS_PER_HOUR, columns), np.nan))

    def push(self, block: IntervalBlock, usage: Float64) -> Hours:
        """The hours completed by the block's steps; `usage` is steps x columns of this cut."""
        self._skip_to(block.first_step)
        cells = np.concatenate([self.cells[: self.held], usage])
        whole = len(cells) // STEPS_PER_HOUR
        used = whole * STEPS_PER_HOUR
        volume = cells[:used].reshape(whole, STEPS_PER_HOUR, cells.shape[1]).sum(axis=1)
        last = np.arange(whole) * STEPS_PER_HOUR + STEPS_PER_HOUR - 1 - self.held
        number = (block.first_step + last) // STEPS_PER_HOUR
        self.held = len(cells) - used
        self.cells[: self.held] = cells[used:]
        self.cells[self.held :] = np.nan
        self.next_step = block.first_step + block.steps
        return Hours(number, volume, block.judged_at[last], block.local_minute[last] // 60)

    def _skip_to(self, first_step: int) -> None:
        """At the very first step, and after steps that never came: the hour begun is incomplete."""
        if first_step != self.next_step:
            self.held = first_step % STEPS_PER_HOUR
            self.cells[: self.held] = np.nan
