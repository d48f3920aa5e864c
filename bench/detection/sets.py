"""The labelled sets: readings, site and labels in one folder, `<name>.readings.csv.gz` and so on."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from aquavolt.config.documents import load_site
from aquavolt.longform.faults import RowFaults
from aquavolt.longform.reading import batches_in_time_order
from bench.detection.chance import Watched
from bench.detection.events import Event
from metering.batch import ReadingBatch
from metering.site import Site


@dataclass(frozen=True)
class DataSet:
    """One set on the disk."""

    folder: Path
    name: str

    @cached_property
    def site(self) -> Site:
        """Its nodes and meters."""
        return load_site(self.folder / f"{self.name}.site.yaml")[0]

    def readings(self) -> Iterator[ReadingBatch]:
        """All readings, oldest first."""
        path = self.folder / f"{self.name}.readings.csv.gz"
        yield from batches_in_time_order(path, tuple(self.site.meters), RowFaults(5))

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """The labels, in the order of the file."""
        with (self.folder / f"{self.name}.labels.csv").open(encoding="utf-8", newline="") as file:
            return tuple(_event(row) for row in csv.DictReader(file))


def _event(row: dict[str, str]) -> Event:
    return Event(
        row["event_id"], row["kind"], row["subject"], _ms(row["start"]), _ms(row["end"]),
        float(row["magnitude"] or "nan"), row["unit"],
    )  # fmt: skip


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@dataclass(slots=True)
class Watching:
    """Gathers from when until when each meter was seen."""

    _first: dict[str, int]
    _last: dict[str, int]

    @classmethod
    def nothing(cls) -> Watching:
        """Before the first reading."""
        return cls({}, {})

    def add(self, batch: ReadingBatch) -> None:
        """Take a batch into account; batches come oldest first."""
        times = batch.time.astype("datetime64[ms]").astype("int64")
        for row, meter in enumerate(batch.meters):
            mine = times[batch.meter == row]
            if mine.size:
                self._first.setdefault(meter, int(mine.min()))
                self._last[meter] = int(mine.max())

    def watched(self) -> list[Watched]:
        """Each meter seen, by name."""
        return [Watched(m, self._first[m], self._last[m]) for m in sorted(self._first)]
