"""Intervals and hours in InfluxDB: written so that hours always are the sums of their intervals, and added up again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aquavolt.stores.influx import flux
from aquavolt.stores.influx.annotated_csv import Columns
from aquavolt.stores.influx.asking import Asking
from aquavolt.stores.influx.identifiers import identifier_of
from aquavolt.stores.influx.lines import INTERVAL, INTERVAL_HOUR, Measurement
from aquavolt.stores.influx.stored_steps import HOUR_MS
from aquavolt.stores.windows_on_grid import step_edges
from metering.batch import Float64, Times, UInt16
from metering.windows import GRID_MS

# More differing stretches of windows than this are added up here, from one query, not one by one in the server.
_MOST_RUNS = 24

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Run:
    """Windows of one width, one after the other: `count` of `width_ms` from `start_ms` on; `first` is their place."""

    first: int
    start_ms: int
    width_ms: int
    count: int

    @property
    def kind(self) -> Measurement:
        """The coarsest measurement that the windows are made of."""
        is_hourly = self.start_ms % HOUR_MS == 0 and self.width_ms % HOUR_MS == 0
        return INTERVAL_HOUR if is_hourly else INTERVAL

    @property
    def step_ms(self) -> int:
        """The step of that measurement."""
        return HOUR_MS if self.kind is INTERVAL_HOUR else GRID_MS

    @property
    def span(self) -> tuple[np.datetime64, np.datetime64]:
        """From the first window's start to the last one's end."""
        return np.datetime64(self.start_ms, "ms"), np.datetime64(self.start_ms + self.count * self.width_ms, "ms")


def runs(edges: Times) -> list[Run]:
    """The windows between the edges as runs of equal width; local days are a run until the clocks change.

    Raises:
        ValueError: as `step_edges`.
    """
    bounds = step_edges(edges) * GRID_MS
    widths = np.diff(bounds)
    first = np.flatnonzero(np.diff(widths, prepend=-1) != 0)
    counts = np.diff(first, append=len(widths))
    return [
        Run(place, int(bounds[place]), int(widths[place]), count)
        for place, count in zip(first.tolist(), counts.tolist(), strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose usage."""

    meters: tuple[str, ...]
    quantity: str


class Totals:
    """Usage and joined quality, windows x meters, as it is added up."""

    def __init__(self, windows: int, wanted: Wanted) -> None:
        self._place = {meter: i for i, meter in enumerate(wanted.meters)}
        shape = (windows, len(wanted.meters))
        self.usage: Float64 = np.zeros(shape)
        self.quality: UInt16 = np.zeros(shape, np.uint16)
        self._is_there = np.zeros(shape, np.bool_)

    def add_usage(self, found: Columns, window: Int64) -> None:
        """Add rows that belong to these windows."""
        meter, is_wanted = self._meters(found)
        at = (window[is_wanted], meter[is_wanted])
        np.add.at(self.usage, at, found.value[is_wanted])
        self._is_there[at] = True

    def add_quality(self, found: Columns, window: Int64) -> None:
        """Join the bits of rows."""
        meter, is_wanted = self._meters(found)
        bits = found.value[is_wanted].astype(np.uint16)
        np.bitwise_or.at(self.quality, (window[is_wanted], meter[is_wanted]), bits)

    def _meters(self, found: Columns) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        places = np.array([self._place.get(identifier_of(meter), -1) for meter, _ in found.tags], np.int64)
        meter = places[found.series]
        return meter, meter >= 0

    def finished(self) -> tuple[Float64, UInt16]:
        """Usage, NaN where nothing is stored, and quality."""
        return np.where(self._is_there, self.usage, np.nan), self.quality


def usage(asking: Asking, wanted: Wanted, edges: Times) -> tuple[Float64, UInt16]:
    """Usage and quality in the windows between the edges, windows x meters.

    Raises:
        ValueError: edges that do not ascend on the 15 min grid.
    """
    parts = runs(edges)
    totals = Totals(len(edges) - 1, wanted)
    if len(parts) > _MOST_RUNS:
        _add_here(asking, wanted, edges, totals)
    else:
        for run in parts:
            _add_run(asking, wanted, run, totals)
    return totals.finished()


def _add_run(asking: Asking, wanted: Wanted, run: Run, totals: Totals) -> None:
    """Windows of one width: wider than a stored step they are added up by the server."""

    def window(found: Columns) -> Int64:
        place: Int64 = run.first + (found.time.astype(np.int64) - run.start_ms) // run.width_ms
        return place

    steps = [] if run.width_ms == run.step_ms else [_sum_step(run)]
    found = _ask(asking, wanted, run.kind, run.span, steps)
    totals.add_usage(found, window(found))
    marked = _ask(asking, wanted, run.kind, run.span, [], is_quality=True)
    totals.add_quality(marked, window(marked))


def _sum_step(run: Run) -> flux.Node:
    return flux.call(
        "aggregateWindow",
        every=flux.duration(run.width_ms),
        offset=flux.duration(run.start_ms % run.width_ms),
        fn=flux.name("sum"),
        createEmpty=flux.boolean(value=False),
        timeSrc=flux.string("_start"),
    )


def _add_here(asking: Asking, wanted: Wanted, edges: Times, totals: Totals) -> None:
    """Windows of many widths: their steps are fetched once and added up here."""
    bounds = step_edges(edges) * GRID_MS
    kind = INTERVAL_HOUR if (bounds % HOUR_MS == 0).all() else INTERVAL
    span = np.datetime64(int(bounds[0]), "ms"), np.datetime64(int(bounds[-1]), "ms")

    def window(found: Columns) -> Int64:
        return np.searchsorted(bounds, found.time.astype(np.int64), side="right") - 1

    found = _ask(asking, wanted, kind, span, [])
    totals.add_usage(found, window(found))
    marked = _ask(asking, wanted, kind, span, [], is_quality=True)
    totals.add_quality(marked, window(marked))


def _ask(
    asking: Asking,
    wanted: Wanted,
    kind: Measurement,
    span: tuple[np.datetime64, np.datetime64],
    steps: Sequence[flux.Node],
    *,
    is_quality: bool = False,
) -> Columns:
    return asking.ask(
        kind,
        *span,
        *steps,
        field="quality" if is_quality else None,
        meters=wanted.meters,
        quantities=(wanted.quantity,),
        condition=flux.QUALITY_GIVEN if is_quality else None,
    )
