"""Blocks cut at the moments of the local day when a detector judges, so that its word never depends on the cut."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from metering.windows import GRID_MS
from rules.blocks import IntervalBlock

_STEP_MINUTES = GRID_MS // 60_000


def pieces(block: IntervalBlock, every_minutes: int) -> Iterator[tuple[IntervalBlock, int | None]]:
    """The block in pieces that end at whole multiples of so many local minutes.

    With each piece stands the local minute at which it ends (1440: midnight), or None where no moment is reached.
    """
    ends = block.local_minute + _STEP_MINUTES
    start = 0
    for stop in np.flatnonzero(ends % every_minutes == 0) + 1:
        yield part_of(block, start, int(stop)), int(ends[stop - 1])
        start = int(stop)
    if start < block.steps:
        yield part_of(block, start, block.steps), None


def part_of(block: IntervalBlock, start: int, stop: int) -> IntervalBlock:
    """The block's steps from `start` to before `stop`."""
    return IntervalBlock(
        first_step=block.first_step + start,
        usage=block.usage[start:stop],
        quality=block.quality[start:stop],
        judged_at=block.judged_at[start:stop],
        local_minute=block.local_minute[start:stop],
        local_day=block.local_day,
        ours=block.ours[start:stop],
        flagged=block.flagged,
    )


def columns_of(block: IntervalBlock, columns: npt.NDArray[np.intp]) -> IntervalBlock:
    """The block with these columns only."""
    return IntervalBlock(
        first_step=block.first_step,
        usage=block.usage[:, columns],
        quality=block.quality[:, columns],
        judged_at=block.judged_at,
        local_minute=block.local_minute,
        local_day=block.local_day,
        ours=block.ours,
        flagged=block.flagged[columns],
    )
