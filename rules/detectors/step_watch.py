"""Watches the power of all meters for uses of resistive loads: idle ones at once, busy ones sample by sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from metering.batch import Mask
from rules.detectors.appliance_use import Use, UseLimits, Walker
from rules.detectors.power_steps import Series, Steps, Tails, keep_tails

_SLACK_KVAR = 1.0  # coarse here: the walker looks closer


@dataclass
class WatchMemory:
    """Tails of idle meters; when the last use of each ended (ms); by column the walkers of those in use."""

    tails: Tails
    told_end: npt.NDArray[np.int64]
    walkers: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, columns: int) -> WatchMemory:
        """Nothing known."""
        return cls(Tails.of(columns), np.zeros(columns, np.int64))


@dataclass(frozen=True, slots=True)
class Seen:
    """A use of a column that has lasted long enough, or one that is over; judged at a moment (ms)."""

    column: int
    use: Use
    is_over: bool
    at: int


class StepWatch:
    """Gives uses as they begin and end; `limits` by column, all with one `gap_ms`."""

    def __init__(self, limits: Sequence[UseLimits]) -> None:
        self._limits = limits
        self._gap_ms = limits[0].gap_ms if limits else 0
        self._least = np.array([min(x.again_kw, x.step_kw) for x in limits], np.float64)
        self._blind = np.array([x.blind_kw for x in limits], np.float64)
        self._ratio = np.array([x.ratio for x in limits], np.float64)

    def take(self, series: Series, memory: WatchMemory) -> Iterator[Seen]:
        """The uses that these samples show, column by column."""
        series = series.with_tails(memory.tails)
        busy = self._busy(series, memory)
        keep_tails(memory.tails, series, ~busy, self._gap_ms)
        for column in np.flatnonzero(busy).tolist():
            rows = np.flatnonzero((series.column == column) & (series.judged_at > 0))
            yield from self._walk(column, series, rows, memory)

    def _busy(self, series: Series, memory: WatchMemory) -> Mask:
        """The columns in use, or with a step that may begin one."""
        steps = Steps.of(series, self._gap_ms)
        is_blind = np.isnan(steps.reactive)
        least = np.where(is_blind, self._blind[series.column], self._least[series.column])
        is_resistive = is_blind | (steps.reactive <= self._ratio[series.column] * steps.active + _SLACK_KVAR)
        rows = (steps.active >= least) & is_resistive & (series.judged_at > 0)
        busy, present = np.zeros((2, len(self._limits)), bool)
        busy[series.column[rows]] = True
        busy[[int(c) for c in memory.walkers]] = True
        present[series.column] = True
        return np.asarray(busy & present, bool)

    def _walk(self, column: int, series: Series, rows: npt.NDArray[np.intp], memory: WatchMemory) -> Iterator[Seen]:
        walker, limits = _taken_out(column, memory), self._limits[column]
        samples = zip(
            series.time[rows].tolist(), series.active[rows].tolist(), series.reactive[rows].tolist(),
            series.judged_at[rows].tolist(), strict=True,
        )  # fmt: skip
        for time, active, reactive, at in samples:
            over = walker.take(time, active, reactive, limits)
            if over is not None and over.is_told:
                yield Seen(column, over, is_over=True, at=at)
            if walker.use is not None and walker.is_new(limits):
                walker.use.is_told = True
                yield Seen(column, walker.use, is_over=False, at=at)
        _put_back(column, walker, memory)


def _taken_out(column: int, memory: WatchMemory) -> Walker:
    state = memory.walkers.pop(str(column), None)
    if state is not None:
        return Walker.from_state(state)
    tails = memory.tails
    known = np.flatnonzero(tails.time[column])
    times = tails.time[column][known].tolist()
    return Walker(
        times, tails.active[column][known].tolist(), tails.reactive[column][known].tolist(),
        last=times[-1] if times else 0, told_end=int(memory.told_end[column]),
    )  # fmt: skip


def _put_back(column: int, walker: Walker, memory: WatchMemory) -> None:
    memory.told_end[column] = walker.told_end
    if walker.use is not None:
        memory.walkers[str(column)] = walker.to_state()
        return
    tails, first = memory.tails, memory.tails.time.shape[1] - len(walker.time)
    tails.time[column], tails.active[column], tails.reactive[column] = 0, np.nan, np.nan
    tails.time[column, first:] = walker.time
    tails.active[column, first:], tails.reactive[column, first:] = walker.active, walker.reactive
