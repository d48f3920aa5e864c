"""The calls that the owner of a store answers, one function each: arguments and bodies in, result and bodies out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from aquavolt.stores.protocol import ProtocolError, decode_batch, decode_batches, encode_batch
from aquavolt.stores.scan import ScannableStore
from metering.batch import ReadingBatch
from metering.intervals import IntervalBatch
from metering.ports import IntervalStore

Arguments = dict[str, Any]
Answer = tuple[Any, list[bytes]]


class OwnedStore(ScannableStore, IntervalStore, Protocol):
    """Both ports and the scan."""


@dataclass(frozen=True, slots=True)
class OwnedParts:
    """What the owner has: the store, and where readings from outside go (None: nowhere)."""

    store: OwnedStore
    submit: Callable[[ReadingBatch], None] | None


def _position(parts: OwnedParts, arguments: Arguments, _bodies: list[bytes]) -> Answer:
    return parts.store.position(arguments["cursor"]), []


def _append_readings(parts: OwnedParts, arguments: Arguments, bodies: list[bytes]) -> Answer:
    parts.store.append_readings(decode_batches(bodies), arguments["position"], arguments["cursor"])
    return None, []


def _read(parts: OwnedParts, arguments: Arguments, _bodies: list[bytes]) -> Answer:
    start, end = moment(arguments["start"]), moment(arguments["end"])
    batch = parts.store.read(arguments["meters"], arguments["quantities"], start, end)
    return None, encode_batch(batch)


def _latest(parts: OwnedParts, arguments: Arguments, _bodies: list[bytes]) -> Answer:
    return None, encode_batch(parts.store.latest(arguments["meters"]))


def _count(parts: OwnedParts, _arguments: Arguments, _bodies: list[bytes]) -> Answer:
    return parts.store.count(), []


def _hourly_counts(parts: OwnedParts, arguments: Arguments, _bodies: list[bytes]) -> Answer:
    start, end = arguments["start"], arguments["end"]
    hours, counts = parts.store.hourly_counts(
        None if start is None else moment(start), None if end is None else moment(end)
    )
    return None, [hours.astype("<M8[ms]").tobytes(), counts.astype("<i8").tobytes()]


def _upsert_intervals(parts: OwnedParts, _arguments: Arguments, bodies: list[bytes]) -> Answer:
    rows = decode_batch(bodies)
    parts.store.upsert_intervals(
        IntervalBatch(rows.meters, rows.meter, rows.quantity, rows.time, rows.value, rows.quality)
    )
    return None, []


def _usage(parts: OwnedParts, arguments: Arguments, bodies: list[bytes]) -> Answer:
    edges = np.frombuffer(bodies[0], "<M8[ms]")
    series = parts.store.usage(arguments["meters"], arguments["quantity"], edges)
    return None, [series.usage.astype("<f8").tobytes(), series.quality.astype("<u2").tobytes()]


def _submit(parts: OwnedParts, _arguments: Arguments, bodies: list[bytes]) -> Answer:
    if parts.submit is None:
        raise ProtocolError("this process takes no readings from outside")
    for batch in decode_batches(bodies):
        parts.submit(batch)
    return None, []


CALLS: dict[str, Callable[[OwnedParts, Arguments, list[bytes]], Answer]] = {
    "position": _position,
    "append_readings": _append_readings,
    "read": _read,
    "latest": _latest,
    "count": _count,
    "hourly_counts": _hourly_counts,
    "upsert_intervals": _upsert_intervals,
    "usage": _usage,
    "submit": _submit,
}


def moment(ms: int) -> np.datetime64:
    """A time on the wire: milliseconds since 1970 UTC."""
    return np.datetime64(ms, "ms")
