"""A backtest as files: readings from a file or the store, alert lines and finding lines out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from aquavolt.longform.faults import RowFaults
from aquavolt.longform.reading import batches_in_time_order
from aquavolt.rebuild import REBUILD_DAYS
from aquavolt.stores.influx.settings import InfluxSettings
from aquavolt.stores.opening import open_stores
from aquavolt.stores.scan import scan, slices
from metering.batch import ReadingBatch
from metering.entries import Entry, HeadCounts
from metering.incident import Incident
from metering.site import Site
from rules.backtest import AlertLines, FindingLines, alert_line
from rules.backtest import backtest as replay
from rules.settings import RulesSettings

Advance = Callable[[str, int, int], None]
_LISTED = 20


@dataclass(frozen=True, slots=True)
class Span:
    """From when to before when alerts are wanted; None: from the first, to the last reading.

    What was read in the weeks before is judged too, so that the rules know what is usual.
    """

    start: np.datetime64 | None = None
    end: np.datetime64 | None = None

    @property
    def first(self) -> np.datetime64 | None:
        """Where reading begins."""
        return None if self.start is None else self.start - np.timedelta64(REBUILD_DAYS, "D")


@dataclass(slots=True)
class Source:
    """Readings, oldest first, and what was wrong with them; `span` is the range that was asked for.

    `counts`: head-counts of places, each from its day on.
    """

    batches: Iterable[ReadingBatch]
    path: Path | None = None
    faults: RowFaults = field(default_factory=lambda: RowFaults(_LISTED))
    span: Span = Span()
    counts: HeadCounts | None = None

    def entries(self) -> Iterator[Entry]:
        """Head-counts, known from the beginning, then the readings."""
        if self.counts is not None:
            yield self.counts
        yield from self.batches

    def shows(self, incident: Incident) -> bool:
        """Whether the alert is of the range: open in it at some time."""
        start = self.span.start
        return start is None or incident.closed_at is None or bool(incident.closed_at > start)

    def report(self) -> list[str]:
        """The bad rows that were left out."""
        if self.path is None or not self.faults.count:
            return []
        listed = [fault.describe(self.path) for fault in self.faults.listed]
        return [*listed, f"{self.path}: {self.faults.count:,} bad rows left out"]


@contextmanager
def stored_or_file(
    site: Site,
    readings: Path | None,
    data: Path,
    advance: Advance,
    influx: InfluxSettings | None = None,
    span: Span = Span(),
) -> Iterator[Source]:
    """The readings of a file, or those stored in a data folder, also of a program that runs.

    Raises:
        LongFormError, FileNotFoundError, StoreUnavailableError: they cannot be read.
    """
    with ExitStack() as opened:
        if readings is not None:
            source = Source((), readings, span=span)
            source.batches = _within(batches_in_time_order(readings, tuple(site.meters), source.faults, advance), span)
        else:
            store = opened.enter_context(open_stores(data, influx=influx)).store
            source = Source(scan(store, slices(store, span.first, span.end), list(site.meters)), span=span)
        yield source


def _within(batches: Iterable[ReadingBatch], span: Span) -> Iterator[ReadingBatch]:
    for batch in batches:
        wanted = np.ones(len(batch), bool)
        if span.first is not None:
            wanted &= batch.time >= span.first
        if span.end is not None:
            wanted &= batch.time < span.end
        yield batch if wanted.all() else batch.take(wanted)


@dataclass(frozen=True, slots=True)
class BacktestCount:
    """How much was judged and raised."""

    readings: int
    alerts: int


def write_backtest(
    site: Site, rules: RulesSettings, source: Source, out: Path, findings: Path | None = None
) -> BacktestCount:
    """Judge and write. The files appear whole.

    Raises:
        OSError: a file cannot be written.
    """
    alerts, said, readings = AlertLines(), FindingLines(), 0

    def counted() -> Iterator[Entry]:
        nonlocal readings
        for entry in source.entries():
            readings += len(entry) if isinstance(entry, ReadingBatch) else 0
            yield entry

    for events in replay(site, rules, counted()):
        alerts.add(events.changes)
        said.add(events.findings)
    lines = [alert_line(i) for i in alerts.incidents() if source.shows(i)]
    write_whole(out, map(_text, lines))
    if findings is not None:
        write_whole(findings, map(_text, said.lines()))
    return BacktestCount(readings, len(lines))


def _text(line: dict[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False)


def write_whole(path: Path, lines: Iterable[str]) -> None:
    """Write these lines; the file appears whole.

    Raises:
        OSError: it cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)
        part.replace(path)
    except OSError as error:
        error.filename = str(path)
        raise
