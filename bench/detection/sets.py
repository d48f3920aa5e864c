"""The labelled sets: readings, site and labels in one folder, `<name>.readings.csv.gz` and so on."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

import numpy as np

from aquavolt.config.documents import load_site
from aquavolt.longform.faults import RowFaults
from aquavolt.longform.reading import batches_in_time_order
from bench.detection.chance import Watched
from bench.detection.events import Event
from bench.detection.places import place_of_label
from metering.batch import ReadingBatch, concatenate
from metering.site import Site

READINGS, SITE, LABELS = ".readings.csv.gz", ".site.yaml", ".labels.csv"
ROWS = 20_000


class NoDataError(Exception):
    """A set that is not there; the message says where it was looked for."""


@dataclass(frozen=True)
class DataSet:
    """One set in memory: `readings` oldest first (or as they arrive), `events` its labels.

    at_once   readings in a batch; few where they arrive out of order, since a batch is sorted by those who take it
    """

    name: str
    site: Site
    readings: ReadingBatch
    events: tuple[Event, ...]
    at_once: int = ROWS

    def batches(self) -> Iterator[ReadingBatch]:
        """The readings, some thousand at a time."""
        for first in range(0, len(self.readings), self.at_once):
            last = min(first + self.at_once, len(self.readings))
            yield self.readings.take(np.arange(first, last, dtype=np.intp))

    def place(self, meter: str) -> str:
        """Where a meter stands."""
        return place_of_label(self.site, meter)

    @cached_property
    def watched(self) -> dict[str, Watched]:
        """From when until when each place with a reading was seen, by the meters' names."""
        times = self.readings.time.astype("datetime64[ms]").astype(np.int64)
        out: dict[str, Watched] = {}
        for row in sorted(range(len(self.readings.meters)), key=self.readings.meters.__getitem__):
            mine = times[self.readings.meter == row]
            if mine.size:
                place = self.place(self.readings.meters[row])
                known = out.get(place, Watched(place, int(mine.min()), int(mine.max())))
                out[place] = Watched(place, min(known.start, int(mine.min())), max(known.end, int(mine.max())))
        return out

    @property
    def meter_years(self) -> float:
        """Meters times the years they were seen."""
        per_meter = [self.watched[self.place(m)] for m in self.site.meters if self.place(m) in self.watched]
        return sum(w.years for w in per_meter)

    def with_readings(self, readings: ReadingBatch) -> DataSet:
        """The same set, read otherwise."""
        return replace(self, readings=readings)


def load(folder: Path, name: str, days: int | None = None) -> DataSet:
    """Read a set, or its first `days` alone.

    Raises:
        NoDataError: one of its files is missing.
    """
    for ending in (READINGS, SITE, LABELS):
        if not (folder / (name + ending)).is_file():
            raise NoDataError(
                f"{folder / (name + ending)} is not there; say where the sets are: --data or AQUAVOLT_DATA"
            )
    site = load_site(folder / (name + SITE))[0]
    readings = concatenate(batches_in_time_order(folder / (name + READINGS), tuple(site.meters), RowFaults(5)))
    events = _events(folder / (name + LABELS), site)
    if days is not None and len(readings):
        end = readings.time[0] + np.timedelta64(days, "D")
        readings = readings.take(readings.time < end)
        events = tuple(e for e in events if e.end < int(end.astype("datetime64[ms]").astype(np.int64)))
    return DataSet(name, site, readings, events)


def names_in(folder: Path) -> list[str]:
    """The sets of a folder.

    Raises:
        NoDataError: there is none.
    """
    names = sorted(p.name.removesuffix(SITE) for p in folder.glob("*" + SITE))
    if not names:
        raise NoDataError(f"{folder}: no set is there (NAME{READINGS}, NAME{SITE}, NAME{LABELS})")
    return names


def _events(path: Path, site: Site) -> tuple[Event, ...]:
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(_event(row, site) for row in csv.DictReader(file))


def _event(row: dict[str, str], site: Site) -> Event:
    peak = row.get("peak")
    return Event(
        row["event_id"], row["kind"], place_of_label(site, row["subject"]), _ms(row["start"]), _ms(row["end"]),
        float(row["magnitude"] or "nan"), row["unit"], _ms(peak) if peak else None,
    )  # fmt: skip


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
