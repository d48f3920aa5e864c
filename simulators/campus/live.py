"""The campus as it is now, for servers that are asked many times a second."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simulators.campus.campus import Campus

Clock = Callable[[], np.datetime64]

_FRESH = np.timedelta64(1000, "ms")


class LiveCampus:
    """Values of all meters, taken together at most once a second."""

    def __init__(self, campus: Campus, clock: Clock) -> None:
        """`clock` gives the UTC time as `datetime64[ms]`."""
        self.campus = campus
        self._clock = clock
        self._at = campus.start
        self._values: list[dict[str, float]] = []

    @property
    def taken_at(self) -> np.datetime64:
        """The time of the values that `values` gave last."""
        return self._at

    def values(self, row: int) -> dict[str, float]:
        """What the meter at that position shows now, by quantity; empty while its unit is dead."""
        now = self._clock()
        if not self._values or not self._at <= now < self._at + _FRESH:
            self._values = self.campus.quantities(now)
            self._at = now
        return self._values[row]

    def forget(self) -> None:
        """Take the values anew at the next question: something was changed."""
        self._values = []
