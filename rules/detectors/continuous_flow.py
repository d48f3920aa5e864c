"""Continuous flow: a water meter whose flow no longer returns to zero.

Every hour the volume of the last W hours is looked at, for several W: a run lasts as long as every window holds water.
Windows see through pulses, of the register and of a toilet that refills now and then.

    fast tier    every window of 1 to 6 hours at 5 L/h or more, for 48 hours (three days from W = 3 hours on)
    slow tier    every window of 1 to 6 hours at 2 L/h or more, for 7 days
    refill tier  every window of 3 to 5 hours at 1 L/h or more, for 7 days: a refill at least

and in any case for so long that by the meter's own past it comes once in decades (see `flow_runs`). Where no run can
tell anything (a big building, a campus) the rule says nothing: `minimum_night_flow` judges there.

Cleared by a window that is (nearly) empty again.

References: Britton, Stewart and O'Halloran, Smart metering: enabler for rapid and effective post meter leakage
identification, Journal of Cleaner Production 54, 2013 (flow that never stops for 48 h); EPA WaterSense (a leaking
toilet flapper: 30 to 500 gallons a day).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from metering.batch import Float64, Mask, Quality
from metering.incident import Category, Severity
from metering.quantities import WATER
from rules.blocks import STEPS_PER_HOUR, IntervalBlock
from rules.detectors.base import Context
from rules.detectors.detector import RuleDetector
from rules.detectors.flow_memory import RING_HOURS, FlowMemory
from rules.detectors.flow_runs import DAY_H, IS_LONGEST, TESTS, WINDOW_H, least_hours, tiered
from rules.detectors.moments import columns_of
from rules.detectors.open_findings import to_time
from rules.detectors.pulse import declared_resolution
from rules.detectors.runs import run_lengths
from rules.detectors.settings import DetectorSettings, SettingsOf, per_column
from rules.findings import Finding, FindingPhase

_SPREAD_STEPS = 12  # an estimate spread over three hours and more says nothing of when it flowed
_LONGEST_RUN_H = RING_HOURS - 16  # what is longer is forgotten before it is told
_FROZEN_DAYS = 35  # what others found teaches nothing for so long; what still goes on then is how the place is now
_HOUR_MS = 3_600_000
_HOUSEHOLD_M3_PER_H = 0.03  # mean flow of a large household
_FULL_HOUSE_M3 = 1.2  # a day: more than any household, so that more people may have come
_MANY_BEDS = 10  # no household: people come back after a vacation, even where the day's use is still small
_PUMPED_M3 = 24.0  # a day: more than a building draws through one meter without pauses at night
_PUMPED_SHARE = 0.5  # of the usual day's use: so much is no leak beside the use, but the use
_CLEAR_OF_USUAL = 0.6
_LONGEST_CLEAR_H = 8
_STILL_H = 1.0  # without flow on most days: of what never rests, no window can say that it is over
_NO_DAY = -(10**9)


class ContinuousFlowSettings(DetectorSettings):
    """Thresholds hold for a small meter; pulses and the meter's own size raise them (see `_least_flow`)."""

    cautious: ClassVar[Mapping[str, float]] = dict.fromkeys(
        ("fast_m3_per_h", "slow_m3_per_h", "refill_m3_per_h", "size_share", "pulses"), 0.0
    )

    fast_m3_per_h: float = Field(default=0.005, gt=0, description="Flow of the fast tier: a dripping fitting.")
    fast_hours: int = Field(
        default=48, ge=12, le=168, description="How long it must last: two nights, so that one guest is no leak."
    )
    slow_m3_per_h: float = Field(default=0.002, gt=0, description="Flow of the slow tier: what a register still shows.")
    slow_hours: int = Field(default=168, ge=24, le=192, description="How long it must last: a whole week of habits.")
    refill_m3_per_h: float = Field(
        default=0.001, gt=0, description="Mean flow of the refill tier: a toilet that refills every three hours or so."
    )
    refill_hours: int = Field(default=168, ge=24, le=192, description="How long it must last.")
    once_days: float = Field(
        default=10_000,
        ge=100,
        description="A run is told once it is so long that by the meter's own past it comes once in so many days.",
    )
    size_share: float = Field(
        default=0.15,
        ge=0,
        description="Least flow as a share of the mean flow beyond a household's: of many people someone is always up.",
    )
    pulses: float = Field(default=2.0, gt=0, description="Least flow in pulses of the register in a window.")
    known_share: float = Field(
        default=0.6, gt=0, le=1, description="Share of the windows that must be known: a gap proves nothing."
    )
    clear_share: float = Field(
        default=0.2, ge=0, lt=1, description="Cleared by a window with less than this share of the leak."
    )
    learn_days: int = Field(default=10, ge=5, description="Usual days that must be known before the meter is judged.")
    critical_m3_per_h: float = Field(default=0.1, gt=0, description="From this flow on it is critical.")


class ContinuousFlow(RuleDetector):
    """Judges every water meter that is usually quiet at some time of the day. Subject and node: the meter's."""

    rule = "continuous_flow"
    warm_up_days = 18
    Settings = ContinuousFlowSettings

    def __init__(self, context: Context, settings_of: SettingsOf) -> None:
        super().__init__(context, settings_of)
        self._at = context.columns.of_medium(WATER)
        self._meters = [context.columns.meters[c] for c in self._at]
        self._set = {name: per_column(settings_of, self._meters, name) for name in ContinuousFlowSettings.model_fields}
        self._declared = declared_resolution(self._meters)
        self._tier_flow, self._least_hours = tiered(self._set, "m3_per_h"), least_hours(self._set)
        nodes = context.columns.site.nodes
        self._beds = [(nodes[m.node].beds or 0) if m.node in nodes else 0 for m in self._meters]
        self._memory: FlowMemory = FlowMemory.of(len(self._at))

    def _judge(self, block: IntervalBlock) -> Sequence[Finding]:
        if not len(self._at):
            return ()
        memory = self._memory
        water = columns_of(block, self._at)
        if block.local_day != memory.day:
            season = float(self._context.days.kind(block.local_day) == "vacation")
            if memory.day != _NO_DAY:
                self._close_day(water.flagged, season)
            memory.day, memory.season = block.local_day, season
        memory.silence.push(water)
        estimated = (water.quality & Quality.ESTIMATED) > 0
        spread = run_lengths(estimated, memory.spread)
        memory.spread = spread[-1]
        measured = np.where(estimated, np.nan, water.usage)
        known = np.where(np.isnan(water.usage) | (spread >= _SPREAD_STEPS), np.nan, 0.0)
        hours = memory.cut.push(block, np.concatenate([water.usage, measured, known], axis=1))
        findings: list[Finding] = []
        for i in range(len(hours)):
            volume, counted, sure = np.split(hours.volume[i], 3)
            memory.pulse.push(counted)
            findings += self._hour(int(hours.number[i]), volume, ~np.isnan(sure), hours.at[i])
        return findings

    # -- learning -------------------------------------------------------------------------------------------------

    def _close_day(self, flagged: Mask, season: float) -> None:
        """Learn from the day of more than a week ago how long runs are in the season that now is."""
        memory, usual = self._memory, self._memory.usual
        is_free = ~memory.open.mask(len(self._at))
        memory.flagged = np.where(flagged, memory.flagged + 1, 0)
        usable = is_free & ((memory.flagged == 0) | (memory.flagged > _FROZEN_DAYS))
        usual.close_day(memory.runs.longest, memory.silence.longest / STEPS_PER_HOUR, usable, memory.season)
        memory.runs.longest[:] = 0
        if season != memory.season:  # who came or left says nothing of a leak
            memory.runs.forget(slice(None))
        runs = usual.of_season(season)
        limit = np.maximum(self._least_hours, runs.told_after(self._set["once_days"]))
        is_sure = (runs.days >= self._set["learn_days"]) & usual.stands_still(_STILL_H)
        limit = np.where(is_sure & (limit <= _LONGEST_RUN_H), limit, np.inf)
        memory.limit = np.where(is_free, limit, memory.limit)
        memory.usual_day = np.where(is_free, runs.total, memory.usual_day)

    # -- judging --------------------------------------------------------------------------------------------------

    def _hour(self, number: int, volume: Float64, is_known: Mask, at: np.datetime64) -> list[Finding]:
        memory, end = self._memory, number + 1
        memory.ring.put(number, volume, is_known)
        memory.usual.add(np.where(is_known, volume, np.nan))
        sums, known = (part[WINDOW_H - 1] for part in memory.ring.sums(int(WINDOW_H.max())))
        pulse = memory.pulse.weight(self._declared)
        memory.runs.step(end, ~(sums < self._least_flow(pulse) * WINDOW_H[:, None] - pulse), known)
        raised = known & (memory.runs.hours(end) >= memory.limit) & (self._set["enabled"] > 0)
        raised &= (memory.runs.known_share(end) >= self._set["known_share"]) & self._is_fine(pulse)
        is_open = memory.open.mask(len(self._at))
        findings = self._follow_open(number, at) if is_open.any() else []
        for column in np.flatnonzero(raised.any(axis=0) & ~is_open):
            test = int(np.flatnonzero(raised[:, column])[-1])
            if (finding := self._open(int(column), test, number, at)) is not None:
                findings.append(finding)
        return findings

    def _least_flow(self, pulse: Float64) -> Float64:
        """Tests x columns, m3/h: as set, but some pulses a window, and not too small for the meter's own size."""
        mean = np.nan_to_num(self._memory.usual_day) / DAY_H
        own_size = self._set["size_share"] * np.maximum(mean - _HOUSEHOLD_M3_PER_H, 0.0)
        pulses = self._set["pulses"] * pulse / WINDOW_H[:, None]
        return np.asarray(np.maximum(np.maximum(self._tier_flow, pulses), own_size), np.float64)

    def _is_fine(self, pulse: Float64) -> Mask:
        """Tests x columns: windows long enough for those pulses of the tier's flow; its longest in any case."""
        enough = self._set["pulses"] * pulse <= self._tier_flow * WINDOW_H[:, None]
        return np.asarray(enough | IS_LONGEST[:, None], bool)

    # -- findings -------------------------------------------------------------------------------------------------

    def _open(self, column: int, test: int, number: int, at: np.datetime64) -> Finding | None:
        """A new finding, unless the whole level of use rose: then people came, and the rule learns anew."""
        memory = self._memory
        since, window = int(memory.runs.since[test, column]), int(WINDOW_H[test])
        hours = memory.ring.back(min(number + 1 - since, RING_HOURS))[:, column]
        # The first windows may hold flow of before: the leak is read off the later half.
        size = _least_flow(hours[len(hours) // 2 :], window)
        mean, usual = DAY_H * float(np.nanmean(hours)), float(memory.usual_day[column])
        least_day = 0.0 if self._beds[column] >= _MANY_BEDS else _FULL_HOUSE_M3
        is_full_house = mean > least_day and _is_too_much(mean, usual, size)
        if np.isnan(size) or size < self._least_size(column, test) or is_full_house or _is_pump(size, usual):
            memory.runs.forget(column)
            return None
        onset = self._onset(column, *memory.runs.latest(column, test, number + 1))
        noted = memory.open.open(column, to_time(onset * _HOUR_MS), size, today=size)
        noted |= {"window_h": window, "clear_h": self._clear_window(column, window), "total_since": number}
        noted["total"] = size * (number + 1 - onset)
        memory.usual.forget_waiting(column)
        return self._say(FindingPhase.OPEN, column, at, noted)

    def _least_size(self, column: int, test: int) -> float:
        """Smallest leak that is told, m3/h: the flow of the slow (or refill) tier, less what pulses may hide."""
        pulse = self._memory.pulse.weight(self._declared)
        tier, window = TESTS[test]
        least = TESTS.index(("refill" if tier == "refill" else "slow", window))
        return float((self._least_flow(pulse)[least] - pulse / (2 * window))[column])

    def _clear_window(self, column: int, window: int) -> int:
        """Hours without flow that prove it over: more than the pauses of a toilet, less than a usual quiet time."""
        usual_h = float(np.nanmedian(self._memory.usual.quiet_h[column]))
        return int(np.clip(round(_CLEAR_OF_USUAL * usual_h), window, _LONGEST_CLEAR_H))

    def _onset(self, column: int, since: int, window: int) -> int:
        """Hour number at which the flow last was zero, looked for in the run's first window."""
        first = self._memory.ring.volume[np.arange(since, since + window) % len(self._memory.ring.volume), column]
        empty = np.flatnonzero(first <= 0)
        return since + (int(empty[-1]) + 1 if len(empty) else 0)

    def _follow_open(self, number: int, at: np.datetime64) -> list[Finding]:
        """Close what is empty again; once a day bring the figures of the others up to date."""
        memory = self._memory
        findings = []
        for column in list(memory.open.places()):
            noted = memory.open.by_place[str(column)]
            window = int(noted["clear_h"])
            in_window = float(memory.ring.back(window)[:, column].sum())
            if in_window <= self._set["clear_share"][column] * noted["size"] * window:
                memory.open.close(column)
                memory.runs.forget(column)
                findings.append(self._say(FindingPhase.CLOSE, column, at, noted))
            elif number - noted["total_since"] >= DAY_H:
                self._bring_up_to_date(column, number, noted)
                findings.append(self._say(FindingPhase.UPDATE, column, at, noted))
        return findings

    def _bring_up_to_date(self, column: int, number: int, noted: dict[str, float]) -> None:
        window = int(noted["window_h"])
        size = _least_flow(self._memory.ring.back(DAY_H + window)[:, column], window)
        if size >= self._set["clear_share"][column] * noted["size"]:  # less: it may be ending, wait for the clear word
            # What falls is believed on the second day: the last day of a leak is its fading.
            noted["size"], noted["today"] = max(size, noted["today"]), size
            noted["peak"] = max(noted["peak"], noted["size"])
        noted["total"] += noted["size"] * (number - noted["total_since"])
        noted["total_since"] = number

    def _say(self, phase: FindingPhase, column: int, at: np.datetime64, noted: dict[str, float]) -> Finding:
        memory, meter = self._memory, self._meters[column]
        window = int(noted["window_h"])
        pulse = float(memory.pulse.weight(self._declared)[column])
        is_critical = noted["size"] >= self._set["critical_m3_per_h"][column]
        return Finding(
            phase=phase,
            rule=self.rule,
            subject=meter.id,
            node=meter.node or "",
            category=Category.LEAK,
            medium=WATER,
            severity=Severity.CRITICAL if is_critical else Severity.WARNING,
            at=at,
            onset=to_time(int(noted["onset"])),
            observed=noted["size"],
            expected=0.0,
            unit="m3/h",
            size=noted["size"],
            uncertainty=max(pulse / max(window, 1), 0.1 * noted["size"]),
            total=noted["total"],
            evidence={
                "window_h": window,
                "usual_days": int((~np.isnan(memory.usual.total[column])).sum()),
                "usual_day_m3": float(memory.usual_day[column]),
                "pulse_m3": pulse,
            },
        )


def _is_too_much(day: float, usual: float, size: float) -> bool:
    """Whether the use of a day (m3) rose by so much more than the leak would explain that people must have come."""
    return day - usual > 2 * DAY_H * size + 0.5 * usual


def _is_pump(size: float, usual: float) -> bool:
    """Whether what no longer ceases is the usual flow itself: a pump or a tank's inlet that runs longer than before.

    A leak is less than what people draw beside it; a burst that is not is `minimum_night_flow`'s and `burst_flow`'s.
    """
    return usual > _PUMPED_M3 and DAY_H * size > _PUMPED_SHARE * usual


def _least_flow(hours: npt.NDArray[np.float64], window: int) -> float:
    """Smallest flow (m3/h) of the windows in these hours of one meter; NaN where none is known."""
    if len(hours) < window:
        return float("nan")
    volumes = np.lib.stride_tricks.sliding_window_view(hours, window).sum(axis=1)
    known = volumes[~np.isnan(volumes)]
    return float(known.min()) / window if len(known) else float("nan")
