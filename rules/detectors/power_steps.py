"""Steps of active and reactive power above what a meter showed just before: vectorised over all rows of a block.

Most rows of most meters show no step; those are passed over here, and only what is left is walked row by row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Mask
from metering.distinct import distinct
from rules.samples import SampleBlock

TAIL = 3
_LEAST_KNOWN = 2

Int64 = npt.NDArray[np.int64]


@dataclass
class Tails:
    """By column the last `TAIL` samples without a step, newest last: time in ms (0: none), kW, kvar."""

    time: Int64
    active: Float64
    reactive: Float64

    @classmethod
    def of(cls, columns: int) -> Tails:
        """Nothing known."""
        unknown = np.full((columns, TAIL), np.nan)
        return cls(np.zeros((columns, TAIL), np.int64), unknown, unknown.copy())


@dataclass(frozen=True, slots=True)
class Series:
    """Rows with active power, by column and time. `reactive` is NaN where nothing tells it."""

    column: Int64
    time: Int64
    active: Float64
    reactive: Float64
    judged_at: Int64

    @classmethod
    def of(cls, block: SampleBlock) -> Series:
        """Reactive power as the meter says it, else from its power factor, else from apparent power."""
        active, reactive = block.of("active_power"), np.abs(block.of("reactive_power"))
        factor = np.abs(block.of("power_factor"))
        real = np.where((factor > 0) & (factor <= 1), factor, np.nan)
        by_factor = np.abs(active) * np.sqrt(np.maximum(1 / real**2 - 1, 0))
        by_apparent = np.sqrt(np.maximum(block.of("apparent_power") ** 2 - active**2, 0))
        reactive = np.where(np.isnan(reactive), by_factor, reactive)
        reactive = np.where(np.isnan(reactive), by_apparent, reactive)
        rows = ~np.isnan(active)
        return cls(block.column[rows], block.time[rows], active[rows], reactive[rows], block.judged_at[rows])

    def __len__(self) -> int:
        return len(self.time)

    def with_tails(self, tails: Tails) -> Series:
        """The rows with those that the meters showed before them; `judged_at` of these is 0."""
        columns = distinct(self.column)
        row, place = np.nonzero(tails.time[columns])
        column = columns[row]
        before = Series(
            column,
            tails.time[column, place],
            tails.active[column, place],
            tails.reactive[column, place],
            np.zeros(len(row), np.int64),
        )
        column = np.concatenate([before.column, self.column])
        time = np.concatenate([before.time, self.time])
        order = np.lexsort((time, column))
        return Series(
            column[order],
            time[order],
            np.concatenate([before.active, self.active])[order],
            np.concatenate([before.reactive, self.reactive])[order],
            np.concatenate([before.judged_at, self.judged_at])[order],
        )


@dataclass(frozen=True, slots=True)
class Steps:
    """By row: kW and kvar above the median of the samples before; NaN where too few are known."""

    active: Float64
    reactive: Float64

    @classmethod
    def of(cls, series: Series, gap_ms: int) -> Steps:
        """Of a series with its tails, as if no sample before a row had a step; none across longer gaps."""
        known = _known_before(series, gap_ms)
        return cls(
            series.active - _medians(series.active, known),
            np.abs(series.reactive - _medians(series.reactive, known)),
        )


def joined(series: Series, gap_ms: int) -> Mask:
    """Whether each row is of the same meter as the one before, and no longer after it."""
    joins = np.zeros(len(series), bool)
    joins[1:] = (series.column[1:] == series.column[:-1]) & (np.diff(series.time) <= gap_ms)
    return joins


def _known_before(series: Series, gap_ms: int) -> list[Mask]:
    """For 1 .. TAIL rows before each row: whether they are of the same meter, without a long gap between."""
    joins = joined(series, gap_ms)
    known, reaches = [], np.ones(len(series), bool)
    for back in range(TAIL):
        shifted = np.zeros(len(series), bool)
        shifted[back:] = joins[: len(series) - back]
        reaches = reaches & shifted
        known.append(reaches)
    return known


def _medians(values: Float64, known: list[Mask]) -> Float64:
    """Median of the samples known before each row."""
    before = np.full((TAIL, len(values)), np.nan)
    for back, is_known in enumerate(known, start=1):
        before[back - 1, back:] = values[: len(values) - back]
        before[back - 1, ~is_known] = np.nan
    before.sort(axis=0)  # NaN last
    count = (~np.isnan(before)).sum(axis=0)
    middle = np.where(count == TAIL, before[1], (before[0] + before[1]) / 2)
    return np.where(count >= _LEAST_KNOWN, middle, np.nan)


def median_of(values: list[float]) -> float:
    """The same of a tail."""
    known = sorted(v for v in values if v == v)  # noqa: PLR0124 - NaN is not itself
    if len(known) < _LEAST_KNOWN:
        return float("nan")
    return known[1] if len(known) == TAIL else (known[0] + known[1]) / 2


def keep_tails(tails: Tails, series: Series, columns: Mask, gap_ms: int) -> None:
    """Keep the newest rows of these columns (True), of a series with tails, up to the last long gap."""
    known = _known_before(series, gap_ms)
    ends = np.flatnonzero(np.append(series.column[1:] != series.column[:-1], True))
    ends = ends[columns[series.column[ends]]]
    column = series.column[ends]
    for target, values in ((tails.active, series.active), (tails.reactive, series.reactive)):
        target[column] = np.nan
        for back in range(TAIL):
            there = np.ones(len(ends), bool) if back == 0 else known[back - 1][ends]
            target[column[there], TAIL - 1 - back] = values[ends[there] - back]
    tails.time[column] = 0
    for back in range(TAIL):
        there = np.ones(len(ends), bool) if back == 0 else known[back - 1][ends]
        tails.time[column[there], TAIL - 1 - back] = series.time[ends[there] - back]
