"""A fixed grid: item i is due at phase + k x period, whatever the work takes. Pure; the caller brings the clock."""

from __future__ import annotations

import heapq
import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

# Golden ratio: phases of any number of items lie evenly in the period, in whatever order they come and go.
_GOLDEN = 0.6180339887498949


@dataclass(frozen=True, slots=True)
class Due(Generic[K]):
    """An item whose grid point has come. `missed` are earlier grid points that passed while nobody looked."""

    key: K
    at: float
    missed: int


def phase_of(index: int, period_s: float) -> float:
    """The offset in [0, period) of the index-th item, so that items of one period are spread over it."""
    return (index * _GOLDEN) % 1.0 * period_s


class GridSchedule(Generic[K]):
    """Due times of many items. Late calls do not move the grid: the next due time is always phase + k x period."""

    def __init__(self, start: float) -> None:
        self._start = start
        self._heap: list[tuple[float, int, int, K]] = []  # due at, serial, step, key
        self._grid: dict[K, tuple[float, float, int]] = {}  # origin, period, serial
        self._serial = 0

    def __len__(self) -> int:
        return len(self._grid)

    def add(self, key: K, period_s: float, phase_s: float, now: float) -> None:
        """Begin with the first grid point not before `now`; a key that is there is replaced.

        Raises:
            ValueError: the period is not above 0.
        """
        if period_s <= 0:
            raise ValueError(f"a period must be above 0 s, not {period_s:g}")
        self._serial += 1
        self._grid[key] = (self._start + phase_s, period_s, self._serial)
        self._push(key, max(0, math.ceil((now - self._start - phase_s) / period_s)))

    def remove(self, key: K) -> None:
        """The key is no longer due; an unknown one is nothing."""
        self._grid.pop(key, None)

    def next_due(self) -> float | None:
        """When the next item is due; None without items."""
        self._drop_removed()
        return self._heap[0][0] if self._heap else None

    def upcoming(self) -> list[tuple[K, float]]:
        """(item, when it is due next) of all items. May be called beside the rest, from another thread."""
        grid = self._grid
        return [(key, at) for at, serial, _, key in tuple(self._heap) if grid.get(key, (0, 0, 0))[2] == serial]

    def pop_due(self, now: float) -> list[Due[K]]:
        """Every item whose grid point has come, in order of it, and each at most once."""
        found: list[Due[K]] = []
        while (at := self.next_due()) is not None and at <= now:
            _, _, first, key = heapq.heappop(self._heap)
            origin, period, _ = self._grid[key]
            # The division may round either way: take the last point that is not after now, as points are computed.
            last = max(first, math.floor((now - origin) / period) - 1)
            while origin + (last + 1) * period <= now:
                last += 1
            found.append(Due(key, origin + last * period, last - first))
            # Always a later step, whatever the rounding: else the same point would be due again and again.
            self._push(key, last + 1)
        return found

    def _push(self, key: K, step: int) -> None:
        # From the grid's origin each time: adding periods up would drift by rounding.
        origin, period, serial = self._grid[key]
        heapq.heappush(self._heap, (origin + step * period, serial, step, key))

    def _drop_removed(self) -> None:
        while self._heap:
            _, serial, _, key = self._heap[0]
            if key in self._grid and self._grid[key][2] == serial:
                return
            heapq.heappop(self._heap)
