"""How many of the readings that were due came, and how far apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Taken:
    """What a collector wrote.

    times   by the meter's place: Unix ms of its readings, in the order of their writing
    values  how many there are, and how many of them are `wrong`
    """

    times: dict[int, np.ndarray]
    values: int
    wrong: int


@dataclass(frozen=True, slots=True)
class Punctuality:
    """Of some meters between two moments: periods (s) between readings, and how many came of those that were due."""

    gaps: np.ndarray
    got: int
    missed: int

    @property
    def delivered(self) -> float:
        """Share of the readings that were due."""
        return self.got / max(1, self.got + self.missed)


def punctuality(taken: Taken, meters: Iterable[int], start: float, end: float, period_s: float) -> Punctuality:
    """What came between two Unix times; a whole period without a reading, at the edges too, is a missed one."""
    gaps, got, missed = [np.empty(0)], 0, 0
    for meter in meters:
        at = taken.times.get(meter, np.empty(0)) / 1000
        at = at[(at >= start) & (at < end)]
        between = np.diff(at)
        edges = np.array([at[0] - start, end - at[-1]]) if len(at) else np.array([end - start])
        got += len(at)
        missed += int(np.sum(np.rint(between / period_s) - 1)) + int(np.sum(np.floor(edges / period_s * 0.999)))
        gaps.append(between)
    return Punctuality(np.concatenate(gaps), got, missed)
