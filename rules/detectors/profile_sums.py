"""Evidence of a usage profile: sums of what is above the usual, in sigmas, that fall again when nothing is (CUSUM).

Each row is a sum of its own, because what is wrong shows in different hours: by the hour, for each window of the day on
working days and on days of rest (a load of the weekend is seen on two days of seven), slowly, and of too little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Mask

Int64 = npt.NDArray[np.int64]

HOURS = 24


def _hours(*ranges: tuple[int, int]) -> Mask:
    """Hours of the day from the first to before the second of each pair."""
    mask = np.zeros(HOURS, bool)
    for first, end in ranges:
        mask[first:end] = True
    return mask


# Hours of the local day by name; `nights` are the small hours, `dark` everything after closing time.
WINDOWS: dict[str, Mask] = {
    "nights": _hours((0, 6)),
    "mornings": _hours((6, 12)),
    "afternoons": _hours((12, 18)),
    "evenings": _hours((18, 24)),
    "dark": _hours((0, 6), (21, 24)),
    "day": _hours((0, 24)),
}
MASKS = np.array(list(WINDOWS.values()))
LENGTHS = MASKS.sum(axis=1)
ENDS = np.array([np.flatnonzero(m)[-1] for m in MASKS])
DAY = len(WINDOWS) - 1

HOURLY, LOW = 0, 1
_WORKING = 2
_RESTING = _WORKING + len(WINDOWS)
ROWS = _RESTING + len(WINDOWS)


def window_row(window: int, *, is_work: bool) -> int:
    """The row of that window of the day, on working days or on others."""
    return (_WORKING if is_work else _RESTING) + window


def window_of(row: int) -> int:
    """The window of a row; the whole day for the sums by the hour."""
    return DAY if row < _WORKING else (row - _WORKING) % len(WINDOWS)


def is_rest_row(row: int) -> bool:
    """Whether days of rest alone count for this row."""
    return row >= _RESTING


def rows_of(*, is_work: bool) -> slice:
    """The rows of all windows of such days."""
    first = window_row(0, is_work=is_work)
    return slice(first, first + len(WINDOWS))


@dataclass(frozen=True, slots=True)
class Figures:
    """An hour, or a window of the day, by column.

    excess   kWh above the usual, without those that the sub-meters show, which are `below`
    usual    kWh that were to be expected: the usual and what is below
    hours    how many of its hours are known
    """

    excess: Float64
    below: Float64
    usual: Float64
    hours: Float64


@dataclass(frozen=True, slots=True)
class Step:
    """What one hour or window adds to one sum; arrays by column.

    shown   sigmas above the usual, NaN where not known
    slack   sigmas that are forgiven; `cap`: what the sum may not pass
    begin   hour (since 1970) in which the hour or window began
    """

    shown: Float64
    slack: Float64
    cap: Float64
    begin: int
    figures: Figures


@dataclass
class Sums:
    """Rows x columns: the sum itself, the hour in which it rose from zero, and since then kWh and hours."""

    total: Float64
    since: Int64
    excess: Float64
    usual: Float64
    hours: Float64

    @classmethod
    def of(cls, columns: int) -> Sums:
        """All at rest."""
        none = np.zeros((ROWS, columns))
        return cls(none, np.zeros((ROWS, columns), np.int64), none.copy(), none.copy(), none.copy())

    def add(self, row: int, step: Step) -> None:
        """One step of the CUSUM; what is not known leaves it as it is."""
        known = ~np.isnan(step.shown)
        before = self.total[row].copy()
        move = np.where(known, step.shown - step.slack, 0.0)
        self.total[row] = np.clip(before + move, 0.0, step.cap)
        starts = (before <= 0) & (self.total[row] > 0)
        self.since[row] = np.where(starts, step.begin, self.since[row])
        figures = step.figures
        for figure, more in ((self.excess, figures.excess), (self.usual, figures.usual), (self.hours, figures.hours)):
            figure[row] = np.where(starts, 0.0, figure[row]) + np.where(known, more, 0.0)


@dataclass
class Running:
    """The windows under way: windows x columns, each as in `Figures`."""

    excess: Float64
    below: Float64
    usual: Float64
    hours: Float64

    @classmethod
    def of(cls, columns: int) -> Running:
        """None begun."""
        none = np.zeros((len(WINDOWS), columns))
        return cls(none, none.copy(), none.copy(), none.copy())

    def add(self, hour: int, figures: Figures) -> None:
        """An hour of the local day; its first one starts the day's windows anew."""
        here = MASKS[:, hour, None]
        for name in ("excess", "below", "usual", "hours"):
            total = getattr(self, name)
            if hour == 0:
                total[:] = 0.0
            total += here * getattr(figures, name)

    def of_window(self, window: int) -> Figures:
        """What has come together of one window."""
        return Figures(self.excess[window], self.below[window], self.usual[window], self.hours[window])
