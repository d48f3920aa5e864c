"""Who is in which dormitory room on which day: drawn person by person, so that water and electricity agree."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from simulators.campus.layout import Layout
from simulators.campus.randomness import Bools, Float64, stream_number, uniform
from simulators.campus.school_year import DayKind, Stretch, day_kind, day_number, day_of, days_off_around, vacation_of

_MAX_BEDS = 8
_LIVED_IN = 0.94  # of the beds are let
_AWAY_WORKDAY, _AWAY_WEEKEND = 0.03, 0.16
_AWAY_SHORT_HOLIDAY, _AWAY_LONG_HOLIDAY, _LONG_HOLIDAY_DAYS = 0.35, 0.60, 5
_STAYS_IN_VACATION = 0.10
_LEAVES_WITHIN_DAYS, _RETURNS_WITHIN_DAYS = 5, 4


class Residents:
    """Presence by room and day. Rooms are in the layout's order."""

    def __init__(self, seed: int, layout: Layout) -> None:
        rooms = layout.rooms()
        self._seed = seed
        self._room = np.arange(len(rooms))[:, None]
        self._bed = np.arange(_MAX_BEDS)[None, :]
        beds = np.array([r.beds or 0 for r in rooms])
        self._lived_in: Bools = (self._bed < beds[:, None]) & (self._draw("let", 0) < _LIVED_IN)

    def _draw(self, what: str, key: int) -> Float64:
        return uniform(self._seed, stream_number(f"people-{what}"), self._room, self._bed, key)

    def present(self, day: int) -> Float64:
        """How many people use each room on that local day (days since 1970)."""
        there = self._lived_in & ~self._on_vacation(day_of(day)) & ~self._away(day_of(day))
        count: Float64 = there.sum(axis=1).astype(np.float64)
        return count

    def _away(self, day: date) -> Bools:
        """Away for the day, the weekend or the holiday; the same people for the whole of it."""
        run = days_off_around(day)
        if run is not None:
            is_long = (run.last - run.first).days + 1 >= _LONG_HOLIDAY_DAYS
            share = _AWAY_LONG_HOLIDAY if is_long else _AWAY_SHORT_HOLIDAY
            return self._draw("holiday", day_number(run.first)) < share
        if day_kind(day) is DayKind.WEEKEND:
            return self._draw("weekend", day_number(day) // 7) < _AWAY_WEEKEND
        return self._draw("day", day_number(day)) < _AWAY_WORKDAY

    def _on_vacation(self, day: date) -> Bools:
        """People leave over the first days of a vacation and come back over its last."""
        vacation = vacation_of(day)
        if vacation is None:
            return np.zeros_like(self._lived_in)
        key = day_number(vacation.first)
        has_left = self._draw("leaves", key) * _LEAVES_WITHIN_DAYS <= (day - vacation.first) / timedelta(1)
        is_back = self._draw("returns", key) * _RETURNS_WITHIN_DAYS > (vacation.last - day) / timedelta(1)
        return has_left & ~is_back & (self._draw("stays", key) >= _STAYS_IN_VACATION)


def public_share(day: date) -> float:
    """How much of their usual business teaching, library and canteen have on a day, from 0 to 1."""
    vacation = vacation_of(day)
    if vacation is not None:
        return _vacation_share(vacation, day)
    return {DayKind.WORKDAY: 1.0, DayKind.WEEKEND: 0.4, DayKind.HOLIDAY: 0.2}.get(day_kind(day), 1.0)


def _vacation_share(vacation: Stretch, day: date) -> float:
    from_end = min((day - vacation.first).days, (vacation.last - day).days)
    return 0.12 + 0.2 * max(0.0, 1 - from_end / 3)
