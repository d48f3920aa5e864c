"""When it is too much, in one word: what an energy manager looks for first."""

from __future__ import annotations

import numpy as np

from metering.batch import Float64
from rules.calendar import VACATION, WORKDAY
from rules.detectors.profile_sums import HOURLY, LOW, WINDOWS, rows_of, window_row

PATTERNS = (
    "sudden",  # much more for some hours: too early to say more
    "all_day",  # a step up: more at all hours
    "working_hours",  # more by day alone
    "nights",  # something left on after closing time
    "rest_days",  # something left on at weekends and on holidays
    "vacation",  # the same in a vacation
    "too_little",  # supply partly lost, or nobody there
)
"""All codes of `evidence["pattern"]`."""

_NAMES = tuple(WINDOWS)
_NIGHT = [_NAMES.index("nights"), _NAMES.index("dark")]
_LIGHT = [_NAMES.index("mornings"), _NAMES.index("afternoons")]
_MINOR = 0.25  # of the larger sum: next to it, this is nothing


def pattern(total: Float64, row: int, kind: str) -> str:
    """One of `PATTERNS`, by the sums of one column, the row that told it and the kind of the day."""
    if row == LOW:
        return "too_little"
    working, resting = total[rows_of(is_work=True)], total[rows_of(is_work=False)]
    is_rest = row >= window_row(0, is_work=False) or (row == HOURLY and kind != WORKDAY)
    if is_rest and working.max() <= _MINOR * max(resting.max(), total[HOURLY]):
        return "vacation" if kind == VACATION else "rest_days"
    windows = np.maximum(working, resting)
    if windows.max() <= 0:
        return "sudden"
    if windows[_LIGHT].max() <= _MINOR * windows[_NIGHT].max():
        return "nights"
    return "working_hours" if windows[_NIGHT].max() <= _MINOR * windows[_LIGHT].max() else "all_day"
