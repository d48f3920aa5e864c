"""Electricity of dormitory rooms: what is always on, what people do, what they brought, and the weather they share.

A room of four in a mild season takes 2 to 4 kWh a day; with air conditioning up to three times that.
"""

from __future__ import annotations

import numpy as np

from simulators.campus.curves import MINUTES, minute_curve
from simulators.campus.hours import AT_DESK, AT_DESK_FREE, HAIR_DRYING, IN_ROOM, LIGHT, PLAYING
from simulators.campus.layout import Layout
from simulators.campus.randomness import Bools, Float64, generator, normal, stream_number, uniform

_DESK_KW, _LIGHT_KW = 0.042, 0.055
_HABIT_SIGMA, _WEEK_SIGMA, _DAY_SIGMA, _HOUR_SIGMA = 0.28, 0.10, 0.16, 0.28
_FRIDGES, _FRIDGE_KW = 0.08, 0.030
_PLAYERS, _PLAYER_KW = 0.06, 0.16
_AC_KW, _COOL_FROM, _HEAT_FROM, _FULL_WITHIN = 0.85, 27.0, 9.0, 9.0
_LATE_MINUTES = 45.0  # one sigma of how much later than others a room lives
_NIGHT = (23, 6)  # ceiling lights are off by the house rules
# (uses a person a day, kW, minutes at least, minutes at most): hair dryer; kettle or dispenser
_SHORT_USES = ((0.35, 1.0, 3, 8), (0.30, 1.2, 3, 5))


class RoomsPower:
    """Demand of all rooms."""

    def __init__(self, seed: int, layout: Layout) -> None:
        self._seed = seed
        count = len(layout.rooms())
        self._rooms = np.arange(count)

        def draw(what: str) -> Float64:
            return normal(seed, stream_number(f"room-{what}"), self._rooms)

        def chance(what: str) -> Float64:
            return uniform(seed, stream_number(f"room-{what}"), self._rooms)

        self.habit = np.exp(_HABIT_SIGMA * draw("habit"))
        self._standby = 0.004 + 0.010 * chance("standby") + _FRIDGE_KW * (chance("fridge") < _FRIDGES)
        self._player = _PLAYER_KW * (chance("player") < _PLAYERS)
        self._ac_habit = np.exp(0.25 * draw("ac"))
        self._feels_warmer = 1.2 * draw("feels")
        self._later = np.clip(_LATE_MINUTES * draw("later"), -90, 120).astype(np.intp)
        self._index = (np.arange(MINUTES)[None, :] - self._later[:, None]) % MINUTES
        self._desk = {False: minute_curve(AT_DESK)[self._index], True: minute_curve(AT_DESK_FREE)[self._index]}
        self._light = minute_curve(LIGHT)[self._index]
        self._light[:, _NIGHT[0] * 60 + 30 :] = self._light[:, : _NIGHT[1] * 60] = 0.004
        self._in_room = minute_curve(IN_ROOM)
        self._playing = minute_curve(PLAYING)

    def day(self, day: int, present: Float64, outdoor: Float64, *, is_free: bool) -> Float64:
        """KWh in each minute, rooms x 1440. `outdoor` is the temperature (degC) by minute."""
        rng = generator(self._seed, "room-power", day)
        mood = self._mood(rng, day)
        is_lived_in = (present > 0)[:, None]
        kw = self._desk[is_free] * (_DESK_KW * present[:, None])
        kw += self._light * (_LIGHT_KW * is_lived_in)
        kw += self._playing * (self._player[:, None] * is_lived_in)
        kw *= mood
        kw += self._air_conditioning(outdoor, is_lived_in) * np.sqrt(mood)
        kw += self._standby[:, None] * (0.45 + 0.55 * is_lived_in)
        kw += self._short_uses(rng, present)
        kwh: Float64 = kw / 60
        return kwh

    def _mood(self, rng: np.random.Generator, day: int) -> Float64:
        """How much more or less than the average room this one does: its habit, week, day and hour."""
        week = normal(self._seed, stream_number("room-week"), self._rooms, (day + 3) // 7)
        level = _WEEK_SIGMA * week + _DAY_SIGMA * rng.standard_normal(len(self._rooms))
        hours = np.exp(_HOUR_SIGMA * rng.standard_normal((len(self._rooms), 24)) - _HOUR_SIGMA**2 / 2)
        mood: Float64 = minute_curve(hours) * (self.habit * np.exp(level))[:, None]
        return mood

    def _air_conditioning(self, outdoor: Float64, is_lived_in: Bools) -> Float64:
        """Cooling and heating (kW) by the outdoor temperature that all rooms share and what each finds warm."""
        hottest, coldest = float(outdoor.max()), float(outdoor.min())
        if hottest < _COOL_FROM - 4 and coldest > _HEAT_FROM + 4:
            return np.zeros((len(self._rooms), 1))
        felt = outdoor[None, :] + self._feels_warmer[:, None]
        duty = np.clip((felt - _COOL_FROM) / _FULL_WITHIN, 0, 1) + 0.6 * np.clip((_HEAT_FROM - felt) / 12.0, 0, 1)
        kw: Float64 = _AC_KW * duty * self._in_room * self._ac_habit[:, None] * is_lived_in
        return kw

    def _short_uses(self, rng: np.random.Generator, present: Float64) -> Float64:
        """Hair dryers and kettles: rectangles of a known power, at most a few a person a day."""
        change = np.zeros((len(self._rooms), MINUTES + 1))
        when = np.cumsum(minute_curve(HAIR_DRYING))
        for per_person, kw, shortest, longest in _SHORT_USES:
            room = np.repeat(self._rooms, rng.poisson(per_person * present))
            start = np.searchsorted(when, rng.random(len(room)) * when[-1])
            end = np.minimum(start + rng.integers(shortest, longest + 1, len(room)), MINUTES)
            power = kw * rng.uniform(0.75, 1.25, len(room))
            np.add.at(change, (room, start), power)
            np.add.at(change, (room, end), -power)
        return np.maximum(np.cumsum(change[:, :MINUTES], axis=1), 0.0)
