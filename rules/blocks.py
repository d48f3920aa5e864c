"""What detectors read: intervals of the whole site, step-major, and the context they are read in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Mask, Times, UInt16
from metering.site import Meter, Site

STEPS_PER_HOUR = 4
STEP_HOURS = 0.25


@dataclass(frozen=True)
class Columns:
    """The columns of every block: one a meter that has a main register or rate, in the site file's order."""

    site: Site

    @cached_property
    def meters(self) -> tuple[Meter, ...]:
        """The meters, one a column."""
        return tuple(m for m in self.site.meters.values() if m.main_register is not None)

    @cached_property
    def index(self) -> dict[str, int]:
        """Column of each meter id."""
        return {m.id: i for i, m in enumerate(self.meters)}

    def of_medium(self, medium: str) -> npt.NDArray[np.intp]:
        """The columns of that medium."""
        return np.array([i for i, m in enumerate(self.meters) if m.medium == medium], dtype=np.intp)


@dataclass(frozen=True, slots=True)
class IntervalBlock:
    """Consecutive 15 min steps of one local day, all columns. A live step is a block of one step.

    first_step    number of the first step (15 min since 1970 UTC)
    usage         float64, steps x columns: m3 or kWh in the step; NaN where no interval closed in time
    quality       uint16, steps x columns: bits of `Quality`
    judged_at     datetime64[ms] by step: when a live system judges the step (never before its end)
    local_minute  int64 by step: minute of the local day at which the step begins
    local_day     int64: the local calendar day of all the block's steps (days since 1970-01-01)
    ours          bool by step: the collector itself was down; missing values are no meter's fault
    flagged       bool by column: an incident about too much use covers this meter since an earlier local day:
                  learn nothing from it
    """

    first_step: int
    usage: Float64
    quality: UInt16
    judged_at: Times
    local_minute: npt.NDArray[np.int64]
    local_day: int
    ours: Mask
    flagged: Mask

    @property
    def steps(self) -> int:
        """How many steps the block has."""
        return len(self.usage)
