"""Suspected appliance: a heater, kettle or cooker in a dormitory room, by the step of power it makes.

    step = kW and kvar above the median of the samples just before

What heats is a resistance: its step has hardly any reactive power, where motors, compressors and most electronics have.
One use is one finding; it takes several uses until an alert is made of them. It names the room, never a person.

Reference: Hart, Nonintrusive Appliance Load Monitoring, Proc. IEEE 80(12), 1992 (steps in the plane of P and Q).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from metering.batch import Mask, Quality, to_datetime
from metering.incident import Category, Severity
from metering.windows import GRID_MS, offset_minutes
from rules.blocks import STEPS_PER_HOUR, IntervalBlock
from rules.detectors.appliance_use import HOUR_MS, Use, UseLimits
from rules.detectors.base import Context
from rules.detectors.detector import RuleDetector
from rules.detectors.open_findings import to_time
from rules.detectors.power_steps import Series, joined
from rules.detectors.settings import DetectorSettings, SettingsOf
from rules.detectors.step_watch import StepWatch, WatchMemory
from rules.findings import Finding, FindingPhase, FindingScope
from rules.samples import SampleBlock

_DAY_MS = 24 * HOUR_MS
_MOST_USES = 20  # that the evidence lists
_NO_DAY = -(10**9)
_SAMPLE_GAP_MS = 150_000  # samples farther apart show no step; nor do means across a missing one
_STEP_GAP_MS = GRID_MS


class SuspectedApplianceSettings(DetectorSettings):
    """Steps of one meter, in kW."""

    cautious: ClassVar[Mapping[str, float]] = dict.fromkeys(("step_kw", "again_kw", "blind_kw"), 0.0)

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
    """What the samples and, for meters without them, the steps show; by column uses and the begin of open cases.

    fast_day   by column the last local day with samples close enough; `is_slow` and `day` hold since local midnight
    """

    samples: WatchMemory
    steps: WatchMemory
    fast_day: np.ndarray[Any, np.dtype[np.int64]]
    is_slow: Mask
    day: int = _NO_DAY
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
        self._of = [settings_of(m.node, m.id) for m in self._meters]
        self._judged = _judged(context) & np.array([s.enabled for s in self._of], bool)
        self._samples = StepWatch([_limits(s, _SAMPLE_GAP_MS) for s in self._of])
        self._steps = StepWatch([_limits(s, _STEP_GAP_MS) for s in self._of])
        width = len(self._meters)
        self._memory: ApplianceMemory = ApplianceMemory(
            WatchMemory.of(width), WatchMemory.of(width), np.full(width, _NO_DAY), np.zeros(width, bool)
        )

    # -- samples --------------------------------------------------------------------------------------------------

    def sample(self, block: SampleBlock) -> Sequence[Finding]:
        """Uses that these samples show, and alerts that they end."""
        series = Series.of(_rows_of(block, self._judged))
        self._note_fast(series.with_tails(self._memory.samples.tails))
        return self._seen(series, self._samples, self._memory.samples)

    def _note_fast(self, series: Series) -> None:
        """The last quarter of a day does not count: at midnight it may still be on its way."""
        rows = joined(series, _SAMPLE_GAP_MS)
        steps, column = series.time[rows] // GRID_MS, series.column[rows]
        local = steps * 15 + offset_minutes(steps, self._columns.site.zone)
        is_early = local % 1440 < 1440 - 15
        np.maximum.at(self._memory.fast_day, column[is_early], local[is_early] // 1440)

    # -- steps of 15 minutes --------------------------------------------------------------------------------------

    def _judge(self, block: IntervalBlock) -> Sequence[Finding]:
        """Meters that showed no samples close enough the whole day before are judged by the mean of each step."""
        memory = self._memory
        if block.local_day != memory.day:
            known = memory.day == block.local_day - 1
            memory.is_slow = self._judged & (memory.fast_day < block.local_day - 1) & known
            memory.day = block.local_day
        if not memory.is_slow.any():
            return ()
        return self._seen(_means(block, memory.is_slow), self._steps, memory.steps)

    def _seen(self, series: Series, watch: StepWatch, memory: WatchMemory) -> list[Finding]:
        if not len(series):
            return []
        findings = self._closed(series)
        for seen in watch.take(series, memory):
            at = to_time(seen.at)
            findings += (self._over if seen.is_over else self._told)(seen.column, seen.use, at)
        return sorted(findings, key=lambda f: f.at)

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
            watches = (self._memory.samples, self._memory.steps)
            ended = max(int(w.told_end[column]) for w in watches)
            quiet = ended + round(self._of[column].quiet_days * _DAY_MS)
            rows = np.flatnonzero((series.column == column) & (series.time > quiet))
            if len(rows) and not any(key in w.walkers for w in watches):
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


def _limits(settings: SuspectedApplianceSettings, gap_ms: int) -> UseLimits:
    factor, allowed = settings.power_factor, settings.allowed_kw
    return UseLimits(
        step_kw=max(settings.step_kw, allowed),
        again_kw=max(settings.again_kw, allowed),
        blind_kw=max(settings.blind_kw, allowed),
        ratio=math.sqrt(1 - factor**2) / factor,
        least_ms=round(settings.least_s * 1000),
        merge_ms=max(round(settings.merge_min * 60_000), gap_ms),
        follow_ms=round(settings.again_h * HOUR_MS),
        gap_ms=gap_ms,
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


def _means(block: IntervalBlock, columns: Mask) -> Series:
    """Mean power of each step, kW, at its begin; what was spread over a gap is left out."""
    kw = np.where(block.quality & Quality.ESTIMATED, np.nan, block.usage) * STEPS_PER_HOUR
    kw[:, ~columns] = np.nan
    column, step = np.nonzero(~np.isnan(kw.T))
    return Series(
        column.astype(np.int64), (block.first_step + step) * GRID_MS, kw[step, column], np.full(len(step), np.nan),
        block.judged_at[step].astype(np.int64),
    )  # fmt: skip


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
