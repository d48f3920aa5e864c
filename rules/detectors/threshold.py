"""Thresholds: the user's own rules, conditions over quantities that must hold for a time.

A step that is not known neither counts nor ends what goes on, unless more than an hour (or than `for`) is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from metering.batch import Float64, Mask
from metering.windows import GRID_MS
from rules.blocks import STEP_HOURS, STEPS_PER_HOUR, IntervalBlock
from rules.detectors.base import Context
from rules.detectors.detector import RuleDetector
from rules.detectors.open_findings import OpenFindings, to_time
from rules.detectors.settings import SettingsOf
from rules.detectors.threshold_runs import HeldRun, masks
from rules.detectors.threshold_settings import ThresholdSettings, UserRule
from rules.expressions.evaluate import evaluate
from rules.expressions.inputs import INPUTS, Steps
from rules.expressions.parse import Condition, parse_duration
from rules.expressions.tree import Name, Window, every_node
from rules.findings import Finding, FindingPhase

_STEPS_PER_DAY = 24 * STEPS_PER_HOUR
_NO_STEP = -1
_SIGMA = 0.02  # of an excess: the accuracy of a meter of class 2


@dataclass
class ThresholdMemory:
    """The last steps of all columns that windows reach back to; by pair (rule and column) what holds and is open."""

    usage: Float64
    local_minute: Float64
    when: HeldRun
    clear: HeldRun
    open: OpenFindings = field(default_factory=OpenFindings)
    next_step: int = _NO_STEP


@dataclass(frozen=True)
class _Judged:
    """A rule with what it was checked into, its columns, and the first of its pairs."""

    rule: UserRule
    when: Condition
    clear: Condition | None
    columns: npt.NDArray[np.intp]
    first: int

    @property
    def pairs(self) -> slice:
        """Its places among the pairs."""
        return slice(self.first, self.first + len(self.columns))


class Threshold(RuleDetector):
    """Judges the meters that each rule selects. Findings are named `threshold:ID`; subject and node: the meter's."""

    rule = "threshold"
    warm_up_days = 0
    Settings = ThresholdSettings

    def __init__(self, context: Context, settings_of: SettingsOf) -> None:
        super().__init__(context, settings_of)
        self._rules: list[_Judged] = []
        pairs = 0
        for rule in settings_of(None).rules:
            self._rules.append(self._judged(rule, pairs))
            pairs = self._rules[-1].pairs.stop
        self._lasts = self._by_pair([parse_duration(j.rule.lasts) for j in self._rules])
        self._clear_for = self._by_pair([parse_duration(j.rule.clear_for) for j in self._rules])
        self._patience = np.maximum(self._lasts, STEPS_PER_HOUR)
        reach = max([1, *(c.longest for j in self._rules for c in (j.when, j.clear) if c is not None)]) - 1
        past = np.full((reach, len(context.columns.meters)), np.nan)
        self._memory: ThresholdMemory = ThresholdMemory(
            past, np.full(reach, np.nan), HeldRun.of(pairs), HeldRun.of(pairs)
        )

    def _judged(self, rule: UserRule, first: int) -> _Judged:
        site = self._columns.site
        taken = [
            i for i, m in enumerate(self._columns.meters) if rule.takes(m, site) and self._settings_of(m.node).enabled
        ]
        return _Judged(rule, *rule.conditions, np.array(taken, np.intp), first)

    def _by_pair(self, values: Sequence[int]) -> npt.NDArray[np.int64]:
        counts = [len(j.columns) for j in self._rules]
        return np.repeat(np.array(values, np.int64), counts)

    # -- judging --------------------------------------------------------------------------------------------------

    def _judge(self, block: IntervalBlock) -> Sequence[Finding]:
        if not len(self._lasts):
            return ()
        memory, steps = self._memory, self._with_past(block)
        when, clear, observed, expected = (np.full((block.steps, len(self._lasts)), np.nan) for _ in range(4))
        for judged in self._rules:
            own, to = steps.take(judged.columns), np.s_[:, judged.pairs]
            holds = evaluate(judged.when.tree, own)[-block.steps :]
            when[to] = holds
            clear[to] = 1.0 - holds if judged.clear is None else evaluate(judged.clear.tree, own)[-block.steps :]
            observed[to] = evaluate(judged.when.main.left, own)[-block.steps :]
            expected[to] = evaluate(judged.when.main.right, own)[-block.steps :]
        held, since = memory.when.push(when, block.first_step, self._patience)
        cleared, _ = memory.clear.push(clear, block.first_step, self._patience)
        raises, clears = masks(held, cleared, self._lasts, self._clear_for)
        walk = _Walk(block, raises, clears, since, observed, expected)
        found = [f for pair in self._moving(raises) for f in self._follow(pair, walk)]
        return sorted(found, key=lambda f: f.at.astype(np.int64))  # stable: rules and meters in their order

    def _with_past(self, block: IntervalBlock) -> Steps:
        """The block's steps behind those of the past that windows reach back to; the past moves on."""
        memory = self._memory
        if memory.next_step not in {_NO_STEP, block.first_step}:
            self._skip(block.first_step - memory.next_step)
        usage = np.concatenate([memory.usage, block.usage])
        minute = np.concatenate([memory.local_minute, block.local_minute.astype(np.float64)])
        reach = len(memory.usage)
        memory.usage, memory.local_minute = usage[len(usage) - reach :].copy(), minute[len(minute) - reach :].copy()
        memory.next_step = block.first_step + block.steps
        return Steps(usage, minute)

    def _skip(self, steps: int) -> None:
        memory, reach = self._memory, len(self._memory.usage)
        gone = min(steps, reach)
        memory.usage = np.concatenate([memory.usage[gone:], np.full((gone, memory.usage.shape[1]), np.nan)])
        memory.local_minute = np.concatenate([memory.local_minute[gone:], np.full(gone, np.nan)])
        for run in (memory.when, memory.clear):
            run.skip(steps, self._patience)

    def _moving(self, raises: Mask) -> list[int]:
        """The pairs of which there may be something to say."""
        return [int(p) for p in np.flatnonzero(raises.any(axis=0) | self._memory.open.mask(len(self._lasts)))]

    # -- findings -------------------------------------------------------------------------------------------------

    def _follow(self, pair: int, walk: _Walk) -> list[Finding]:
        """What there is to say of one pair, step by step."""
        found: list[Finding] = []
        judged = next(j for j in reversed(self._rules) if j.first <= pair and len(j.columns))
        for i in range(walk.block.steps):
            noted = self._memory.open.get(pair)
            if noted is None:
                if walk.raises[i, pair]:
                    found.append(self._say(FindingPhase.OPEN, judged, pair, walk, i, self._open(judged, pair, walk, i)))
                continue
            self._add(judged, noted, pair, walk, i)
            if walk.clears[i, pair]:
                self._memory.open.close(pair)
                found.append(self._say(FindingPhase.CLOSE, judged, pair, walk, i, noted))
            elif walk.block.first_step + i - noted["told"] >= _STEPS_PER_DAY:
                noted["told"] = walk.block.first_step + i
                found.append(self._say(FindingPhase.UPDATE, judged, pair, walk, i, noted))
        return found

    def _open(self, judged: _Judged, pair: int, walk: _Walk, i: int) -> dict[str, Any]:
        since, step = int(walk.since[i, pair]), walk.block.first_step + i
        observed, expected = float(walk.observed[i, pair]), float(walk.expected[i, pair])
        size = _excess(judged.when, observed, expected)
        noted = self._memory.open.open(pair, to_time(since * GRID_MS), size, observed=observed, expected=expected)
        noted |= {"told": step, "total": size * (step + 1 - since) * STEP_HOURS}
        return noted

    def _add(self, judged: _Judged, noted: dict[str, Any], pair: int, walk: _Walk, i: int) -> None:
        """Take a further step into the figures; one that is not known leaves them."""
        observed, expected = float(walk.observed[i, pair]), float(walk.expected[i, pair])
        if np.isnan(observed) or np.isnan(expected):
            return
        size = _excess(judged.when, observed, expected)
        noted["total"] += size * STEP_HOURS
        if not walk.clears[i, pair]:
            noted |= {"size": size, "peak": max(noted["peak"], size), "observed": observed, "expected": expected}

    def _say(
        self, phase: FindingPhase, judged: _Judged, pair: int, walk: _Walk, i: int, noted: dict[str, Any]
    ) -> Finding:
        rule, meter = judged.rule, self._columns.meters[judged.columns[pair - judged.first]]
        return Finding(
            phase=phase,
            rule=f"{self.rule}:{rule.id}",
            subject=meter.id,
            node=meter.node or "",
            category=rule.category,
            medium=meter.medium,
            severity=rule.severity,
            at=walk.block.judged_at[i],
            onset=to_time(noted["onset"]),
            observed=noted["observed"],
            expected=noted["expected"],
            unit=_unit(judged.when, meter.medium),
            size=noted["size"],
            uncertainty=_SIGMA * noted["size"],
            total=noted["total"],
            evidence={
                "name": {"zh-CN": rule.zh or rule.en or rule.id, "en": rule.en or rule.zh or rule.id},
                "when": rule.when,
                "for": rule.lasts,
                "clear": rule.clear or f"not ({rule.when})",
                "clear_for": rule.clear_for,
            },
        )


@dataclass(frozen=True)
class _Walk:
    """The steps of a block by pair."""

    block: IntervalBlock
    raises: Mask
    clears: Mask
    since: npt.NDArray[np.int64]
    observed: Float64
    expected: Float64


def _excess(condition: Condition, observed: float, expected: float) -> float:
    """How much too much, m3/h or kW; 0 where too little is told, or it is no rate."""
    if condition.main.sign not in {">", ">="}:
        return 0.0
    return max(observed - expected, 0.0) * _per_hour(condition)


def _per_hour(condition: Condition) -> float:
    """What turns the compared figure into a rate: usage of a step or of a window is m3 or kWh in that time."""
    nodes = list(every_node(condition.main.left))
    names = {n.name for n in nodes if isinstance(n, Name)}
    if "usage" not in names:
        return 1.0
    sums = [n.length for n in nodes if isinstance(n, Window) and n.function == "sum"]
    return STEPS_PER_HOUR / max([1, *sums])


def _unit(condition: Condition, medium: str) -> str:
    """The unit of the compared figures, where the left side is one quantity."""
    named = [n.name for n in every_node(condition.main.left) if isinstance(n, Name)]
    return INPUTS[named[0]].units.get(medium, "") if len(named) == 1 else ""
