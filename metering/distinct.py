"""Distinct whole numbers without a sort: most of ours come in order, or lie close together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]

_CLOSE = 8  # times as many as there are values: up to there counting costs less than sorting


def distinct(values: Int64) -> Int64:
    """The distinct values, ascending."""
    if not len(values):
        return values
    if (values[1:] >= values[:-1]).all():
        return values[starts_of(values)]
    low, high = int(values.min()), int(values.max())
    if high - low < _CLOSE * len(values):
        return np.flatnonzero(np.bincount(values - low)).astype(np.int64) + low
    return np.unique(values)


def starts_of(ordered: Int64) -> npt.NDArray[np.intp]:
    """Where each run of equal values begins."""
    return np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))[: len(ordered)]
