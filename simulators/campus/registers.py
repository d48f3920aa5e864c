"""Registers: what each meter shows at any moment, from true demand through gain, pulse and faults of the meter.

The campus has a first local day (its epoch). On it each meter shows its first register; from then on days are added
up in order, so the register of any later moment is the same in every process that knows seed, epoch and faults:
after a restart weeks later it goes on exactly where it was.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from simulators.campus.demand import Demand
from simulators.campus.fault_flows import DAY_MS, MINUTE_MS, fault_flows, lost_shares
from simulators.campus.faults import KINDS, Fault
from simulators.campus.instruments import draw_gain
from simulators.campus.layout import DIGIT_PROFILES, ELECTRICITY, Layout
from simulators.campus.randomness import Bools, Float64, Int64

UTC_OFFSET_MS = 8 * 3_600_000  # China has one zone and no summer time
_KEPT_DAYS = 3


@dataclass(frozen=True, slots=True)
class _Life:
    """From `start_ms` on the register is first + gain x (true now - true at start)."""

    start_ms: int
    true: float
    first: float
    gain: float


@dataclass(frozen=True, slots=True)
class _Spell:
    """A time during which a meter is dead, or frozen at a true quantity."""

    row: int
    start_ms: int
    end_ms: int
    true: float = 0.0

    def holds(self, rows: npt.NDArray[np.intp], times: Int64) -> Bools:
        held: Bools = (rows == self.row) & (times >= self.start_ms) & (times < self.end_ms)
        return held


class Registers:
    """Registers of all meters; rows are the layout's meter positions, times ms since 1970 UTC."""

    def __init__(self, seed: int, layout: Layout, demand: Demand, epoch_day: int) -> None:
        self._seed, self._layout, self._demand = seed, layout, demand
        self.epoch_day = epoch_day
        self.epoch_ms = epoch_day * DAY_MS - UTC_OFFSET_MS
        self.others: list[Fault] = []  # faults that leave every register true
        self._base: list[Float64] = [np.zeros(len(layout.meters))]
        self._days: OrderedDict[int, Float64] = OrderedDict()
        self._lives: dict[int, list[_Life]] = {}
        self._frozen: list[_Spell] = []
        self._dead: list[_Spell] = []
        self._counts = np.array([m.instrument.size.counts_per_unit for m in layout.meters], np.float64)
        self._is_electric = np.array([m.medium == ELECTRICITY for m in layout.meters])
        self._is_digits = np.array([m.profile in DIGIT_PROFILES for m in layout.meters])
        self._first = np.array([m.instrument.first_register for m in layout.meters])
        self._gain = np.array([m.instrument.gain for m in layout.meters])

    def add(self, fault: Fault) -> None:
        """Let a fault happen. What was shown before its start does not change."""
        if fault.meter is None or KINDS[fault.kind].word:
            self.others.append(fault)
            self._forget_from((fault.start_ms + UTC_OFFSET_MS) // DAY_MS)
            return
        row = self._layout.meter_index[fault.meter]
        end = np.iinfo(np.int64).max if fault.end_ms is None else fault.end_ms
        if fault.kind == "unit_dead":
            self._dead.append(_Spell(row, fault.start_ms, end))
        elif fault.kind == "register_frozen":
            self._frozen.append(_Spell(row, fault.start_ms, end, self._true_of(row, fault.start_ms)))
        else:
            self._begin_life(row, fault)
            if fault.kind == "register_reversed" and fault.end_ms is not None:
                self._turn(row, fault.end_ms)

    def mend(self, fault: Fault, mended: Fault) -> None:
        """Let a fault that was added end when `mended`, which is the same but for its end, says so."""
        assert mended.end_ms is not None  # noqa: S101 - that is what mending is
        if fault in self.others:
            self.others[self.others.index(fault)] = mended
            self._forget_from((mended.end_ms + UTC_OFFSET_MS) // DAY_MS)
            return
        assert fault.meter is not None  # noqa: S101 - others are the rest
        row = self._layout.meter_index[fault.meter]
        if fault.kind == "register_reversed":
            self._turn(row, mended.end_ms)
            return
        spells = self._dead if fault.kind == "unit_dead" else self._frozen
        at = next(i for i, s in enumerate(spells) if (s.row, s.start_ms) == (row, fault.start_ms))
        spells[at] = replace(spells[at], end_ms=mended.end_ms)

    def _turn(self, row: int, time: int) -> None:
        """From that time on the register counts the other way round."""
        lives = self._lives.setdefault(row, [])
        gain = lives[-1].gain if lives else self._layout.meters[row].instrument.gain
        lives.append(_Life(time, self._true_of(row, time), self.shown(row, time), -gain))

    def _begin_life(self, row: int, fault: Fault) -> None:
        if fault.kind == "register_reversed":
            self._turn(row, fault.start_ms)
            return
        lives = self._lives.setdefault(row, [])
        instrument = self._layout.meters[row].instrument
        gain = lives[-1].gain if lives else instrument.gain
        first = max(0.0, round(self.shown(row, fault.start_ms) - fault.size, 3))
        if fault.kind == "meter_replaced":
            gain = draw_gain(self._seed, self._layout.meters[row].id, instrument.size, len(lives) + 1)
        lives.append(_Life(fault.start_ms, self._true_of(row, fault.start_ms), first, gain))

    def shown(self, row: int, time: int) -> float:
        """The register of one meter at one time."""
        return float(self.read(np.array([row]), np.array([time]))[0])

    def _true_of(self, row: int, time: int) -> float:
        return float(self.true(np.array([row]), np.array([time]))[0])

    def _forget_from(self, day: int) -> None:
        """Days from this one on are to be computed again."""
        keep = max(day - self.epoch_day + 1, 1)
        del self._base[keep:]
        for known in [d for d in self._days if d >= day]:
            del self._days[known]

    def _day(self, day: int) -> Float64:
        """True quantity since the day's midnight, meters x 1441 minute bounds."""
        if day not in self._days:
            extra = fault_flows(self.others, self._layout, self._seed, day, UTC_OFFSET_MS)
            usage = self._demand.day(day, extra, lost_shares(self.others, self._layout, day, UTC_OFFSET_MS))
            total = np.zeros((len(usage), usage.shape[1] + 1))
            np.cumsum(usage, axis=1, out=total[:, 1:])
            self._days[day] = total
            if len(self._days) > _KEPT_DAYS:
                self._days.popitem(last=False)
        self._days.move_to_end(day)
        return self._days[day]

    def _base_of(self, day: int) -> Float64:
        """True quantity from the epoch to the day's midnight, by meter."""
        while len(self._base) <= day - self.epoch_day:
            self._base.append(self._base[-1] + self._day(self.epoch_day + len(self._base) - 1)[:, -1])
        return self._base[day - self.epoch_day]

    def true(self, rows: npt.NDArray[np.intp], times: Int64) -> Float64:
        """True quantity (m3 or kWh) through each meter from the epoch to each time; the two go in pairs.

        Raises:
            ValueError: a time lies before the campus began.
        """
        if len(times) and int(times.min()) < self.epoch_ms:
            raise ValueError(f"the campus begins at {np.datetime64(self.epoch_ms, 'ms')} UTC; nothing is known before")
        local = times + UTC_OFFSET_MS
        days = local // DAY_MS
        out = np.empty(len(times))
        for day in np.unique(days).tolist():
            at = days == day
            minute, rest = np.divmod(local[at] - day * DAY_MS, MINUTE_MS)
            base, total, row = self._base_of(day)[rows[at]], self._day(day), rows[at]
            left = total[row, minute]
            out[at] = base + left + (rest / MINUTE_MS) * (total[row, np.minimum(minute + 1, 1440)] - left)
        return out

    def read(self, rows: npt.NDArray[np.intp], times: Int64) -> Float64:
        """The registers shown, in m3 or kWh, counted in whole pulses; a frozen one shows what it showed."""
        true = self.true(rows, times)
        for spell in self._frozen:
            true[spell.holds(rows, times)] = spell.true
        shown = self._first[rows] + self._gain[rows] * true
        for row, lives in self._lives.items():
            for life in lives:
                at = (rows == row) & (times >= life.start_ms)
                shown[at] = life.first + life.gain * (true[at] - life.true)
        counts = np.floor(shown * self._counts[rows] + 1e-6)
        # What history says must be what the wire says later, to the last bit: digits as they are, float32 of the
        # other electricity meters, pulses that the collector multiplies by the worth of one.
        digits = counts / self._counts[rows]
        pulses = counts * (1.0 / self._counts[rows])
        other = np.where(self._is_electric[rows], digits.astype(np.float32).astype(np.float64), pulses)
        return np.where(self._is_digits[rows], digits, other)

    def answers(self, rows: npt.NDArray[np.intp], times: Int64) -> Bools:
        """Whether each unit answers at each time."""
        out = np.ones(len(rows), bool)
        for spell in self._dead:
            out &= ~spell.holds(rows, times)
        return out

    def power(self, rows: npt.NDArray[np.intp], times: Int64) -> Float64:
        """True flow (m3/h) or power (kW) of each meter in the minute that begins at each time; the two go in pairs."""
        return (self.true(rows, times + MINUTE_MS) - self.true(rows, times)) * 60
