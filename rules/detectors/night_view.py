"""The ways to look at a night: its flow by itself, or as a share of the day's.

Demand of a season, of heat or of more people moves day and night together, so the night's share of the day hardly
changes; a leak flows all day, but weighs more at night. With a usual share s, a night flow N and a day's mean flow D
(both with the leak), the leak is (N - s D) / (1 - s). At an inlet of many people that is far steadier than the night
flow itself; at a home, whose days differ, it is not. Which view scatters least, each meter's own nights tell.

Reference: Alvisi et al., Multilevel approaches for minimum night flow analysis, 2015 (night flow follows demand).
"""

from __future__ import annotations

import numpy as np

from metering.batch import Float64

FLOW_WINDOWS_H = (1, 2, 3)  # the night's flow is the least mean of so many hours on end
VIEW_WINDOWS_H = np.array((*FLOW_WINDOWS_H, FLOW_WINDOWS_H[-1]))
FLOW_OF_VIEW = np.array((0, 1, 2, 2))
IS_SHARE = np.array((False, False, False, True))
VIEWS = len(VIEW_WINDOWS_H)
_MOST_SHARE = 0.9  # nights nearly as busy as days tell nothing of a leak by their share


def views_of(flows: Float64, day_use: Float64) -> Float64:
    """The night in every view, views x columns, from its flows (windows x columns, m3/h) and the day's use (m3)."""
    mean = np.where(day_use > 0, day_use / 24, np.nan)
    return np.concatenate([flows, flows[-1:] / mean])


def as_flow(values: Float64, day_use: Float64) -> Float64:
    """A usual view as the night flow (m3/h) that belongs to this day's use; its scatter likewise."""
    return np.concatenate([values[:-1], values[-1:] * day_use / 24])


def leak_factor(usual: Float64) -> Float64:
    """By how much a leak exceeds the excess that a view shows: views x columns; NaN where it shows none."""
    share = usual[-1:]
    factor = np.where(share < _MOST_SHARE, 1 / (1 - np.minimum(share, _MOST_SHARE)), np.nan)
    return np.concatenate([np.ones_like(usual[:-1]), factor])
