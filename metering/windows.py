"""Local windows: days and months of the site's clock, where a day may have 23 or 25 hours, as UTC edges."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from metering.batch import Times, to_datetime, to_ms

GRID_MS = 15 * 60 * 1000
STEP = np.timedelta64(GRID_MS, "ms")


def local_midnight(day: date, zone: ZoneInfo) -> np.datetime64:
    """The moment the local day begins (the first of two where midnight is repeated), in UTC."""
    return to_ms(datetime(day.year, day.month, day.day, tzinfo=zone))


def local_day(moment: np.datetime64, zone: ZoneInfo) -> date:
    """The local day in which a UTC moment lies."""
    return to_datetime(moment).astimezone(zone).date()


def day_edges(first: date, last: date, zone: ZoneInfo) -> Times:
    """Bounds of the local days from `first` to `last`, both included: one edge more than days."""
    days = (last - first).days + 1
    return np.array([local_midnight(first + timedelta(i), zone) for i in range(days + 1)], "datetime64[ms]")


def month_edges(first: date, last: date, zone: ZoneInfo) -> Times:
    """Bounds of the local months from that of `first` to that of `last`, both included."""
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    starts = [divmod(first.year * 12 + first.month - 1 + i, 12) for i in range(months + 1)]
    return np.array([local_midnight(date(y, m + 1, 1), zone) for y, m in starts], "datetime64[ms]")


def offset_minutes(steps: npt.NDArray[np.int64], zone: ZoneInfo) -> npt.NDArray[np.int64]:
    """Minutes that the local clock is ahead of UTC at each grid step (step = 15 min since 1970 UTC)."""
    if not len(steps):
        return np.zeros(0, np.int64)
    # Offsets change at most a few times a year: look them up once an hour-wide bucket, not once a step.
    buckets, inverse = np.unique(steps // 4, return_inverse=True)
    seconds = [_utc_offset_s(int(b) * 3600, zone) for b in buckets]
    return (np.array(seconds, np.int64) // 60)[inverse]


def _utc_offset_s(epoch_s: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(epoch_s, tz=zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def step_of(moment: np.datetime64) -> int:
    """Number of the 15 min step (since 1970 UTC) in which the moment lies."""
    return int(moment.astype("datetime64[ms]").astype(np.int64)) // GRID_MS
