"""Curves of a day: 24 hourly weights as 1440 minutes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simulators.campus.randomness import Float64

MINUTES = 1440


def minute_curve(hourly: Sequence[float] | Float64) -> Float64:
    """Hourly values taken at the half hours and joined by straight lines around midnight; any leading axes."""
    values = np.asarray(hourly, dtype=np.float64)
    position = np.arange(MINUTES) / 60 - 0.5
    left = np.floor(position).astype(np.intp)
    part = position - left
    return np.asarray(values[..., left % 24] * (1 - part) + values[..., (left + 1) % 24] * part)


def share_curve(hourly: Sequence[float] | Float64) -> Float64:
    """The same with a sum of 1: which share of the day's events falls into each minute."""
    curve = minute_curve(hourly)
    return curve / float(curve.sum())
