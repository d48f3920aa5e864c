"""Power quality: supply or a phase lost, voltage too high or low, phases unequal, a poor power factor.

Limits follow GB/T 12325-2008 (voltage: +7 % to -10 % of 220 V), GB/T 15543-2008 (imbalance: 4 % at most) and EN 50160
(230 V +-10 %, means of ten minutes). A phase is judged once it has been seen alive: unused terminals show nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from metering.batch import Float64, Mask
from metering.incident import Category, Severity
from metering.zone_country import country_of
from rules.blocks import IntervalBlock
from rules.detectors.base import Context
from rules.detectors.conditions import Condition, Limit
from rules.detectors.detector import RuleDetector
from rules.detectors.open_findings import to_time
from rules.detectors.settings import DetectorSettings, SettingsOf
from rules.findings import Finding, FindingPhase
from rules.samples import SampleBlock

PHASES = ("voltage_l1", "voltage_l2", "voltage_l3")
SUPPLY_LOSS, PHASE_LOSS, OVERVOLTAGE, UNDERVOLTAGE, IMBALANCE, POWER_FACTOR = NAMES = (
    "supply_loss", "phase_loss", "overvoltage", "undervoltage", "voltage_imbalance", "low_power_factor",
)  # fmt: skip
"""Codes of what can be wrong, the worst first."""

_SEVERITY = {SUPPLY_LOSS: Severity.CRITICAL, PHASE_LOSS: Severity.CRITICAL, POWER_FACTOR: Severity.INFO}
_CHINA_V, _ELSEWHERE_V = 220.0, 230.0
_LINE = 1.4  # times the nominal: what is above on all phases is between two lines
_ALIVE = 0.7  # of the nominal: the phase is connected
_BACK = 0.02  # how far within its limits a voltage must be again, as a share of the nominal


class PowerQualitySettings(DetectorSettings):
    """Voltages between a line and neutral; what is measured between lines is taken for its root-3rd."""

    nominal_v: float | None = Field(
        default=None, gt=0, description="Nominal voltage; empty: 220 V in China, else 230 V."
    )
    lost_share: float = Field(default=0.5, gt=0, lt=0.7, description="A phase below this share of it is lost ...")
    lost_s: float = Field(default=60, ge=0, le=86400, description="... for so long.")
    over_share: float = Field(default=0.07, gt=0, le=1, description="How far above the nominal it may be ...")
    under_share: float = Field(default=0.10, gt=0, le=1, description="... and how far below ...")
    voltage_min: float = Field(default=10, ge=0, le=1440, description="... for so many minutes; the same until over.")
    imbalance: float = Field(default=0.04, gt=0, le=1, description="Largest difference of a phase from their mean.")
    power_factor: float = Field(default=0.85, gt=0, lt=1, description="Least power factor; rooms are not judged ...")
    power_factor_h: float = Field(default=24, ge=0, le=720, description="... for so many hours with load ...")
    power_factor_kw: float = Field(default=10, ge=0, description="... of at least so many kW.")


@dataclass
class QualityMemory:
    """`alive`: columns x phases, seen alive; by column the conditions that are not idle, by code; what is told."""

    alive: Mask
    conditions: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    told: dict[str, dict[str, Any]] = field(default_factory=dict)


class PowerQuality(RuleDetector):
    """Judges electricity meters that tell voltages or a power factor. Subject and node: the meter's."""

    rule = "power_quality"
    warm_up_days = 0
    quantities: ClassVar[tuple[str, ...]] = (*PHASES, "active_power", "power_factor")
    Settings = PowerQualitySettings

    def __init__(self, context: Context, settings_of: SettingsOf) -> None:
        super().__init__(context, settings_of)
        meters, site = context.columns.meters, context.columns.site
        usual = _CHINA_V if country_of(site.timezone) == "CN" else _ELSEWHERE_V
        of = [settings_of(m.node) for m in meters]
        rooms = [m.node is not None and site.nodes[m.node].kind == "room" for m in meters]
        self._limits = [_limits(s, is_room=room) for s, room in zip(of, rooms, strict=True)]
        self._high = np.array([[limit.high for limit in limits] for limits in self._limits]).reshape(-1, len(NAMES))
        self._nominal = np.array([s.nominal_v or usual for s in of], np.float64)
        self._lost = np.array([s.lost_share for s in of], np.float64)
        self._least_kw = np.array([s.power_factor_kw for s in of], np.float64)
        self._judged = np.array(
            [s.enabled and m.medium == "electricity" for s, m in zip(of, meters, strict=True)], bool
        )
        self._memory: QualityMemory = QualityMemory(np.zeros((len(meters), len(PHASES)), bool))

    def _judge(self, block: IntervalBlock) -> Sequence[Finding]:  # noqa: ARG002 - it reads samples
        return ()

    # -- samples --------------------------------------------------------------------------------------------------

    def sample(self, block: SampleBlock) -> Sequence[Finding]:
        """What these samples begin or end."""
        figures = self._figures(block)
        column = block.column
        bad = (figures > self._high[column]).any(axis=1) & self._judged[column]
        busy = np.zeros(len(self._judged), bool)
        busy[column[bad]] = True
        busy[[int(c) for c in self._memory.conditions]] = True
        findings: list[Finding] = []
        for place in np.flatnonzero(busy).tolist():
            rows = np.flatnonzero(column == place)
            findings += self._walk(place, block.time[rows].tolist(), figures[rows], block.judged_at[rows].tolist())
        return sorted(findings, key=lambda f: f.at)

    def _figures(self, block: SampleBlock) -> Float64:
        """Rows x `NAMES`: each condition's figure, the higher the worse; NaN where it is not known."""
        volts = np.stack([block.of(p) for p in PHASES], axis=1) / self._nominal[block.column][:, None]
        known = ~np.isnan(volts)
        between = np.where(known, volts, np.inf).min(axis=1) > _LINE
        volts = np.where(between[:, None], volts / np.sqrt(3), volts)
        volts = np.where(self._alive(block, volts), volts, np.nan)
        known = ~np.isnan(volts)
        any_known = known.any(axis=1)
        low = np.where(known, volts, np.inf).min(axis=1)
        high = np.where(known, volts, -np.inf).max(axis=1)
        live = known & (volts >= self._lost[block.column][:, None])
        count = live.sum(axis=1)
        mean = np.where(live, volts, 0.0).sum(axis=1) / np.maximum(count, 1)
        apart = np.where(live, np.abs(volts - mean[:, None]), 0.0).max(axis=1) / np.maximum(mean, _ALIVE)
        least_live = np.where(live, volts, np.inf).min(axis=1)
        factor, load = np.abs(block.of("power_factor")), block.of("active_power")
        factor = np.where((factor <= 1) & (load >= self._least_kw[block.column]), factor, np.nan)
        is_all = count == len(PHASES)
        return np.stack([
            np.where(any_known, 1 - high, np.nan), np.where(any_known & (high >= _ALIVE), 1 - low, np.nan),
            np.where(any_known, high - 1, np.nan), np.where(count > 0, 1 - least_live, np.nan),
            np.where(is_all, apart, np.nan), 1 - factor,
        ], axis=1)  # fmt: skip

    def _alive(self, block: SampleBlock, volts: Float64) -> Mask:
        """Rows x phases: whether the phase was alive at this row or at an earlier one of the meter."""
        alive = np.nan_to_num(volts) >= _ALIVE
        starts = np.flatnonzero(np.append(True, block.column[1:] != block.column[:-1]))
        row = np.arange(len(alive))[:, None]
        first = np.repeat(starts, np.diff(np.append(starts, len(alive))))[:, None]
        last_alive = np.maximum.accumulate(np.where(alive, row, -1), axis=0)
        seen = (last_alive >= first) | self._memory.alive[block.column]
        ends = np.append(starts[1:], len(alive)) - 1
        self._memory.alive[block.column[ends]] |= seen[ends]
        return np.asarray(seen, bool)

    def _walk(self, column: int, times: list[int], figures: Float64, judged: list[int]) -> list[Finding]:
        states = self._memory.conditions.pop(str(column), {})
        conditions = {name: Condition(**states.get(name, {})) for name in NAMES}
        findings: list[Finding] = []
        for time, row, at in zip(times, figures.tolist(), judged, strict=True):
            for figure, limit in zip(row, self._limits[column], strict=True):
                conditions[limit.name].take(time, figure, limit)
            findings += self._tell(column, conditions, to_time(at))
        if left := {name: c.to_state() for name, c in conditions.items() if not c.is_idle}:
            self._memory.conditions[str(column)] = left
        return findings

    # -- findings -------------------------------------------------------------------------------------------------

    def _tell(self, column: int, conditions: dict[str, Condition], at: np.datetime64) -> list[Finding]:
        """One finding a meter; it names the worst of what is wrong."""
        on = [name for name in NAMES if conditions[name].is_on]
        told = self._memory.told.get(str(column))
        if not on:
            return (
                [] if told is None else [self._say(FindingPhase.CLOSE, column, self._memory.told.pop(str(column)), at)]
            )
        if told is not None and told["conditions"] == on:
            return []
        onset = min(conditions[name].since for name in on)
        figures = {
            "conditions": on, "worst": conditions[on[0]].worst,
            "onset": onset if told is None else min(onset, told["onset"]),
        }  # fmt: skip
        self._memory.told[str(column)] = figures
        return [self._say(FindingPhase.OPEN if told is None else FindingPhase.UPDATE, column, figures, at)]

    def _say(self, phase: FindingPhase, column: int, figures: dict[str, Any], at: np.datetime64) -> Finding:
        meter, name = self._columns.meters[column], figures["conditions"][0]
        observed, expected, unit = self._seen(column, name, float(figures["worst"]))
        return Finding(
            phase=phase, rule=self.rule, subject=meter.id, node=meter.node or "", category=Category.SUPPLY,
            medium=meter.medium, severity=_SEVERITY.get(name, Severity.WARNING), at=at,
            onset=to_time(figures["onset"]), observed=observed, expected=expected, unit=unit, size=0.0,
            evidence={"condition": name, "conditions": figures["conditions"]},
        )  # fmt: skip

    def _seen(self, column: int, name: str, worst: float) -> tuple[float, float, str]:
        """What the meter showed at worst, what it should, and the unit."""
        nominal = float(self._nominal[column])
        if name == POWER_FACTOR:
            return 1 - worst, 1 - float(self._high[column, NAMES.index(name)]), ""
        if name == IMBALANCE:
            return 100 * worst, 0.0, "%"
        return nominal * (1 + worst if name == OVERVOLTAGE else 1 - worst), nominal, "V"


def _limits(settings: PowerQualitySettings, *, is_room: bool) -> tuple[Limit, ...]:
    """In the order of `NAMES`; the high of one that is not judged is never reached."""
    lost, steady = round(settings.lost_s * 1000), round(settings.voltage_min * 60_000)
    lasting = round(settings.power_factor_h * 3_600_000)
    factor = np.inf if is_room else 1 - settings.power_factor
    gone = 1 - settings.lost_share
    return (
        Limit(SUPPLY_LOSS, gone, 1 - _ALIVE, lost, lost),
        Limit(PHASE_LOSS, gone, 1 - _ALIVE, lost, lost),
        Limit(OVERVOLTAGE, settings.over_share, settings.over_share - _BACK, steady, steady),
        Limit(UNDERVOLTAGE, settings.under_share, settings.under_share - _BACK, steady, steady),
        Limit(IMBALANCE, settings.imbalance, 0.75 * settings.imbalance, steady, steady),
        Limit(POWER_FACTOR, factor, factor - _BACK, lasting, lasting),
    )
