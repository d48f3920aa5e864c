"""What meters report of themselves: leaks, and faults of the meter. Two rules, one finding a meter and rule.

    reported_leak   leak or burst, as the meter's own electronics see it; it stands where the meter stands
    reported_fault  battery, cover, clock, reverse flow and the like: meter maintenance; its readings stay believed

Told as soon as the meter says so. Over once every alarm of it has been off for `settle_h`: one that comes and goes is
one finding. How much a leak loses no meter says: its smallest flow of a day is taken, and for a burst the last hour's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from metering.batch import Float64, MeterEvent, to_datetime
from metering.incident import Category, Severity
from metering.meter_alarms import BY_ALARM_CODE, METER_ALARMS, ON, AlarmKind
from metering.site import Meter
from metering.windows import GRID_MS
from rules.blocks import IntervalBlock
from rules.detectors.base import Context
from rules.detectors.detector import RuleDetector
from rules.detectors.least_flow import LeastFlow
from rules.detectors.moments import pieces
from rules.detectors.open_findings import to_int, to_time
from rules.detectors.settings import DetectorSettings, SettingsOf
from rules.findings import Finding, FindingPhase

_EVERY_MINUTES = 60
_HOUR_MS = 3_600_000
_ORDER = {alarm.code: place for place, alarm in enumerate(METER_ALARMS)}
_SIGMA = 0.3  # of the flow taken for a leak: an estimate
_NEWS = 0.2  # a flow that changed by more than this share is told
_SEVERITY = {AlarmKind.LEAK: Severity.WARNING, AlarmKind.FAULT: Severity.WARNING, AlarmKind.UPKEEP: Severity.INFO}
_BURST = "burst"


class ReportedSettings(DetectorSettings):
    """Times in hours."""

    settle_h: float = Field(
        default=2.0, ge=0, le=720, description="How long an alarm must be off before it is over: one that flaps is one."
    )


@dataclass
class ReportedMemory:
    """`meters`: by meter its alarms by code (`since`, and `off` where it went off, ms); `open`: what was told of it."""

    flow: LeastFlow
    end_ms: int = 0
    meters: dict[str, dict[str, dict[str, int | None]]] = field(default_factory=dict)
    open: dict[str, dict[str, Any]] = field(default_factory=dict)


class Reported(RuleDetector):
    """Takes one kind of alarms. Subject and node: the meter's."""

    warm_up_days = 0
    Settings = ReportedSettings
    category: ClassVar[Category]
    kinds: ClassVar[frozenset[AlarmKind]]

    def __init__(self, context: Context, settings_of: SettingsOf) -> None:
        super().__init__(context, settings_of)
        self._memory: ReportedMemory = ReportedMemory(LeastFlow.of(len(context.columns.meters)))

    # -- events ---------------------------------------------------------------------------------------------------

    def hear(self, events: Sequence[MeterEvent], at: np.datetime64) -> Sequence[Finding]:
        """Alarms that came are told at once; those that went wait for `settle_h`."""
        findings = []
        for event in events:
            meter, alarm = self._columns.site.meters.get(event.meter), BY_ALARM_CODE.get(event.code)
            if meter is None or alarm is None or alarm.kind not in self.kinds:
                continue
            if self._note(event) and self._settings_of(meter.node).enabled:
                findings += self._tell(meter, at)
        return findings

    def _note(self, event: MeterEvent) -> bool:
        """Keep it; whether it is an alarm that was not there."""
        alarms, at = self._memory.meters.setdefault(event.meter, {}), to_int(event.time)
        known = alarms.get(event.code)
        if event.text == ON:
            alarms[event.code] = {"since": known["since"] if known else at, "off": None}
            return known is None
        if known is not None and known["off"] is None:
            known["off"] = max(at, known["since"] or 0)
        elif known is None and not alarms:
            del self._memory.meters[event.meter]
        return False

    # -- time -----------------------------------------------------------------------------------------------------

    def _judge(self, block: IntervalBlock) -> Sequence[Finding]:
        findings: list[Finding] = []
        for piece, minute in pieces(block, _EVERY_MINUTES):
            self._memory.flow.take_in(piece, is_hour=minute is not None)
            self._memory.end_ms = (piece.first_step + piece.steps) * GRID_MS
            if minute is not None:
                findings += self._review(piece.judged_at[-1])
        return findings

    def _review(self, at: np.datetime64) -> list[Finding]:
        """Forget what is over, and tell of every meter that is other than told."""
        findings: list[Finding] = []
        for name in list(self._memory.meters):
            meter = self._columns.site.meters[name]
            self._settle(meter)
            findings += self._tell(meter, at)
        return findings

    def _settle(self, meter: Meter) -> None:
        alarms, settle_ms = self._memory.meters[meter.id], self._settings_of(meter.node).settle_h * _HOUR_MS
        for code, alarm in list(alarms.items()):
            if alarm["off"] is not None and self._memory.end_ms - alarm["off"] >= settle_ms:
                del alarms[code]
        if not alarms:
            del self._memory.meters[meter.id]

    # -- findings -------------------------------------------------------------------------------------------------

    def _tell(self, meter: Meter, at: np.datetime64) -> list[Finding]:
        """What is to be said of the meter now, if anything."""
        told, alarms = self._memory.open.get(meter.id), self._memory.meters.get(meter.id, {})
        if not alarms or not self._settings_of(meter.node).enabled:
            return [] if told is None else [self._say(FindingPhase.CLOSE, meter, self._memory.open.pop(meter.id), at)]
        codes = sorted(alarms, key=_ORDER.__getitem__)
        size = self._size(meter, codes)
        if told is not None and codes == told["codes"] and abs(size - told["size"]) <= _NEWS * told["size"]:
            return []
        onset = min(int(a["since"] or 0) for a in alarms.values())
        since = {code: int(alarms[code]["since"] or 0) for code in codes}
        if told is not None:
            onset = min(onset, int(told["onset"]))
        self._memory.open[meter.id] = {"codes": codes, "size": size, "onset": onset, "since": since}
        phase = FindingPhase.OPEN if told is None else FindingPhase.UPDATE
        return [self._say(phase, meter, self._memory.open[meter.id], at)]

    def _size(self, meter: Meter, codes: Sequence[str]) -> float:
        """The flow of a leak, m3/h: what ran all day long, or in a burst's last hour; 0 where it is not known."""
        column = self._columns.index.get(meter.id)
        if column is None or self.category is not Category.LEAK:
            return 0.0
        flow = self._memory.flow
        figures: Float64 = flow.hour if _BURST in codes else flow.least()
        return float(np.nan_to_num(figures[column]))

    def _say(self, phase: FindingPhase, meter: Meter, told: dict[str, Any], at: np.datetime64) -> Finding:
        codes, size = told["codes"], float(told["size"])
        severities = {_SEVERITY[BY_ALARM_CODE[code].kind] for code in codes}
        severity = Severity.WARNING if Severity.WARNING in severities else Severity.INFO
        reported = [
            {"code": c, "meaning": BY_ALARM_CODE[c].meaning, "since": _iso(told["since"][c])} for c in codes
        ]  # fmt: skip
        return Finding(
            phase=phase,
            rule=self.rule,
            subject=meter.id,
            node=meter.node or "",
            category=self.category,
            medium=meter.medium,
            severity=Severity.CRITICAL if _BURST in codes else severity,
            at=at,
            onset=to_time(int(told["onset"])),
            observed=size,
            expected=0.0,
            unit="m3/h" if self.category is Category.LEAK else "",
            size=size,
            uncertainty=_SIGMA * size,
            evidence={"condition": codes[0], "meaning": BY_ALARM_CODE[codes[0]].meaning, "reported": reported},
        )


def _iso(ms: int) -> str:
    return to_datetime(to_time(ms)).isoformat()


class ReportedLeak(Reported):
    """Leak and burst."""

    rule = "reported_leak"
    category = Category.LEAK
    kinds = frozenset({AlarmKind.LEAK})


class ReportedFault(Reported):
    """All that is about the meter itself."""

    rule = "reported_fault"
    category = Category.DATA_QUALITY
    kinds = frozenset({AlarmKind.FAULT, AlarmKind.UPKEEP})
