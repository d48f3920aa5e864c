"""Lengths of runs in step-major arrays, carried over from block to block."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]


def run_lengths(mask: npt.NDArray[np.bool_], carried: Int64) -> Int64:
    """For each step and column: how many steps on end the mask has been true, this one included.

    `carried` is the length by column at the step before the first; the last row is what to carry on.
    """
    steps = len(mask)
    number = np.arange(1, steps + 1, dtype=np.int64)[:, None]
    last_false = np.maximum.accumulate(np.where(mask, 0, number), axis=0)
    return np.asarray(number - last_false + np.where(last_false == 0, carried, 0), np.int64)


def longest_ended(ends: npt.NDArray[np.bool_], lengths: Int64, carried: Int64) -> Int64:
    """By column the longest run that ended in these steps, 0 where none did.

    `ends` is true at a step that ends a run; `lengths` and `carried` are those of `run_lengths`.
    """
    before = np.concatenate([carried[None], lengths[:-1]])
    return np.asarray(np.where(ends, before, 0).max(axis=0), np.int64)
