"""Usage profile: a building that uses more than its own days of that kind, hour by hour.

    z = (use of the hour - median of the last like days) / robust sigma  - what its like all show

Summed above a slack (CUSUM), by the hour for what is large, and for each quarter of the day (nights, weekends) for what
is smaller and comes again day by day. Days of work, rest and vacation are profiles apart; no flagged day is learned.

Reference: Page, Continuous Inspection Schemes, Biometrika 41, 1954 (CUSUM); the robust hour-of-week profile follows the
baselines compared by Granderson et al., Applied Energy 173, 2016.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from metering.batch import Float64, Mask
from metering.incident import Category, Severity
from rules.blocks import IntervalBlock
from rules.calendar import HOLIDAY, VACATION
from rules.detectors.base import Context
from rules.detectors.detector import RuleDetector
from rules.detectors.hours import Hours
from rules.detectors.moments import columns_of
from rules.detectors.open_findings import to_time
from rules.detectors.profile_memory import BLOCK_HOURS, BLOCKS, HOURS, ProfileMemory
from rules.detectors.profile_peers import alike
from rules.detectors.settings import DetectorSettings, SettingsOf, per_column
from rules.findings import Finding, FindingPhase

_NO_DAY = -(10**9)
_RING_DAYS = 25
_STALE_DAYS = 21
_CLIP = 4.0  # sigmas that one hour, or one quarter, can add: no single one proves anything
_COMMON = 2.0  # sigmas of what all show that are taken off: weather, not a fault of everybody
_CAP = 1.5  # times the limit: how far a sum may run ahead, and so how long it takes to come to rest
_KNOWN_HOURS = 4  # of a quarter
_HOUR_MS = 3_600_000
MEDIA = ("electricity", "heat", "gas")


class UsageProfileSettings(DetectorSettings):
    """Sigmas are of the meter's own like days."""

    slack: float = Field(default=2.0, gt=0, description="Sigmas above the usual that an hour may show for nothing.")
    limit: float = Field(
        default=24.0, gt=0, description="Sum of what hours show beyond the slack that is told: twelve at four sigmas."
    )
    quarter_slack: float = Field(default=1.5, gt=0, description="The same for the mean of a quarter of the day.")
    quarter_limit: float = Field(
        default=8.0,
        gt=0,
        description="Sum for one quarter of the day, say the nights: four at three and a half sigmas.",
    )
    least_share: float = Field(
        default=0.06, gt=0, description="Least sigma, as a share of the mean use: what is steady is not watched closer."
    )
    working_days: int = Field(default=6, ge=3, le=_RING_DAYS, description="Working days that must be known.")
    resting_days: int = Field(
        default=4, ge=2, le=_RING_DAYS, description="Days of rest, or of vacation, that must be known."
    )


class UsageProfile(RuleDetector):
    """Judges meters of energy that stand at no room. Subject and node: the meter's."""

    rule = "usage_profile"
    warm_up_days = 28
    Settings = UsageProfileSettings

    def __init__(self, context: Context, settings_of: SettingsOf) -> None:
        super().__init__(context, settings_of)
        self._at = _judged(context)
        self._meters = [context.columns.meters[c] for c in self._at]
        self._set = {name: per_column(settings_of, self._meters, name) for name in UsageProfileSettings.model_fields}
        self._alike = alike(context.columns, self._at)
        self._memory: ProfileMemory = ProfileMemory.of(len(self._at), _RING_DAYS)

    def _judge(self, block: IntervalBlock) -> Sequence[Finding]:
        if not len(self._at):
            return ()
        mine = columns_of(block, self._at)
        if block.local_day != self._memory.day:
            self._begin_day(block.local_day, mine.flagged)
        hours = self._memory.cut.push(mine, mine.usage)
        findings: list[Finding] = []
        for row in range(len(hours)):
            findings += self._hour(hours, row)
        return findings

    # -- days ---------------------------------------------------------------------------------------------

    def _begin_day(self, local_day: int, flagged: Mask) -> None:
        memory = self._memory
        if memory.day != _NO_DAY:
            learned = ~flagged & ~memory.excess_today & ~np.isnan(memory.today).all(axis=0)
            memory.ring(memory.kind).keep(memory.day, memory.today, learned, _STALE_DAYS)
        memory.day, memory.kind = local_day, self._context.days.kind(local_day)
        memory.today = np.full((HOURS, len(self._at)), np.nan)
        memory.excess_today = memory.open.mask(len(self._at))
        self._expect()

    def _expect(self) -> None:
        """A holiday may be spent as any day; so may the first days of a vacation."""
        memory, share = self._memory, self._set["least_share"]
        of_day = (memory.working, int(self._set["working_days"][0]))
        of_rest = (memory.resting, int(self._set["resting_days"][0]))
        own = (memory.ring(memory.kind), of_day[1] if memory.kind == "workday" else of_rest[1])
        memory.expected.set_from(*own, share)
        if memory.kind not in (HOLIDAY, VACATION):
            return
        for ring, days in (of_day, of_rest):
            other = type(memory.expected).unknown(len(self._at))
            other.set_from(ring, days, share)
            is_new = np.isnan(memory.expected.usual).any(axis=0)
            if memory.kind == VACATION:  # once there is a profile of the vacation, it stands alone
                other.usual[:, ~is_new] = np.nan
            memory.expected.at_most(other)

    # -- hours --------------------------------------------------------------------------------------------

    def _hour(self, hours: Hours, row: int) -> list[Finding]:
        memory = self._memory
        hour, use = int(hours.local_hour[row]), hours.volume[row]
        memory.today[hour] = use
        usual = memory.expected.usual[hour]
        known = ~np.isnan(use) & ~np.isnan(usual) & (self._set["enabled"] > 0)
        excess = np.where(known, use - usual, 0.0)
        self._gather(hour, use, excess, known, int(hours.number[row]))
        return self._tell(hours.at[row], int(hours.number[row]))

    def _gather(self, hour: int, use: Float64, excess: Float64, known: Mask, number: int) -> None:
        memory, gathered, settings = self._memory, self._memory.gathered, self._set
        began = ~gathered.is_any()
        shown = self._above(excess, memory.expected.scale[hour], known)
        gathered.hourly = _summed(gathered.hourly, shown, settings["slack"], settings["limit"], known)
        if hour % BLOCK_HOURS == 0:
            gathered.quarter[:], gathered.known[:] = 0.0, 0.0
        gathered.quarter += excess
        gathered.known += known
        if hour % BLOCK_HOURS == BLOCK_HOURS - 1:
            self._end_quarter(hour // BLOCK_HOURS)
        is_any = gathered.is_any() | memory.open.mask(len(self._at))
        gathered.since = np.where(began & is_any, number, gathered.since)
        for figure, more in ((gathered.used, use), (gathered.usual, use - excess), (gathered.hours, known)):
            figure[:] = np.where(is_any, figure + np.where(known, more, 0.0), 0.0)

    def _end_quarter(self, quarter: int) -> None:
        gathered, settings = self._memory.gathered, self._set
        known = gathered.known >= _KNOWN_HOURS
        mean = gathered.quarter / np.maximum(gathered.known, 1)
        shown = self._above(mean, self._memory.expected.quarter_scale[quarter], known)
        gathered.quarterly[quarter] = _summed(
            gathered.quarterly[quarter], shown, settings["quarter_slack"], settings["quarter_limit"], known
        )

    def _above(self, excess: Float64, scale: Float64, known: Mask) -> Float64:
        """Sigmas above the usual, what all alike show taken off; NaN where not known."""
        shown = np.clip(np.divide(excess, scale, out=np.full(excess.shape, np.nan), where=known), -_CLIP, _CLIP)
        common = np.nan_to_num(self._alike.medians(shown))
        return np.clip(shown - np.clip(common, -_COMMON, _COMMON), -_CLIP, _CLIP)

    # -- findings -----------------------------------------------------------------------------------------

    def _tell(self, at: np.datetime64, number: int) -> list[Finding]:
        memory, gathered, settings = self._memory, self._memory.gathered, self._set
        is_open = memory.open.mask(len(self._at))
        over = (gathered.hourly >= settings["limit"]) | (gathered.quarterly >= settings["quarter_limit"]).any(axis=0)
        memory.excess_today |= over | is_open
        findings = [self._open(int(c), at) for c in np.flatnonzero(over & ~is_open)]
        for column in [int(c) for c in np.flatnonzero(is_open)]:
            is_over = not bool(gathered.is_any()[column])
            if is_over or number % HOURS == 0:
                findings.append(self._follow(column, at, is_over=is_over))
        return findings

    def _open(self, column: int, at: np.datetime64) -> Finding:
        onset = to_time(int(self._memory.gathered.since[column]) * _HOUR_MS)
        self._memory.open.open(column, onset, 0.0)
        return self._say(FindingPhase.OPEN, column, at)

    def _follow(self, column: int, at: np.datetime64, *, is_over: bool) -> Finding:
        finding = self._say(FindingPhase.CLOSE if is_over else FindingPhase.UPDATE, column, at)
        if is_over:
            self._memory.open.close(column)
        return finding

    def _say(self, phase: FindingPhase, column: int, at: np.datetime64) -> Finding:
        meter, gathered, noted = self._meters[column], self._memory.gathered, self._memory.open.by_place[str(column)]
        hours = float(gathered.hours[column])
        if hours:
            noted["total"] = float(gathered.used[column] - gathered.usual[column])
            noted["observed"], noted["expected"] = gathered.used[column] / hours, gathered.usual[column] / hours
            noted["size"] = max(0.0, noted["total"] / hours)
            noted["peak"] = max(noted["peak"], noted["size"])
        return Finding(
            phase=phase, rule=self.rule, subject=meter.id, node=meter.node or "", category=Category.CONSUMPTION,
            medium=meter.medium, severity=Severity.WARNING, at=at, onset=to_time(int(noted["onset"])),
            observed=float(noted["observed"]), expected=float(noted["expected"]), unit="kW", size=noted["size"],
            uncertainty=self._sigma(column), total=noted["total"], evidence={"pattern": self._pattern(column)},
        )  # fmt: skip

    def _sigma(self, column: int) -> float:
        return float(np.nan_to_num(self._memory.expected.quarter_scale[:, column].mean()))

    def _pattern(self, column: int) -> str:
        """When it is too much: `nights` (midnight to six) alone, or `all_day`."""
        sums = self._memory.gathered.quarterly[:, column]
        others = sums[1:BLOCKS].max()
        return "nights" if sums[0] > 0 and others <= 0.25 * sums[0] else "all_day"


def _judged(context: Context) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Columns of energy meters at places that have no peers of their own to be compared with."""
    nodes = context.columns.site.nodes
    found = []
    for column, meter in enumerate(context.columns.meters):
        node = nodes.get(meter.node or "")
        if meter.medium in MEDIA and node is not None and node.kind != "room" and node.use != "dwelling":
            found.append(column)
    return np.array(found, np.intp)


def _summed(total: Float64, shown: Float64, slack: Float64, limit: Float64, known: Mask) -> Float64:
    """One step of the CUSUM; what is not known leaves it as it is."""
    moved = np.clip(total + shown - slack, 0.0, _CAP * limit)
    return np.where(known & ~np.isnan(shown), moved, total)
