"""What peer usage remembers: this day's use, the days it learns from, and the last days' standing."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Mask
from rules.detectors.day_log import DayLog
from rules.detectors.open_findings import OpenFindings
from rules.detectors.standing_load import StandingLoad

LEARN_DAYS = 35
LOOK_DAYS = 7


@dataclass
class PeerMemory:
    """By column (of the peer groups).

    used, known     kWh or m3 of the day so far, and how many steps of it are known
    standing        kept days of: log of use against peers; `own`: log of the use itself; `group`: the group's median
    recent_*        the last days, newest first, NaN where not judged: they wait here before they are learned;
                    `recent_scatter`: how much the rises of the group scattered that day (log)
    """

    used: Float64
    known: npt.NDArray[np.int64]
    standing: DayLog
    own: DayLog
    group: DayLog
    recent_standing: Float64
    recent_own: Float64
    recent_group: Float64
    recent_scatter: Float64
    recent_usable: Mask
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
            recent,
            recent.copy(),
            recent.copy(),
            recent.copy(),
            np.zeros((LOOK_DAYS, columns), bool),
            StandingLoad.of(columns),
        )

    def push_day(
        self, standing: Float64, own: Float64, group: Float64, scatter: Float64, usable: Mask, keep: Mask
    ) -> None:
        """A day ends: the one that waited longest is kept where usable and `keep`, the new one begins to wait."""
        ready = self.recent_usable[-1] & keep
        self.standing.keep(self.recent_standing[-1], ready)
        self.own.keep(self.recent_own[-1], ready)
        self.group.keep(self.recent_group[-1], ready)
        self.recent_standing = np.concatenate([standing[None], self.recent_standing[:-1]])
        self.recent_own = np.concatenate([own[None], self.recent_own[:-1]])
        self.recent_group = np.concatenate([group[None], self.recent_group[:-1]])
        self.recent_scatter = np.concatenate([scatter[None], self.recent_scatter[:-1]])
        self.recent_usable = np.concatenate([usable[None], self.recent_usable[:-1]])
