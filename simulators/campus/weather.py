"""Outdoor temperature of a city on the lower Yangtze: season, spells of days, and the hour."""

from __future__ import annotations

import numpy as np

from simulators.campus.randomness import Float64, normal, stream_number, uniform

# Hangzhou's 1991-2020 normals are about 5 degC in January and 29 degC in July; warmest around 25 July (day 206).
_MEAN, _SWING, _WARMEST_DAY = 17.2, 12.0, 206.0
_SPELLS = ((3.0, 2.4), (8.0, 2.0))  # (days between knots, degC)
_DAILY_SWING = 3.6
_WARMEST_HOUR = 14.5


def daily_mean(seed: int, day: float) -> float:
    """Mean temperature (degC) around a day (days since 1970, may have a fraction)."""
    season = _MEAN + _SWING * np.cos(2 * np.pi * (day % 365.2425 - _WARMEST_DAY) / 365.2425)
    stream = stream_number("weather")
    for i, (length, size) in enumerate(_SPELLS):
        knot, part = divmod(day / length, 1.0)
        ends = normal(seed, stream, i, np.array([knot, knot + 1]))
        season += size * float(ends[0] * (1 - part) + ends[1] * part)
    return float(season)


def temperature(seed: int, day: int) -> Float64:
    """Temperature (degC) in each of the day's 1440 minutes, without a jump at midnight."""
    minutes = np.arange(1440)
    through = np.interp(minutes, [0, 720, 1440], [daily_mean(seed, day + f) for f in (0.0, 0.5, 1.0)])
    return through + _DAILY_SWING * np.cos(2 * np.pi * (minutes / 60 - _WARMEST_HOUR) / 24)


def is_rainy(seed: int, day: int) -> bool:
    """Whether it rains enough that nobody waters the garden: about 150 days a year."""
    return bool(uniform(seed, stream_number("rain"), day) < 150 / 365)
