"""What the zone balance remembers: the last two weeks by hour, the days it learns from, and its model."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Mask
from rules.detectors.hours import HourCut
from rules.detectors.open_findings import OpenFindings
from rules.detectors.silence import ZeroRuns
from rules.detectors.zone_model import ZoneModel

RING_HOURS = 21 * 24
LEARN_DAYS = 28
_RECENT = 3


@dataclass
class HourRing:
    """The last hours: `inflow` and `outflow` hours x zones, at row `number % RING_HOURS`."""

    inflow: Float64
    outflow: Float64
    local_hour: npt.NDArray[np.int64]
    local_day: npt.NDArray[np.int64]
    last: int = -1

    @classmethod
    def of(cls, zones: int) -> HourRing:
        """An empty ring."""
        shape = (RING_HOURS, zones)
        none = np.full(RING_HOURS, -1, np.int64)
        return cls(np.full(shape, np.nan), np.full(shape, np.nan), none, none.copy())

    def put(self, number: int, inflow: Float64, outflow: Float64, local_hour: int, local_day: int) -> None:
        """Keep one hour; hours that never came are emptied."""
        missed = min(number - self.last - 1, RING_HOURS) if self.last >= 0 else 0
        for gone in range(number - missed, number):
            self.inflow[gone % RING_HOURS] = np.nan
            self.local_day[gone % RING_HOURS] = -1
        row = number % RING_HOURS
        self.inflow[row], self.outflow[row] = inflow, outflow
        self.local_hour[row], self.local_day[row] = local_hour, local_day
        self.last = number

    def back(self, hours: int) -> npt.NDArray[np.intp]:
        """Rows of the last so many hours, oldest first."""
        count = min(hours, RING_HOURS)
        return np.arange(self.last - count + 1, self.last + 1) % RING_HOURS

    def day(self, local_day: int) -> tuple[Float64, Float64]:
        """Inflow and outflow of a local day, 24 local hours x zones; NaN for an hour that is not there."""
        inflow = np.full((24, self.inflow.shape[1]), np.nan)
        outflow = inflow.copy()
        rows = np.flatnonzero(self.local_day == local_day)
        inflow[self.local_hour[rows]] = self.inflow[rows]
        outflow[self.local_hour[rows]] = self.outflow[rows]
        return inflow, outflow


@dataclass
class LearnedDays:
    """Usable days by zone, days x 24 x zones: each zone has its own place in the ring."""

    inflow: Float64
    outflow: Float64
    place: npt.NDArray[np.int64]
    kept: npt.NDArray[np.int64]

    @classmethod
    def of(cls, zones: int) -> LearnedDays:
        """No days."""
        shape = (LEARN_DAYS, 24, zones)
        none = np.zeros(zones, np.int64)
        return cls(np.full(shape, np.nan), np.full(shape, np.nan), none, none.copy())

    def keep(self, inflow: Float64, outflow: Float64, usable: Mask) -> None:
        """Keep a day (24 x zones) for the zones where it is usable."""
        zones = np.flatnonzero(usable)
        self.inflow[self.place[zones], :, zones] = inflow[:, zones].T
        self.outflow[self.place[zones], :, zones] = outflow[:, zones].T
        self.place[zones] = (self.place[zones] + 1) % LEARN_DAYS
        self.kept[zones] += 1


@dataclass
class ZoneMemory:
    """All of it. By zone: `cusum`, in sigmas, and `calm`, the hour number at which it last was zero.

    recent  figures of the last judged days, newest first: days x zones
    ended   by zone: the hour number at which the last finding was closed; none begins before that
    """

    cut: HourCut
    silence: ZeroRuns
    ring: HourRing
    learned: LearnedDays
    model: ZoneModel
    cusum: Float64
    calm: npt.NDArray[np.int64]
    recent: Float64
    ended: npt.NDArray[np.int64]
    usable_days: npt.NDArray[np.bool_]
    open: OpenFindings = field(default_factory=OpenFindings)

    @classmethod
    def of(cls, zones: int, columns: int) -> ZoneMemory:
        """Nothing remembered. `usable_days`: the days that wait to be learned from (newest first) x zones."""
        return cls(
            HourCut.of(2 * zones),
            ZeroRuns.of(columns),
            HourRing.of(zones),
            LearnedDays.of(zones),
            ZoneModel.of(zones),
            np.zeros(zones),
            np.zeros(zones, np.int64),
            np.zeros((_RECENT, zones)),
            np.zeros(zones, np.int64),
            np.zeros((4, zones), bool),
        )
