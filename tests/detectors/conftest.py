"""A small synthetic campus for detectors: true flows, faults added, registers with pulses, blocks of any cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from metering.batch import MeterEvent
from metering.quantities import ELECTRICITY, WATER
from metering.site import Meter, Node, Site
from rules.blocks import Columns, IntervalBlock
from rules.detectors.base import Context
from rules.findings import Finding, FindingPhase

DAY = 96
FIRST_DAY = 20_513  # 2026-03-01, a Sunday
OFFSET_STEPS = 32  # the campus is 8 hours ahead of UTC
STEP_MS = 900_000


class Days:
    """Weekends by the calendar; vacations as told."""

    def __init__(self, vacation: range = range(0)) -> None:
        self.vacation = vacation

    def kind(self, local_day: int) -> str:
        if local_day - FIRST_DAY in self.vacation:
            return "vacation"
        return "weekend" if (local_day + 3) % 7 >= 5 else "workday"


def _site(*, joint: bool = False) -> Site:
    """`joint`: a second inlet feeds the campus too; it has no flow until a test gives it some."""
    nodes = [Node("campus", "campus"), Node("home", "building", "campus", use="house")]
    meters = [Meter("inlet", WATER, "campus", resolution=0.1), Meter("home", WATER, "home", resolution=0.001)]
    inlets = ("inlet", "inlet2") if joint else ("inlet",)
    meters += [Meter(m, WATER, "campus", resolution=0.1) for m in inlets[1:]]
    for i in range(9):
        nodes.append(Node(f"b{i}", "building", "campus", use="dormitory", beds=40))
        meters.append(Meter(f"b{i}", WATER, f"b{i}", inlets, resolution=0.01))
    for i in range(2):
        nodes.append(Node(f"f{i}", "floor", "b0", use="dormitory", beds=20))
        meters.append(Meter(f"f{i}", WATER, f"f{i}", ("b0",), resolution=0.001))
    meters.append(Meter("board", ELECTRICITY, "b1", resolution=0.01))
    for i in range(12):
        nodes.append(Node(f"r{i}", "room", "b1", use="dormitory", beds=4))
        meters.append(Meter(f"r{i}", ELECTRICITY, f"r{i}", ("board",), resolution=0.001))
    return Site("test", "Test", "Asia/Shanghai", {n.id: n for n in nodes}, {m.id: m for m in meters})


@dataclass
class Campus:
    """Days of readings. `extra` adds (meter, first day, end day, m3/h or kW) to a meter and all above it.

    `said` are words of meters at local midnights: (day, meter, code, text).
    """

    days: int
    seed: int = 1
    extra: Sequence[tuple[str, float, float, float]] = ()
    said: Sequence[tuple[int, str, str, str]] = ()
    away: range = range(0)  # days on which hardly anybody is there
    site: Site = field(default_factory=_site)

    def __post_init__(self) -> None:
        self.columns = Columns(self.site)
        self.usage = self._pulsed(self._true())
        self.quality = np.zeros(self.usage.shape, np.uint16)
        self.ours = np.zeros(len(self.usage), bool)
        self.flagged_days: range = range(0)

    def at(self, meter: str) -> int:
        return self.columns.index[meter]

    def steps(self, first_day: float, end_day: float) -> slice:
        return slice(int(first_day * DAY), int(end_day * DAY))

    def moment(self, day: float) -> np.datetime64:
        """UTC moment of so many local days after the first."""
        return np.datetime64((FIRST_DAY * DAY - OFFSET_STEPS + int(day * DAY)) * STEP_MS, "ms")

    def _true(self) -> dict[str, Any]:
        rng = np.random.default_rng(self.seed)
        hour = np.arange(self.days * DAY) % DAY / 4
        awake = np.where(hour < 6, 0.08, np.where(hour < 9, 1.6, np.where(hour < 17, 0.7, 1.5)))
        here = np.ones(self.days * DAY)
        for day in self.away:
            here[self.steps(day, day + 1)] = 0.1
        true = {f"b{i}": rng.poisson(2.5 * awake * here) * 0.01 for i in range(1, 9)}
        true |= {f"f{i}": rng.poisson(2.0 * awake * here) * 0.006 for i in range(2)}
        true["home"] = rng.poisson(np.where(hour < 6, 0.0, 0.25)) * 0.008
        common = np.repeat(np.exp(rng.normal(0, 0.2, self.days)), DAY)
        for i in range(12):
            own = np.repeat(np.exp(rng.normal(0, 0.12, self.days)), DAY) * np.exp(rng.normal(0, 0.25))
            true[f"r{i}"] = 0.03 * common * own * here * np.where(hour < 7, 0.5, 1.2)
        for meter, first, end, size in self.extra:
            if meter in true:
                true[meter][self.steps(first, end)] += size / 4
        true |= {"inlet2": np.zeros(self.days * DAY)} if "inlet2" in self.site.meters else {}
        return self._with_parents(true)

    def _with_parents(self, true: dict[str, Any]) -> dict[str, Any]:
        for parent in ("b0", "inlet", "board"):
            true[parent] = np.sum([true[m.id] for m in self.site.meters.values() if parent in m.parents], axis=0)
            for meter, first, end, size in self.extra:
                if meter == parent:
                    true[parent][self.steps(first, end)] += size / 4
        return true

    def _pulsed(self, true: dict[str, Any]) -> Any:
        rng = np.random.default_rng(self.seed + 1)
        usage = np.empty((self.days * DAY, len(self.columns.meters)))
        for column, meter in enumerate(self.columns.meters):
            gain = 1 + rng.uniform(-0.02, 0.02)
            pulse = meter.resolution or 0.001
            counted = np.floor(np.cumsum(true[meter.id]) * gain / pulse + 1e-9)
            usage[:, column] = np.diff(counted, prepend=0.0) * pulse
        return usage

    def blocks(self, sizes: Iterator[int] | None = None, first_day: int = 0) -> Iterator[IntervalBlock]:
        """Blocks of whole local days, or of these sizes; none crosses a local midnight."""
        start, end = first_day * DAY, len(self.usage)
        while start < end:
            midnight = (start // DAY + 1) * DAY
            stop = midnight if sizes is None else min(midnight, start + next(sizes))
            yield self.block(start, stop)
            start = stop

    def block(self, start: int, stop: int) -> IntervalBlock:
        number = FIRST_DAY * DAY - OFFSET_STEPS + start
        day = start // DAY
        return IntervalBlock(
            first_step=number,
            usage=self.usage[start:stop],
            quality=self.quality[start:stop],
            judged_at=(np.arange(number + 1, number + 1 + stop - start) * STEP_MS + 1000).astype("datetime64[ms]"),
            local_minute=(np.arange(start, stop) % DAY * 15).astype(np.int64),
            local_day=FIRST_DAY + day,
            ours=self.ours[start:stop],
            flagged=np.full(self.usage.shape[1], day in self.flagged_days),
        )

    def detector(self, kind: type[Any], days: Any = None, **settings: Any) -> Any:
        return kind(Context(self.columns, days or Days()), lambda _node: kind.Settings(**settings))

    def run(self, kind: type[Any], days: Any = None, **settings: Any) -> list[Finding]:
        """All findings of a fresh detector."""
        return self.findings(self.detector(kind, days, **settings), self.blocks())

    def findings(self, detector: Any, blocks: Iterable[IntervalBlock]) -> list[Finding]:
        """What the detector says of these blocks, and of what meters say at the midnights with which they begin."""
        found: list[Finding] = []
        for block in blocks:
            day = block.local_day - FIRST_DAY
            if block.local_minute[0] == 0 and (words := [w for w in self.said if w[0] == day]):
                moment = self.moment(day)
                events = [MeterEvent(meter, moment, code, text) for _, meter, code, text in words]
                found += detector.hear(events, moment + np.timedelta64(1000, "ms"))
            found += detector.process(block)
        return found


def opened(findings: Sequence[Finding]) -> list[Finding]:
    return [f for f in findings if f.phase is FindingPhase.OPEN]


def closed(findings: Sequence[Finding]) -> list[Finding]:
    return [f for f in findings if f.phase is FindingPhase.CLOSE]


class Tools:
    """What the tests take from here (they cannot import it: tests/ are no packages)."""

    campus = Campus
    days = Days
    joint_site = staticmethod(partial(_site, joint=True))
    opened = staticmethod(opened)
    closed = staticmethod(closed)
    replace = staticmethod(replace)
    per_day = DAY


@pytest.fixture
def tools() -> Tools:
    return Tools()
