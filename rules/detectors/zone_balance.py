"""Zone balance: what flows into a zone and reaches none of its sub-meters.

    residual = sum(parents) - sum(children) = gain errors x flow + unmetered use + leak between them

The residual is judged against what it usually is at that hour and flow (`zone_model`). Once a local day, after the
night, one robust figure of the last 24 hours goes into a one-sided CUSUM; a large excess is told within hours.
Silent while a member is missing, or stands still for longer than it usually does.

References: Page, Continuous inspection schemes, Biometrika 1954 (CUSUM); Farley and Trow, Losses in Water
Distribution Networks, 2003 (zone balances, night flow); OIML R 49-1 (meter errors of +-2 % above Q2, +-5 % below).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field

from metering.batch import Float64, Mask
from metering.incident import Category, Severity
from metering.quantities import ELECTRICITY, WATER
from rules.blocks import STEPS_PER_HOUR, IntervalBlock
from rules.detectors.base import Context
from rules.detectors.detector import RuleDetector
from rules.detectors.moments import pieces
from rules.detectors.open_findings import to_time
from rules.detectors.settings import DetectorSettings, SettingsOf, per_column
from rules.detectors.zone_memory import LEARN_DAYS, ZoneMemory
from rules.detectors.zone_model import ZoneModel, day_figure, learn
from rules.detectors.zone_onset import onset_hour
from rules.detectors.zones import zones_of
from rules.findings import Finding, FindingPhase

_EVERY_MINUTES = 120
_DAILY_AT = 6 * 60
_DAY_H = 24
_LAG_DAYS = 4
_CLIP = 4.0
_DRIFT = 0.0015  # of the flow, by which gains move within the days that are learned from
_GAIN = 0.02  # of flow beyond what was learned from: the error class of the meters (OIML R 49 class 2)
_BEFORE_CALM_H = 48  # how far before the last day without excess an onset is looked for


class ZoneBalanceSettings(DetectorSettings):
    """Defaults follow from the meters: see each."""

    cautious: ClassVar[Mapping[str, float]] = dict.fromkeys(
        ("minimum_share", "minimum_share_electricity", "minimum_m3_per_h", "day_sigma", "cusum_limit",
         "hours_share", "hours_sigma"), 0.0,
    )  # fmt: skip

    minimum_share: float = Field(
        default=0.006,
        gt=0,
        description="Smallest excess that is told, as a share of the zone's mean inflow (water). Below half a percent "
        "the gain of meters of class 2 cannot be told from a leak.",
    )
    minimum_share_electricity: float = Field(
        default=0.08,
        gt=0,
        description="The same for electricity, where the unmetered part (corridors, pumps) changes with the season.",
    )
    metered_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Least share of the zone's usual inflow that its sub-meters must count. Below it the balance is "
        "the zone's own use, which `minimum_night_flow` judges.",
    )
    minimum_m3_per_h: float = Field(default=0.02, gt=0, description="Smallest excess that is told, in m3/h or kW.")
    day_sigma: float = Field(default=6.0, gt=0, description="One day's excess that is told at once, in its sigmas.")
    cusum_slack: float = Field(
        default=0.75, gt=0, description="Sigmas a day that are forgiven; half the smallest shift worth finding."
    )
    cusum_limit: float = Field(
        default=6.0, gt=0, description="Sum of daily excesses, in sigmas, at which a small one is told."
    )
    hours_share: float = Field(
        default=0.05, gt=0, description="An excess of this share of the inflow is told after `hours` hours."
    )
    hours: int = Field(default=6, ge=3, le=24, description="Hours that such an excess must last.")
    hours_sigma: float = Field(default=10.0, gt=0, description="How far outside the noise those hours must be.")
    clear_share: float = Field(
        default=0.4, gt=0, lt=1, description="Cleared when the night's excess is below this share of the finding's."
    )
    critical_m3_per_h: float = Field(default=1.0, gt=0, description="From this loss (m3/h) on it is critical.")
    warm_up_days: int = Field(default=10, ge=7, description="Usable days before the zone is judged.")


class ZoneBalance(RuleDetector):
    """Judges every zone of water or electricity meters. Subject: the (first) parent meter; node: the parent's."""

    rule = "zone_balance"
    warm_up_days = 14
    Settings = ZoneBalanceSettings

    def __init__(self, context: Context, settings_of: SettingsOf) -> None:
        super().__init__(context, settings_of)
        self._zones = zones_of(context.columns, (WATER, ELECTRICITY))
        self._meters = [context.columns.meters[c] for c in self._zones.first_parent]
        self._set = {
            name: per_column(settings_of, self._meters, name)
            for name, field in ZoneBalanceSettings.model_fields.items()
        }
        is_water = np.array([m.medium == WATER for m in self._meters], bool)
        self._share = np.where(is_water, self._set["minimum_share"], self._set["minimum_share_electricity"])
        self._floor = self._pulse_noise()
        self._memory: ZoneMemory = ZoneMemory.of(len(self._zones), len(context.columns.meters))

    def _pulse_noise(self) -> Float64:
        """Sigma that the registers' pulses give an hour's balance (difference of two uniform errors each), by zone."""
        pulse = np.array([m.resolution or 0.0 for m in self._columns.meters])[None, :]
        square = self._zones.inflow(pulse**2) + self._zones.outflow(pulse**2)
        return np.asarray(np.sqrt(square[0] / 6), np.float64)

    def _judge(self, block: IntervalBlock) -> Sequence[Finding]:
        findings: list[Finding] = []
        if not len(self._zones):
            return findings
        for piece, minute in pieces(block, _EVERY_MINUTES):
            self._take_in(piece)
            if minute == _DAILY_AT:
                findings += self._daily(piece)
            elif minute is not None:
                findings += self._within_hours(piece)
        return findings

    def _take_in(self, block: IntervalBlock) -> None:
        memory = self._memory
        memory.silence.push(block)
        sums = np.concatenate([self._zones.inflow(block.usage), self._zones.outflow(block.usage)], axis=1)
        hours = memory.cut.push(block, sums)
        count = len(self._zones)
        for i in range(len(hours)):
            memory.ring.put(
                int(hours.number[i]),
                hours.volume[i, :count],
                hours.volume[i, count:],
                int(hours.local_hour[i]),
                block.local_day,
            )

    # -- once a day -----------------------------------------------------------------------------------------------

    def _daily(self, block: IntervalBlock) -> list[Finding]:
        memory, settings = self._memory, self._set
        excess, noise = self._excess_of_last(_DAY_H)
        figure = day_figure(excess, noise)
        whole = (~np.isnan(excess)).sum(axis=0) >= _DAY_H * 3 // 4
        sound = whole & ~self._zones.any_member(memory.silence.is_suspect()) & (settings["enabled"] > 0)
        judged = sound & ~np.isnan(figure + self._sigma()) & self._is_metered()
        z = np.where(judged, figure / self._sigma(), 0.0)
        moved = np.maximum(0.0, memory.cusum + np.clip(z, -_CLIP, _CLIP) - settings["cusum_slack"])
        memory.cusum = np.where(judged, moved, memory.cusum)
        memory.calm = np.where(memory.cusum > 0, memory.calm, memory.ring.last)
        is_open = memory.open.mask(len(self._zones))
        large = figure >= self._minimum()
        memory.recent = np.where(judged, np.concatenate([figure[None], memory.recent[:-1]]), memory.recent)
        at_once = (z >= settings["day_sigma"]) & (memory.cusum > 0)
        small = (memory.cusum >= settings["cusum_limit"]) & (np.median(memory.recent, axis=0) >= self._minimum())
        raised = judged & ~is_open & large & (at_once | small)
        findings = [f for zone in np.flatnonzero(raised) if (f := self._open(int(zone), block))]
        findings += [self._follow(int(zone), block) for zone in np.flatnonzero(is_open & judged)]
        creeping = (memory.cusum >= settings["cusum_limit"] / 2) & large
        self._learn(block, sound & ~is_open & ~block.flagged[self._zones.first_parent], creeping)
        return findings

    def _excess_of_last(self, hours: int) -> tuple[Float64, Float64]:
        """Residual above the expected of the last hours (m3/h or kW), and its noise; hours x zones."""
        ring, model = self._memory.ring, self._memory.model
        rows = ring.back(hours)
        local = ring.local_hour[rows]
        return model.excess(ring.inflow[rows], ring.outflow[rows], local), model.noise[local]

    def _flow_now(self) -> Float64:
        """Mean inflow by zone, m3/h or kW: as learned or of the last day, whichever is more."""
        ring = self._memory.ring
        last = ring.inflow[ring.back(_DAY_H)]
        mean = np.nansum(last, axis=0) / np.maximum((~np.isnan(last)).sum(axis=0), 1)
        return np.asarray(np.maximum(self._memory.model.inflow, mean), np.float64)

    def _is_metered(self) -> Mask:
        """By zone: whether the sub-meters count enough of what flows in for a balance to mean anything."""
        learned = self._memory.learned
        known = ~np.isnan(learned.inflow + learned.outflow)
        flows_in = np.where(known, learned.inflow, 0.0).sum(axis=(0, 1))
        flows_out = np.where(known, learned.outflow, 0.0).sum(axis=(0, 1))
        return np.asarray(flows_out >= self._set["metered_share"] * flows_in, bool)

    def _sigma(self) -> Float64:
        """One sigma of a day's figure: as learned, a fifth more for being learned, and what gains may be off.

        Gains are off by little on the flows that were learned from, by up to two percent on what goes beyond.
        """
        model = self._memory.model
        flow = self._flow_now()
        gains = (_DRIFT * flow) ** 2 + (_GAIN * (flow - model.inflow)) ** 2
        return np.asarray(np.sqrt((1.2 * model.scale) ** 2 + gains), np.float64)

    def _minimum(self) -> Float64:
        """Smallest excess that is told, by zone."""
        least = np.maximum(self._share * self._flow_now(), self._set["minimum_m3_per_h"])
        return np.asarray(least, np.float64)

    def _learn(self, block: IntervalBlock, usable: Mask, creeping: Mask) -> None:
        """Yesterday joins the days that wait; the day that has waited long enough is learned, the model refreshed."""
        memory = self._memory
        memory.usable_days = np.concatenate([usable[None], memory.usable_days[:-1]])
        is_open = memory.open.mask(len(self._zones))
        ready = memory.usable_days[-1] & ~is_open & ~creeping
        if not ready.any():
            return
        inflow, outflow = memory.ring.day(block.local_day - _LAG_DAYS)
        memory.learned.keep(inflow, outflow, ready)
        kept = memory.learned.kept
        # Once four weeks are known a zone's model is refreshed every other day, half of the zones each day.
        is_due = (kept < LEARN_DAYS) | ((kept + np.arange(len(kept))) % 2 == 0)
        zones = np.flatnonzero(ready & is_due & (kept >= self._set["warm_up_days"]))
        if not len(zones):
            return
        fresh = learn(
            memory.learned.inflow[:, :, zones],
            memory.learned.outflow[:, :, zones],
            self._noise_floor(zones),
        )
        _put(memory.model, fresh, zones)

    def _noise_floor(self, zones: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Float64:
        inflow = self._memory.learned.inflow[:, :, zones]
        mean = np.nansum(inflow, axis=(0, 1)) / np.maximum((~np.isnan(inflow)).sum(axis=(0, 1)), 1)
        return np.asarray(np.maximum(np.maximum(self._floor[zones], 0.002 * mean), 1e-6), np.float64)

    # -- within hours ---------------------------------------------------------------------------------------------

    def _within_hours(self, block: IntervalBlock) -> list[Finding]:
        """Raise on a large excess of the last hours; only while every child has counted lately, so none is frozen."""
        memory, settings = self._memory, self._set
        if np.isnan(memory.model.scale).all():
            return []
        hours = int(settings["hours"].max())
        excess, noise = self._excess_of_last(hours)
        figure = day_figure(excess, noise)
        alone = 1 / np.sqrt((1 / memory.model.noise**2).sum(axis=0))
        inflation = np.maximum(self._sigma() / alone, 1.0)
        z = figure * np.sqrt((1 / noise**2).sum(axis=0)) / inflation
        standing = self._zones.any_member(memory.silence.run > 2 * STEPS_PER_HOUR)
        all_above = (excess > 2 * noise).all(axis=0)
        large = figure >= np.maximum(self._minimum(), settings["hours_share"] * memory.model.inflow)
        is_open = memory.open.mask(len(self._zones))
        raised = all_above & large & (z >= settings["hours_sigma"]) & ~standing & ~is_open
        raised &= settings["enabled"] > 0
        if not raised.any():
            return []
        raised &= self._is_metered()
        return [f for zone in np.flatnonzero(raised) if (f := self._open(int(zone), block))]

    # -- findings -------------------------------------------------------------------------------------------------

    def _open(self, zone: int, block: IntervalBlock) -> Finding | None:
        """A new finding, its onset re-dated over the last weeks; None where the size since then is too small."""
        memory = self._memory
        since_calm = memory.ring.last - int(memory.calm[zone]) + _BEFORE_CALM_H
        since_ended = max(memory.ring.last - int(memory.ended[zone]), _EVERY_MINUTES // 60)
        excess, noise = self._excess_of_last(min(since_calm, since_ended))
        day = float(day_figure(excess[-_DAY_H:, [zone]], noise[-_DAY_H:, [zone]])[0])
        start = onset_hour(excess[:, zone], noise[:, zone], max(0.6 * day, float(self._minimum()[zone])))
        size = float(day_figure(excess[start:, [zone]], noise[start:, [zone]])[0])
        if not size >= self._minimum()[zone]:
            return None
        onset = to_time((memory.ring.last - len(excess) + 1 + start) * 3_600_000)
        noted = memory.open.open(zone, onset, size)
        # Not the sum of the hours: by day the gains and the branches without meters outweigh a small leak.
        noted["total"] = size * (len(excess) - start)
        return self._say(FindingPhase.OPEN, zone, block, noted)

    def _follow(self, zone: int, block: IntervalBlock) -> Finding:
        """An open finding after another day: closed when the last night is back, else brought up to date."""
        memory = self._memory
        noted = memory.open.by_place[str(zone)]
        excess, noise = self._excess_of_last(_DAY_H)
        night = float(day_figure(excess[-9:, [zone]], noise[-9:, [zone]])[0])
        day = float(day_figure(excess[:, [zone]], noise[:, [zone]])[0])
        threshold = max(self._set["clear_share"][zone] * noted["size"], 1.5 * float(self._sigma()[zone]))
        if night < threshold:
            memory.cusum[zone], memory.recent[:, zone] = 0.0, 0.0
            memory.calm[zone] = memory.ended[zone] = memory.ring.last
            noted = memory.open.close(zone)
            return self._say(FindingPhase.CLOSE, zone, block, noted)
        noted["total"] += _DAY_H * max(0.0, day)
        noted["size"] = 0.5 * noted["size"] + 0.5 * day
        noted["peak"] = max(noted["peak"], noted["size"])
        return self._say(FindingPhase.UPDATE, zone, block, noted)

    def _say(self, phase: FindingPhase, zone: int, block: IntervalBlock, noted: dict[str, float]) -> Finding:
        memory = self._memory
        rows = memory.ring.back(_DAY_H)
        local = memory.ring.local_hour[rows]
        expected = memory.model.expected_inflow(memory.ring.outflow[rows], local)[:, zone]
        observed = memory.ring.inflow[rows][:, zone]
        meter = self._meters[zone]
        is_water = meter.medium == WATER
        names = [self._columns.meters[c].id for c in self._zones.children[zone]]
        is_critical = is_water and noted["size"] >= self._set["critical_m3_per_h"][zone]
        return Finding(
            phase=phase,
            rule=self.rule,
            subject=meter.id,
            node=meter.node or "",
            category=Category.LEAK if is_water else Category.CONSUMPTION,
            medium=meter.medium,
            severity=Severity.CRITICAL if is_critical else Severity.WARNING,
            at=block.judged_at[-1],
            onset=to_time(int(noted["onset"])),
            observed=float(np.nanmean(observed)),
            expected=float(np.nanmean(expected)),
            unit="m3/h" if is_water else "kW",
            size=noted["size"],
            uncertainty=float(np.hypot(self._sigma()[zone], 0.05 * noted["size"])),
            total=noted["total"],
            evidence={
                "place": "between the parent and its children",
                "parents": [self._columns.meters[c].id for c in self._zones.parents[zone]],
                "children": names,
                "share_of_inflow": noted["size"] / float(memory.model.inflow[zone]),
                "unmetered_share": float(np.clip(memory.model.slope[zone], 0.0, 1.0)),
                "sigma": float(self._sigma()[zone]),
                "learned_days": int(min(memory.learned.kept[zone], LEARN_DAYS)),
            },
        )


def _put(model: ZoneModel, fresh: ZoneModel, zones: np.ndarray[tuple[int], np.dtype[np.intp]]) -> None:
    """The fresh figures of these zones into the model."""
    for name in ("slope", "inflow", "pattern", "noise", "scale"):
        getattr(model, name)[..., zones] = getattr(fresh, name)
