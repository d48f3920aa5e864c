"""Usage profile: a building that uses more, or far less, than its own days of that kind, hour by hour.

    z = (use of the hour - median of the last like days - what its sub-meters show of it) / robust sigma
        - what its like all show

Summed above a slack (CUSUM), by the hour for what is large, and for each window of the day (nights, days of rest) for
what is smaller and comes again day by day. Days of work, rest and vacation are profiles apart; no flagged day is
learned.

Reference: Page, Continuous Inspection Schemes, Biometrika 41, 1954 (CUSUM); the robust hour-of-week profile follows the
baselines compared by Granderson et al., Applied Energy 173, 2016.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from metering.batch import Float64, Mask
from metering.incident import Category, Severity
from rules.blocks import IntervalBlock
from rules.calendar import HOLIDAY, VACATION, WORKDAY
from rules.detectors.base import Context
from rules.detectors.day_log import quantile
from rules.detectors.detector import RuleDetector
from rules.detectors.hours import Hours
from rules.detectors.moments import columns_of
from rules.detectors.open_findings import to_time
from rules.detectors.profile_memory import Expectation, Floor, ProfileMemory
from rules.detectors.profile_parts import parts_of
from rules.detectors.profile_pattern import pattern
from rules.detectors.profile_peers import alike
from rules.detectors.profile_sums import (
    DAY,
    ENDS,
    HOURLY,
    HOURS,
    LENGTHS,
    LOW,
    ROWS,
    Figures,
    Step,
    is_rest_row,
    rows_of,
    window_of,
    window_row,
)
from rules.detectors.settings import DetectorSettings, SettingsOf, per_column
from rules.findings import Finding, FindingPhase

_NO_DAY = -(10**9)
_RING_DAYS = 40
_REST_DAYS = 40
_STALE_DAYS = 30
_CLIP = 5.0  # sigmas that one hour can add
_WINDOW_CLIP = 4.0  # the same for a window of the day: no single one proves anything
_COMMON_LOW = 1.0  # sigmas of too little, shown by all, that are put down to the weather; more is a matter of supply
_CAP = 1.5  # times the limit: how far a sum may run ahead, and so how long it takes to come to rest
_OWN_TAIL = 1.25  # times what the meter's own days moved the sum by themselves
_ALONE = 2.0  # times the limits of a meter without peers: what the weather does cannot be told from what it does
_ALONE_HOURLY = 3.2  # the same by the hour: more than one whole day can add, since its hours go up and down together
_AGAIN = 2.0  # times the limits of a meter that was told about of late: the second word needs more than the first
_AGAIN_DAYS = 28
_KNOWN_SHARE = 2 / 3  # of a window's hours
_HOUR_MS = 3_600_000
MEDIA = ("electricity", "heat", "gas")


class UsageProfileSettings(DetectorSettings):
    """Sigmas are of the meter's own like days."""

    # Not `slack`: what the hours of quiet days add beyond it is learned.
    cautious: ClassVar[Mapping[str, float]] = dict.fromkeys(("limit", "window_slack", "window_limit", "low_limit"), 0.0)

    slack: float = Field(default=2.0, gt=0, description="Sigmas above the usual that an hour may show for nothing.")
    limit: float = Field(default=24.0, gt=0, description="Sum of what hours show beyond the slack that is told.")
    window_slack: float = Field(
        default=1.5, gt=0, description="The same for the mean of a window of the day, say of its nights."
    )
    window_limit: float = Field(
        default=8.0, gt=0, description="Sum of one window's days: four at three and a half sigmas."
    )
    low_limit: float = Field(default=80.0, gt=0, description="Sum of hours with too little that is told.")
    low_share: float = Field(default=0.5, gt=0, lt=1, description="Share of the usual below which it is too little.")
    least_share: float = Field(
        default=0.06, gt=0, description="Least sigma, as a share of the mean use: what is steady is not watched closer."
    )
    least_kw: float = Field(
        default=0.02, ge=0, description="Least sigma in kW: on next to nothing a router is ten times the usual."
    )
    clear_share: float = Field(
        default=0.3, gt=0, lt=1, description="Cleared by a day, or by such nights, with less than this share of it."
    )
    working_days: int = Field(default=6, ge=3, le=_RING_DAYS, description="Working days that must be known.")
    resting_days: int = Field(
        default=4, ge=2, le=_REST_DAYS, description="Days of rest, or of vacation, that must be known."
    )


class UsageProfile(RuleDetector):
    """Judges meters of energy that stand at no room. Subject and node: the meter's."""

    rule = "usage_profile"
    warm_up_days = 56
    Settings = UsageProfileSettings

    def __init__(self, context: Context, settings_of: SettingsOf) -> None:
        super().__init__(context, settings_of)
        self._at = _judged(context)
        self._meters = [context.columns.meters[c] for c in self._at]
        self._set = {name: per_column(settings_of, self._meters, name) for name in UsageProfileSettings.model_fields}
        self._alike = alike(context.columns, self._at)
        self._parts = parts_of(context.columns, self._at)
        rooms = len(self._parts.rows)
        self._memory: ProfileMemory = ProfileMemory.of(len(self._at), rooms, _RING_DAYS, _REST_DAYS)
        self._caution = np.where(self._alike.has_peers(), 1.0, np.full((ROWS, 1), _ALONE))
        self._caution[HOURLY] = np.where(self._alike.has_peers(), 1.0, _ALONE_HOURLY)
        self._limits = np.zeros((ROWS, len(self._at)))

    def _judge(self, block: IntervalBlock) -> Sequence[Finding]:
        if not len(self._at):
            return ()
        mine = columns_of(block, self._at)
        if block.local_day != self._memory.day:
            self._begin_day(block.local_day, mine.flagged)
        self._set_limits()
        hours = self._memory.cut.push(mine, self._parts.usage(mine.usage, block.usage))
        findings: list[Finding] = []
        for row in range(len(hours)):
            findings += self._hour(hours, row)
        return findings

    # -- days ---------------------------------------------------------------------------------------------

    def _begin_day(self, local_day: int, flagged: Mask) -> None:
        memory = self._memory
        if memory.day != _NO_DAY:
            is_seen = ~np.isnan(memory.today[:, : len(self._at)]).all(axis=0)
            learned = ~flagged & ~memory.excess_today & is_seen
            memory.ring(memory.kind).keep(memory.day, memory.today, self._parts.widened(learned), _STALE_DAYS)
            memory.gains.keep(memory.gain_most, learned)
        memory.day, memory.kind = local_day, self._context.days.kind(local_day)
        memory.today = np.full_like(memory.today, np.nan)
        memory.gain_today, memory.gain_most = np.zeros(len(self._at)), np.zeros(len(self._at))
        memory.excess_today = memory.open.mask(len(self._at))
        self._expect()

    def _expect(self) -> None:
        """A holiday may be spent as any day; so may the first days of a vacation."""
        memory = self._memory
        least = Floor(*(self._parts.widened(self._set[name]) for name in ("least_share", "least_kw")))
        of_day = (memory.working, int(self._set["working_days"][0]))
        of_rest = (memory.resting, int(self._set["resting_days"][0]))
        own = (memory.ring(memory.kind), of_day[1] if memory.kind == WORKDAY else of_rest[1])
        memory.expected.set_from(*own, least)
        if memory.kind not in (HOLIDAY, VACATION):
            return
        is_new = np.isnan(memory.expected.usual).any(axis=0)
        for ring, days in (of_day, of_rest):
            other = Expectation.unknown(memory.today.shape[1])
            other.set_from(ring, days, least)
            if memory.kind == VACATION:  # once there is a profile of the vacation, it stands alone
                other.usual[:, ~is_new] = np.nan
            memory.expected.at_most(other)

    def _set_limits(self) -> None:
        """What its own days moved the hourly sum by themselves is no evidence: a meter of few users has heavy tails."""
        settings, limits = self._set, self._limits
        own = np.nan_to_num(quantile(self._memory.gains.values, 1.0))
        limits[:] = settings["window_limit"]
        limits[HOURLY] = settings["limit"]
        limits[LOW] = settings["low_limit"]
        is_again = self._memory.day - self._memory.told_day <= _AGAIN_DAYS
        limits *= np.maximum(self._caution, np.where(is_again, _AGAIN, 1.0))
        limits[HOURLY] = np.maximum(limits[HOURLY], _OWN_TAIL * own)

    # -- hours --------------------------------------------------------------------------------------------

    def _hour(self, hours: Hours, row: int) -> list[Finding]:
        memory = self._memory
        hour, use, number = int(hours.local_hour[row]), hours.volume[row], int(hours.number[row])
        memory.today[hour] = use
        usual = memory.expected.usual[hour]
        known = ~np.isnan(use) & ~np.isnan(usual)
        excess, usual = np.where(known, use - usual, 0.0), np.where(known, usual, 0.0)
        below, judged = self._parts.explained(excess), slice(len(self._at))
        known = known[judged] & (self._set["enabled"] > 0)
        figures = Figures(excess[judged] - below, below, usual[judged] + below, known.astype(np.float64))
        self._sum_hour(hour, figures, number)
        memory.running.add(hour, figures)
        for window in np.flatnonzero(hour == ENDS).tolist():
            self._sum_window(window, number)
        return self._tell(hours.at[row], number)

    def _sum_hour(self, hour: int, figures: Figures, number: int) -> None:
        memory, settings = self._memory, self._set
        known, usual = figures.hours > 0, figures.usual
        shown = self._above(figures, memory.expected.scale[hour], known, _CLIP)
        gained = np.maximum(memory.gain_today + np.nan_to_num(shown - settings["slack"]), 0.0)
        memory.gain_today, memory.gain_most = gained, np.maximum(memory.gain_most, gained)
        self._add(HOURLY, shown, settings["slack"], number, figures)
        is_low = figures.excess < (settings["low_share"] - 1) * usual
        low = np.where(
            known & (memory.kind == WORKDAY), np.where(is_low, np.minimum(-shown, _WINDOW_CLIP), 0.0), np.nan
        )
        self._add(LOW, low, settings["slack"], number, figures)

    def _sum_window(self, window: int, number: int) -> None:
        memory, slack = self._memory, self._set["window_slack"]
        figures = memory.running.of_window(window)
        known = figures.hours >= _KNOWN_SHARE * LENGTHS[window]
        shown = self._above(figures, memory.expected.window_scale[window], known, _WINDOW_CLIP)
        began = number - int(ENDS[window])
        self._add(window_row(window, is_work=True), shown, slack, began, figures)
        if memory.kind != WORKDAY:
            self._add(window_row(window, is_work=False), shown, slack, began, figures)
        self._calm(window, figures.excess / np.maximum(figures.hours, 1), known)

    def _calm(self, window: int, mean: Float64, known: Mask) -> None:
        """One window of those that told it, with little of it left: it is over, and what comes then is told anew."""
        memory, is_work = self._memory, self._memory.kind == WORKDAY
        for column in list(memory.open.places()):
            noted = memory.open.by_place[str(column)]
            row = int(noted["row"])
            sign = -1.0 if row == LOW else 1.0
            judges = window == window_of(row) and not (is_rest_row(row) and is_work)
            if judges and known[column] and sign * mean[column] < self._set["clear_share"][column] * noted["size"]:
                memory.sums.total[:, column] = 0.0

    def _add(self, row: int, shown: Float64, slack: Float64, begin: int, figures: Figures) -> None:
        self._memory.sums.add(row, Step(shown, slack, _CAP * self._limits[row], begin, figures))

    def _above(self, figures: Figures, scale: Float64, known: Mask, clip: float) -> Float64:
        """Sigmas above the usual, without what all alike show: weather; NaN where not known."""
        sigma = figures.hours * scale[: len(self._at)]
        own, below = (
            np.divide(part, sigma, out=np.full(sigma.shape, np.nan), where=known)
            for part in (figures.excess, figures.below)
        )
        below = np.clip(below, -clip, clip)
        common = np.nan_to_num(self._alike.medians(np.clip(np.clip(own, -clip, clip) + below, -clip, clip)))
        common = np.maximum(common, -_COMMON_LOW)
        # What the sub-meters show of it is off already.
        common = np.where(below > 0, np.maximum(common - below, 0.0), common)
        # Clipped last: of a load that is far too large, as much is left in any weather as one hour can prove.
        return np.asarray(np.clip(own - common, -clip, clip), np.float64)

    # -- findings -----------------------------------------------------------------------------------------

    def _tell(self, at: np.datetime64, number: int) -> list[Finding]:
        memory = self._memory
        is_open = memory.open.mask(len(self._at))
        over = memory.sums.total >= self._limits
        is_over = over.any(axis=0)
        memory.excess_today |= is_over | is_open
        findings = [self._open(int(c), at) for c in np.flatnonzero(is_over & ~is_open)]
        for column in [int(c) for c in np.flatnonzero(is_open)]:
            ends = not self._holds(column, over[:, column])
            if ends or number % HOURS == 0:
                findings.append(self._follow(column, at, ends=ends))
        return findings

    def _open(self, column: int, at: np.datetime64) -> Finding:
        sums = self._memory.sums
        row = int(np.argmax(sums.total[:, column] / self._limits[:, column]))
        onset = to_time(int(sums.since[row, column]) * _HOUR_MS)
        self._memory.open.open(column, onset, 0.0, row=row, pattern="")
        return self._say(FindingPhase.OPEN, column, at)

    def _holds(self, column: int, over: Mask) -> bool:
        """Whether it goes on: the sum that told it, and those of days of this kind, are not at rest."""
        row, total = int(self._memory.open.by_place[str(column)]["row"]), self._memory.sums.total[:, column]
        if row == LOW:
            return bool(total[LOW] > 0)
        holding = over | (total > 0)
        present = holding[rows_of(is_work=self._memory.kind == WORKDAY)]
        return bool(holding[row] or holding[HOURLY] or present.any())

    def _follow(self, column: int, at: np.datetime64, *, ends: bool) -> Finding:
        finding = self._say(FindingPhase.CLOSE if ends else FindingPhase.UPDATE, column, at)
        if ends:
            self._memory.open.close(column)
            self._memory.told_day[column] = self._memory.day
        return finding

    def _say(self, phase: FindingPhase, column: int, at: np.datetime64) -> Finding:
        meter, noted = self._meters[column], self._memory.open.by_place[str(column)]
        is_low = int(noted["row"]) == LOW
        self._note(noted, column, phase)
        return Finding(
            phase=phase, rule=self.rule, subject=meter.id, node=meter.node or "",
            category=Category.SUPPLY if is_low else Category.CONSUMPTION, medium=meter.medium,
            severity=Severity.INFO if is_low else Severity.WARNING, at=at, onset=to_time(int(noted["onset"])),
            observed=noted["observed"], expected=noted["expected"], unit="kW", size=noted["size"],
            uncertainty=float(np.nan_to_num(self._memory.expected.window_scale[DAY, column])), total=noted["total"],
            evidence={"pattern": noted["pattern"]},
        )  # fmt: skip

    def _note(self, noted: dict[str, Any], column: int, phase: FindingPhase) -> None:
        """Bring the finding's figures up to the hour, by the sum that told it."""
        row, sums = int(noted["row"]), self._memory.sums
        hours = max(float(sums.hours[row, column]), 1.0)
        excess, usual = float(sums.excess[row, column]), float(sums.usual[row, column])
        if phase is not FindingPhase.CLOSE:
            noted["pattern"] = pattern(sums.total[:, column], row, self._memory.kind)
        noted["observed"], noted["expected"] = (usual + excess) / hours, usual / hours
        noted["size"] = max(0.0, -excess / hours if row == LOW else excess / hours)
        noted["total"] = 0.0 if row == LOW else max(0.0, excess)
        noted["peak"] = max(noted["peak"], noted["size"])


def _judged(context: Context) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Columns of energy meters at places that have no peers of their own to be compared with."""
    nodes = context.columns.site.nodes
    found = []
    for column, meter in enumerate(context.columns.meters):
        node = nodes.get(meter.node or "")
        if meter.medium in MEDIA and node is not None and node.kind != "room" and node.use != "dwelling":
            found.append(column)
    return np.array(found, np.intp)
