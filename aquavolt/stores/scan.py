"""All of a store's readings in the order of time, in bounded memory: for export and for backtests on stored data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from aquavolt.stores.stretches import Stretch, stretches
from metering.batch import ReadingBatch, Times
from metering.ports import ReadingStore
from metering.quantities import BY_CODE

SLICE_ROWS = 250_000


class ScannableStore(ReadingStore, Protocol):
    """A reading store that knows how its readings lie in time."""

    def hourly_counts(
        self, start: np.datetime64 | None = None, end: np.datetime64 | None = None
    ) -> tuple[Times, npt.NDArray[np.int64]]:
        """The hours (UTC) in which readings are stored in [start, end), ascending, and about how many in each."""
        ...


def slices(store: ScannableStore, start: np.datetime64 | None, end: np.datetime64 | None) -> list[Stretch]:
    """Stretches of about `SLICE_ROWS` readings that make up [start, end); None: from the first, to the last stored."""
    found = stretches(*store.hourly_counts(start, end), SLICE_ROWS)
    if found and start is not None:
        found[0] = replace(found[0], start=max(found[0].start, start))
    if found and end is not None:
        found[-1] = replace(found[-1], end=min(found[-1].end, end))
    return found


def scan(
    store: ScannableStore,
    parts: Sequence[Stretch],
    meters: Sequence[str] | None = None,
    quantities: Sequence[str] | None = None,
) -> Iterator[ReadingBatch]:
    """The readings of each part, oldest first; of one time in the order of meters, then quantities. None: all."""
    asked_meters, asked_quantities = _all_channels(store)
    asked_meters = asked_meters if meters is None else meters
    asked_quantities = asked_quantities if quantities is None else quantities
    for part in parts:
        batch = store.read(asked_meters, asked_quantities, part.start, part.end)
        yield batch.take(np.argsort(batch.time, kind="stable"))


def _all_channels(store: ScannableStore) -> tuple[Sequence[str], Sequence[str]]:
    newest = store.latest()
    meters = [newest.meters[i] for i in np.unique(newest.meter)]
    return meters, [BY_CODE[code].name for code in np.unique(newest.quantity).tolist()]
