"""Time cut into stretches that hold about equally many readings, so that each fits into memory. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metering.batch import Times

_HOUR = np.timedelta64(3_600_000, "ms")


@dataclass(frozen=True, slots=True)
class Stretch:
    """[start, end) and about how many readings of all meters lie in it."""

    start: np.datetime64
    end: np.datetime64
    rows: int


def stretches(hours: Times, counts: npt.NDArray[np.int64], rows: int) -> list[Stretch]:
    """Stretches of whole hours with about `rows` readings each, an hour at least.

    `hours` are those that hold any, ascending, `counts` how many each.
    """
    if not len(hours):
        return []
    group = (np.cumsum(counts) - counts) // rows
    first = np.flatnonzero(np.diff(group, prepend=-1))
    bounds = np.append(hours[first], hours[-1] + _HOUR)
    totals = np.add.reduceat(counts, first)
    return [Stretch(a, b, int(n)) for a, b, n in zip(bounds[:-1], bounds[1:], totals, strict=True)]
