"""A backtest as files: readings from a file or the store, alert lines and finding lines out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aquavolt.longform.faults import RowFaults
from aquavolt.longform.reading import batches_in_time_order
from aquavolt.stores.influx.settings import InfluxSettings
from aquavolt.stores.opening import open_stores
from aquavolt.stores.scan import scan, slices
from metering.batch import ReadingBatch
from metering.site import Site
from rules.backtest import AlertLines, FindingLines
from rules.backtest import backtest as replay
from rules.settings import RulesSettings

Advance = Callable[[str, int, int], None]
_LISTED = 20


@dataclass(slots=True)
class Source:
    """Readings, oldest first, and what was wrong with them."""

    batches: Iterable[ReadingBatch]
    path: Path | None = None
    faults: RowFaults = field(default_factory=lambda: RowFaults(_LISTED))

    def report(self) -> list[str]:
        """The bad rows that were left out."""
        if self.path is None or not self.faults.count:
            return []
        listed = [fault.describe(self.path) for fault in self.faults.listed]
        return [*listed, f"{self.path}: {self.faults.count:,} bad rows left out"]


@contextmanager
def stored_or_file(
    site: Site, readings: Path | None, data: Path, advance: Advance, influx: InfluxSettings | None = None
) -> Iterator[Source]:
    """The readings of a file, or those stored in a data folder, also of a program that runs.

    Raises:
        LongFormError, FileNotFoundError, StoreUnavailableError: they cannot be read.
    """
    with ExitStack() as opened:
        if readings is not None:
            source = Source((), readings)
            source.batches = batches_in_time_order(readings, tuple(site.meters), source.faults, advance)
        else:
            store = opened.enter_context(open_stores(data, influx=influx)).store
            source = Source(scan(store, slices(store, None, None), list(site.meters)))
        yield source


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

    def counted() -> Iterator[ReadingBatch]:
        nonlocal readings
        for batch in source.batches:
            readings += len(batch)
            yield batch

    for events in replay(site, rules, counted()):
        alerts.add(events.changes)
        said.add(events.findings)
    lines = list(alerts.lines())
    _write(out, lines)
    if findings is not None:
        _write(findings, said.lines())
    return BacktestCount(readings, len(lines))


def _write(path: Path, lines: Iterable[dict[str, Any]]) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        part.replace(path)
    except OSError as error:
        error.filename = str(path)
        raise
