"""The newest reading of each channel, kept in memory so that pages need not search the readings for it."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Times, UInt8, UInt16

_QUANTITIES = 256
_NEVER = np.datetime64(np.iinfo(np.int64).min + 1, "ms")


@dataclass(frozen=True, slots=True)
class ChannelRows:
    """Readings in columns, by the store's own meter numbers."""

    meter: npt.NDArray[np.int32]
    quantity: UInt8
    time: Times
    value: Float64
    quality: UInt16


class NewestReadings:
    """One row a channel, channel = meter number x 256 + quantity code. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._time = np.zeros(0, "datetime64[ms]")
        self._value = np.zeros(0, np.float64)
        self._quality = np.zeros(0, np.uint16)

    def update(self, rows: ChannelRows) -> None:
        """Take over rows that are as new as what is known, or newer; of equal times the later row stays."""
        if not len(rows.value):
            return
        with self._lock:
            self._update(rows.meter.astype(np.int64) * _QUANTITIES + rows.quantity, rows)

    def _update(self, channel: npt.NDArray[np.int64], rows: ChannelRows) -> None:
        self._reserve(int(channel.max()) + 1)
        newer = np.flatnonzero(rows.time >= self._time[channel])
        # Stable order by time, then plain assignment: numpy lets the last of repeated indices stand.
        newer = newer[np.argsort(rows.time[newer], kind="stable")]
        at = channel[newer]
        self._time[at] = rows.time[newer]
        self._value[at] = rows.value[newer]
        self._quality[at] = rows.quality[newer]

    def rows(self, meters: npt.NDArray[np.int32]) -> ChannelRows:
        """The newest readings of these meters, ordered by (place in `meters`, quantity); `meter` is that place."""
        with self._lock:
            return self._rows(meters)

    def _rows(self, meters: npt.NDArray[np.int32]) -> ChannelRows:
        known = meters.astype(np.int64)[:, None] * _QUANTITIES + np.arange(_QUANTITIES)
        has = known < len(self._time)
        has[has] = self._time[known[has]] != _NEVER
        place, code = np.nonzero(has)
        channel = known[place, code]
        return ChannelRows(
            place.astype(np.int32),
            code.astype(np.uint8),
            self._time[channel],
            self._value[channel],
            self._quality[channel],
        )

    def _reserve(self, channels: int) -> None:
        missing = channels - len(self._time)
        if missing > 0:
            missing = max(missing, len(self._time))
            self._time = np.concatenate([self._time, np.full(missing, _NEVER)])
            self._value = np.concatenate([self._value, np.zeros(missing)])
            self._quality = np.concatenate([self._quality, np.zeros(missing, np.uint16)])
