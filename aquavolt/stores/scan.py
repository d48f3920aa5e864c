"""All of a store's readings in the order of time, in bounded memory: for export and for backtests on stored data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from metering.batch import ReadingBatch, Times
from metering.ports import ReadingStore
from metering.quantities import BY_CODE

_HOUR = np.timedelta64(3_600_000, "ms")
SLICE_ROWS = 250_000


class ScannableStore(ReadingStore, Protocol):
    """A reading store that knows how its readings lie in time."""

    def hourly_counts(
        self, start: np.datetime64 | None = None, end: np.datetime64 | None = None
    ) -> tuple[Times, npt.NDArray[np.int64]]:
        """The hours (UTC) in which readings are stored in [start, end), ascending, and about how many in each."""
        ...


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch [start, end) and about how many readings of all meters lie in it."""

    start: np.datetime64
    end: np.datetime64
    rows: int


def slices(store: ScannableStore, start: np.datetime64 | None, end: np.datetime64 | None) -> list[Slice]:
    """Stretches of whole hours that hold about `SLICE_ROWS` readings each, an hour at least.

    A bound of None stands for the first or the last reading stored.
    """
    hours, counts = store.hourly_counts(start, end)
    if not len(hours):
        return []
    group = (np.cumsum(counts) - counts) // SLICE_ROWS
    first = np.flatnonzero(np.diff(group, prepend=-1))
    rows = np.add.reduceat(counts, first)
    bounds = np.append(hours[first], hours[-1] + _HOUR)
    if start is not None:
        bounds[0] = max(bounds[0], start)
    if end is not None:
        bounds[-1] = min(bounds[-1], end)
    return [Slice(a, b, int(n)) for a, b, n in zip(bounds[:-1], bounds[1:], rows, strict=True)]


def scan(
    store: ScannableStore,
    stretches: Sequence[Slice],
    meters: Sequence[str] | None = None,
    quantities: Sequence[str] | None = None,
) -> Iterator[ReadingBatch]:
    """The readings of each stretch, oldest first; of one time in the order of meters, then quantities. None: all."""
    asked_meters, asked_quantities = _all_channels(store)
    asked_meters = asked_meters if meters is None else meters
    asked_quantities = asked_quantities if quantities is None else quantities
    for stretch in stretches:
        batch = store.read(asked_meters, asked_quantities, stretch.start, stretch.end)
        yield batch.take(np.argsort(batch.time, kind="stable"))


def _all_channels(store: ScannableStore) -> tuple[Sequence[str], Sequence[str]]:
    newest = store.latest()
    meters = [newest.meters[i] for i in np.unique(newest.meter)]
    return meters, [BY_CODE[code].name for code in np.unique(newest.quantity).tolist()]
