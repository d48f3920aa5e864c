"""Batches as line protocol. No Python runs a row: the columns are written by C code, and joined by it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from aquavolt.stores.influx.identifiers import escaped, tag_of
from metering.batch import ReadingBatch
from metering.quantities import BY_CODE

_QUANTITIES = 256


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measurement: its name, the field its numbers are in, and whether its bucket is that of the intervals."""

    name: str
    field: str
    is_derived: bool


READING = Measurement("reading", "value", is_derived=False)
INTERVAL = Measurement("interval", "usage", is_derived=True)
INTERVAL_HOUR = Measurement("interval_hour", "usage", is_derived=True)
MEASUREMENTS = {kind.name: kind for kind in (READING, INTERVAL, INTERVAL_HOUR)}


def encode_lines(kind: Measurement, site: str, batch: ReadingBatch) -> bytes:
    """One line a row, in the order of the rows: of two with the same key the later one stays.

    Both fields are in every line, so that a later quality 0 takes the place of an earlier one too.

    Raises:
        ValueError: a meter's id that no tag can hold.
    """
    if not len(batch):
        return b""
    columns = (
        _heads(kind, site, batch),
        _numbers(batch.value),
        _qualities(batch),
        _numbers(batch.time.astype("datetime64[ms]").astype(np.int64)),
    )
    return b"".join(chain.from_iterable(zip(*columns, strict=True)))[1:] + b"\n"


def _heads(kind: Measurement, site: str, batch: ReadingBatch) -> list[bytes]:
    """Each row's beginning, up to the first field's number; a line end stands before it."""
    channel, index = np.unique(batch.meter.astype(np.int64) * _QUANTITIES + batch.quantity, return_inverse=True)
    last = b",site=%s %s=" % (escaped(tag_of(site)), kind.field.encode())
    heads = [
        b"\n%s,meter=%s,quantity=%s%s"
        % (
            kind.name.encode(),
            escaped(tag_of(batch.meters[number // _QUANTITIES])),
            BY_CODE[number % _QUANTITIES].name.encode(),
            last,
        )
        for number in channel.tolist()
    ]
    return _pick(heads, index)


def _qualities(batch: ReadingBatch) -> list[bytes]:
    bits, index = np.unique(batch.quality, return_inverse=True)
    return _pick([b",quality=%di " % code for code in bits.tolist()], index)


def _pick(texts: list[bytes], index: npt.NDArray[np.intp]) -> list[bytes]:
    table = np.empty(len(texts), object)
    table[:] = texts
    picked: list[bytes] = table[index].tolist()
    return picked


def _numbers(values: npt.NDArray[Any]) -> list[bytes]:
    """Each number in the fewest digits that mean exactly it."""
    return msgspec.json.encode(values.tolist())[1:-1].split(b",")
