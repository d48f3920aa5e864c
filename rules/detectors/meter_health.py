"""Meter health: whether a meter's data can be believed. One finding a meter, its worst condition in the evidence.

    offline    no values for longer than this meter's gaps usually are (not while the collector itself was down)
    stuck      it answers but counts nothing, for far longer than it ever did on days like this, and its peers count;
               or: it feeds meters that count while it does not
    held       an implausible jump is still held for review
    reversed   the register runs backwards
    reset, undeclared replacement   from the register's steps (`metering.derivation`)

Offline and stuck are over when values, or counts, come again; what happened at one moment after a day of plausible
counting. Public holidays and vacations count as standstill only for a meter that usually counts on such days.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from pydantic import Field

from metering.batch import Float64, Mask, Quality
from metering.incident import Category, Severity
from metering.quantities import BY_CODE, ELECTRICITY
from metering.register_event import RegisterEvent, RegisterEventKind
from metering.windows import GRID_MS
from rules.blocks import STEPS_PER_HOUR, IntervalBlock
from rules.detectors.base import Context
from rules.detectors.child_balance import ChildJudge
from rules.detectors.detector import RuleDetector
from rules.detectors.health_conditions import MEANING, OF_EVENT, ONCE_IS_CHANCE, Condition
from rules.detectors.health_memory import HOLIDAY, VACATION, WEEKEND, WORKDAY, HealthMemory
from rules.detectors.moments import pieces
from rules.detectors.open_findings import to_int, to_time
from rules.detectors.peer_groups import peer_groups
from rules.detectors.runs import longest_ended, run_lengths
from rules.detectors.settings import DetectorSettings, SettingsOf, per_column
from rules.detectors.zones import Zones, zones_of
from rules.findings import Finding, FindingPhase

_EVERY_MINUTES = 60
_NOTHING = 1e-6  # m3 or kWh in a step: rounding, no use
_KINDS = {"workday": WORKDAY, "weekend": WEEKEND, "holiday": HOLIDAY, "vacation": VACATION}
_RESOLVING = (RegisterEventKind.RELEASED, RegisterEventKind.GLITCH)
_HOUR_MS = 3_600_000
_NO_DAY = -(10**9)
_PEERS = 4
_WEEK_H = 7 * 24
_LEAST_PULSES = 20  # of a parent, that its children must have counted while it stood


class MeterHealthSettings(DetectorSettings):
    """Times in hours. Each meter's own history lengthens them; it never shortens them."""

    offline_h: float = Field(default=3.0, gt=0, description="Least silence that is told: longer than a modem's reset.")
    offline_factor: float = Field(default=3.0, ge=1, description="Times the meter's usual longest gap of a day.")
    never_seen_h: float = Field(default=24.0, gt=0, description="Silence of a meter that has never been heard.")
    stuck_h: float = Field(default=12.0, gt=0, description="Least standstill that is told: longer than any night.")
    ceaseless_h: float = Field(
        default=3.0, gt=0, description="The same for a meter of energy that never stood still for a step in weeks."
    )
    stuck_factor: float = Field(default=3.0, ge=1, description="Times the longest standstill of its past weeks.")
    restless_h: float = Field(
        default=4.0, gt=0, description="A meter that ever stood still for so long in a day serves few people: ..."
    )
    away_h: float = Field(default=72.0, ge=0, description="... they may be away for so long before it is called stuck.")
    idle_h: float = Field(
        default=12.0, gt=0, description="One that stood still for so long is idle at times: a week more for it."
    )
    stuck_parent_h: float = Field(
        default=2.0, gt=0, description="Standstill of a meter that feeds others which do count."
    )
    learn_days: int = Field(default=7, ge=3, description="Days that must be known before a standstill is judged.")
    held_h: float = Field(default=2.0, ge=0, description="How long a jump may be held before it is told.")
    good_h: float = Field(default=24.0, gt=0, description="Plausible counting after which what happened is over.")


class MeterHealth(RuleDetector):
    """Judges every meter. Subject and node: the meter's."""

    rule = "meter_health"
    warm_up_days = 7
    Settings = MeterHealthSettings

    def __init__(self, context: Context, settings_of: SettingsOf) -> None:
        super().__init__(context, settings_of)
        self._meters = context.columns.meters
        self._set = {name: per_column(settings_of, self._meters, name) for name in MeterHealthSettings.model_fields}
        self._groups = peer_groups(context.columns, ("room", "floor"), ("dwelling",), _PEERS)
        media = tuple({m.medium for m in self._meters})
        self._zones: Zones = zones_of(context.columns, media)
        # Standby never ends, so that rooms tell of each other how long is usual; taps of a house do rest.
        self._never_rests = np.array([m.medium == ELECTRICITY for m in self._meters], bool)
        self._children = ChildJudge(self._zones, self._meters)
        self._memory: HealthMemory = HealthMemory.of(len(self._meters), self._children.memory())

    def _judge(self, block: IntervalBlock) -> Sequence[Finding]:
        findings: list[Finding] = []
        for piece, minute in pieces(block, _EVERY_MINUTES):
            self._begin_day(piece.local_day)
            self._take_in(piece)
            if minute is not None:
                findings += self._review(piece)
        return findings

    # -- taking in ------------------------------------------------------------------------------------------------

    def _begin_day(self, local_day: int) -> None:
        """At a new local day: keep the one that ended, and look up what kind the new one is."""
        memory = self._memory
        if local_day == memory.day:
            return
        if memory.day != _NO_DAY:
            gaps, still = memory.gaps, memory.still
            is_open = memory.open.mask(len(self._meters))
            gaps.end_day(gaps.seen & ~is_open)
            is_over = still.run / STEPS_PER_HOUR > self._stuck_limit_h()
            is_sound = gaps.seen & ~is_open & (gaps.run == 0) & ~is_over
            still.end_day(memory.kind, is_sound)
            rests = still.all_run / STEPS_PER_HOUR >= self._set["stuck_h"]
            self._children.end_day(memory.children, is_sound & ~rests)
        memory.day = local_day
        memory.kind = _KINDS[self._context.days.kind(local_day)]
        memory.still.begin_day(memory.kind, self._set["learn_days"], self._groups, self._never_rests)

    def _take_in(self, block: IntervalBlock) -> None:
        memory = self._memory
        missing = np.isnan(block.usage)
        self._take_gaps(missing, block.ours)
        still = memory.still
        counts = block.usage > _NOTHING
        lengths = run_lengths(~counts, still.run)
        # Missing values, and days on which it need not count, neither lengthen nor end a standstill.
        lengths -= _passed_over(missing | ~(still.is_active & still.is_known), ~counts)
        began = lengths == 0
        last_zero = np.where(began, block.first_step + 1 + np.arange(block.steps)[:, None], 0).max(axis=0)
        still.since = np.where(last_zero > 0, last_zero, np.where(still.since < 0, block.first_step, still.since))
        still.run = lengths[-1]
        lengths = run_lengths(~counts, still.all_run) - _passed_over(missing, ~counts)
        still.longest = np.maximum(still.longest, longest_ended(counts, lengths, still.all_run))
        still.all_run = lengths[-1]
        still.counted |= counts.any(axis=0)
        self._children.take_in(memory.children, block, counts | missing)
        memory.good += (~missing).sum(axis=0)
        memory.end_ms = (block.first_step + block.steps) * GRID_MS
        self._take_children(block)

    def _take_gaps(self, missing: Mask, ours: Mask) -> None:
        gaps = self._memory.gaps
        lengths = run_lengths(missing, gaps.run)
        lengths -= _passed_over(np.broadcast_to(ours[:, None], missing.shape), missing)
        gaps.longest = np.maximum(gaps.longest, lengths.max(axis=0))
        gaps.run = lengths[-1]
        gaps.seen |= ~missing.all(axis=0)

    def _take_children(self, block: IntervalBlock) -> None:
        """What the children of each standing parent counted since it stands."""
        if not len(self._zones):
            return
        still, first = self._memory.still, self._zones.first_parent
        stands = self._zones.inflow(block.usage) <= _NOTHING
        measured = np.where(block.quality & Quality.ESTIMATED, 0.0, np.nan_to_num(block.usage))
        flows, largest = self._zones.outflow(measured), self._zones.largest_outflow(measured)
        counted, most = still.children[first], still.largest[first]
        for row in range(block.steps):  # step by step: the sum must not depend on the cut
            counted = np.where(stands[row], counted + flows[row], 0.0)
            most = np.where(stands[row], np.maximum(most, largest[row]), 0.0)
        still.children[first], still.largest[first] = counted, most

    # -- judging --------------------------------------------------------------------------------------------------

    def _review(self, block: IntervalBlock) -> list[Finding]:
        """The worst condition of each meter now, against what is open."""
        memory = self._memory
        condition = np.zeros(len(self._meters), np.int64)
        condition[self._is_offline()] = Condition.OFFLINE
        condition[self._is_stuck()] = Condition.STUCK
        for place, event in self._standing_events():
            condition[place] = max(condition[place], int(event["condition"]))
        condition[self._set["enabled"] == 0] = 0
        findings = []
        is_open = memory.open.mask(len(self._meters))
        for column in np.flatnonzero((condition > 0) | is_open):
            finding = self._change(int(column), int(condition[column]), block)
            findings += [finding] if finding else []
        return findings

    def _is_offline(self) -> Mask:
        gaps, settings = self._memory.gaps, self._set
        silent_h = gaps.run / STEPS_PER_HOUR
        limit = np.maximum(settings["offline_h"], settings["offline_factor"] * gaps.usual_h)
        return np.asarray(silent_h >= np.where(gaps.seen, limit, settings["never_seen_h"]), bool)

    def _stuck_limit_h(self) -> Float64:
        """Standstill from which a meter is stuck, hours; infinite while its usual ones are not known."""
        settings, still = self._set, self._memory.still
        least = np.where(self._is_ceaseless(), settings["ceaseless_h"], settings["stuck_h"])
        limit = np.maximum(least, settings["stuck_factor"] * still.usual_h)
        limit = np.where(still.usual_h > settings["restless_h"], limit + settings["away_h"], limit)
        limit = np.where(still.usual_h > settings["idle_h"], limit + _WEEK_H, limit)
        return np.where(np.isnan(still.usual_h), np.inf, limit)

    def _is_ceaseless(self) -> Mask:
        """Energy meters that counted in every step of all days known: what stands still there is not at rest."""
        ceaseless = self._never_rests & (self._memory.still.usual_h <= 1 / STEPS_PER_HOUR)
        ceaseless[self._groups.columns] = False  # rooms: whoever pulls the plugs has left, no more
        return np.asarray(ceaseless, bool)

    def _is_stuck(self) -> Mask:
        memory, settings = self._memory, self._set
        still_h = memory.still.run / STEPS_PER_HOUR
        stuck = (still_h >= self._stuck_limit_h()) & (memory.gaps.run == 0)
        # Where many of its like stand still too, nobody is at home.
        rests = still_h[self._groups.columns] >= settings["stuck_h"][self._groups.columns] / 2
        resting = self._groups.counts(rests) - rests
        size = self._groups.counts(np.ones(len(rests), bool)) - 1
        stuck[self._groups.columns] &= resting <= 0.3 * size
        self._hear_parents(stuck)
        first = self._zones.first_parent
        feeds = memory.still.children[first] - memory.still.largest[first] >= self._least_passed()
        stuck[first] |= (still_h[first] >= settings["stuck_parent_h"][first]) & feeds
        return np.asarray(stuck, bool)

    def _hear_parents(self, stuck: Mask) -> None:
        """What the balance above says of children that stand still, into the mask."""
        memory, children = self._memory, self._children.columns
        long = memory.still.all_run[children] / STEPS_PER_HOUR >= self._set["stuck_h"][children]
        frozen, at_rest, is_known = self._children.verdict(memory.children, long)
        told = [int(c) for c, n in memory.open.by_place.items() if n["condition"] == Condition.STUCK]
        # In vacations anybody may leave for weeks: there only what is missing above proves that water is not counted.
        may_rest = (memory.kind in (HOLIDAY, VACATION)) & is_known & ~self._never_rests[children]
        stuck[children[long & may_rest]] = False
        stuck[children[long & frozen & (memory.gaps.run[children] == 0)]] = True
        stuck[told] |= memory.still.all_run[told] > 0
        stuck[children[long & at_rest]] = False

    def _least_passed(self) -> Float64:
        """By zone: what children must have counted so that the parent should have moved, m3 or kWh."""
        parents = [self._meters[c] for c in self._zones.first_parent]
        pulse = np.array([m.resolution or 0.1 for m in parents])
        return np.asarray(_LEAST_PULSES * pulse, np.float64)

    def _standing_events(self) -> Iterator[tuple[int, dict[str, float | str]]]:
        """Register events that are not over yet, by column; those over are forgotten."""
        memory = self._memory
        for key in list(memory.events):
            column, event = int(key), memory.events[key]
            is_held = event["condition"] == Condition.HELD
            if not is_held and memory.good[column] >= self._set["good_h"][column] * STEPS_PER_HOUR:
                del memory.events[key]
            elif not is_held or memory.end_ms - float(event["at"]) >= self._set["held_h"][column] * _HOUR_MS:
                yield column, event

    # -- register events ------------------------------------------------------------------------------------------

    def observe(self, events: Sequence[RegisterEvent], at: np.datetime64) -> Sequence[Finding]:
        """Note odd steps of the main register; a reset or a replacement is told at once."""
        findings = []
        # Of one moment, what resolves a held jump comes after it, in whatever order they were noted.
        for event in sorted(events, key=lambda e: (to_int(e.time), e.kind in _RESOLVING)):
            column = self._columns.index.get(event.meter)
            if column is None or not self._is_main(column, event) or self._set["enabled"][column] == 0:
                continue
            if self._note(column, event) and (finding := self._tell_event(column, at)):
                findings.append(finding)
        return findings

    def _is_main(self, column: int, event: RegisterEvent) -> bool:
        register = self._meters[column].main_register
        return register is not None and register.code == event.quantity

    def _note(self, column: int, event: RegisterEvent) -> bool:
        """Keep the event where it says something; whether it is to be told at once."""
        memory = self._memory
        noted = memory.events.get(str(column))
        if event.kind in _RESOLVING:
            if noted is not None and noted["condition"] == Condition.HELD:
                del memory.events[str(column)]
            return False
        condition = OF_EVENT.get(event.kind)
        if event.kind is RegisterEventKind.REVERSED and noted is not None and noted["condition"] == Condition.HELD:
            noted = memory.events.pop(str(column))  # the fall is decided; what is said of it is another matter
        if condition is None or (noted is not None and int(noted["condition"]) > condition):
            return False
        if condition in ONCE_IS_CHANCE and not self._is_second(column, condition, to_int(event.time)):
            return False
        memory.events[str(column)] = {
            "condition": int(condition),
            "at": to_int(event.time),
            "since": to_int(event.since),
            "before": event.before,
            "after": event.after,
        }
        memory.good[column] = 0
        return condition is not Condition.HELD

    def _is_second(self, column: int, condition: Condition, at_ms: int) -> bool:
        """Whether the same was noted within a day before."""
        seen, key = self._memory.seen_once, f"{column}:{int(condition)}"
        before, seen[key] = seen.get(key), at_ms
        return before is not None and at_ms - before <= 24 * _HOUR_MS

    # -- findings -------------------------------------------------------------------------------------------------

    def _tell_event(self, column: int, at: np.datetime64) -> Finding | None:
        condition = int(self._memory.events[str(column)]["condition"])
        noted = self._memory.open.get(column)
        if noted is not None and int(noted["condition"]) >= condition:
            return None
        phase = FindingPhase.OPEN if noted is None else FindingPhase.UPDATE
        return self._say(phase, column, at, self._put(column, condition))

    def _change(self, column: int, condition: int, block: IntervalBlock) -> Finding | None:
        """What to say of one meter whose condition is this now (0: none)."""
        memory, at = self._memory, block.judged_at[-1]
        noted = memory.open.get(column)
        if noted is None:
            return self._say(FindingPhase.OPEN, column, at, self._put(column, condition))
        if condition == 0:
            return self._say(FindingPhase.CLOSE, column, at, memory.open.close(column))
        if condition != int(noted["condition"]):
            return self._say(FindingPhase.UPDATE, column, at, self._put(column, condition))
        return None

    def _put(self, column: int, condition: int) -> dict[str, float]:
        """Note the condition as told; what began earlier keeps its onset."""
        memory = self._memory
        onset = self._onset(column, condition)
        noted = memory.open.get(column) or memory.open.open(column, onset, 0.0)
        noted["condition"] = condition
        return noted

    def _onset(self, column: int, condition: int) -> np.datetime64:
        end_ms = self._memory.end_ms
        if condition == Condition.OFFLINE:
            return to_time(end_ms - int(self._memory.gaps.run[column]) * GRID_MS)
        if condition == Condition.STUCK:
            return to_time(int(self._memory.still.since[column]) * GRID_MS)
        event = self._memory.events.get(str(column))
        return to_time(int(event["since"]) if event else end_ms)

    def _say(self, phase: FindingPhase, column: int, at: np.datetime64, noted: dict[str, float]) -> Finding:
        meter = self._meters[column]
        condition = Condition(int(noted["condition"]))
        observed, expected, unit = self._figures(column, condition)
        return Finding(
            phase=phase,
            rule=self.rule,
            subject=meter.id,
            node=meter.node or "",
            category=Category.DATA_QUALITY,
            medium=meter.medium,
            severity=Severity.WARNING,
            at=at,
            onset=to_time(int(noted["onset"])),
            observed=observed,
            expected=expected,
            unit=unit,
            size=0.0,
            evidence={"condition": condition.name.lower(), "meaning": MEANING[condition]},
        )

    def _figures(self, column: int, condition: Condition) -> tuple[float, float, str]:
        """Observed and usual: hours for offline and stuck, registers for the others."""
        memory = self._memory
        if condition is Condition.OFFLINE:
            return float(memory.gaps.run[column]) / STEPS_PER_HOUR, float(memory.gaps.usual_h[column]), "h"
        if condition is Condition.STUCK:
            usual = max(0.0, float(np.nan_to_num(memory.still.usual_h[column])))
            return float(memory.still.run[column]) / STEPS_PER_HOUR, usual, "h"
        event = memory.events.get(str(column))
        register = self._meters[column].main_register
        unit = BY_CODE[register.code].unit if register else ""
        return (float(event["after"]), float(event["before"]), unit) if event else (0.0, 0.0, unit)


def _passed_over(passed: Mask, inside: Mask) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """How many steps of each run so far (of `inside`, within this block) are to be passed over."""
    counted = np.cumsum(passed & inside, axis=0)
    return np.asarray(counted - np.maximum.accumulate(np.where(inside, 0, counted), axis=0), np.int64)
