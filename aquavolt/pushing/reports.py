"""The health of all collectors as one report: each keeps its own lines, and is itself one more connection."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from metering.batch import to_datetime
from metering.health import ConnectionHealth, HealthReport, JournalHealth, MeterHealth

SILENT_S = 60.0


@dataclass(slots=True)
class _Known:
    heard: float | None = None  # monotonic seconds
    at: np.datetime64 | None = None
    refused: Mapping[str, str] = field(default_factory=dict)
    foreign: int = 0
    report: HealthReport | None = None


class Reports:
    """What collectors said last. Not thread-safe by itself, but `joined` may be called beside the rest."""

    def __init__(
        self,
        clock: Callable[[], np.datetime64],
        collectors: Iterable[str] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock, self._monotonic = clock, monotonic
        self._known = {name: _Known() for name in collectors}

    def hear(self, collector: str, refused: Mapping[str, str], report: HealthReport | None = None) -> None:
        """The collector is there, and says how it goes."""
        known = self._known.setdefault(collector, _Known())
        known.heard, known.at, known.refused = self._monotonic(), self._clock(), refused
        known.report = report or known.report

    def set_aside(self, collector: str, readings: int) -> None:
        """So many of its readings were of meters that another one reads."""
        if readings:
            self._known.setdefault(collector, _Known()).foreign += readings

    def forget(self, collector: str) -> None:
        """It will not come back."""
        self._known.pop(collector, None)

    def joined(self, own: JournalHealth) -> HealthReport:
        """All of it; `own` is the health of this program's own journal."""
        known = dict(self._known)
        reports = {name: state.report for name, state in known.items() if state.report is not None}
        return HealthReport(
            self._clock(),
            _meters(reports, {name: set(known[name].refused) for name in reports}),
            (
                *(self._connection(name, state) for name, state in known.items()),
                *(
                    replace(line, connection=_line_of(name, line.connection))
                    for name, report in reports.items()
                    for line in report.connections
                ),
            ),
            _journals({name: report.journal for name, report in reports.items()}, own),
            _set_aside(known, reports),
        )

    def _connection(self, name: str, state: _Known) -> ConnectionHealth:
        meters = 0 if state.report is None else len(state.report.meters)
        line = ConnectionHealth(f"collector {name}", "connected", meters, last_error=told_of(state.refused))
        if state.heard is not None and self._monotonic() - state.heard < SILENT_S:
            return line
        since = "since this program started" if state.at is None else f"since {to_datetime(state.at).isoformat()}"
        return replace(line, state="failed", last_error=f"nothing was heard of it {since}")


def told_of(refused: Mapping[str, str]) -> str:
    """Why a collector must not read some meters, in a line: each reason stands at its own meter."""
    reasons = list(refused.values())
    return f"{reasons[0]} ({len(reasons) - 1} more like it)" if len(reasons) > 1 else "".join(reasons)


def _meters(reports: Mapping[str, HealthReport], refused: Mapping[str, set[str]]) -> tuple[MeterHealth, ...]:
    """Each meter once, as its own collector tells it."""
    found: dict[str, MeterHealth] = {}
    for name, report in reports.items():
        for meter in report.meters:
            told = replace(meter, connection=_line_of(name, meter.connection))
            if meter.meter not in refused[name]:
                found[meter.meter] = told
            else:
                found.setdefault(meter.meter, told)
    return tuple(found.values())


def _line_of(collector: str, connection: str) -> str:
    """Two collectors may have a line to the same broker."""
    return f"{collector}: {connection}" if connection else ""


def _journals(reports: Mapping[str, JournalHealth], own: JournalHealth) -> JournalHealth:
    """Sums; lags and drops by collector; the least free disk of all."""
    parts = {"watch": own, **reports}
    oldest = [part.oldest for part in parts.values() if part.oldest is not None]
    free = [part.free_bytes for part in parts.values() if part.free_bytes is not None]
    return JournalHealth(
        sum(part.entries for part in parts.values()),
        sum(part.bytes for part in parts.values()),
        min(oldest) if oldest else None,
        {f"{name}/{reader}": lag for name, part in parts.items() for reader, lag in part.lag.items()},
        {f"{name}/{reason}": count for name, part in parts.items() for reason, count in part.dropped.items()},
        min(free, default=None),
    )


def _set_aside(known: Mapping[str, _Known], reports: Mapping[str, HealthReport]) -> dict[str, int]:
    found: dict[str, int] = {}
    for report in reports.values():
        for reason, count in report.set_aside.items():
            found[reason] = found.get(reason, 0) + count
    for name, state in known.items():
        if state.foreign:
            found[f"readings of collector {name} of meters that another one reads"] = state.foreign
    return found
