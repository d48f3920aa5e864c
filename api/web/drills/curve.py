"""The curve of a drill: what its meter would have shown, what is usual there, and when each step was taken.

A drill's readings are kept nowhere. What its copy was fed is: the stored readings (of days ago, set on to now), and the
fault that was added to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from alerts.drills.report import DrillReport
from alerts.drills.values import Drill
from api.alerts.series import Floats, Source, rates
from metering.batch import Times, to_ms
from metering.drills import DrillFault
from metering.ports import IntervalStore, StoreUnavailableError
from metering.quantities import MAIN_REGISTER
from metering.windows import GRID_MS

BEFORE = timedelta(hours=3)  # of the usual, before the copy began
_STEPS = (1, 4, 16, 96)  # quarter hours a window
_MOST_WINDOWS = 240
_HOUR_MS = 3_600_000
_SHOWN = ("raised", "told", "acknowledged", "repaired", "confirmed")


@dataclass(frozen=True, slots=True)
class Moment:
    """A step of the drill, by the copy's clock and by people's."""

    name: str
    event_ms: float
    at: datetime


@dataclass(frozen=True, slots=True)
class DrillCurve:
    """Mean rates in m3/h or kW by window, NaN where nothing is known; `edges` one more than windows."""

    edges: Times
    usual: Floats
    simulated: Floats
    moments: tuple[Moment, ...]


def drill_curve(report: DrillReport, store: IntervalStore, now: datetime) -> DrillCurve | None:
    """None before the copy has begun, and where the store cannot answer."""
    drill = report.drill
    if drill.event_start is None or drill.event_at is None:
        return None
    edges = _edges(drill.event_start - BEFORE, drill.event_at)
    try:
        usual = _usual(drill, store, edges)
    except StoreUnavailableError:
        return None
    return DrillCurve(edges, usual, _filled(usual) + _fault_rates(drill, edges), moments_of(report, now))


def _edges(start: datetime, end: datetime) -> Times:
    first, last = to_ms(start).astype(np.int64) // GRID_MS, -(-to_ms(end).astype(np.int64) // GRID_MS)
    step = next((s for s in _STEPS if (last - first) / s <= _MOST_WINDOWS), _STEPS[-1])
    count = max(2, -(-int(last - first) // step))
    return ((first + np.arange(count + 1) * step) * GRID_MS).astype("datetime64[ms]")


def _usual(drill: Drill, store: IntervalStore, edges: Times) -> Floats:
    """What the copy was fed: what was there until it began, after that the readings of days ago."""
    register = MAIN_REGISTER.get(drill.plan.medium)
    source = Source((drill.plan.meter,), (), "" if register is None else register.name)
    then = rates(store, source, edges)
    if not drill.source_days or drill.event_start is None:
        return then
    ago = rates(store, source, edges - np.timedelta64(drill.source_days, "D"))
    return np.where(edges[:-1] < to_ms(drill.event_start), then, ago)


def _filled(values: Floats) -> Floats:
    """Gaps hold what was before them: the newest windows are not in the store yet."""
    known = np.maximum.accumulate(np.where(np.isnan(values), -1, np.arange(len(values))))
    return np.where(known < 0, np.nan, values[np.maximum(known, 0)])


def _fault_rates(drill: Drill, edges: Times) -> Floats:
    plan = drill.plan
    if drill.fault_event is None:
        return np.zeros(len(edges) - 1)
    start = int(to_ms(drill.fault_event).astype(np.int64))
    ends = [] if plan.lasts_s is None else [start + plan.lasts_s * 1000]
    ends += [] if drill.repaired_event is None else [int(to_ms(drill.repaired_event).astype(np.int64))]
    times = edges.astype(np.int64)
    if drill.event_at is not None:  # of the newest window as much as has passed
        times = np.minimum(times, int(to_ms(drill.event_at).astype(np.int64)))
    used = DrillFault(plan.kind, plan.meter, plan.size, start, min(ends, default=None)).used(times)
    passed = np.diff(times).astype(np.float64)
    hours = np.where(passed > 0, passed, np.nan) / _HOUR_MS
    return np.asarray(np.diff(used) / hours, np.float64)


def moments_of(report: DrillReport, now: datetime) -> tuple[Moment, ...]:
    """From the fault to the end, in the order in which they came."""
    drill, first = report.drill, report.first
    clock = _anchors(report, now)
    found = [] if drill.fault_at is None else [("began", drill.fault_at)]
    if first is not None:
        found += [(name, at) for name in _SHOWN if (at := first.step(name).at) is not None]
    if drill.ended_at is not None:
        found.append(("ended", drill.ended_at))
    placed = [Moment(name, float(np.interp(_ms(at), *clock)), at) for name, at in found]
    return tuple(sorted(placed, key=lambda m: m.at))


def _anchors(report: DrillReport, now: datetime) -> tuple[Floats, Floats]:
    """Moments that are known on both clocks: people's, and the copy's."""
    drill, first = report.drill, report.first
    known = [(drill.started_at, drill.event_start), (drill.fault_at, drill.fault_event)]
    known += [(drill.repaired_at, drill.repaired_event), (drill.ended_at or now, drill.event_at)]
    if first is not None and first.detect_event_s is not None and drill.fault_event is not None:
        known.append((first.step("raised").at, drill.fault_event + timedelta(seconds=first.detect_event_s)))
    both = sorted((_ms(wall), _ms(event)) for wall, event in known if wall is not None and event is not None)
    walls, events = (np.array(side, np.float64) for side in zip(*both, strict=True))
    return walls, np.maximum.accumulate(events)


def _ms(moment: datetime) -> float:
    return moment.timestamp() * 1000
