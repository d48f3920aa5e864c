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
from rules.detectors.settings import with_caution
from rules.findings import Finding, FindingPhase
from rules.samples import SLICE_MS, WAIT_MS, SampleBlock

DAY = 96
FIRST_DAY = 20_513  # 2026-03-01, a Sunday
OFFSET_STEPS = 32  # the campus is 8 hours ahead of UTC
STEP_MS = 900_000
EVENING = 19 * 60


# What a detector needs to say anything at all.
GIVEN: dict[str, dict[str, Any]] = {
    "threshold": {
        "rules": [
            {"id": "home", "when": "flow > 1.6 * mean(flow, 6 h) and min(flow, 2 h) > 0.015", "for": "1 h",
             "clear": "flow < 0.01", "clear_for": "30 min", "meters": ["home"]},
            {"id": "heater", "when": "sum(usage, 1 d) / 24 > 0.3 and hour < 5", "for": "2 h", "clear_for": "3 h",
             "clear": "mean(power, 6 h) < 0.1 or not power > 0.02", "nodes": ["r4", "r5"], "medium": "electricity"},
        ]
    }
}  # fmt: skip


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
        contract = 8.0 if i == 1 else None
        nodes.append(Node(f"b{i}", "building", "campus", use="dormitory", beds=40, contract_demand_kw=contract))
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

    `said` are words of meters at local midnights: (day, meter, code, text). `heats` are uses of heaters in the
    evening hours, when rooms are sampled every minute: (room, day, minute after seven, kW, minutes); `dips` are
    times of another voltage: (room, day, minute after seven, V, minutes).
    """

    days: int
    seed: int = 1
    extra: Sequence[tuple[str, float, float, float]] = ()
    said: Sequence[tuple[int, str, str, str]] = ()
    heats: Sequence[tuple[str, int, int, float, int]] = ()
    dips: Sequence[tuple[str, int, int, float, int]] = ()
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

    def samples(self, start: int, stop: int) -> SampleBlock | None:
        """What the rooms' meters say of these steps: power and voltage, every minute from seven to nine."""
        minutes = np.arange(start * 15, stop * 15)
        minutes = minutes[(minutes % 1440 >= EVENING) & (minutes % 1440 < EVENING + 120)]
        if not len(minutes):
            return None
        rooms = [m.id for m in self.columns.meters if m.id.startswith("r")]
        power = np.stack([self._power(room, minutes) for room in rooms])
        time = ((FIRST_DAY * DAY - OFFSET_STEPS) * 15 + minutes) * 60_000
        reactive = 0.02 + np.where(minutes % 37 < 5, 0.5, 0.0) + np.zeros_like(power)  # a compressor
        power = power + np.where(minutes % 37 < 5, 0.7, 0.0)
        voltage = np.stack([self._during(self.dips, room, minutes, 224.0 + minutes % 7) for room in rooms])
        value = np.stack([power.ravel(), reactive.ravel(), voltage.ravel()], axis=1)
        column = np.repeat([self.at(room) for room in rooms], len(minutes))
        times = np.tile(time, len(rooms))
        judged = (times // SLICE_MS + 1) * SLICE_MS + WAIT_MS
        return SampleBlock(column, times, value, judged, ("active_power", "reactive_power", "voltage_l1"))

    def _power(self, room: str, minutes: Any) -> Any:
        own = 0.1 + 0.01 * (minutes % 3)
        return own + self._during(self.heats, room, minutes, np.zeros(len(minutes)))

    @staticmethod
    def _during(stretches: Sequence[tuple[str, int, int, float, int]], room: str, minutes: Any, usual: Any) -> Any:
        """The usual values, replaced during the room's stretches."""
        values = usual.astype(float)
        for name, day, first, value, length in stretches:
            begin = day * 1440 + EVENING + first
            values[(name == room) & (minutes >= begin) & (minutes < begin + length)] = value
        return values

    def sampled(self, detector: Any, block: IntervalBlock) -> list[Finding]:
        """What a detector of samples says of those that lie in a block of steps."""
        start = block.first_step - (FIRST_DAY * DAY - OFFSET_STEPS)
        if not detector.quantities or (samples := self.samples(start, start + block.steps)) is None:
            return []
        missing = [q for q in detector.quantities if q not in samples.quantities]
        unknown = np.full((len(samples), len(missing)), np.nan)
        all_of = replace(samples, value=np.hstack([samples.value, unknown]), quantities=(*samples.quantities, *missing))
        return list(detector.sample(all_of.only(detector.quantities)))

    def detector(self, kind: type[Any], days: Any = None, caution: float = 1.0, **settings: Any) -> Any:
        """`caution`: the rule's about every meter, as what people say makes it."""
        given = with_caution(kind.Settings(**GIVEN.get(kind.rule, {}) | settings), caution)
        return kind(Context(self.columns, days or Days()), lambda _node, _subject=None: given)

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
            found += self.sampled(detector, block)
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
