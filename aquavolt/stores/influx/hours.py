"""The hourly roll-up: an hour is added up anew from its intervals whenever one of them is written.

One process writes a site's intervals: who holds the journal that they come from. So of the newest hours it remembers
what it wrote, and asks the store only for what may have been there before; a live system asks for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from aquavolt.stores.influx.asking import Asking
from aquavolt.stores.influx.stored_steps import (
    HOUR_BITS,
    HOUR_MS,
    NO_STEPS,
    QUANTITIES,
    STEPS,
    Int64,
    Steps,
    keys,
    newest_hour,
    stored_steps,
)
from metering.batch import ReadingBatch

# What comes later than this is rare, and asked for. The memory is searched with every write, so it is small.
_REMEMBERED_H = 3
_HOUR = (1 << HOUR_BITS) - 1


class HourRollup:
    """Adds up hours. One thread at a time."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._numbers: dict[str, int] = {}
        self._forget()

    def _forget(self) -> None:
        # Hours that are remembered are known whole; of others, those after `_empty_after` have nothing stored.
        self._remembered = NO_STEPS
        self._empty_after: int | None = None

    @contextmanager
    def adding(self, written: ReadingBatch) -> Iterator[ReadingBatch]:
        """The hours of these intervals (each key once), with all that is stored of them. Within, both are written.

        Raises:
            StoreUnavailableError: the store has to be asked, and does not answer.
        """
        try:
            steps = self._steps(written)
            touched = np.unique(steps.hour)
            known = self._known(steps, touched)
            yield self._summed(known, touched)
        except BaseException:
            self._forget()  # nobody knows what of it is written
            raise
        self._remember(known)

    def _steps(self, written: ReadingBatch) -> Steps:
        """The intervals with meters' numbers that stay the same from one batch to the next."""
        for meter in written.meters:
            self._numbers.setdefault(meter, len(self._numbers))
        number = np.array([self._numbers[meter] for meter in written.meters], np.int64)
        channel = number[written.meter] * QUANTITIES + written.quantity
        return Steps(keys(channel, written.time), written.value, written.quality)

    def _known(self, steps: Steps, touched: Int64) -> Steps:
        """All intervals of the touched hours: these, before them what is remembered, before that what is stored."""
        remembered = self._remembered.take(np.isin(self._remembered.hour, touched))
        known = _latest(remembered, steps)
        hour, count = np.unique(known.hour, return_counts=True)
        is_whole = count == STEPS  # every touched hour has one at least
        may_have_more = ~is_whole & ~np.isin(hour, remembered.hour)
        if may_have_more.any():
            may_have_more &= (hour & _HOUR) <= self._newest_stored()
        if may_have_more.any():
            known = _latest(stored_steps(self._asking, tuple(self._numbers), hour[may_have_more]), known)
        return known

    def _newest_stored(self) -> int:
        if self._empty_after is None:
            self._empty_after = newest_hour(self._asking)
        return self._empty_after

    def _summed(self, known: Steps, touched: Int64) -> ReadingBatch:
        at = np.searchsorted(touched, known.hour)
        usage = np.zeros(len(touched))
        quality = np.zeros(len(touched), np.uint16)
        np.add.at(usage, at, known.usage)
        np.bitwise_or.at(quality, at, known.quality)
        channel, hour = touched >> HOUR_BITS, touched & _HOUR
        return ReadingBatch(
            tuple(self._numbers),
            (channel // QUANTITIES).astype(np.int32),
            (channel % QUANTITIES).astype(np.uint8),
            (hour * HOUR_MS).astype("datetime64[ms]"),
            usage,
            quality,
        )

    def _remember(self, known: Steps) -> None:
        joined = _latest(self._remembered, known)
        hour = joined.hour & _HOUR
        forgotten = int(hour.max()) - _REMEMBERED_H
        if self._empty_after is not None:
            self._empty_after = max(self._empty_after, forgotten)
        self._remembered = joined.take(hour > forgotten)


def _latest(earlier: Steps, later: Steps) -> Steps:
    """Both, ordered by key; of two with the same key the later one."""
    key = np.concatenate([later.key, earlier.key])
    unique, first = np.unique(key, return_index=True)
    usage = np.concatenate([later.usage, earlier.usage])
    quality = np.concatenate([later.quality, earlier.quality])
    return Steps(unique, usage[first], quality[first])
