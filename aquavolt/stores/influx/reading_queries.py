"""Raw readings out of InfluxDB."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from aquavolt.stores.influx import flux
from aquavolt.stores.influx.annotated_csv import Columns
from aquavolt.stores.influx.asking import BEGINNING, END, Asking
from aquavolt.stores.influx.identifiers import identifier_of
from aquavolt.stores.influx.lines import READING
from aquavolt.stores.influx.stored_steps import HOUR_MS
from metering.batch import ReadingBatch, Times, UInt16, empty_batch
from metering.quantities import BY_CODE, BY_NAME

PAGE_ROWS = 1_000_000
_COUNTED_AT_ONCE = np.timedelta64(30, "D")
_TIME_BITS = 43  # milliseconds since 1970 up to the year 2248

Int64 = npt.NDArray[np.int64]


def read(
    asking: Asking, meters: tuple[str, ...], quantities: tuple[str, ...], start: np.datetime64, end: np.datetime64
) -> ReadingBatch:
    """Readings in [start, end), ordered by (place of the meter, place of the quantity, time)."""
    pages = [_page(asking, meters, quantities, *span) for span in _pages(asking, meters, quantities, start, end)]
    if not pages:
        return _batch(meters, quantities, np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.uint16))
    key, value, quality = (np.concatenate(column) for column in zip(*pages, strict=True))
    if len(pages) > 1:
        order = np.argsort(key, kind="stable")
        key, value, quality = key[order], value[order], quality[order]
    return _batch(meters, quantities, key, value, quality)


def _pages(
    asking: Asking, meters: tuple[str, ...], quantities: tuple[str, ...], start: np.datetime64, end: np.datetime64
) -> Iterator[tuple[np.datetime64, np.datetime64]]:
    """[start, end) cut so that about `PAGE_ROWS` are in each part: a part is held, and asked for again, by itself."""
    start, end = max(start, BEGINNING), min(end, END)
    counted = asking.ask(READING, start, end, flux.call("count"), meters=meters, quantities=quantities)
    parts = -(-int(counted.value.sum()) // PAGE_ROWS)
    bounds = np.linspace(start.astype(np.int64), end.astype(np.int64), parts + 1).astype("datetime64[ms]")
    yield from pairwise(bounds)


def _page(
    asking: Asking, meters: tuple[str, ...], quantities: tuple[str, ...], start: np.datetime64, end: np.datetime64
) -> tuple[Int64, npt.NDArray[np.float64], UInt16]:
    """Keys (channel and time in one number, ascending), values and qualities."""
    place = _channel_places(meters, quantities)
    found = asking.ask(READING, start, end, meters=meters, quantities=quantities)
    marked = asking.ask(
        READING, start, end, field="quality", meters=meters, quantities=quantities, condition=flux.QUALITY_GIVEN
    )
    key, value = _keyed(found, place)
    quality = np.zeros(len(key), np.uint16)
    marked_key, bits = _keyed(marked, place)
    at = np.minimum(np.searchsorted(key, marked_key), max(len(key) - 1, 0))
    if len(key):
        is_there = key[at] == marked_key
        quality[at[is_there]] = bits[is_there].astype(np.uint16)
    return key, value, quality


def _channel_places(meters: tuple[str, ...], quantities: tuple[str, ...]) -> dict[tuple[str, str], int]:
    return {(m, q): i * len(quantities) + j for i, m in enumerate(meters) for j, q in enumerate(quantities)}


def _keyed(found: Columns, place: dict[tuple[str, str], int]) -> tuple[Int64, npt.NDArray[np.float64]]:
    """Rows of the wanted channels, ordered by channel and time."""
    places = np.array([place.get((identifier_of(m), q), -1) for m, q in found.tags], np.int64)
    row_place = places[found.series]
    key = (row_place << _TIME_BITS) | found.time.astype(np.int64)
    wanted = row_place >= 0
    key, value = key[wanted], found.value[wanted]
    if (np.diff(key) < 0).any():  # tables come in the order of tags, which is not the one asked for
        order = np.argsort(key, kind="stable")
        key, value = key[order], value[order]
    return key, value


def _batch(
    meters: tuple[str, ...], quantities: tuple[str, ...], key: Int64, value: npt.NDArray[np.float64], quality: UInt16
) -> ReadingBatch:
    channel, time = key >> _TIME_BITS, key & ((1 << _TIME_BITS) - 1)
    codes = np.array([BY_NAME[name].code for name in quantities], np.uint8)
    meter = channel // max(len(quantities), 1)
    kind = codes[channel % len(quantities)] if len(key) else np.zeros(0, np.uint8)
    return ReadingBatch(meters, meter.astype(np.int32), kind, time.astype("datetime64[ms]"), value, quality)


def latest(asking: Asking, meters: tuple[str, ...] | None) -> ReadingBatch:
    """The newest reading of each channel, ordered by (place of the meter, quantity code); None: of all meters."""
    step = flux.call("last")
    found = asking.ask(READING, BEGINNING, END, step, meters=meters)
    if not len(found.value):
        return empty_batch()
    marked = asking.ask(READING, BEGINNING, END, step, field="quality", meters=meters)
    known = [(identifier_of(m), BY_NAME[q].code) for m, q in found.tags if q in BY_NAME]
    asked = tuple(dict.fromkeys(m for m, _ in known)) if meters is None else meters
    names = tuple(BY_CODE[code].name for code in sorted({code for _, code in known}))
    place = _channel_places(asked, names)
    key, value = _keyed(found, place)
    marked_key, bits = _keyed(marked, place)
    quality = np.zeros(len(key), np.uint16)
    _, at, from_row = np.intersect1d(key, marked_key, assume_unique=True, return_indices=True)
    quality[at] = bits[from_row].astype(np.uint16)
    return _batch(asked, names, key, value, quality)


def count(asking: Asking) -> dict[str, int]:
    """How many readings each meter has."""
    found = asking.ask(READING, BEGINNING, END, flux.call("count"))
    counts: dict[str, int] = {}
    for series, rows in zip(found.series.tolist(), found.value.tolist(), strict=True):
        meter = identifier_of(found.tags[series][0])
        counts[meter] = counts.get(meter, 0) + int(rows)
    return counts


def hourly_counts(asking: Asking, start: np.datetime64 | None, end: np.datetime64 | None) -> tuple[Times, Int64]:
    """Hours (UTC) with readings in [start, end), ascending, and how many."""
    first, last = _stored_span(asking)
    start = first if start is None else max(start, first)
    end = last if end is None else min(end, last)
    hours: list[Times] = []
    counts: list[Int64] = []
    while start < end:
        stop = min(end, start + _COUNTED_AT_ONCE)
        step = flux.call(
            "aggregateWindow",
            every=flux.duration(HOUR_MS),
            fn=flux.name("count"),
            createEmpty=flux.boolean(value=False),
            timeSrc=flux.string("_start"),
        )
        found = asking.ask(READING, start, stop, step)
        number = found.time.astype(np.int64) // HOUR_MS
        there, index = np.unique(number, return_inverse=True)
        hours.append((there * HOUR_MS).astype("datetime64[ms]"))
        counts.append(np.bincount(index, found.value, len(there)).astype(np.int64))
        start = stop
    return _joined(hours, counts)


def _joined(hours: list[Times], counts: list[Int64]) -> tuple[Times, Int64]:
    """Where two parts met within an hour, that hour is one again."""
    if not hours:
        return np.zeros(0, "datetime64[ms]"), np.zeros(0, np.int64)
    there, index = np.unique(np.concatenate(hours), return_inverse=True)
    return there, np.bincount(index, np.concatenate(counts), len(there)).astype(np.int64)


def _stored_span(asking: Asking) -> tuple[np.datetime64, np.datetime64]:
    """[first, last] of the readings as a half-open stretch; empty where there are none."""
    first = asking.ask(READING, BEGINNING, END, flux.call("first")).time
    last = asking.ask(READING, BEGINNING, END, flux.call("last")).time
    if not len(first) or not len(last):
        return END, END
    return first.min(), last.max() + np.timedelta64(1, "ms")
