"""The standing load of rooms: what never stops, by day, against the room's own and the peers'.

The least mean power (kW) of the day's three-hour blocks: people, kettles and laptops come and go within a block's
length, and a thermostat switches within it; a heater or a mining rig stays. Whether people are there hardly matters
to it, so it also tells in vacations, when use a day says nothing: a neighbour who stayed uses as much.

The same idea as the night flow of water: Birt et al., Disaggregating categories of electrical energy end-use from
whole-house hourly data, Energy and Buildings 50, 2012 (base load as the least use of the day).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Mask
from rules.blocks import IntervalBlock
from rules.detectors.day_log import DayLog, median
from rules.detectors.peer_groups import PeerGroups

BLOCK_MINUTES = 3 * 60
LEAST_PEERS = 8  # that a comparison needs
_BLOCK_STEPS = BLOCK_MINUTES // 15
_KNOWN_STEPS = 10  # of twelve that make a block
_KNOWN_BLOCKS = 6  # of eight that make a day
_LEARN_DAYS = 35
_WAIT_DAYS = 7  # a day is learned only so much later, so that what is found within it never is
_HIGH_QUANTILE = 0.9  # of the peers: those who stayed, with what they leave on
_CONSTANT_SHARE = 0.4  # of the day's use that the load must be: else people are there and busy day and night
_STEADY = 0.2  # by which it may differ from day to day: what the weather drives differs by more
_EVEN = 0.1  # range of a run in which not even mild weather has a part ...
_EVEN_DAYS = 2  # ... and how much longer such a run must last when peers, on hot days, have loads as large
_HOT_DAY = 0.5  # a day proves half on which half such a load is common: heat, or cold
_HOURS_OF_BLOCK = BLOCK_MINUTES / 60


@dataclass
class StandingLoad:
    """By column (of the peer groups); power in kW of the whole room.

    used, known     kWh and known steps of the block that runs; `least` of the day's blocks so far, `blocks` of them
    waiting         the days that wait to be learned, newest first; `log` those learned
    days, level, low, high   days on end of about the same load, its mean, its least and its largest
    proof           the sum of how far those days stood out from the peers, each from 0 to 1
    load, usual, peers   the last day's: above the room's usual; the usual; the peers' high quantile
    """

    used: Float64
    known: npt.NDArray[np.int64]
    least: Float64
    blocks: npt.NDArray[np.int64]
    waiting: Float64
    log: DayLog
    days: npt.NDArray[np.int64]
    proof: Float64
    level: Float64
    low: Float64
    high: Float64
    load: Float64
    usual: Float64
    peers: Float64

    @classmethod
    def of(cls, columns: int) -> StandingLoad:
        """Nothing known."""
        none, unknown = np.zeros(columns, np.int64), np.full(columns, np.nan)
        return cls(
            np.zeros(columns),
            none,
            unknown,
            none.copy(),
            np.full((_WAIT_DAYS, columns), np.nan),
            DayLog.of(_LEARN_DAYS, columns),
            none.copy(),
            np.zeros(columns),
            np.zeros(columns),
            np.zeros(columns),
            np.zeros(columns),
            unknown.copy(),
            unknown.copy(),
            unknown.copy(),
        )

    def take_in(self, block: IntervalBlock, *, ends: bool) -> None:
        """Steps of one three-hour block; `ends`: its last ones."""
        for usage in block.usage:  # step by step: no sum depends on the cut
            is_known = ~np.isnan(usage)
            self.used += np.where(is_known, usage, 0.0)
            self.known += is_known
        if not ends:
            return
        whole = self.known >= _KNOWN_STEPS
        power = self.used / np.maximum(self.known, 1) * (_BLOCK_STEPS / _HOURS_OF_BLOCK)
        self.least = np.fmin(self.least, np.where(whole, power, np.nan))
        self.blocks += whole
        self.used = np.zeros_like(self.used)
        self.known = np.zeros_like(self.known)

    def end_day(self, day_kw: Float64, groups: PeerGroups, usable: Mask, settings: Mapping[str, Float64]) -> None:
        """Judge the day that ended (`day_kw`: its mean power), then let it wait to be learned where usable.

        A day on which the peers' own load is as high proves nothing; one that is not known neither lengthens nor ends
        a run.
        """
        base = np.where(self.blocks >= _KNOWN_BLOCKS, self.least, np.nan)
        self.usual = np.where(self.log.count() >= settings["learn_days"], median(self.log.values), np.nan)
        enough = groups.counts(~np.isnan(base)) >= LEAST_PEERS
        self.peers = np.where(enough, groups.quantiles(base, _HIGH_QUANTILE), np.nan)
        self.load = base - self.usual
        is_load = (self.load >= settings["load_kw"]) & (base >= _CONSTANT_SHARE * day_kw)
        beyond = (base / np.maximum(self.peers, 1e-3) - 1) / (settings["load_ratio"] - 1)
        is_hot = self.peers >= settings["load_kw"] / 2
        weight = np.clip(np.nan_to_num(beyond) * np.where(is_hot, _HOT_DAY, 1.0), 0.0, 1.0)
        self._count_on(base, is_load & ~np.isnan(self.peers), weight)
        self.log.keep(self.waiting[-1], np.ones(len(base), bool))
        self.waiting = np.concatenate([np.where(usable, base, np.nan)[None], self.waiting[:-1]])
        self.least = np.full_like(self.least, np.nan)
        self.blocks = np.zeros_like(self.blocks)

    def _count_on(self, base: Float64, is_load: Mask, weight: Float64) -> None:
        """One more day of the run; a load that is gone ends it, one of another size begins it anew."""
        is_known = ~np.isnan(self.load)
        goes_on = (self.days > 0) & (np.abs(base - self.level) <= _STEADY * self.level)
        mean = (self.level * self.days + base) / (self.days + 1)
        is_alike = is_load & goes_on
        days = np.where(is_alike, self.days + 1, is_load)
        self.days = np.where(is_known, days, self.days)
        self.proof = np.where(is_known, np.where(is_alike, self.proof, 0.0) + is_load * weight, self.proof)
        self.level = np.where(is_known, np.where(is_alike, mean, base), self.level)
        self.low = np.where(is_known, np.where(is_alike, np.minimum(self.low, base), base), self.low)
        self.high = np.where(is_known, np.where(is_alike, np.maximum(self.high, base), base), self.high)

    def is_proven(self, days: Float64) -> Mask:
        """Whether it stands out from the peers for so many days, or for longer runs as no weather would let it."""
        is_even = self.high - self.low <= _EVEN * self.level
        return np.asarray((self.proof >= days) | (is_even & (self.days >= days + _EVEN_DAYS)), bool)

    def forget_waiting(self, column: int) -> None:
        """The days that wait are part of what was found."""
        self.waiting[:, column] = np.nan
