"""Readings into a long-form file, with the local time of the site."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import numpy.typing as npt

from aquavolt.longform.faults import LongFormError
from aquavolt.longform.progress import PACKING, READING, Progress
from aquavolt.longform.scratch import scratch
from aquavolt.longform.staged import StagedReadings
from aquavolt.stores.scan import ScannableStore, scan, slices
from metering.batch import ReadingBatch
from metering.quantities import QUANTITIES
from metering.windows import GRID_MS, offset_minutes

_FORMATS = {
    ".csv": "FORMAT csv, HEADER",
    ".csv.gz": "FORMAT csv, HEADER, COMPRESSION gzip",
    ".parquet": "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 100000",
}

# The local time with its offset, milliseconds only where there are any.
_LOCAL = """
CASE WHEN epoch_ms(time) % 1000 = 0 THEN strftime(time + to_minutes(minutes), '%Y-%m-%dT%H:%M:%S')
     ELSE strftime(time + to_minutes(minutes), '%Y-%m-%dT%H:%M:%S.%g') END
|| CASE WHEN minutes < 0 THEN '-' ELSE '+' END
|| lpad((abs(minutes) // 60)::VARCHAR, 2, '0') || ':' || lpad((abs(minutes) % 60)::VARCHAR, 2, '0')
"""


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written."""

    path: Path
    rows: int


def write_file(
    path: Path,
    batches: Iterable[ReadingBatch],
    zone: ZoneInfo,
    *,
    has_quality: bool = False,
    progress: Progress | None = None,
) -> ExportReport:
    """Write the readings in the order they come, times on the clock of `zone`; `has_quality` adds that column.

    The file appears whole, or not at all.

    Raises:
        LongFormError: the ending names no format, or the file cannot be written.
    """
    form = next((f for suffix, f in _FORMATS.items() if path.name.endswith(suffix)), None)
    if form is None:
        raise LongFormError(f"{path}: what kind of file shall this be? Allowed endings: {', '.join(_FORMATS)}")
    part = path.with_name(f".{path.name}.part")
    try:
        with scratch(path.parent) as connection:
            staged = StagedReadings(connection)
            for batch in batches:
                staged.add(batch, _minutes(batch, zone))
            if progress is not None:
                progress(PACKING, 0, staged.rows)
            _pack(connection, staged, part, form, has_quality=has_quality)
        part.replace(path)
    except (duckdb.Error, OSError) as error:
        raise LongFormError(f"{path} cannot be written: {error}") from error
    finally:
        part.unlink(missing_ok=True)
    if progress is not None:
        progress(PACKING, staged.rows, staged.rows)
    return ExportReport(path, staged.rows)


def export_file(
    store: ScannableStore,
    path: Path,
    zone: ZoneInfo,
    *,
    meters: Sequence[str] | None = None,
    quantities: Sequence[str] | None = None,
    start: np.datetime64 | None = None,
    end: np.datetime64 | None = None,
    has_quality: bool = False,
    progress: Progress | None = None,
) -> ExportReport:
    """Write stored readings in [start, end), oldest first; None stands for all meters, all quantities, no bound.

    `progress` counts stored readings, of any meter, in the stretches read.

    Raises:
        LongFormError: as `write_file`.
        ValueError: an unknown quantity.
        StoreUnavailableError: the store cannot be read.
    """
    parts = slices(store, start, end)
    total = sum(part.rows for part in parts)

    def read() -> Iterable[ReadingBatch]:
        done = 0
        for part, batch in zip(parts, scan(store, parts, meters, quantities), strict=True):
            yield batch
            done += part.rows
            if progress is not None:
                progress(READING, done, total)

    return write_file(path, read(), zone, has_quality=has_quality, progress=progress)


def _minutes(batch: ReadingBatch, zone: ZoneInfo) -> npt.NDArray[np.int64]:
    return offset_minutes(batch.time.astype("datetime64[ms]").astype(np.int64) // GRID_MS, zone)


def _pack(connection: Any, staged: StagedReadings, part: Path, form: str, *, has_quality: bool) -> None:
    meters = staged.meters
    names = {"number": np.arange(len(meters), dtype=np.int32), "id": np.array(meters, object)}
    kinds = {
        "code": np.array([q.code for q in QUANTITIES], np.uint8),
        "name": np.array([q.name for q in QUANTITIES], object),
    }
    connection.register("names", names)
    connection.register("kinds", kinds)
    connection.execute("SET VARIABLE part = ?", [os.fspath(part)])
    quality = ", quality" if has_quality else ""
    connection.execute(
        f"COPY (SELECT id AS meter, name AS quantity, {_LOCAL} AS time, value{quality} "  # noqa: S608
        "FROM staged JOIN names ON number = meter JOIN kinds ON code = quantity ORDER BY staged.rowid) "
        f"TO (getvariable('part')) ({form})"
    )
