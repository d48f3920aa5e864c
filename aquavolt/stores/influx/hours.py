"""The hourly roll-up: an hour is added up anew from its intervals whenever one of them is written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aquavolt.stores.influx import flux
from aquavolt.stores.influx.annotated_csv import Columns
from aquavolt.stores.influx.asking import Asking
from aquavolt.stores.influx.identifiers import identifier_of
from aquavolt.stores.influx.lines import INTERVAL
from metering.batch import Float64, ReadingBatch, UInt16
from metering.quantities import BY_CODE, BY_NAME
from metering.windows import GRID_MS

_HOUR_MS = 4 * GRID_MS
_STEPS = 4
_QUANTITIES = 256
_HOUR_BITS = 24  # hours since 1970: enough for 1,900 years
_MOST_STRETCHES = 24
_QUALITY_GIVEN = flux.compare("!=", "_value", flux.integer(0))

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Steps:
    """Intervals as rows. `key` says channel and hour in one number."""

    key: Int64
    usage: Float64
    quality: UInt16


def hours_of(asking: Asking, written: ReadingBatch) -> ReadingBatch:
    """The hours that the intervals just written (each key once) belong to, summed from all their stored intervals.

    An hour whose four intervals are all in `written` needs no look into the store.
    """
    steps = Steps(_keys(written), written.value, written.quality)
    touched, number = np.unique(steps.key, return_inverse=True)
    is_whole = np.bincount(number, minlength=len(touched)) == _STEPS
    known = Steps(*(column[is_whole[number]] for column in (steps.key, steps.usage, steps.quality)))
    partial = touched[~is_whole]
    found = [known] + ([_stored(asking, written.meters, partial)] if len(partial) else [])
    return _summed(written.meters, touched, found)


def _keys(batch: ReadingBatch) -> Int64:
    hour = batch.time.astype("datetime64[ms]").astype(np.int64) // _HOUR_MS
    channel = batch.meter.astype(np.int64) * _QUANTITIES + batch.quantity
    return (channel << _HOUR_BITS) | hour


def _summed(meters: tuple[str, ...], touched: Int64, found: list[Steps]) -> ReadingBatch:
    usage = np.zeros(len(touched))
    quality = np.zeros(len(touched), np.uint16)
    for steps in found:
        at = np.searchsorted(touched, steps.key)
        np.add.at(usage, at, steps.usage)
        np.bitwise_or.at(quality, at, steps.quality)
    channel, hour = touched >> _HOUR_BITS, touched & ((1 << _HOUR_BITS) - 1)
    return ReadingBatch(
        meters,
        (channel // _QUANTITIES).astype(np.int32),
        (channel % _QUANTITIES).astype(np.uint8),
        (hour * _HOUR_MS).astype("datetime64[ms]"),
        usage,
        quality,
    )


def _stored(asking: Asking, meters: tuple[str, ...], wanted: Int64) -> Steps:
    """All stored intervals of these (channel, hour)."""
    channels = np.unique(wanted >> _HOUR_BITS)
    hours = np.unique(wanted & ((1 << _HOUR_BITS) - 1))
    names = tuple(meters[number] for number in np.unique(channels // _QUANTITIES).tolist())
    quantities = tuple(BY_CODE[code].name for code in np.unique(channels % _QUANTITIES).tolist())
    place = {meter: i for i, meter in enumerate(meters)}
    parts = []
    for start, end in _stretches(hours):
        found = asking.ask(INTERVAL, start, end, meters=names, quantities=quantities)
        marked = asking.ask(
            INTERVAL, start, end, field="quality", meters=names, quantities=quantities, condition=_QUALITY_GIVEN
        )
        parts += [_steps(found, place, wanted), _bits(marked, place, wanted)]
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
    firsts = np.concatenate([hours[:1], hours[cuts + 1]]) * _HOUR_MS
    lasts = np.concatenate([hours[cuts], hours[-1:]]) * _HOUR_MS + _HOUR_MS
    return list(zip(firsts.astype("datetime64[ms]"), lasts.astype("datetime64[ms]"), strict=True))


def _steps(found: Columns, place: dict[str, int], wanted: Int64) -> Steps:
    channel = [place.get(identifier_of(m), -1) * _QUANTITIES + BY_NAME[q].code for m, q in found.tags]
    series = np.array(channel, np.int64)[found.series]
    key = (series << _HOUR_BITS) | (found.time.astype(np.int64) // _HOUR_MS)
    is_wanted = np.isin(key, wanted)
    return Steps(key[is_wanted], found.value[is_wanted], np.zeros(int(is_wanted.sum()), np.uint16))


def _bits(marked: Columns, place: dict[str, int], wanted: Int64) -> Steps:
    steps = _steps(marked, place, wanted)
    return Steps(steps.key, np.zeros(len(steps.key)), steps.usage.astype(np.uint16))
