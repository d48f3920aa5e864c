"""Distinct whole numbers: the same as numpy finds, by whatever way."""

from __future__ import annotations

import numpy as np
import pytest

from metering.distinct import distinct, starts_of

RNG = np.random.default_rng(20261123)


@pytest.mark.parametrize(
    "values",
    [
        np.zeros(0, np.int64),
        np.array([7]),
        np.repeat(np.arange(20), 3),
        RNG.integers(0, 50, 400),
        RNG.integers(-(10**12), 10**12, 400),
        np.array([3, 1, 3, 10**15]),
    ],
    ids=["none", "one", "ordered", "close together", "far apart", "one far off"],
)
def test_the_distinct_values_ascend(values: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
    assert distinct(values).tolist() == sorted(set(values.tolist()))


def test_runs_of_equal_values() -> None:
    assert starts_of(np.array([4, 4, 5, 9, 9, 9])).tolist() == [0, 2, 3]
    assert starts_of(np.zeros(0, np.int64)).tolist() == []
