"""Point-wise score: at every step, whether a leak was under way and whether an alert was open (`at` to `until`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.detection.chance import Watched
from bench.detection.events import Alarm, Event

STEP_MS = 1_800_000  # LeakDB's own step


@dataclass(frozen=True, slots=True)
class Points:
    """Steps over all subjects: true and false, positive and negative."""

    tp: int = 0
    fp: int = 0
    tn: int = 0
    fn: int = 0

    def __add__(self, other: Points) -> Points:
        return Points(self.tp + other.tp, self.fp + other.fp, self.tn + other.tn, self.fn + other.fn)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; NaN where there is neither leak nor alert."""
        whole = 2 * self.tp + self.fp + self.fn
        return 2 * self.tp / whole if whole else float("nan")

    @property
    def tnr(self) -> float:
        """Share of the steps without a leak that were without an alert."""
        return self.tn / (self.tn + self.fp) if self.tn + self.fp else float("nan")


def by_point(
    events: Sequence[Event], alarms: Sequence[Alarm], watched: Sequence[Watched], step_ms: int = STEP_MS
) -> Points:
    """Summed over the subjects that were watched."""
    return sum((_of_subject(events, alarms, each, step_ms) for each in watched), Points())


def _of_subject(events: Sequence[Event], alarms: Sequence[Alarm], seen: Watched, step_ms: int) -> Points:
    grid = np.arange(seen.start, seen.end, step_ms)
    leak, said = np.zeros(len(grid), bool), np.zeros(len(grid), bool)
    for event in events:
        if event.subject == seen.subject:
            leak |= _within(grid, event.start, event.end)
    for alarm in alarms:
        if alarm.subject == seen.subject:
            said |= _within(grid, alarm.at, seen.end if alarm.until is None else alarm.until)
    pairs = (leak & said, ~leak & said, ~leak & ~said, leak & ~said)
    return Points(*(int(np.count_nonzero(p)) for p in pairs))


def _within(grid: npt.NDArray[np.int64], start: int, end: int) -> npt.NDArray[np.bool_]:
    return np.asarray((grid >= start) & (grid < end), bool)
