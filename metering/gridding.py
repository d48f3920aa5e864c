"""From steps to cells of the 15 min grid: a register is taken as a straight line between two readings.

    reading      t0 ───────────────────────── t1
    boundaries   │      b      b+1      b+2   │        usage of cell b = R(b+1) - R(b)

so the sum of the cells is the register's difference, exactly, however the readings fall.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metering.channels import Columns
from metering.distinct import distinct, starts_of
from metering.steps import Float64, Int64, Steps
from metering.windows import GRID_MS


@dataclass(frozen=True, slots=True)
class Cells:
    """Closed cells: `cell` is its number since 1970, `usage` may be NaN (not known), `closed_at` in ms."""

    channel: Int64
    cell: Int64
    usage: Float64
    flags: npt.NDArray[np.uint16]
    closed_at: Int64

    def __len__(self) -> int:
        return len(self.cell)

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Cells:
        """The rows given by index or mask."""
        return Cells(self.channel[rows], self.cell[rows], self.usage[rows], self.flags[rows], self.closed_at[rows])


def _expand(counts: Int64) -> tuple[Int64, Int64]:
    """For counts per step: the step of each expanded row, and the row's number within its step."""
    step = np.repeat(np.arange(len(counts)), counts)
    first = np.cumsum(counts) - counts
    return step, np.arange(len(step)) - first[step]


def close_cells(steps: Steps, state: Columns) -> Cells:
    """The cells that these steps close; `state` (boundary, cell, flags by channel) moves on with them."""
    first_cell = steps.t0 // GRID_MS
    step, nth = _expand(steps.t1 // GRID_MS - first_cell)
    boundary = first_cell[step] + 1 + nth
    at = boundary * GRID_MS
    span = steps.t1[step] - steps.t0[step]
    share = (at - steps.t0[step]) / span
    register = steps.r0[step] + (steps.r1[step] - steps.r0[step]) * share
    on_reading = at == steps.t1[step]
    register[on_reading] = steps.r1[step][on_reading]
    register[steps.unknown[step] & ~on_reading] = np.nan

    channel = steps.channel[step]
    unknown_so_far = np.cumsum(steps.unknown, dtype=np.int64)
    before, unknown_before = _previous(steps, step, channel, register, unknown_so_far, state)
    usage = register - before
    usage[unknown_so_far[step] > unknown_before] = np.nan
    flags = _flags(steps, channel, boundary - 1, state)
    _move_on(steps, step, channel, register, unknown_so_far, state)
    return Cells(channel, boundary - 1, usage, flags, steps.t1[step])


def _previous(
    steps: Steps, step: Int64, channel: Int64, register: Float64, unknown_so_far: Int64, state: Columns
) -> tuple[Float64, Int64]:
    """Register at the boundary before each row, and how many unknown steps there were up to it."""
    before = np.empty_like(register)
    unknown_before = np.empty(len(step), np.int64)
    before[1:], unknown_before[1:] = register[:-1], unknown_so_far[step[:-1]]
    is_first = np.ones(len(step), bool)
    is_first[1:] = channel[1:] != channel[:-1]
    of_first = channel[is_first]
    before[is_first] = state["boundary"][of_first]
    start = np.searchsorted(steps.channel, of_first)
    unknown_before[is_first] = np.where(start > 0, unknown_so_far[start - 1], 0)
    return before, unknown_before


def _flags(steps: Steps, channel: Int64, cell: Int64, state: Columns) -> npt.NDArray[np.uint16]:
    """Flags of each closed cell: those of all steps that touch it; what touches open cells is kept in the state."""
    present, out = distinct(steps.channel), np.zeros(len(cell), np.uint16)
    owner, where, flags = _flagged(steps, present, state)
    open_cell = _last_by_channel(steps.channel, steps.t1) // GRID_MS
    state["cell"][present], state["flags"][present] = open_cell, 0
    if not len(owner):
        return out
    base = min(int(where.min()), int(open_cell.min()), int(cell.min(initial=where.min())))
    span = max(int(where.max()), int(open_cell.max()), int(cell.max(initial=where.max()))) - base + 1
    keys = owner * span + (where - base)
    order = np.argsort(keys, kind="stable")
    starts = starts_of(keys[order])
    keys, joined = keys[order][starts], np.bitwise_or.reduceat(flags[order], starts)
    into, said = _same(keys, channel * span + (cell - base))
    out[into] = joined[said]
    into, said = _same(keys, present * span + (open_cell - base))
    state["flags"][present[into]] = joined[said]
    return out


def _flagged(steps: Steps, present: Int64, state: Columns) -> tuple[Int64, Int64, npt.NDArray[np.uint16]]:
    """Channel, cell and flags of all that is flagged: what was open before, and each cell that a step touches."""
    rows = np.flatnonzero(steps.flags)
    first = steps.t0[rows] // GRID_MS
    step, nth = _expand(-(-steps.t1[rows] // GRID_MS) - first)
    before = present[state["flags"][present] > 0]
    return (
        np.concatenate([before, steps.channel[rows][step]]),
        np.concatenate([state["cell"][before], first[step] + nth]),
        np.concatenate([state["flags"][before], steps.flags[rows][step]]),
    )


def _same(keys: Int64, among: Int64) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Places of `keys` in `among` (both ascending, without repetition), and which keys these are."""
    at = np.searchsorted(among, keys)
    said = np.flatnonzero(at < len(among))
    said = said[among[at[said]] == keys[said]]
    return at[said], said


def _last_by_channel(channel: Int64, values: Int64) -> Int64:
    """The last value of each channel, channels in order."""
    is_last = np.ones(len(channel), bool)
    is_last[:-1] = channel[1:] != channel[:-1]
    return values[is_last]


def _move_on(
    steps: Steps, step: Int64, channel: Int64, register: Float64, unknown_so_far: Int64, state: Columns
) -> None:
    """Remember the register at the last boundary of each channel; unknown once an unknown step followed it."""
    present = distinct(steps.channel)
    end = np.searchsorted(steps.channel, present, side="right") - 1
    start = np.searchsorted(steps.channel, present)
    unknown_at = np.where(start > 0, unknown_so_far[start - 1], 0)
    value = state["boundary"][present]
    if len(channel):
        row = np.searchsorted(channel, present, side="right") - 1
        has_row = (row >= 0) & (channel[row] == present)
        value = np.where(has_row, register[row], value)
        unknown_at = np.where(has_row, unknown_so_far[step[row]], unknown_at)
    state["boundary"][present] = np.where(unknown_so_far[end] > unknown_at, np.nan, value)
