"""Which stored steps make up a window: whole hours from the hourly roll-up, the rest from 15 min intervals. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metering.batch import Times, to_datetime
from metering.windows import GRID_MS

_STEPS_AN_HOUR = 4
Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Cover:
    """Rows of a table that belong to windows: `number` (hour or step since 1970 UTC, ascending) and its window."""

    number: npt.NDArray[np.int32]
    window: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Plan:
    """How to answer for the windows: disjoint, together all of them."""

    hours: Cover
    steps: Cover


def step_edges(edges: Times) -> Int64:
    """The edges as numbers of 15 min steps.

    Raises:
        ValueError: fewer than two edges, an edge off the grid, or edges that do not ascend.
    """
    if len(edges) < 2:  # noqa: PLR2004
        raise ValueError(f"windows need at least two edges, got {len(edges)}")
    ms = edges.astype("datetime64[ms]").astype(np.int64)
    if (off := np.flatnonzero(ms % GRID_MS)).size:
        moment = to_datetime(edges[off[0]]).isoformat()
        raise ValueError(f"the edge {moment} is not on the 15 min grid (minute 0, 15, 30 or 45 of UTC)")
    if (np.diff(ms) <= 0).any():
        raise ValueError("the edges of windows must ascend")
    return ms // GRID_MS


def plan(edges: Times) -> Plan:
    """Cover the windows between the edges; an hour that lies in one window whole is taken whole.

    Raises:
        ValueError: as `step_edges`.
    """
    bounds = step_edges(edges)
    first_hour = -(-bounds[0] // _STEPS_AN_HOUR)
    hours = np.arange(first_hour, bounds[-1] // _STEPS_AN_HOUR, dtype=np.int64)
    window = np.searchsorted(bounds, hours * _STEPS_AN_HOUR, side="right") - 1
    is_whole = (hours + 1) * _STEPS_AN_HOUR <= bounds[window + 1] if len(hours) else np.zeros(0, np.bool_)
    return Plan(_cover(hours[is_whole], window[is_whole]), _remaining_steps(bounds, hours[is_whole]))


def _remaining_steps(bounds: Int64, hours: Int64) -> Cover:
    steps = np.arange(bounds[0], bounds[-1], dtype=np.int64)
    steps = steps[~np.isin(steps // _STEPS_AN_HOUR, hours)]
    return _cover(steps, np.searchsorted(bounds, steps, side="right") - 1)


def _cover(number: Int64, window: npt.NDArray[np.intp]) -> Cover:
    return Cover(number.astype(np.int32), window.astype(np.int32))
