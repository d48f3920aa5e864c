"""Readings in columns, and what meters say that is no number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntFlag

import numpy as np
import numpy.typing as npt

Int32 = npt.NDArray[np.int32]
UInt8 = npt.NDArray[np.uint8]
UInt16 = npt.NDArray[np.uint16]
Float64 = npt.NDArray[np.float64]
Times = npt.NDArray[np.datetime64]
Mask = npt.NDArray[np.bool_]


class Quality(IntFlag):
    """Why a reading or an interval is not simply good. Written into stores: never renumber."""

    GOOD = 0
    ESTIMATED = 1
    HELD = 2
    CLOCK_WRONG = 4
    RESET = 8
    ROLLOVER = 16
    REPLACED = 32
    LATE = 64
    SIMULATED = 128


@dataclass(frozen=True, slots=True)
class ReadingBatch:
    """Readings, one a row, columns of equal length.

    meters    the batch's own tuple of meter ids
    meter     int32, index into `meters`
    quantity  uint8, code of `metering.quantities`
    time      datetime64[ms], UTC
    value     float64 in the quantity's unit, never NaN or infinite
    quality   uint16, bits of `Quality`
    """

    meters: tuple[str, ...]
    meter: Int32
    quantity: UInt8
    time: Times
    value: Float64
    quality: UInt16

    def __post_init__(self) -> None:
        lengths = {len(self.meter), len(self.quantity), len(self.time), len(self.value), len(self.quality)}
        if len(lengths) != 1:
            raise ValueError(f"columns of a batch differ in length: {sorted(lengths)}")
        if not np.isfinite(self.value).all():
            raise ValueError("a reading's value must be a finite number")

    def __len__(self) -> int:
        return len(self.value)

    def take(self, rows: npt.NDArray[np.intp] | Mask) -> ReadingBatch:
        """The rows given by index or mask, same tuple of meters."""
        return ReadingBatch(
            self.meters, self.meter[rows], self.quantity[rows], self.time[rows], self.value[rows], self.quality[rows]
        )


def batch_of(
    meters: Sequence[str],
    meter: npt.ArrayLike,
    quantity: npt.ArrayLike,
    time: npt.ArrayLike,
    value: npt.ArrayLike,
    quality: npt.ArrayLike = 0,
) -> ReadingBatch:
    """A batch from anything array-like; a scalar `quantity`, `time` or `quality` stands for every row."""
    value_column = np.asarray(value, dtype=np.float64)
    rows = len(value_column)

    def column(source: npt.ArrayLike, kind: npt.DTypeLike) -> npt.NDArray[np.generic]:
        return np.ascontiguousarray(np.broadcast_to(np.asarray(source).astype(kind), rows))

    return ReadingBatch(
        tuple(meters),
        column(meter, np.int32),  # type: ignore[arg-type]
        column(quantity, np.uint8),  # type: ignore[arg-type]
        column(time, "datetime64[ms]"),  # type: ignore[arg-type]
        value_column,
        column(quality, np.uint16),  # type: ignore[arg-type]
    )


def empty_batch() -> ReadingBatch:
    """A batch without rows."""
    return batch_of((), [], [], np.array([], "datetime64[ms]"), [])


def concatenate(batches: Iterable[ReadingBatch]) -> ReadingBatch:
    """One batch with the rows of all, in their order; meters are merged by id."""
    parts = [b for b in batches if len(b)]
    if not parts:
        return empty_batch()
    if len(parts) == 1:
        return parts[0]
    index: dict[str, int] = {}
    columns = []
    for part in parts:
        mapping = np.array([index.setdefault(m, len(index)) for m in part.meters], dtype=np.int32)
        columns.append(mapping[part.meter])
    return ReadingBatch(
        tuple(index),
        np.concatenate(columns),
        np.concatenate([p.quantity for p in parts]),
        np.concatenate([p.time for p in parts]),
        np.concatenate([p.value for p in parts]),
        np.concatenate([p.quality for p in parts]),
    )


@dataclass(frozen=True, slots=True)
class MeterEvent:
    """What a meter says that is no number: an alarm, a status word, a serial number. `time` is UTC."""

    meter: str
    time: np.datetime64
    code: str
    text: str


def to_ms(moment: datetime) -> np.datetime64:
    """An aware datetime as `datetime64[ms]` in UTC.

    Raises:
        ValueError: the datetime is naive.
    """
    if moment.tzinfo is None:
        raise ValueError(f"a time without an offset says nothing: {moment.isoformat()}")
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "ms")


def to_datetime(moment: np.datetime64) -> datetime:
    """A `datetime64` (UTC) as an aware datetime."""
    return datetime.fromtimestamp(int(moment.astype("datetime64[ms]").astype(np.int64)) / 1000, tz=UTC)
