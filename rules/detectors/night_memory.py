"""What minimum night flow remembers: this night's cells, the nights it learns from, and what is suspected."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Mask
from rules.blocks import STEP_HOURS, STEPS_PER_HOUR
from rules.detectors.hours import HourCut
from rules.detectors.night_usual import UsualNights
from rules.detectors.night_view import FLOW_WINDOWS_H
from rules.detectors.open_findings import OpenFindings
from rules.detectors.pulse import PulseSeen
from rules.detectors.silence import ZeroRuns

_CELLS = 24  # room for a night of six hours, as on the day the clocks go back
_KNOWN = 0.75  # share of a night's or a day's cells that must be known
_DAY_H = 24
_CEASELESS_H = 4  # longer than a toilet or a coarse pulse pauses
_RECENT = 4
_DAY_STEPS = 24 * STEPS_PER_HOUR


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
        figures = np.array([np.where(enough, _least_mean(cells, hours), np.nan) for hours in FLOW_WINDOWS_H])
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


@dataclass
class LastDay:
    """Volume of the last 24 whole hours by column, a ring (m3; NaN where not measured); `at`: where the next goes."""

    volume: Float64
    at: int = 0

    @classmethod
    def of(cls, columns: int) -> LastDay:
        """Nothing seen."""
        return cls(np.full((_DAY_H, columns), np.nan))

    def push(self, volume: Float64) -> None:
        """One more hour."""
        self.volume[self.at] = volume
        self.at = (self.at + 1) % _DAY_H

    def least(self) -> Float64:
        """Least mean flow (m3/h) of four hours on end: what never ceased; NaN where no four hours are known."""
        in_order = np.roll(self.volume, -self.at, axis=0)
        windows = np.lib.stride_tricks.sliding_window_view(in_order, _CEASELESS_H, axis=0).mean(axis=-1)
        return np.asarray(np.fmin.reduce(windows, axis=0), np.float64)


@dataclass
class NightMemory:
    """All of it.

    cusum   by column, in sigmas; `calm` the local day of the last night at which it was zero
    streak  by column: how many nights on end were above half the smallest excess that is told; `plain`: how many
            stood plainly out; `creeping`: on how many nothing was learned because a small excess added up
    recent  excess of the last four judged nights, newest first: nights x columns, m3/h
    """

    night: NightCells
    usual: UsualNights
    silence: ZeroRuns
    cut: HourCut
    pulse: PulseSeen
    cusum: Float64
    calm: npt.NDArray[np.int64]
    streak: npt.NDArray[np.int64]
    plain: npt.NDArray[np.int64]
    creeping: npt.NDArray[np.int64]
    hours: LastDay
    recent: Float64
    spread_run: npt.NDArray[np.int64]
    open: OpenFindings = field(default_factory=OpenFindings)

    @classmethod
    def of(cls, columns: int, meters: int) -> NightMemory:
        """Nothing remembered."""
        none = np.zeros(columns, np.int64)
        return cls(
            NightCells.of(columns),
            UsualNights.of(columns),
            ZeroRuns.of(meters),
            HourCut.of(columns),
            PulseSeen.of(columns),
            np.zeros(columns),
            none,
            none.copy(),
            none.copy(),
            none.copy(),
            LastDay.of(columns),
            np.zeros((_RECENT, columns)),
            none.copy(),
        )
