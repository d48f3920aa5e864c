"""A collector's clock that goes by the times of its readings, so that weeks pass in seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from metering.batch import ReadingBatch
from metering.entries import Entry, Tick

GRID_MS = 3_600_000
_MARK = "readings-clock"


class ReadingsClock:
    """Says a full hour once a reading of it has come.

    Messages come in the order of their times, so by then all earlier ones have; the hours are the same however the
    readings are cut into entries.
    """

    def __init__(self, start: np.datetime64, marks: Mapping[str, str]) -> None:
        """It begins at `start`, or goes on where it was by the `marks` of the journal."""
        self._hour = int(marks.get(_MARK, start.astype("datetime64[ms]").astype(np.int64) // GRID_MS))

    @property
    def now(self) -> np.datetime64:
        """The hour it is."""
        return np.datetime64(self._hour * GRID_MS, "ms")

    def turn_back(self, now: np.datetime64) -> None:
        """What it ticked since could not be written."""
        self._hour = int(now.astype("datetime64[ms]").astype(np.int64)) // GRID_MS

    def mark(self) -> dict[str, str]:
        """What the journal is to remember."""
        return {_MARK: str(self._hour)}

    def with_ticks(self, entries: Sequence[Entry]) -> list[Entry]:
        """The entries, cut at full hours, with a tick at each."""
        return [part for entry in entries for part in self._parts(entry)]

    def _parts(self, entry: Entry) -> Iterator[Entry]:
        if not isinstance(entry, ReadingBatch):
            yield entry
            return
        hours = entry.time.astype(np.int64) // GRID_MS
        if (past := hours <= self._hour).any():
            yield entry.take(past)
        for hour in np.unique(hours[~past]).tolist():
            self._hour = hour
            yield Tick(self.now)
            yield entry.take(hours == hour)
