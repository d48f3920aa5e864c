"""What minimum night flow remembers: this night's cells, the nights it learns from, and what is usual by column."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Mask
from rules.blocks import STEP_HOURS, STEPS_PER_HOUR
from rules.detectors.day_log import DayLog, median, quantile, spread
from rules.detectors.hours import HourCut
from rules.detectors.open_findings import OpenFindings
from rules.detectors.pulse import PulseSeen
from rules.detectors.silence import ZeroRuns

WINDOWS_H = (1, 2, 3)  # the night's figure is the least mean flow of so many hours on end; which one is learned
NIGHTS = 35
_CELLS = 24  # room for a night of six hours, as on the day the clocks go back
WORKDAY, DAY_OFF, VACATION = range(3)
_KNOWN = 0.75  # share of a night's or a day's cells that must be known
_DAY_STEPS = 24 * STEPS_PER_HOUR
_WAIT = 4  # a night is learned only so many days later, so that a leak that grows is not taken for usual
_TAIL_SIGMAS = 1.28  # the 90th percentile of a normal distribution
_OF_KIND = 6  # nights of one kind of day that are enough to compare with


@dataclass
class NightCells:
    """Cells of the night that runs, cells x columns (m3 or NaN), how many, and the use since the last night."""

    cells: Float64
    filled: int
    since: Float64
    known: npt.NDArray[np.int64]

    @classmethod
    def of(cls, columns: int) -> NightCells:
        """Before any night."""
        return cls(np.full((_CELLS, columns), np.nan), 0, np.zeros(columns), np.zeros(columns, np.int64))

    def add(self, usage: Float64, night: Mask) -> None:
        """Steps x columns; `night` by step: whether it lies in the night."""
        known = ~np.isnan(usage)
        for row, row_known in zip(usage, known, strict=True):  # step by step: the sum must not depend on the cut
            self.since += np.where(row_known, row, 0.0)
            self.known += row_known
        rows = usage[night][: _CELLS - self.filled]
        self.cells[self.filled : self.filled + len(rows)] = rows
        self.filled += len(rows)

    def take(self) -> tuple[Float64, Float64]:
        """Ends the night: its figures (windows x columns, m3/h), and the use (m3 a day) since the night before."""
        cells = self.cells[: self.filled]
        enough = (~np.isnan(cells)).sum(axis=0) >= _KNOWN * max(self.filled, STEPS_PER_HOUR)
        figures = np.array([np.where(enough, _least_mean(cells, hours), np.nan) for hours in WINDOWS_H])
        mean = self.since / np.maximum(self.known, 1)
        day = np.where(self.known >= _KNOWN * _DAY_STEPS, mean * _DAY_STEPS, np.nan)
        self.cells[:] = np.nan
        self.filled = 0
        self.since = np.zeros_like(self.since)
        self.known = np.zeros_like(self.known)
        return figures, day


def _least_mean(cells: Float64, hours: int) -> Float64:
    """Least mean flow (m3/h) of so many hours on end, by column; windows with a missing cell are left out."""
    width = hours * STEPS_PER_HOUR
    if len(cells) < width:
        return np.full(cells.shape[1], np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(cells, width, axis=0).sum(axis=-1) / (width * STEP_HOURS)
    least = np.where(np.isnan(windows), np.inf, windows).min(axis=0)
    return np.where(np.isinf(least), np.nan, least)


@dataclass(frozen=True, slots=True)
class LikeNights:
    """Figures of like nights and their sigma (windows x columns, m3/h), a day's use (m3), nights of the season."""

    figure: Float64
    sigma: Float64
    day: Float64
    nights: npt.NDArray[np.int64]


@dataclass
class UsualNights:
    """Learned by column.

    figure, day, kind   the nights kept: figures (nights x windows * columns), the day's use (m3), the day kind's code
    waiting_*           the same for nights that wait to be learned, newest first; NaN where not usable
    """

    figure: DayLog
    day: DayLog
    kind: DayLog
    waiting_figure: Float64
    waiting_day: Float64
    waiting_kind: Float64

    @classmethod
    def of(cls, columns: int) -> UsualNights:
        """Nothing known."""
        wide = columns * len(WINDOWS_H)
        return cls(
            DayLog.of(NIGHTS, wide),
            DayLog.of(NIGHTS, columns),
            DayLog.of(NIGHTS, columns),
            np.full((_WAIT, wide), np.nan),
            np.full((_WAIT, columns), np.nan),
            np.full((_WAIT, columns), np.nan),
        )

    def learn(self, figures: Float64, day: Float64, kind: int, usable: Mask, keep: Mask) -> None:
        """Last night joins those that wait (where usable), the one that waited longest is kept (where `keep`)."""
        ready = keep & ~np.isnan(self.waiting_day[-1]) & ~np.isnan(self.waiting_figure[-1][: len(keep)])
        self.figure.keep(self.waiting_figure[-1], np.tile(ready, len(WINDOWS_H)))
        self.day.keep(self.waiting_day[-1], ready)
        self.kind.keep(self.waiting_kind[-1], ready)
        usable = usable & ~np.isnan(figures).any(axis=0) & ~np.isnan(day)
        self.waiting_figure = _pushed(self.waiting_figure, np.where(usable, figures, np.nan).ravel())
        self.waiting_day = _pushed(self.waiting_day, np.where(usable, day, np.nan))
        self.waiting_kind = _pushed(self.waiting_kind, np.where(usable, float(kind), np.nan))

    def forget_waiting(self, column: int) -> None:
        """The nights that wait are part of what was found."""
        self.waiting_day[:, column] = np.nan

    def like(self, kind: int) -> LikeNights:
        """What is usual on such a day: of its own kind where enough are known, else of its season (term, vacation)."""
        figures = self.figure.values.reshape(NIGHTS, len(WINDOWS_H), -1)
        season = (self.kind.values == VACATION) == (kind == VACATION)
        season &= ~np.isnan(self.kind.values)
        alike = self.kind.values == kind
        chosen = np.where(alike.sum(axis=0) >= _OF_KIND, alike, season)
        of_kind = np.where(chosen[:, None, :], figures, np.nan)
        usual = median(of_kind)
        # Nights scatter upwards: a few have a late shower. The tail tells more than the middle half.
        tail = (quantile(of_kind, 0.9) - usual) / _TAIL_SIGMAS
        day = median(np.where(chosen, self.day.values, np.nan))
        return LikeNights(usual, np.maximum(spread(of_kind, usual), tail), day, season.sum(axis=0))


def _pushed(rows: Float64, newest: Float64) -> Float64:
    return np.concatenate([newest[None], rows[:-1]])


@dataclass
class NightMemory:
    """All of it.

    cusum   by column, in sigmas; `calm` the local day of the last night at which it was zero
    streak  by column: how many nights on end were above half the smallest excess that is told
    """

    night: NightCells
    usual: UsualNights
    silence: ZeroRuns
    cut: HourCut
    pulse: PulseSeen
    cusum: Float64
    calm: npt.NDArray[np.int64]
    streak: npt.NDArray[np.int64]
    spread_run: npt.NDArray[np.int64]
    open: OpenFindings = field(default_factory=OpenFindings)

    @classmethod
    def of(cls, columns: int) -> NightMemory:
        """Nothing remembered."""
        none = np.zeros(columns, np.int64)
        return cls(
            NightCells.of(columns),
            UsualNights.of(columns),
            ZeroRuns.of(columns),
            HourCut.of(columns),
            PulseSeen.of(columns),
            np.zeros(columns),
            none,
            none.copy(),
            none.copy(),
        )
