"""Intervals and the hourly roll-up in SQL."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from aquavolt.stores.windows_on_grid import Cover
from metering.batch import Float64, UInt16

_MERGE_INTERVALS = """
MERGE INTO intervals USING incoming USING (meter, quantity, step)
WHEN MATCHED THEN UPDATE SET usage = incoming.usage, quality = incoming.quality
WHEN NOT MATCHED THEN INSERT (meter, quantity, step, usage, quality)
    VALUES (incoming.meter, incoming.quantity, incoming.step, incoming.usage, incoming.quality)
"""

# An hour is added up anew from its intervals, so a late interval that replaces one cannot leave the sum astray.
_MERGE_HOURS = """
MERGE INTO hours USING (
    WITH touched AS (SELECT DISTINCT meter, quantity, step // 4 AS hour FROM incoming)
    SELECT meter, quantity, touched.hour, fsum(usage) AS usage, bit_or(quality) AS quality
    FROM intervals JOIN touched USING (meter, quantity)
    WHERE step >= ? AND step < ? AND step // 4 = touched.hour
    GROUP BY ALL
) AS sums USING (meter, quantity, hour)
WHEN MATCHED THEN UPDATE SET usage = sums.usage, quality = sums.quality
WHEN NOT MATCHED THEN INSERT (meter, quantity, hour, usage, quality)
    VALUES (sums.meter, sums.quantity, sums.hour, sums.usage, sums.quality)
"""

_ROWS = """
SELECT wanted.place AS meter, cover.window, {usage} AS usage, {quality} AS quality
FROM {table} AS stored JOIN cover ON cover.number = stored.{number} JOIN wanted ON wanted.number = stored.meter
WHERE stored.quantity = ? AND stored.{number} >= ? AND stored.{number} <= ?
"""
_SUMS = _ROWS.replace("{usage}", "fsum(usage)").replace("{quality}", "bit_or(quality)") + "GROUP BY ALL"
# Where no two rows lie in one window (a year of hours) there is nothing to add up.
_SINGLE = _ROWS.replace("{usage}", "usage").replace("{quality}", "quality")


def upsert(cursor: Any, columns: dict[str, npt.NDArray[Any]]) -> None:
    """Write intervals (each key once) and the hours they belong to."""
    cursor.register("incoming", columns)
    cursor.execute(_MERGE_INTERVALS)
    first, last = int(columns["step"].min()), int(columns["step"].max())
    cursor.execute(_MERGE_HOURS, [first // 4 * 4, (last // 4 + 1) * 4])


def add_hours(cursor: Any, cover: Cover, quantity: int, usage: Float64, quality: UInt16) -> None:
    """Add the hours of `cover` to `usage` and `quality` (windows x the registered `wanted` meters)."""
    _add(cursor, {"table": "hours", "number": "hour"}, cover, quantity, usage, quality)


def add_steps(cursor: Any, cover: Cover, quantity: int, usage: Float64, quality: UInt16) -> None:
    """Add the 15 min intervals of `cover`, as `add_hours` does."""
    _add(cursor, {"table": "intervals", "number": "step"}, cover, quantity, usage, quality)


def _add(cursor: Any, names: dict[str, str], cover: Cover, quantity: int, usage: Float64, quality: UInt16) -> None:
    if not len(cover.number) or not usage.size:
        return
    query = (_SINGLE if (np.diff(cover.window) > 0).all() else _SUMS).format(**names)
    cursor.register("cover", {"number": cover.number, "window": cover.window})
    rows = cursor.execute(query, [quantity, int(cover.number[0]), int(cover.number[-1])]).fetchnumpy()
    cursor.unregister("cover")
    at = (rows["window"], rows["meter"])
    usage[at] = np.where(np.isnan(usage[at]), 0.0, usage[at]) + rows["usage"]
    quality[at] |= rows["quality"]
