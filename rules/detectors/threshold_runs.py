"""How long conditions have held, carried over from block to block, with what is not known in between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metering.batch import Float64
from rules.detectors.runs import Int64, run_lengths


@dataclass
class HeldRun:
    """By column: known steps for which it has held, at which step that began, and steps not known just now."""

    count: Int64
    since: Int64
    unknown: Int64

    @classmethod
    def of(cls, columns: int) -> HeldRun:
        """Nothing seen yet."""
        return cls(*(np.zeros(columns, np.int64) for _ in range(3)))

    def skip(self, steps: int, patience: Int64) -> None:
        """Steps that never came: like steps that are not known."""
        self.unknown = self.unknown + steps
        self.count = np.where(self.unknown > patience, 0, self.count)

    def push(self, truth: Float64, first_step: int, patience: Int64) -> tuple[Int64, Int64]:
        """Take in steps of truth (1, 0, NaN); by step and column the count and since when.

        It ends where it is false, and where more steps than `patience` on end are not known.
        """
        unknown = run_lengths(np.isnan(truth), self.unknown)
        ends = (truth == 0) | (unknown > patience)
        holds = truth == 1
        total = holds.cumsum(axis=0)
        at_end = np.maximum.accumulate(np.where(ends, total, 0), axis=0)
        was_ended = np.maximum.accumulate(ends, axis=0)
        count: Int64 = total - at_end + np.where(was_ended, 0, self.count)
        number = np.arange(first_step, first_step + len(truth), dtype=np.int64)[:, None]
        begun = np.where(holds & (count == 1), number, self.since)
        since: Int64 = np.maximum.accumulate(begun, axis=0)
        self.count, self.since, self.unknown = count[-1], since[-1], unknown[-1]
        return count, since


def masks(
    when: npt.NDArray[np.int64], clear: npt.NDArray[np.int64], lasts: Int64, clear_for: Int64
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Where it is long enough to raise and to clear; where both hold it is neither."""
    raises, clears = when >= lasts, clear >= clear_for
    return raises & ~clears, clears & ~raises
