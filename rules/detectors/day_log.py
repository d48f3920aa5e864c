"""A figure a local day and column, for the last so many days that were worth keeping."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Mask


@dataclass
class DayLog:
    """Rings by column: each column has its own place, since a day is kept only where it is usable.

    values   days x columns; NaN where nothing is kept yet
    place    by column: where the next day goes
    """

    values: Float64
    place: npt.NDArray[np.int64]

    @classmethod
    def of(cls, days: int, columns: int) -> DayLog:
        """An empty log."""
        return cls(np.full((days, columns), np.nan), np.zeros(columns, np.int64))

    def keep(self, figure: Float64, usable: Mask) -> None:
        """Keep a day's figure where it is usable and a number."""
        columns = np.flatnonzero(usable & ~np.isnan(figure))
        self.values[self.place[columns], columns] = figure[columns]
        self.place[columns] = (self.place[columns] + 1) % len(self.values)

    def count(self) -> npt.NDArray[np.int64]:
        """Days kept, by column."""
        return np.asarray((~np.isnan(self.values)).sum(axis=0), np.int64)


def quantile(values: Float64, q: float) -> Float64:
    """A quantile down each column, leaving NaN out; NaN for a column without a number.

    The lower of two neighbours is not interpolated with the upper: a figure that truly occurred.
    """
    ordered = np.sort(values, axis=0)  # NaN last
    count = (~np.isnan(values)).sum(axis=0)
    row = np.floor(q * np.maximum(count - 1, 0) + 0.5).astype(np.intp)
    return np.asarray(np.take_along_axis(ordered, row[None, :], axis=0)[0], np.float64)


def median(values: Float64) -> Float64:
    """Median down each column, leaving NaN out; NaN for a column without a number."""
    ordered = np.sort(values, axis=0)
    count = np.maximum((~np.isnan(values)).sum(axis=0), 1)
    low = np.take_along_axis(ordered, ((count - 1) // 2)[None, :], axis=0)[0]
    high = np.take_along_axis(ordered, (count // 2)[None, :], axis=0)[0]
    return np.asarray((low + high) / 2, np.float64)


def spread(values: Float64, centre: Float64) -> Float64:
    """Robust standard deviation down each column: 1.4826 x the median distance from the centre."""
    return 1.4826 * median(np.abs(values - centre))
