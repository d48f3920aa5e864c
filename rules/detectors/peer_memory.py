"""What peer usage remembers: this day's use, the days and weeks it learns from, and the last days' standing."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Mask
from rules.detectors.day_log import DayLog
from rules.detectors.open_findings import OpenFindings
from rules.detectors.standing_load import StandingLoad

LEARN_DAYS = 60
LEARN_WEEKS_DAYS = 70
LOOK_DAYS = 7
_EMPTY = 0.1  # of the peers' use: nobody was there, and such a day does not tell what those who live there use
_NO_DAY = -(10**9)


@dataclass
class PeerMemory:
    """By column (of the peer groups).

    used, known     kWh or m3 of the day so far, and how many steps of it are known
    standing        kept days of: use against the peers' (1: as they); `own`: the use itself; `group`: the peers'
                    median; `weeks`: the log of what seven days on end came to against the peers
    recent_*        the last days, newest first, NaN where not judged: they wait here before they are learned
    told_day        the local day on which the last finding was open
    """

    used: Float64
    known: npt.NDArray[np.int64]
    standing: DayLog
    own: DayLog
    group: DayLog
    weeks: DayLog
    recent_standing: Float64
    recent_own: Float64
    recent_group: Float64
    recent_week: Float64
    recent_usable: Mask
    told_day: npt.NDArray[np.int64]
    standing_load: StandingLoad
    open: OpenFindings = field(default_factory=OpenFindings)

    @classmethod
    def of(cls, columns: int) -> PeerMemory:
        """Nothing remembered."""
        recent = np.full((LOOK_DAYS, columns), np.nan)
        return cls(
            np.zeros(columns),
            np.zeros(columns, np.int64),
            DayLog.of(LEARN_DAYS, columns),
            DayLog.of(LEARN_DAYS, columns),
            DayLog.of(LEARN_DAYS, columns),
            DayLog.of(LEARN_WEEKS_DAYS, columns),
            recent,
            recent.copy(),
            recent.copy(),
            recent.copy(),
            np.zeros((LOOK_DAYS, columns), bool),
            np.full(columns, _NO_DAY, np.int64),
            StandingLoad.of(columns),
        )

    def push_day(self, standing: Float64, own: Float64, group: Float64, usable: Mask, keep: Mask) -> None:
        """A day ends: the one that waited longest is kept where usable and `keep`, the new one begins to wait."""
        ready = self.recent_usable[-1] & keep
        lived_in = ready & (self.recent_standing[-1] >= _EMPTY)
        self.standing.keep(self.recent_standing[-1], lived_in)
        self.own.keep(self.recent_own[-1], lived_in)
        self.group.keep(self.recent_group[-1], lived_in)
        self.weeks.keep(self.recent_week[-1], ready)
        self.recent_standing = np.concatenate([standing[None], self.recent_standing[:-1]])
        self.recent_own = np.concatenate([own[None], self.recent_own[:-1]])
        self.recent_group = np.concatenate([group[None], self.recent_group[:-1]])
        self.recent_week = np.concatenate([np.full_like(standing, np.nan)[None], self.recent_week[:-1]])
        self.recent_usable = np.concatenate([usable[None], self.recent_usable[:-1]])
