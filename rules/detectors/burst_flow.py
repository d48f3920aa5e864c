"""Burst flow: for an hour on end more water than the meter has ever shown at that time of the day.

    least flow of the last hour > (1 + share) x the most it ever was at this hour or the hours beside it, of 35 days

It speaks within minutes of that hour, where `minimum_night_flow` waits for the night. Where readings come less often
than every 15 minutes, several of them must stand out (three hours). Closed as soon as the flow is back below.

Reference: Mounce, Boxall and Machell, Development and verification of an online artificial intelligence system for
detection of bursts and other abnormal flows, Journal of Water Resources Planning and Management 136, 2010.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from metering.batch import Quality
from metering.incident import Category, Severity
from metering.quantities import WATER
from metering.windows import GRID_MS
from rules.blocks import STEP_HOURS, IntervalBlock
from rules.detectors.base import Context
from rules.detectors.burst_memory import RUN, SPREAD, SPREAD_RUN, BurstMemory, Sustained, beside, sustained
from rules.detectors.day_log import median
from rules.detectors.detector import RuleDetector
from rules.detectors.open_findings import to_time
from rules.detectors.pulse import declared_resolution
from rules.detectors.settings import DetectorSettings, SettingsOf, per_column
from rules.detectors.supply_units import SupplyUnits
from rules.findings import Finding, FindingPhase

_HOUR_MS = 3_600_000
_RATED = 0.9


class BurstFlowSettings(DetectorSettings):
    """Defaults: above all that people do, so that one alert a year is no false one."""

    cautious: ClassVar[Mapping[str, float]] = dict.fromkeys(("share", "minimum_m3_per_h", "pulses"), 0.0)

    share: float = Field(default=0.4, gt=0, description="How far above the highest usual flow, as a share of it ...")
    minimum_m3_per_h: float = Field(
        default=1.0, gt=0, description="... and at least so much above it: more than a hose or two taps left open."
    )
    pulses: float = Field(
        default=3.0, gt=0, description="... and so many pulses of the register in a step: by those its flow may be off."
    )
    clear_share: float = Field(
        default=0.4, gt=0, lt=1, description="Cleared below the usual flow and this share of the finding's excess."
    )
    learn_days: int = Field(default=21, ge=7, description="Usual days that must be known before the meter is judged.")
    critical_m3_per_h: float = Field(default=1.0, gt=0, description="From this excess on it is critical.")


class BurstFlow(RuleDetector):
    """Judges every water meter, or several inlets of a zone together. Subject: the (first) meter; node: the meter's."""

    rule = "burst_flow"
    warm_up_days = 22
    Settings = BurstFlowSettings

    def __init__(self, context: Context, settings_of: SettingsOf) -> None:
        super().__init__(context, settings_of)
        self._at = SupplyUnits.of(context.columns, WATER)
        self._meters = [context.columns.meters[c] for c in self._at.first]
        self._set = {name: per_column(settings_of, self._meters, name) for name in BurstFlowSettings.model_fields}
        pulse = np.nan_to_num(declared_resolution(self._meters))
        self._least = np.maximum(self._set["minimum_m3_per_h"], self._set["pulses"] * pulse / STEP_HOURS)
        self._memory: BurstMemory = BurstMemory.of(len(self._at), len(context.columns.meters))

    def _judge(self, block: IntervalBlock) -> Sequence[Finding]:
        if not len(self._at):
            return ()
        memory = self._memory
        unit_block = self._at.block(block)
        if block.local_day != memory.day:
            if memory.has_day:
                self._close_day(unit_block)
            memory.day = block.local_day
        memory.silence.push(block)
        flows = self._sustained(unit_block)
        hour = block.local_minute // 60
        memory.records.add(flows.least, hour)
        # While a leak is known, a burst must stand out of what flowed with it.
        limit = np.fmax(memory.limit, beside(memory.flagged))
        excess = flows.least - limit[hour]
        above = excess >= np.maximum(self._set["share"] * limit[hour], self._least)
        rated = limit.max(axis=0)  # a pump that runs at an unusual hour runs as it always does
        above &= (flows.least > rated / _RATED) | (flows.least < _RATED * rated)
        above &= ~unit_block.flagged | ~np.isnan(memory.flagged).all(axis=0)
        above &= (memory.known >= self._set["learn_days"]) & (self._set["enabled"] > 0)
        if not above.any() and not memory.open.by_place:
            return ()
        return [f for step in range(block.steps) for f in self._step(step, unit_block, flows, above[step])]

    def _close_day(self, block: IntervalBlock) -> None:
        """Yesterday becomes known where nothing was found; what is usual is worked out anew."""
        memory = self._memory
        suspect = self._at.any_member(memory.silence.is_suspect())
        is_open = memory.open.mask(len(self._at))
        with_burst = np.where(is_open, memory.flagged, np.fmax(memory.flagged, memory.records.today))
        memory.flagged = np.where(block.flagged, with_burst, np.nan)
        memory.records.close_day(~block.flagged & ~is_open & ~suspect)
        memory.limit = memory.records.highest()
        memory.usual = np.array([median(memory.records.hourly[:, h]) for h in range(24)])
        memory.known = memory.records.days()

    def _sustained(self, block: IntervalBlock) -> Sustained:
        memory = self._memory
        if block.first_step != memory.next_step:
            memory.flow[:] = np.nan
        memory.next_step = block.first_step + block.steps
        flow = np.concatenate([memory.flow, block.usage / STEP_HOURS])
        before = flow[-block.steps - 1 : -1]
        # A reading that stands for several steps gives them one flow.
        alike = (flow[-block.steps :] == before) & (before > 0)
        weight = np.where((block.quality & Quality.ESTIMATED) > 0, SPREAD, alike)
        weight = np.concatenate([memory.weight, weight])
        memory.flow, memory.weight = flow[1 - SPREAD_RUN :].copy(), weight[1 - SPREAD_RUN :].copy()
        return sustained(flow, weight, block.steps)

    def _step(
        self, step: int, block: IntervalBlock, flows: Sustained, above: np.ndarray[tuple[int], np.dtype[np.bool_]]
    ) -> list[Finding]:
        is_open = self._memory.open.mask(len(self._at))
        findings = [self._open(int(u), step, block, flows) for u in np.flatnonzero(above & ~is_open)]
        followed = (self._follow(int(u), step, block, flows) for u in np.flatnonzero(is_open))
        return findings + [f for f in followed if f is not None]

    # -- findings -------------------------------------------------------------------------------------------------

    def _open(self, unit: int, step: int, block: IntervalBlock, flows: Sustained) -> Finding:
        memory = self._memory
        usual = float(memory.usual[int(block.local_minute[step]) // 60, unit])
        run = SPREAD_RUN if flows.is_spread[step, unit] else RUN
        least = float(flows.least[step, unit])
        size = least - usual
        onset = to_time((block.first_step + step + 1 - run) * GRID_MS)
        noted = memory.open.open(unit, onset, size, run_h=run * STEP_HOURS)
        noted["total"] = size * run * STEP_HOURS
        return self._say(FindingPhase.OPEN, unit, step, block, noted, least)

    def _follow(self, unit: int, step: int, block: IntervalBlock, flows: Sustained) -> Finding | None:
        """Closed once the flow stayed back for as long as it had to last; a word once a day meanwhile."""
        memory = self._memory
        noted = memory.open.by_place[str(unit)]
        hour = int(block.local_minute[step]) // 60
        flow = float(block.usage[step, unit]) / STEP_HOURS
        if not np.isnan(flow):
            noted["total"] += max(0.0, flow - float(memory.usual[hour, unit])) * STEP_HOURS
        if flows.most[step, unit] <= memory.usual[hour, unit] + self._set["clear_share"][unit] * noted["size"]:
            memory.open.close(unit)
            return self._say(FindingPhase.CLOSE, unit, step, block, noted, flow)
        if block.local_minute[step] == 0 and not np.isnan(flow):
            noted["peak"] = max(noted["peak"], noted["size"])
            return self._say(FindingPhase.UPDATE, unit, step, block, noted, flow)
        return None

    def _say(
        self, phase: FindingPhase, unit: int, step: int, block: IntervalBlock, noted: dict[str, Any], flow: float
    ) -> Finding:
        memory, meter = self._memory, self._meters[unit]
        hour = int(block.local_minute[step]) // 60
        is_critical = noted["size"] >= self._set["critical_m3_per_h"][unit]
        return Finding(
            phase=phase,
            rule=self.rule,
            subject=meter.id,
            node=meter.node or "",
            category=Category.LEAK,
            medium=WATER,
            severity=Severity.CRITICAL if is_critical else Severity.WARNING,
            at=block.judged_at[step],
            onset=to_time(int(noted["onset"])),
            observed=flow,
            expected=float(memory.usual[hour, unit]),
            unit="m3/h",
            size=noted["size"],
            uncertainty=float(memory.limit[hour, unit] - memory.usual[hour, unit]) / 2,
            total=noted["total"],
            evidence={
                "highest_usual": float(memory.limit[hour, unit]),
                "hour": hour,
                "lasted_h": noted["run_h"],
                "learned_days": int(memory.known[unit]),
            },
        )
