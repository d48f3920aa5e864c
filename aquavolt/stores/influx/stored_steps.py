"""Intervals as rows of (channel, hour), and those that are stored of some hours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aquavolt.stores.influx import flux
from aquavolt.stores.influx.annotated_csv import Columns
from aquavolt.stores.influx.asking import BEGINNING, END, Asking
from aquavolt.stores.influx.identifiers import identifier_of
from aquavolt.stores.influx.lines import INTERVAL
from metering.batch import Float64, UInt16
from metering.quantities import BY_CODE, BY_NAME
from metering.windows import GRID_MS

STEPS = 4
HOUR_MS = STEPS * GRID_MS
QUANTITIES = 256
HOUR_BITS = 24  # hours since 1970: enough for 1,900 years
_MOST_STRETCHES = 24

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Steps:
    """Intervals as rows. `key` says channel, hour and quarter of the hour in one number."""

    key: Int64
    usage: Float64
    quality: UInt16

    @property
    def hour(self) -> Int64:
        """Channel and hour in one number."""
        hour: Int64 = self.key // STEPS
        return hour

    def take(self, rows: npt.NDArray[np.bool_]) -> Steps:
        """Some of them."""
        return Steps(self.key[rows], self.usage[rows], self.quality[rows])


NO_STEPS = Steps(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.uint16))


def keys(channel: Int64, time: npt.NDArray[np.datetime64]) -> Int64:
    """The rows' keys; `channel` is meter x `QUANTITIES` + quantity."""
    step = time.astype("datetime64[ms]").astype(np.int64) // GRID_MS
    return (((channel << HOUR_BITS) | step // STEPS) * STEPS) + step % STEPS


def newest_hour(asking: Asking) -> int:
    """The hour (since 1970) of the newest stored interval; 0 where there are none.

    Raises:
        StoreUnavailableError: there is no answer.
    """
    time = asking.ask(INTERVAL, BEGINNING, END, flux.call("last")).time
    return int(time.max().astype(np.int64)) // HOUR_MS if len(time) else 0


def stored_steps(asking: Asking, meters: tuple[str, ...], wanted: Int64) -> Steps:
    """All stored intervals of these (channel, hour).

    Raises:
        StoreUnavailableError: there is no answer.
    """
    channels = np.unique(wanted >> HOUR_BITS)
    hours = np.unique(wanted & ((1 << HOUR_BITS) - 1))
    names = tuple(meters[number] for number in np.unique(channels // QUANTITIES).tolist())
    quantities = tuple(BY_CODE[code].name for code in np.unique(channels % QUANTITIES).tolist())
    place = {meter: i for i, meter in enumerate(meters)}
    parts = []
    for start, end in _stretches(hours):
        found = asking.ask(INTERVAL, start, end, meters=names, quantities=quantities)
        marked = asking.ask(
            INTERVAL, start, end, field="quality", meters=names, quantities=quantities, condition=flux.QUALITY_GIVEN
        )
        parts.append(_joined(_rows(found, place, wanted), _rows(marked, place, wanted)))
    return Steps(
        np.concatenate([part.key for part in parts]),
        np.concatenate([part.usage for part in parts]),
        np.concatenate([part.quality for part in parts]),
    )


def _stretches(hours: Int64) -> list[tuple[np.datetime64, np.datetime64]]:
    """The hours as few stretches of time; where they lie too scattered, one that has them all."""
    cuts = np.flatnonzero(np.diff(hours) > 1)
    if len(cuts) >= _MOST_STRETCHES:
        cuts = cuts[:0]
    firsts = np.concatenate([hours[:1], hours[cuts + 1]]) * HOUR_MS
    lasts = np.concatenate([hours[cuts], hours[-1:]]) * HOUR_MS + HOUR_MS
    return list(zip(firsts.astype("datetime64[ms]"), lasts.astype("datetime64[ms]"), strict=True))


def _rows(found: Columns, place: dict[str, int], wanted: Int64) -> tuple[Int64, Float64]:
    """Keys, ascending, and values of the rows of the wanted hours."""
    channel = np.array(
        [place.get(identifier_of(m), -1) * QUANTITIES + BY_NAME[q].code for m, q in found.tags], np.int64
    )
    key = keys(channel[found.series], found.time)
    rows = np.flatnonzero(np.isin(key // STEPS, wanted))
    rows = rows[np.argsort(key[rows], kind="stable")]
    return key[rows], found.value[rows]


def _joined(usage: tuple[Int64, Float64], marked: tuple[Int64, Float64]) -> Steps:
    """Usage and quality of the same rows; where no quality is given it is 0."""
    key, values = usage
    quality = np.zeros(len(key), np.uint16)
    _, at, from_row = np.intersect1d(key, marked[0], assume_unique=True, return_indices=True)
    quality[at] = marked[1][from_row].astype(np.uint16)
    return Steps(key, values, quality)
