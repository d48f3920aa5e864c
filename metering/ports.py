"""The store ports: what AquaVolt needs of a time series store. Adapters stand in `aquavolt/stores/`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from metering.batch import Float64, ReadingBatch, Times, UInt16
from metering.intervals import IntervalBatch


@dataclass(frozen=True, slots=True)
class UsageSeries:
    """Usage of several channels on common windows.

    edges    datetime64[ms], UTC, the windows' bounds, one more than windows
    usage    float64, windows x meters, in the quantity's unit; NaN where no interval is stored
    quality  uint16, windows x meters, the bits of the intervals in the window, joined
    """

    meters: tuple[str, ...]
    edges: Times
    usage: Float64
    quality: UInt16


class ReadingStore(Protocol):
    """Raw readings, unique by (meter, quantity, time): of two with the same key the later written stays."""

    def append_readings(self, batches: Sequence[ReadingBatch], position: int, cursor: str = "live") -> None:
        """Write batches and that `cursor` has reached the journal's `position`, both or neither.

        Raises:
            StoreUnavailableError: nothing was written; the same call may be made again.
        """
        ...

    def position(self, cursor: str = "live") -> int:
        """The journal position last given for the cursor; 0 at first."""
        ...

    def read(
        self, meters: Sequence[str], quantities: Sequence[str], start: np.datetime64, end: np.datetime64
    ) -> ReadingBatch:
        """Readings with start <= time < end, ordered by (meter as asked for, quantity, time)."""
        ...

    def latest(self, meters: Sequence[str] | None = None) -> ReadingBatch:
        """The newest reading of each (meter, quantity)."""
        ...

    def count(self) -> dict[str, int]:
        """How many distinct readings each meter has."""
        ...


class IntervalStore(Protocol):
    """Usage on the 15 min grid, unique by (meter, quantity, start); roll-ups follow by themselves."""

    def upsert_intervals(self, batch: IntervalBatch) -> None:
        """Write intervals; an interval that is there is replaced. Writing the same twice changes nothing."""
        ...

    def usage(self, meters: Sequence[str], quantity: str, edges: Times) -> UsageSeries:
        """Usage in the windows between the edges, which lie on the 15 min grid.

        Local day and month windows come from `metering.windows`. Whole hours may be answered from a roll-up.
        """
        ...


class StoreUnavailableError(Exception):
    """The store cannot be reached or cannot write now; what was asked for may be asked for again."""
