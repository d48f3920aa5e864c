"""Batches of intervals as rows of the store: checked, each key once. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from metering.batch import to_datetime
from metering.intervals import IntervalBatch
from metering.windows import GRID_MS


def check_intervals(batch: IntervalBatch) -> npt.NDArray[np.int32]:
    """The 15 min step (since 1970 UTC) of each interval.

    Raises:
        ValueError: a start off the grid, or usage that is no finite number.
    """
    ms = batch.start.astype("datetime64[ms]").astype(np.int64)
    wrong = np.flatnonzero((ms % GRID_MS != 0) | ~np.isfinite(batch.usage))
    if wrong.size:
        row = wrong[0]
        meter, start = batch.meters[batch.meter[row]], to_datetime(batch.start[row]).isoformat()
        raise ValueError(
            f"interval of {meter!r} at {start} with usage {batch.usage[row]}: "
            "it must start on the 15 min grid and have a finite usage"
        )
    return (ms // GRID_MS).astype(np.int32)


def interval_columns(batch: IntervalBatch) -> dict[str, npt.NDArray[Any]]:
    """The batch as columns of the table, of each key the last row; `meter` is the batch's own index.

    Raises:
        ValueError: as `check_intervals`.
    """
    step = check_intervals(batch)
    order = np.lexsort((np.arange(len(step)), step, batch.quantity, batch.meter))
    meter, quantity, ordered = batch.meter[order], batch.quantity[order], step[order]
    is_last = np.ones(len(order), np.bool_)
    is_last[:-1] = (np.diff(meter) != 0) | (quantity[1:] != quantity[:-1]) | (np.diff(ordered) != 0)
    rows = np.sort(order[is_last])
    return {
        "meter": batch.meter[rows],
        "quantity": batch.quantity[rows],
        "step": step[rows],
        "usage": batch.usage[rows],
        "quality": batch.quality[rows],
    }
