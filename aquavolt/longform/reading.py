"""Readings out of a long-form file: `meter,quantity,time,value`, CSV (plain or gzip) or Parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from aquavolt.longform.csv_file import read_csv
from aquavolt.longform.faults import LongFormError, RowFaults
from aquavolt.longform.parquet_file import read_parquet
from aquavolt.longform.progress import TAKING, Progress
from aquavolt.longform.rows import RowBlock, RowReader
from aquavolt.longform.scratch import scratch
from aquavolt.longform.staged import StagedReadings
from metering.batch import ReadingBatch
from metering.site import Site

SUFFIXES = (".csv", ".csv.gz", ".parquet")
Sink = Callable[[ReadingBatch], None]


@dataclass(slots=True)
class ImportReport:
    """What became of a file: rows taken and set aside, and the times (UTC) between which those taken lie."""

    path: Path
    rows: int = 0
    faults: RowFaults = field(default_factory=RowFaults)
    first: np.datetime64 | None = None
    last: np.datetime64 | None = None

    def add(self, batch: ReadingBatch) -> None:
        """Count a batch that was taken."""
        if len(batch):
            self.rows += len(batch)
            first, last = batch.time.min(), batch.time.max()
            self.first = first if self.first is None else min(self.first, first)
            self.last = last if self.last is None else max(self.last, last)

    def lines(self) -> list[str]:
        """The bad rows listed, one line each, and how many there are beyond."""
        listed = [fault.describe(self.path) for fault in self.faults.listed]
        more = self.faults.count - len(listed)
        return [*listed, f"{self.path}: {more} more bad rows"] if more else listed


def batches(
    path: Path, meters: Sequence[str], faults: RowFaults, progress: Progress | None = None
) -> Iterator[ReadingBatch]:
    """The good rows in the order of the file, some ten thousand at a time; bad rows go to `faults`.

    Raises:
        LongFormError: the file is none of the long form, or cannot be read to its end.
    """
    reader = RowReader(meters, faults)
    for block in _blocks(path, faults, progress):
        batch = reader.batch(block)
        if len(batch):
            yield batch


def batches_in_time_order(
    path: Path, meters: Sequence[str], faults: RowFaults, progress: Progress | None = None
) -> Iterator[ReadingBatch]:
    """Like `batches`, oldest first; the file is read to its end (and its faults known) before the first batch."""
    with scratch() as connection:
        staged = StagedReadings(connection)
        for batch in batches(path, meters, faults, progress):
            staged.add(batch)
        done = 0
        for batch in staged.in_time_order():
            yield batch
            done += len(batch)
            if progress is not None:
                progress(TAKING, done, staged.rows)


def import_file(
    site: Site,
    path: Path,
    sink: Sink,
    progress: Progress | None = None,
    *,
    is_strict: bool = False,
    is_in_time_order: bool = True,
    limit: int = 20,
) -> ImportReport:
    """Hand the file's readings of the site's meters to `sink`, oldest first, or in the file's own order.

    Rows that are wrong are set aside, counted, and `limit` of them named in the report.

    Raises:
        LongFormError: the file is none of the long form or cannot be read to its end; or it has a bad row and
            `is_strict`: then nothing was handed on.
    """
    report = ImportReport(path, faults=RowFaults(limit))
    if is_strict:
        _check(site, path, report, progress)
    read = batches_in_time_order if is_in_time_order else batches
    for batch in read(path, tuple(site.meters), report.faults, progress):
        sink(batch)
        report.add(batch)
    return report


def _check(site: Site, path: Path, report: ImportReport, progress: Progress | None) -> None:
    for _ in batches(path, tuple(site.meters), report.faults, progress):
        pass
    if report.faults.count:
        raise LongFormError(f"{path} is refused: bad rows: {report.faults.count}\n" + "\n".join(report.lines()))


def _blocks(path: Path, faults: RowFaults, progress: Progress | None) -> Iterator[RowBlock]:
    if path.name.endswith((".csv", ".csv.gz")):
        return read_csv(path, faults, progress)
    if path.suffix == ".parquet":
        return read_parquet(path, progress)
    raise LongFormError(f"{path}: what kind of file is this? Allowed endings: {', '.join(SUFFIXES)}")
