"""Suspected appliance: a heater, kettle or cooker in a dormitory room, by the step of power it makes.

    step = kW and kvar above the median of the samples just before

What heats is a resistance: its step has hardly any reactive power, where motors, compressors and most electronics have.
One use is one finding; it takes several uses until an alert is made of them. It names the room, never a person.

Reference: Hart, Nonintrusive Appliance Load Monitoring, Proc. IEEE 80(12), 1992 (steps in the plane of P and Q).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from metering.batch import Mask, to_datetime
from metering.incident import Category, Severity
from rules.blocks import IntervalBlock
from rules.detectors.appliance_use import HOUR_MS, Use, UseLimits, Walker
from rules.detectors.base import Context
from rules.detectors.detector import RuleDetector
from rules.detectors.open_findings import to_time
from rules.detectors.power_steps import Series, Steps, Tails, keep_tails
from rules.detectors.settings import DetectorSettings, SettingsOf
from rules.findings import Finding, FindingPhase, FindingScope
from rules.samples import SampleBlock

_DAY_MS = 24 * HOUR_MS
_MOST_USES = 20  # that the evidence lists


class SuspectedApplianceSettings(DetectorSettings):
    """Steps of one meter, in kW."""

    step_kw: float = Field(default=0.5, gt=0, description="Least step of power that is told.")
    again_kw: float = Field(
        default=0.3, gt=0, description="The same soon after a use: an appliance that keeps warm takes less ..."
    )
    again_h: float = Field(default=3, ge=0, le=48, description="... within so many hours.")
    blind_kw: float = Field(
        default=1.8,
        gt=0,
        description="Least step where the meter tells no reactive power: more than an air conditioner.",
    )
    allowed_kw: float = Field(default=0.0, ge=0, description="Steps up to this are allowed in the room.")
    power_factor: float = Field(
        default=0.98, ge=0.5, lt=1, description="Least power factor of the step: resistances have 0.99 and more."
    )
    least_s: float = Field(default=30, ge=0, le=3600, description="How long it must be on, in all of one use.")
    merge_min: float = Field(
        default=5, gt=0, le=120, description="Pauses up to this are of one use: thermostats switch."
    )
    uses: int = Field(default=2, ge=1, le=100, description="Uses that make an alert: one is no proof ...")
    within_days: float = Field(default=14, gt=0, le=365, description="... within so many days.")
    quiet_days: float = Field(default=7, gt=0, le=365, description="The alert is over after so long without a use.")


@dataclass
class ApplianceMemory:
    """Tails of idle meters; by column the walkers of busy ones, when the last use ended (ms), uses, open cases."""

    tails: Tails
    told_end: np.ndarray[Any, np.dtype[np.int64]]
    walkers: dict[str, dict[str, Any]] = field(default_factory=dict)
    uses: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    cases: dict[str, int] = field(default_factory=dict)


class SuspectedAppliance(RuleDetector):
    """Judges electricity meters of rooms. Subject and node: the meter's."""

    rule = "suspected_appliance"
    warm_up_days = 0
    quantities: ClassVar[tuple[str, ...]] = ("active_power", "reactive_power", "apparent_power", "power_factor")
    Settings = SuspectedApplianceSettings

    def __init__(self, context: Context, settings_of: SettingsOf) -> None:
        super().__init__(context, settings_of)
        self._meters = context.columns.meters
        self._of = [settings_of(m.node) for m in self._meters]
        self._limits = [_limits(s) for s in self._of]
        self._judged = _judged(context) & np.array([s.enabled for s in self._of], bool)
        self._least = np.array([min(x.again_kw, x.step_kw) for x in self._limits], np.float64)
        self._ratio = np.array([x.ratio for x in self._limits], np.float64)
        width = len(self._meters)
        self._memory: ApplianceMemory = ApplianceMemory(Tails.of(width), np.zeros(width, np.int64))

    def _judge(self, block: IntervalBlock) -> Sequence[Finding]:  # noqa: ARG002 - it reads samples
        return ()

    # -- samples --------------------------------------------------------------------------------------------------

    def sample(self, block: SampleBlock) -> Sequence[Finding]:
        """Uses that these samples show, and alerts that they end."""
        series = Series.of(_rows_of(block, self._judged))
        if not len(series):
            return ()
        findings = self._closed(series)
        series = series.with_tails(self._memory.tails)
        busy = self._busy(series)
        keep_tails(self._memory.tails, series, ~busy)
        for column in np.flatnonzero(busy).tolist():
            rows = np.flatnonzero((series.column == column) & (series.judged_at > 0))
            findings += self._walk(column, series, rows)
        return sorted(findings, key=lambda f: f.at)

    def _busy(self, series: Series) -> Mask:
        """The columns in use, or with a step that may begin one."""
        steps = Steps.of(series)
        least, ratio = self._least[series.column], self._ratio[series.column]
        is_resistive = np.isnan(steps.reactive) | (steps.reactive <= ratio * steps.active + 1.0)
        rows = (steps.active >= least) & is_resistive & (series.judged_at > 0)
        busy = np.zeros(len(self._meters), bool)
        busy[series.column[rows]] = True
        busy[[int(c) for c in self._memory.walkers]] = True
        present = np.zeros(len(self._meters), bool)
        present[series.column] = True
        return np.asarray(busy & present, bool)

    def _walk(self, column: int, series: Series, rows: np.ndarray[Any, np.dtype[np.intp]]) -> list[Finding]:
        walker, limits, findings = self._walker(column), self._limits[column], []
        samples = zip(
            series.time[rows].tolist(), series.active[rows].tolist(), series.reactive[rows].tolist(),
            series.judged_at[rows].tolist(), strict=True,
        )  # fmt: skip
        for time, active, reactive, judged_at in samples:
            over = walker.take(time, active, reactive, limits)
            at = to_time(judged_at)
            if over is not None and over.is_told:
                findings += self._over(column, over, at)
            if walker.use is not None and walker.is_new(limits):
                walker.use.is_told = True
                findings += self._told(column, walker.use, at)
        self._put_back(column, walker)
        return findings

    def _walker(self, column: int) -> Walker:
        state = self._memory.walkers.pop(str(column), None)
        if state is not None:
            return Walker.from_state(state)
        tails = self._memory.tails
        known = np.flatnonzero(tails.time[column])
        times = tails.time[column][known].tolist()
        return Walker(
            times, tails.active[column][known].tolist(), tails.reactive[column][known].tolist(),
            last=times[-1] if times else 0, told_end=int(self._memory.told_end[column]),
        )  # fmt: skip

    def _put_back(self, column: int, walker: Walker) -> None:
        memory = self._memory
        memory.told_end[column] = walker.told_end
        if walker.use is not None:
            memory.walkers[str(column)] = walker.to_state()
            return
        tails, first = memory.tails, memory.tails.time.shape[1] - len(walker.time)
        tails.time[column], tails.active[column], tails.reactive[column] = 0, np.nan, np.nan
        tails.time[column, first:] = walker.time
        tails.active[column, first:], tails.reactive[column, first:] = walker.active, walker.reactive

    # -- findings -------------------------------------------------------------------------------------------------

    def _told(self, column: int, use: Use, at: np.datetime64) -> list[Finding]:
        """A use that has lasted long enough: told, and an alert where there were others."""
        settings, key = self._of[column], str(column)
        since = use.start - settings.within_days * _DAY_MS
        uses = [u for u in self._memory.uses.get(key, ()) if u["start"] >= since]
        self._memory.uses[key] = [*uses, _noted(use)][-_MOST_USES:]
        findings = [self._use(FindingPhase.OPEN, column, use, at)]
        if key in self._memory.cases:
            findings.append(self._case(FindingPhase.UPDATE, column, at))
        elif len(self._memory.uses[key]) >= settings.uses:
            self._memory.cases[key] = int(self._memory.uses[key][0]["start"])
            findings.append(self._case(FindingPhase.OPEN, column, at))
        return findings

    def _over(self, column: int, use: Use, at: np.datetime64) -> list[Finding]:
        """A use that was told is over: now its figures are known."""
        self._memory.uses[str(column)][-1] = _noted(use)
        findings = [self._use(FindingPhase.CLOSE, column, use, at)]
        if str(column) in self._memory.cases:
            findings.append(self._case(FindingPhase.UPDATE, column, at))
        return findings

    def _closed(self, series: Series) -> list[Finding]:
        """Alerts of meters that have shown no use for long; a meter that says nothing closes none."""
        findings = []
        for key in list(self._memory.cases):
            column = int(key)
            quiet = int(self._memory.told_end[column] + self._of[column].quiet_days * _DAY_MS)
            rows = np.flatnonzero((series.column == column) & (series.time > quiet))
            if len(rows) and key not in self._memory.walkers:
                findings.append(self._case(FindingPhase.CLOSE, column, to_time(int(series.judged_at[rows[0]]))))
                del self._memory.cases[key]
        return findings

    def _use(self, phase: FindingPhase, column: int, use: Use, at: np.datetime64) -> Finding:
        ended = to_time(use.end) if phase is FindingPhase.CLOSE else None
        return self._say(phase, column, [_noted(use)], use.start, at, FindingScope.OCCURRENCE, ended)

    def _case(self, phase: FindingPhase, column: int, at: np.datetime64) -> Finding:
        uses = self._memory.uses[str(column)]
        return self._say(phase, column, uses, self._memory.cases[str(column)], at, FindingScope.CASE)

    def _say(
        self, phase: FindingPhase, column: int, uses: Sequence[dict[str, Any]], onset: int, at: np.datetime64,
        scope: FindingScope, ended: np.datetime64 | None = None,
    ) -> Finding:  # fmt: skip
        meter, largest = self._meters[column], max(uses, key=lambda u: float(u["kw"]))
        return Finding(
            phase=phase, rule=self.rule, subject=meter.id, node=meter.node or "", category=Category.APPLIANCE,
            medium=meter.medium, severity=Severity.WARNING, at=at, onset=to_time(onset), observed=largest["kw"],
            expected=self._of[column].allowed_kw, unit="kW", size=largest["kw"],
            total=sum(float(u["kwh"]) for u in uses), scope=scope, ended=ended,
            evidence={"uses": [_shown(u) for u in uses], "confidence": _confidence(uses)},
        )  # fmt: skip


def _limits(settings: SuspectedApplianceSettings) -> UseLimits:
    factor, allowed = settings.power_factor, settings.allowed_kw
    return UseLimits(
        step_kw=max(settings.step_kw, allowed),
        again_kw=max(settings.again_kw, allowed),
        blind_kw=max(settings.blind_kw, allowed),
        ratio=math.sqrt(1 - factor**2) / factor,
        least_ms=round(settings.least_s * 1000),
        merge_ms=round(settings.merge_min * 60_000),
        follow_ms=round(settings.again_h * HOUR_MS),
    )


def _judged(context: Context) -> Mask:
    """Electricity meters at rooms."""
    nodes = context.columns.site.nodes
    rooms = [m.node is not None and nodes[m.node].kind == "room" for m in context.columns.meters]
    is_electricity = [m.medium == "electricity" for m in context.columns.meters]
    return np.asarray(np.array(rooms, bool) & np.array(is_electricity, bool), bool)


def _rows_of(block: SampleBlock, columns: Mask) -> SampleBlock:
    rows = columns[block.column]
    return SampleBlock(block.column[rows], block.time[rows], block.value[rows], block.judged_at[rows], block.quantities)


def _noted(use: Use) -> dict[str, Any]:
    return {"start": use.start, "end": use.end, "kw": use.kw, "kwh": use.kwh, "power_factor": use.power_factor}


def _shown(use: dict[str, Any]) -> dict[str, Any]:
    factor = use["power_factor"]
    return {
        "start": to_datetime(to_time(use["start"])).isoformat(),
        "minutes": round((use["end"] - use["start"]) / 60_000, 1),
        "kw": round(use["kw"], 3),
        "power_factor": None if factor is None else round(factor, 3),
    }


def _confidence(uses: Sequence[dict[str, Any]]) -> float:
    """From 0.6 (no reactive power known) and 0.7 (once) towards 1: by how often."""
    base = 0.4 if any(u["power_factor"] is None for u in uses) else 0.3
    return round(1 - base / math.sqrt(len(uses)), 2)
