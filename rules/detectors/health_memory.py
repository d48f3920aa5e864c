"""What meter health remembers of each column: gaps, standstills, what its register did, and what is open."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Mask
from rules.blocks import STEPS_PER_HOUR
from rules.detectors.child_balance import ChildBalance
from rules.detectors.day_log import DayLog, quantile
from rules.detectors.open_findings import OpenFindings
from rules.detectors.peer_groups import PeerGroups

Int64 = npt.NDArray[np.int64]

LOG_DAYS = 28
WORKDAY, WEEKEND, HOLIDAY, VACATION = range(4)
KINDS = 4
NEVER = -1
_PEER_DAYS = 20  # days of all like meters together that tell of a season
_ACTIVE = 0.9  # share of days on which it counted that makes it a meter that counts on such days


@dataclass
class Gaps:
    """Missing values, in steps: `run` now, `longest` of the day so far; `log` of days and `usual_h` in hours.

    seen   the column has had a value at all
    """

    run: Int64
    longest: Int64
    log: DayLog
    usual_h: Float64
    seen: Mask

    @classmethod
    def of(cls, columns: int) -> Gaps:
        """Nothing seen."""
        none = np.zeros(columns, np.int64)
        return cls(none, none.copy(), DayLog.of(LOG_DAYS, columns), np.zeros(columns), np.zeros(columns, bool))

    def end_day(self, usable: Mask) -> None:
        """Keep the day that ended; `usual_h` is the longest gap of nearly all days."""
        self.log.keep(self.longest / STEPS_PER_HOUR, usable)
        self.longest = self.run.copy()
        self.usual_h = np.nan_to_num(quantile(self.log.values, 0.95))


@dataclass
class Standstills:
    """Steps without use while the meter answers, counted only on kinds of days on which it usually counts.

    run       steps on end now, those of idle days passed over; `all_run` with them
    usual_h   longest standstill of the days kept, hours; NaN while too few are known
    longest   the longest of `all_run` that ended this day; `log` of days in hours, term beside vacation, without days
              that are idle anyhow
    counted   whether something was counted this day; `active` by kind of day: a log of 1 (counted) and 0
    is_active, is_known   whether the column counts on days like this one, and whether that is known (see `begin_day`)
    since     step at which the run began; `children` what the meters it feeds counted since (m3 or kWh), and
              `largest` the most that one of them counted in one step: a register that catches up
    """

    run: Int64
    all_run: Int64
    longest: Int64
    log: DayLog
    counted: Mask
    active: DayLog
    is_active: Mask
    is_known: Mask
    usual_h: Float64
    since: Int64
    children: Float64
    largest: Float64

    @classmethod
    def of(cls, columns: int) -> Standstills:
        """Nothing seen."""
        none = np.zeros(columns, np.int64)
        return cls(
            none,
            none.copy(),
            none.copy(),
            DayLog.of(LOG_DAYS, 2 * columns),
            np.zeros(columns, bool),
            DayLog.of(LOG_DAYS, KINDS * columns),
            np.zeros(columns, bool),
            np.zeros(columns, bool),
            np.full(columns, np.nan),
            np.full(columns, NEVER, np.int64),
            np.zeros(columns),
            np.zeros(columns),
        )

    def begin_day(self, kind: int, least_days: Float64, groups: PeerGroups, never_rests: Mask) -> None:
        """Look up what is usual on a day of this kind: standstills of term or of vacation, known from enough days."""
        columns = len(self.run)
        longest = np.nan_to_num(self.log.values, nan=-1.0).max(axis=0)
        days = self.log.count()
        of_term, of_vacation = slice(None, columns), slice(columns, None)
        usual, known = longest[of_vacation], days[of_vacation]
        if kind != VACATION:  # in a young term vacations stand in: meters rest longer then
            is_young = days[of_term] < least_days
            usual = np.where(is_young, np.maximum(longest[of_term], usual), longest[of_term])
            known = np.where(is_young, days[of_term] + known, days[of_term])
        self.usual_h = np.where(known >= least_days, usual, np.nan)
        self.is_active, self.is_known = self._active_on(kind, least_days)
        if kind == VACATION:
            self._learn_from_peers(least_days, groups, never_rests)

    def _learn_from_peers(self, least_days: Float64, groups: PeerGroups, never_rests: Mask) -> None:
        """In a young vacation: how long most of the like meters stand still, where nearly all of them count daily."""
        columns = len(self.run)
        rests = self.log.values[:, columns:]
        counted = self.active.values.reshape(LOG_DAYS, KINDS, -1)[:, VACATION]
        term = np.nan_to_num(self.log.values[:, :columns], nan=-1.0).max(axis=0)
        for members in groups.members:
            at = groups.columns[members][never_rests[groups.columns[members]]]
            days = (~np.isnan(counted[:, at])).sum(axis=0)
            if days.sum() < _PEER_DAYS or np.nansum(counted[:, at]) < _ACTIVE * days.sum():
                continue
            usual = float(quantile(rests[:, at].reshape(-1, 1), 0.9)[0])
            like = at[(days >= 1) & (np.nansum(counted[:, at], axis=0) == days) & ~(days >= least_days[at])]
            self.usual_h[like] = np.fmax(np.fmax(usual, term[like]), np.nanmax(rests[:, like], axis=0))
            self.is_active[like] = self.is_known[like] = True

    def _active_on(self, kind: int, least_days: Float64) -> tuple[Mask, Mask]:
        """By column: whether it counts on such a day, and whether that is known.

        Working days and weekends of which too few are known are taken like all days; holidays and vacations never:
        that is when a house is empty.
        """
        by_kind = self.active.values.reshape(LOG_DAYS, KINDS, -1)
        days, counted = (~np.isnan(by_kind)).sum(axis=0), np.nansum(by_kind, axis=0)
        is_known = days[kind] >= least_days
        if kind in (WORKDAY, WEEKEND):
            all_days, all_counted = days.sum(axis=0), counted.sum(axis=0)
            share_of = np.where(is_known, counted[kind] >= _ACTIVE * days[kind], all_counted >= _ACTIVE * all_days)
            return share_of, is_known | (all_days >= least_days)
        return counted[kind] >= _ACTIVE * days[kind], is_known

    def end_day(self, kind: int, usable: Mask) -> None:
        """Keep the day that ended."""
        columns = len(self.run)
        longest = np.full(2 * columns, np.nan)
        longest[(kind == VACATION) * columns :][:columns] = self.longest / STEPS_PER_HOUR
        self.log.keep(longest, np.tile(usable & self.counted & (self.is_active | ~self.is_known), 2))
        figure = np.full(KINDS * columns, np.nan)
        figure[kind * columns : (kind + 1) * columns] = self.counted
        self.active.keep(figure, np.tile(usable, KINDS))
        self.counted = np.zeros(columns, bool)
        self.longest = np.zeros(columns, np.int64)


@dataclass
class HealthMemory:
    """All of it.

    end_ms  end of the last step; `good` steps with a value since the last odd step of the register, by column
    events  by column (as text): that odd step; `seen_once` ms by column and condition that may be
            chance; `open` what was told
    """

    gaps: Gaps
    still: Standstills
    children: ChildBalance
    end_ms: int = 0
    good: Int64 = field(default_factory=lambda: np.zeros(0, np.int64))
    day: int = -(10**9)
    kind: int = 0
    events: dict[str, dict[str, float | str]] = field(default_factory=dict)
    seen_once: dict[str, int] = field(default_factory=dict)
    open: OpenFindings = field(default_factory=OpenFindings)

    @classmethod
    def of(cls, columns: int, children: ChildBalance) -> HealthMemory:
        """Nothing remembered."""
        return cls(
            Gaps.of(columns),
            Standstills.of(columns),
            children,
            good=np.zeros(columns, np.int64),
        )
