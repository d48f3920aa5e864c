"""Minimum night flow: between 02:00 and 05:00 hardly anybody draws water, so what flows then is mostly loss.

The night's figure is the least mean flow of one, two or three hours on end, by itself or as a share of the day's flow
(whichever scatters least on this meter, see `night_view`). It is compared with like nights of the past weeks: working
days, days off, vacation. A large excess is told after one night, a small or growing one by a CUSUM over several. When
the whole day's use rose, because people came back, the night's legitimate share is expected to rise with it.

References: Farley and Trow, Losses in Water Distribution Networks, IWA 2003 (night flow analysis); UK Water Industry
Research, Managing Leakage Report F, 1994 (legitimate night use, about 0.6 L/h a head); Page, Biometrika 1954 (CUSUM).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from metering.batch import Float64, Mask, Quality
from metering.incident import Category, Severity
from metering.quantities import WATER
from metering.site import Meter, Node
from metering.windows import GRID_MS
from rules.blocks import IntervalBlock
from rules.detectors.base import Context
from rules.detectors.detector import RuleDetector
from rules.detectors.moments import pieces
from rules.detectors.night_memory import NightMemory
from rules.detectors.night_steps import CLEAR_SIGMAS, STEP_NEW, is_step, since_a_fall
from rules.detectors.night_usual import DAY_OFF, VACATION, WORKDAY
from rules.detectors.night_view import FLOW_OF_VIEW, IS_SHARE, VIEW_WINDOWS_H, as_flow, leak_factor, views_of
from rules.detectors.open_findings import to_int, to_time
from rules.detectors.pulse import declared_resolution
from rules.detectors.runs import run_lengths
from rules.detectors.settings import DetectorSettings, SettingsOf, per_column
from rules.detectors.supply_units import SupplyUnits
from rules.findings import Finding, FindingPhase

_NIGHT_FROM, _NIGHT_TO = 2 * 60, 5 * 60  # minutes of the local day
_SPREAD_STEPS = 12  # an estimate spread over three hours and more says nothing of the night
_DAY_MS = 86_400_000
_DRAW_M3 = 0.01  # one draw of water: a flush, a shower begun
_TINY = 1e-12
_CEASELESS_SHARE = 0.5  # of the night's excess: a leak flows by day, too
_UNKNOWN, _UNKNOWN_SHARE = 0.02, 0.01  # of the night: what no past night shows; a share of the day has no season
_MANY_PEOPLE_M3 = 12.0  # a day: of fewer than a hundred people no two days are alike, nor is the night's share of them
_MOST_CREEPING = 60  # nights; what is then still too small to be told is usual
_SPAN = 0.8  # of the mean flow: nights that differ by so much among themselves tell nothing
_BEYOND = 1.2  # times the highest usual night: told at once
_WEEK_DAYS = 7
_LEAST_LIKE = 8  # meters of one kind and use that tell what is common to all
_KINDS = {"workday": WORKDAY, "weekend": DAY_OFF, "holiday": DAY_OFF, "vacation": VACATION}


class MinimumNightFlowSettings(DetectorSettings):
    """Defaults follow from pulses, people and the scatter of nights: see each."""

    cautious: ClassVar[Mapping[str, float]] = dict.fromkeys(
        ("minimum_m3_per_h", "minimum_share", "cusum_limit", "plain_sigma", "plain_share",
         "big_sigma", "big_share", "big_m3_per_h", "second_share", "second_sigma"), 0.0,
    )  # fmt: skip

    minimum_m3_per_h: float = Field(
        default=0.005, gt=0, description="Smallest excess that is told: a dripping fitting, as in continuous flow."
    )
    minimum_share: float = Field(default=0.03, gt=0, description="Smallest excess as a share of the meter's mean flow.")
    minimum_scatter: float = Field(
        default=0.4,
        ge=0,
        description="Smallest excess that is told for lasting alone, where no night stands plainly out: so many times "
        "what an hour's use scatters by chance at the meter's mean flow, in draws of 10 L. Where a few dozen people "
        "draw water some of them are up for a week of nights.",
    )
    legitimate_m3_per_h_bed: float = Field(
        default=0.0006, ge=0, description="Night use of one bed (UKWIR: 0.6 L/h); nights scatter by about its root."
    )
    cusum_slack: float = Field(default=0.75, gt=0, description="Sigmas a night that are forgiven.")
    cusum_limit: float = Field(
        default=8.0, gt=0, description="Sum of nightly excesses, in sigmas, at which a small one is told."
    )
    night_clip: float = Field(
        default=3.0, gt=0, description="Most sigmas one night adds: a small excess needs at least four nights."
    )
    nights: int = Field(default=4, ge=1, description="Nights on end that a small excess must last.")
    plain_nights: int = Field(default=3, ge=2, description="Nights on end after which an excess is told that each ...")
    plain_sigma: float = Field(default=4.0, gt=0, description="... exceeds so many sigmas ...")
    plain_share: float = Field(default=0.06, gt=0, description="... and this share of the meter's mean flow.")
    big_sigma: float = Field(default=8.0, gt=0, description="One night's excess that is told at once, in sigmas ...")
    big_share: float = Field(default=0.5, gt=0, description="... and as a share of the meter's mean flow ...")
    big_m3_per_h: float = Field(default=0.1, gt=0, description="... and in m3/h: more than one tap left open.")
    second_share: float = Field(
        default=0.25,
        gt=0,
        description="A second leak while the first runs: its step as a share of the excess so far ...",
    )
    second_sigma: float = Field(default=2.5, gt=0, description="... and in sigmas of a night; two nights on end.")
    clear_share: float = Field(default=0.4, gt=0, lt=1, description="Cleared below this share of the finding's excess.")
    learn_nights: int = Field(default=10, ge=5, description="Usual nights that must be known before it is judged.")
    critical_m3_per_h: float = Field(default=1.0, gt=0, description="From this loss on it is critical.")


@dataclass(frozen=True, slots=True)
class _Night:
    """One night by column: figure and what it is usually (m3/h), its sigma, the highest excess of a usual night.

    Besides: the view of it that was taken, the mean flow (m3/h), how many nights are known (0 where they tell nothing).
    """

    figure: Float64
    expected: Float64
    sigma: Float64
    highest: Float64
    view: npt.NDArray[np.intp]
    mean: Float64
    nights: npt.NDArray[np.int64]
    day: int

    @property
    def window(self) -> npt.NDArray[np.int64]:
        """Hours on end of the least flow that was looked at."""
        return VIEW_WINDOWS_H[self.view]

    @property
    def excess(self) -> Float64:
        return self.figure - self.expected


def _like_meters(meters: Sequence[Meter], nodes: Mapping[str, Node]) -> list[npt.NDArray[np.intp]]:
    """Rows of meters at places of one kind and use, where there are enough to tell what they share."""
    groups: dict[tuple[str, str], list[int]] = {}
    for row, meter in enumerate(meters):
        if meter.node is not None and meter.node in nodes:
            groups.setdefault((nodes[meter.node].kind, nodes[meter.node].use), []).append(row)
    return [np.array(g, np.intp) for g in groups.values() if len(g) >= _LEAST_LIKE]


class MinimumNightFlow(RuleDetector):
    """Judges every water meter once a night. Subject and node: the meter's."""

    rule = "minimum_night_flow"
    warm_up_days = 14
    Settings = MinimumNightFlowSettings

    def __init__(self, context: Context, settings_of: SettingsOf) -> None:
        super().__init__(context, settings_of)
        self._at = SupplyUnits.of(context.columns, WATER)
        self._meters = [context.columns.meters[c] for c in self._at.first]
        self._set = {
            name: per_column(settings_of, self._meters, name) for name in MinimumNightFlowSettings.model_fields
        }
        self._declared = declared_resolution(self._meters)
        nodes = context.columns.site.nodes
        beds = [(nodes[m.node].beds or 0) if m.node in nodes else 0 for m in self._meters]
        self._beds = np.array(beds, np.float64)
        self._like = _like_meters(self._meters, nodes)
        self._memory: NightMemory = NightMemory.of(len(self._at), len(context.columns.meters))

    def _judge(self, block: IntervalBlock) -> Sequence[Finding]:
        findings: list[Finding] = []
        if not len(self._at):
            return findings
        for whole, minute in pieces(block, _NIGHT_TO):
            self._memory.silence.push(whole)
            piece = self._at.block(whole)
            self._take_in(piece)
            if minute == _NIGHT_TO:
                findings += self._morning(piece)
        return findings

    def _take_in(self, block: IntervalBlock) -> None:
        memory = self._memory
        estimated = (block.quality & Quality.ESTIMATED) > 0
        spread_steps = run_lengths(estimated, memory.spread_run)
        memory.spread_run = spread_steps[-1]
        hours = memory.cut.push(block, np.where(estimated, np.nan, block.usage))
        for volume in hours.volume:
            memory.pulse.push(volume)
            memory.hours.push(volume)
        usage = np.where(spread_steps >= _SPREAD_STEPS, np.nan, block.usage)
        memory.night.add(usage, (block.local_minute >= _NIGHT_FROM) & (block.local_minute < _NIGHT_TO))

    # -- judging --------------------------------------------------------------------------------------------------

    def _morning(self, block: IntervalBlock) -> list[Finding]:
        memory, settings = self._memory, self._set
        flows, day_use = memory.night.take()
        kind = _KINDS[self._context.days.kind(block.local_day)]
        night = self._compare(flows, day_use, kind, block.local_day)
        sound = ~self._at.any_member(memory.silence.is_suspect()) & (settings["enabled"] > 0)
        judged = sound & ~np.isnan(night.excess + night.sigma) & (night.nights >= settings["learn_nights"])
        z = np.where(judged, night.excess / night.sigma, 0.0)
        clipped = np.clip(z, -settings["night_clip"], settings["night_clip"])
        moved = np.maximum(0.0, memory.cusum + clipped - settings["cusum_slack"])
        memory.cusum = np.where(judged, moved, memory.cusum)
        memory.calm = np.where(memory.cusum > 0, memory.calm, block.local_day)
        is_open = memory.open.mask(len(self._at))
        large = night.excess >= self._minimum(night)
        lasting = night.excess >= 0.5 * self._minimum(night)
        memory.streak = np.where(judged, np.where(lasting, memory.streak + 1, 0), memory.streak)
        big_size = np.maximum(settings["big_share"] * night.mean, settings["big_m3_per_h"])
        big = (z >= settings["big_sigma"]) & (night.excess >= np.maximum(big_size, _BEYOND * night.highest))
        plainly = (z >= settings["plain_sigma"]) & (night.excess >= settings["plain_share"] * night.mean)
        memory.plain = np.where(judged, np.where(plainly, memory.plain + 1, 0), memory.plain)
        plain = memory.plain >= settings["plain_nights"]
        memory.recent = np.where(judged, np.concatenate([night.excess[None], memory.recent[:-1]]), memory.recent)
        small = (memory.cusum >= settings["cusum_limit"]) & (memory.streak >= settings["nights"])
        small &= np.median(memory.recent, axis=0) >= self._scatter(night)
        # What ran for nights and ceased in between is late use, no leak.
        has_ceased = memory.hours.least() < _CEASELESS_SHARE * night.excess
        raised = judged & ~is_open & large & (big | ((plain | small) & ~has_ceased))
        findings = [self._open(int(c), night, block) for c in np.flatnonzero(raised)]
        findings += [f for c in np.flatnonzero(is_open & judged) for f in self._follow(int(c), night, block)]
        # What adds up is learned no further, so that growth is not usual; where it may be the season, if it is large.
        creeping = (memory.cusum >= settings["cusum_limit"] / 2) & (large | IS_SHARE[night.view])
        self._learn(views_of(flows, day_use), day_use, kind, block, sound & ~is_open, creeping)
        return findings

    def _learn(
        self, views: Float64, day_use: Float64, kind: int, block: IntervalBlock, usable: Mask, creeping: Mask
    ) -> None:
        """Last night waits to be learned, the one that waited longest is, but where an excess is creeping."""
        memory = self._memory
        memory.creeping = np.where(creeping, memory.creeping + 1, 0)
        keep = ~memory.open.mask(len(self._at)) & (~creeping | (memory.creeping > _MOST_CREEPING))
        memory.usual.learn(views, day_use, kind, block.local_day, usable & ~block.flagged, keep)

    def _compare(self, flows: Float64, day_use: Float64, kind: int, day: int) -> _Night:
        """The night against like ones, in the view that scatters least."""
        like = self._memory.usual.like(kind, day)
        factor = leak_factor(like.figure)
        # By the usual day's use: while a leak runs, the same view is the best all the time.
        typical, sigma, highest, span = (
            as_flow(x, like.day) for x in (like.figure, like.sigma, like.highest, like.span)
        )
        is_vague = IS_SHARE[:, None] & (like.day < _MANY_PEOPLE_M3)
        noise = np.where(is_vague, np.nan, self._noise(typical, sigma) * factor)
        best = np.where(np.isnan(noise), np.inf, noise).argmin(axis=0)
        for column in self._memory.open.places():  # one leak is followed in one view
            best[column] = self._memory.open.by_place[str(column)]["view"]

        def chosen(values: Float64) -> Float64:
            return np.asarray(np.take_along_axis(values, best[None, :], axis=0)[0], np.float64)

        figure = chosen(flows[FLOW_OF_VIEW])
        expected = figure - chosen(factor) * (figure - chosen(as_flow(like.figure, day_use)))
        # The day's use without what the leak itself adds: more people, more legitimate night use.
        rise = (day_use - 24 * np.maximum(figure - expected, 0.0)) / np.where(like.day > 0, like.day, np.nan)
        rise = np.where(IS_SHARE[best], 1.0, np.maximum(1.0, np.nan_to_num(rise, nan=1.0)))
        expected = np.maximum(expected, 0.0) * np.maximum(rise, self._shared_rise(figure, expected))
        # A pump's or a tank's meter: whether it runs at night is chance, and says nothing of a leak.
        mean = like.day / 24
        nights = np.where(chosen(span) > _SPAN * mean, 0, like.nights)
        highest = highest * factor
        return _Night(figure, expected, chosen(noise), chosen(highest), best, mean, nights, day)

    def _noise(self, usual: Float64, sigma: Float64) -> Float64:
        """Sigma of a night by view and column, m3/h: as it scattered, pulses, people, few draws, what is unknown."""
        pulse = self._memory.pulse.weight(self._declared)
        windows = VIEW_WINDOWS_H[:, None]
        beds = self._set["legitimate_m3_per_h_bed"]
        people = np.sqrt(beds * self._beds * beds.clip(1e-9))  # as if each bed's use came and went by itself
        draws = usual * _DRAW_M3 / windows  # shot noise: few draws of water come and go by chance
        unknown = np.where(IS_SHARE, _UNKNOWN_SHARE, _UNKNOWN)[:, None] * usual
        noise = (1.1 * sigma) ** 2 + (pulse / windows) ** 2 / 6 + people**2 + draws + unknown**2 + _TINY
        return np.asarray(np.sqrt(noise), np.float64)

    def _shared_rise(self, figure: Float64, expected: Float64) -> Float64:
        """How many times the usual the nights of all like meters are, by column (1 where there are too few).

        Cold, heat, a feast: what all share is no leak. The fifth of the meters that rose most is left out.
        """
        shared = np.ones(len(self._at))
        for rows in self._like:
            known = rows[~np.isnan(figure[rows] + expected[rows])]
            if len(known) < _LEAST_LIKE:
                continue
            rise = figure[known] - expected[known]
            kept = known[np.argsort(rise, kind="stable")][: -len(known) // 5]
            usual = expected[kept].sum()
            shared[rows] = max(1.0, figure[kept].sum() / usual) if usual > 0 else 1.0
        return shared

    def _minimum(self, night: _Night) -> Float64:
        """Smallest excess that is told, m3/h by column: as set, one pulse a window, a share of the mean flow."""
        pulse = self._memory.pulse.weight(self._declared) / night.window
        share = self._set["minimum_share"] * np.nan_to_num(night.mean)
        return np.asarray(np.maximum(np.maximum(self._set["minimum_m3_per_h"], pulse), share), np.float64)

    def _scatter(self, night: _Night) -> Float64:
        """What most of the last nights must exceed for a small excess to be told, m3/h by column.

        The more, the longer the suspicion stands: a leak is there from one day to the next, habits change slowly.
        """
        weeks = np.maximum(1.0, (night.day - self._memory.calm) / _WEEK_DAYS)
        hour = np.sqrt(np.nan_to_num(night.mean) * _DRAW_M3)
        return np.asarray(self._set["minimum_scatter"] * np.sqrt(weeks) * hour, np.float64)

    # -- findings -------------------------------------------------------------------------------------------------

    def _open(self, column: int, night: _Night, block: IntervalBlock, onset_nights: int | None = None) -> Finding:
        memory = self._memory
        nights = onset_nights or max(1, night.day - int(memory.calm[column]))
        # It began between the last calm night and the first that was not: half a day in, for want of better.
        morning = (block.first_step + block.steps) * GRID_MS
        onset = to_time(morning - nights * _DAY_MS + _DAY_MS // 2 - _DAY_MS // 16)
        size = float(night.excess[column])
        noted = memory.open.open(column, onset, size, first=size, nights=[size], view=int(night.view[column]))
        noted["total"] = noted["size"] * (morning - to_int(onset)) / 3_600_000
        memory.usual.forget_waiting(column)
        return self._say(FindingPhase.OPEN, column, night, block, noted)

    def _follow(self, column: int, night: _Night, block: IntervalBlock) -> list[Finding]:
        """An open finding after another night: closed when the flow is back, else brought up to date.

        Where a second leak opens on top of it, the first finding ends and one of both begins.
        """
        memory = self._memory
        noted = memory.open.by_place[str(column)]
        excess = float(night.excess[column])
        noted["nights"] = since_a_fall([*noted["nights"], excess], float(night.sigma[column]))
        if self._is_over(column, night, noted):
            memory.open.close(column)
            memory.cusum[column], memory.calm[column] = 0.0, night.day
            return [self._say(FindingPhase.CLOSE, column, night, block, noted)]
        noted["total"] += 24 * excess
        if self._is_second_leak(column, night, noted["nights"]):
            closed = self._say(FindingPhase.CLOSE, column, night, block, noted)
            memory.open.close(column)
            both = self._open(column, night, block, onset_nights=STEP_NEW)
            memory.open.by_place[str(column)]["first"] = noted["first"]
            return [closed, both]
        noted["size"] = 0.5 * (noted["size"] + excess)
        noted["peak"] = max(noted["peak"], noted["size"])
        return [self._say(FindingPhase.UPDATE, column, night, block, noted)]

    def _is_over(self, column: int, night: _Night, noted: dict[str, Any]) -> bool:
        """Whether the flow is back, or nearly: at once where it fell clear of the scatter, else after two nights."""
        sigma = float(night.sigma[column])
        # Of two leaks one may end: what is left is measured against the size of the first.
        least = max(self._set["clear_share"][column] * min(noted["size"], noted["first"]), sigma)
        nights = noted["nights"]
        is_clear = noted["size"] - nights[-1] >= CLEAR_SIGMAS * sigma
        return bool(nights[-1] < least and (is_clear or (len(nights) > 1 and nights[-2] < least)))

    def _is_second_leak(self, column: int, night: _Night, nights: list[float]) -> bool:
        share, sigmas = self._set["second_share"][column], self._set["second_sigma"][column]
        least = max(float(self._minimum(night)[column]), float(sigmas * night.sigma[column]))
        return is_step(nights, float(share), least)

    def _say(
        self, phase: FindingPhase, column: int, night: _Night, block: IntervalBlock, noted: dict[str, Any]
    ) -> Finding:
        meter = self._meters[column]
        is_critical = noted["size"] >= self._set["critical_m3_per_h"][column]
        return Finding(
            phase=phase,
            rule=self.rule,
            subject=meter.id,
            node=meter.node or "",
            category=Category.LEAK,
            medium=WATER,
            severity=Severity.CRITICAL if is_critical else Severity.WARNING,
            at=block.judged_at[-1],
            onset=to_time(int(noted["onset"])),
            observed=float(night.figure[column]),
            expected=float(night.expected[column]),
            unit="m3/h",
            size=noted["size"],
            uncertainty=float(night.sigma[column]),
            total=noted["total"],
            evidence={
                "night": "02:00-05:00",
                "window_h": int(night.window[column]),
                "sigma": float(night.sigma[column]),
                "nights_learned": int(night.nights[column]),
                "legitimate_m3_per_h": float(self._set["legitimate_m3_per_h_bed"][column] * self._beds[column]),
            },
        )
