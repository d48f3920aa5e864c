"""What a register may plausibly count in a time: declared, or learned from the meter's own pace."""

from __future__ import annotations

import numpy as np

from metering.batch import Quality
from metering.channels import RECENT, ChannelTable
from metering.steps import Float64, Int64
from metering.windows import GRID_MS

LEARN_AFTER = 96  # accepted readings before a meter's own pace says anything
FAR_ABOVE = 50.0  # times the fastest pace ever shown; a pipe that breaks stays below, a bit that flips does not
_HOUR_MS = 3_600_000.0
# A pause is a gap when it is longer than the grid's step and than 1.6 x the second shortest of the last distances.
GAP_FACTOR = 1.6
LONG_MS = 6 * 3_600_000


def hours(distance_ms: Int64) -> Float64:
    """The time a pace is taken over: at least one grid step, since registers move in pulses."""
    return np.maximum(distance_ms, GRID_MS) / _HOUR_MS


def limit(table: ChannelTable, channel: Int64, distance_ms: Int64, seen_rate: Float64, accepted: Int64) -> Float64:
    """The most that may have been counted in the distance (broadcasting over the last axis)."""
    fixed = table.fixed
    learned = np.maximum(FAR_ABOVE * seen_rate, fixed["floor"][channel])
    learned = np.where(
        accepted >= LEARN_AFTER, np.minimum(learned, fixed["ceiling"][channel]), fixed["ceiling"][channel]
    )
    declared = fixed["declared"][channel]
    rate = np.where(np.isnan(declared), learned, declared)
    return np.asarray(rate * hours(distance_ms) + fixed["jitter"][channel], np.float64)


def gap_flags(distances: Int64) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    """ESTIMATED for each distance that is a gap. `distances`: channels x (RECENT + steps); gives channels x steps."""
    now = distances[:, RECENT:]
    usual = distances[:, :-1]
    last = np.sort(np.stack([usual[:, i : i + now.shape[1]] for i in range(RECENT)]), axis=0)
    is_gap = (now > GRID_MS) & (now > GAP_FACTOR * last[1].astype(np.float64)) | (now > LONG_MS)
    return np.where(is_gap, np.uint16(Quality.ESTIMATED), np.uint16(0))
