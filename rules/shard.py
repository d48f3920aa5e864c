"""The rules of one site: entries in one total order in, intervals, findings and incident changes out.

Deterministic: the same entries give the same events, however readings were cut into entries (as long as they come in
the order of time, or late by less than the wait of a step), and whether or not it was restarted from a snapshot.

    readings -> intervals (derivation) -> blocks of judged steps (frontier) -> findings (detectors) -> incidents
             -> raw quantities that a detector wants (samples) ------------->
    meters' own words ------------------------------------------------------>
    people's words ----------------------> how cautious a detector is about a meter, and what use was planned
    head-counts -------------------------> by how many heads a place's use is divided, from a midnight on
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import numpy as np

from metering.batch import MeterEvent, ReadingBatch
from metering.derivation import IntervalDerivation
from metering.distinct import distinct
from metering.entries import Entry, EventBatch, Feedback, HeadCounts, Revision, Tick
from metering.incident import Incident, IncidentChange
from metering.intervals import IntervalBatch, joined
from metering.register_event import RegisterEvent, RegisterEventKind
from metering.site import Site
from metering.windows import GRID_MS, offset_minutes
from rules.blocks import Columns, IntervalBlock
from rules.calendar import school_days
from rules.detectors.base import Context, Detector
from rules.detectors.registry import DETECTORS
from rules.feedback import PeoplesWords
from rules.findings import Finding, FindingScope
from rules.frontier import Frontier
from rules.head_counts import DatedHeads
from rules.incidents import IncidentBook
from rules.open_incident import ms_of
from rules.revision import code_revision, site_revision
from rules.samples import SampleFrontier
from rules.settings import RulesSettings
from rules.snapshot import SnapshotError, pack, unpack
from rules.watermark import Watermark


@dataclass(frozen=True, slots=True)
class ShardEvents:
    """What one entry gave.

    intervals  new and corrected ones, to be upserted in order
    changes    of incidents, in order
    findings   what the detectors said, in order of `at`
    rebuild    another revision of the site or the rules: the state has to be rebuilt under it
    """

    intervals: IntervalBatch
    changes: tuple[IncidentChange, ...] = ()
    findings: tuple[Finding, ...] = ()
    rebuild: Revision | None = None


@dataclass(slots=True)
class _Gathered:
    intervals: list[IntervalBatch] = field(default_factory=list)
    changes: list[IncidentChange] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


class Shard:
    """One site's rules and all they remember. Not thread-safe: one caller at a time."""

    def __init__(
        self, site: Site, settings: RulesSettings | None = None, detectors: Mapping[str, type[Any]] = DETECTORS
    ) -> None:
        self.site = site
        self.settings = settings if settings is not None else RulesSettings()
        self.applied_seq = 0
        self._columns = Columns(site)
        self._derivation = IntervalDerivation(site)
        self._watermark = Watermark()
        self._frontier = Frontier(self._columns)
        self._register_events: list[RegisterEvent] = []
        self._meter_events: list[MeterEvent] = []
        self._book = IncidentBook(self._columns, self.settings.incidents, self.settings.revision)
        self._flagged = self._book.flagged()
        self._context = Context(self._columns, school_days(site))
        self._words = PeoplesWords()
        self._heads = DatedHeads(site)
        self._cautions: dict[str, dict[str, float]] = {}
        self._kinds = detectors
        self._detectors: dict[str, Detector] = {rule: self._make(rule) for rule in detectors}
        self._samples = SampleFrontier(self._columns, {q for d in self._detectors.values() for q in d.quantities})

    def _make(self, rule: str) -> Detector:
        """A detector of that rule, as cautious as people have made it, that remembers nothing."""
        settings_of = self.settings.settings_of(rule, self.site, self._cautions.get(rule))
        made: Detector = self._kinds[rule](self._context, settings_of)
        return made

    # -- entries --------------------------------------------------------------------------------------------------

    def process(self, seq: int, entry: Entry) -> ShardEvents:
        """Take the entry with that place in the order."""
        out = _Gathered()
        rebuild = None
        match entry:
            case ReadingBatch():
                for part in self._by_day(entry):
                    self._take_readings(part, out)
                    self._judge(out)
            case EventBatch():
                self._meter_events = sorted([*self._meter_events, *entry.events], key=lambda e: ms_of(e.time))
                self._judge(out)
            case Tick():
                self._take_tick(entry)
                self._judge(out)
            case Feedback():
                self._words.take(entry)
                self._judge(out)
            case HeadCounts():
                self._heads.take(entry)
            case Revision():
                rebuild = entry if self._is_other(entry) else None
        self.applied_seq = seq
        return ShardEvents(joined(out.intervals), tuple(out.changes), tuple(out.findings), rebuild)

    def finish(self) -> ShardEvents:
        """Judge what can be judged by the newest reading's time, as if the clock had gone on by a moment."""
        out = _Gathered()
        if self._watermark.now is not None:
            self._judge(out, self._watermark.now + 1)
        return ShardEvents(joined([]), tuple(out.changes), tuple(out.findings))

    @property
    def code_revision(self) -> str:
        """Digest of the code that judges; a snapshot of another one is of no use."""
        return code_revision()

    @property
    def rules_revision(self) -> str:
        """Digest of all settings."""
        return self.settings.revision

    @property
    def judged_until(self) -> np.datetime64 | None:
        """End of the last judged step; None before the first."""
        step = self._frontier.next_step
        return None if step is None else np.datetime64(step * GRID_MS, "ms")

    @property
    def now_ms(self) -> int | None:
        """Event time, ms since 1970; None before the first reading."""
        return self._watermark.now

    def registers(self) -> dict[tuple[str, int], float]:
        """The newest register by meter and quantity code."""
        return self._derivation.registers()

    @property
    def open_incidents(self) -> tuple[Incident, ...]:
        """The open incidents as they were told last."""
        return tuple(i.written for i in self._book.incidents.values() if i.written is not None)

    def adopt(self, incident: str, earlier: str) -> None:
        """Let an open incident go on under the id of an earlier one (after a rebuild)."""
        self._book.adopt(incident, earlier)

    def _by_day(self, batch: ReadingBatch) -> Iterator[ReadingBatch]:
        """The batch cut at local midnights, so that what one day taught is known when the next is judged."""
        if not len(batch):
            return
        steps = batch.time.view(np.int64) // GRID_MS
        ends = np.array([steps.min(), steps.max()])
        if ends[1] - ends[0] < 96 and len(np.unique(self._local_day(ends))) == 1:  # noqa: PLR2004 - steps a day
            yield batch
            return
        day = self._local_day(steps)
        for d in distinct(day).tolist():
            yield batch.take(day == d)

    def _local_day(self, steps: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[Any, np.dtype[np.int64]]:
        return (steps * 15 + offset_minutes(steps, self.site.zone)) // 1440

    def _take_readings(self, batch: ReadingBatch, out: _Gathered) -> None:
        derived = self._derivation.push(batch)
        for jump in self._watermark.see(batch, self._frontier.live):
            self._frontier.note_jump(jump)
        self._samples.add(batch, self._watermark.now)
        if self._watermark.start is not None:
            self._frontier.start(self._watermark.start)
        self._frontier.add(derived.intervals, derived.closed_at, derived.corrected)
        if derived.events:
            self._register_events = sorted([*self._register_events, *derived.events], key=_event_order)
        if len(derived.intervals):
            out.intervals.append(derived.intervals)

    def _take_tick(self, tick: Tick) -> None:
        now = ms_of(tick.time)
        if tick.down_since is not None:
            self._frontier.note_ours(ms_of(tick.down_since), now)
        for jump in self._watermark.see_tick(now):
            self._frontier.note_jump(jump)
        if self._watermark.start is not None:
            self._frontier.start(self._watermark.start)

    def _is_other(self, revision: Revision) -> bool:
        return revision.subject != "rules" or revision.digest != self.settings.revision

    # -- judging --------------------------------------------------------------------------------------------------

    def _judge(self, out: _Gathered, now: int | None = None) -> None:
        """All that can be judged by now: steps, samples, events and people's words in the order of time."""
        now = self._watermark.now if now is None else now
        if now is None:
            return
        while True:
            event = min((ms_of(e[0].time) for e in (self._register_events, self._meter_events) if e), default=now)
            word = self._words.next_ms(now)
            before = min(now, event, word)
            if self._frontier.needs_day(before):
                self._begin_day(out)
            elif (block := self._frontier.take(before, self._flagged)) is not None:
                self._judge_block(block, out)
            else:
                self._conclude(self._sampled(before - 1), out)
                if before >= now:
                    return
                if word <= event:
                    self._heed(word, out)
                else:
                    self._observe(event, out)

    def _begin_day(self, out: _Gathered) -> None:
        self._frontier.begin_day()
        if self._heads.begin(self._frontier.today):
            self._count_heads()
        moment = max(self._frontier.judged_at, self._frontier.next_end)
        self._conclude(self._sampled(moment), out)
        out.changes += self._book.review(np.datetime64(moment, "ms"))
        self._flagged = self._book.flagged() | self._book.plans.unusual(self._frontier.today)

    def _judge_block(self, block: IntervalBlock, out: _Gathered) -> None:
        findings: list[Finding] = []
        self._book.recent.push(block)
        for detector in self._detectors.values():
            findings += detector.process(block)
        self._conclude(findings + self._sampled(ms_of(block.judged_at[-1])), out)

    def _sampled(self, until: int) -> list[Finding]:
        """What the samples judged up to a moment (ms) show."""
        findings: list[Finding] = []
        if (block := self._samples.take(until)) is not None:
            for detector in self._detectors.values():
                if detector.quantities and len(part := block.only(detector.quantities)):
                    findings += detector.sample(part)
        return findings

    def _observe(self, time: int, out: _Gathered) -> None:
        """The register events and the meters' own words of one moment (ms)."""
        events = [e for e in self._register_events if ms_of(e.time) == time]
        said = [e for e in self._meter_events if ms_of(e.time) == time]
        self._register_events = self._register_events[len(events) :]
        self._meter_events = self._meter_events[len(said) :]
        at = np.datetime64(max(time, self._frontier.judged_at), "ms")
        findings: list[Finding] = []
        for detector in self._detectors.values():
            findings += detector.observe(events, at) if events else ()
            findings += detector.hear(said, at) if said else ()
        self._conclude(findings, out)

    def _heed(self, time: int, out: _Gathered) -> None:
        """What people said by a moment (ms) counts from now on."""
        self._words.hear(time)
        before, self._cautions = self._cautions, self._words.cautions()
        self._make_anew(r for r in self._detectors if before.get(r) != self._cautions.get(r))
        at = max(time, self._frontier.judged_at)
        self._book.plans.tell(self._words.planned(at))
        out.changes += self._book.review(np.datetime64(at, "ms"))

    def _count_heads(self) -> None:
        """From the day that begins on, detectors divide by other head-counts."""
        self._context = replace(self._context, columns=Columns(self._heads.counted()))
        self._make_anew(self._detectors)

    def _make_anew(self, rules: Iterable[str]) -> None:
        for rule in tuple(rules):
            changed = self._make(rule)
            changed.restore(self._detectors[rule].state())
            self._detectors[rule] = changed

    def _conclude(self, findings: list[Finding], out: _Gathered) -> None:
        findings.sort(key=lambda f: ms_of(f.at))  # stable: the detectors' order within an instant
        out.findings += [f for f in findings if f.scope is not FindingScope.CASE]
        acting = [f for f in findings if f.scope is not FindingScope.OCCURRENCE]
        for at, group in groupby(acting, key=lambda f: ms_of(f.at)):
            out.changes += self._book.apply(list(group), np.datetime64(at, "ms"))

    # -- memory ---------------------------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """All that is remembered, with the sequence of the last entry taken."""
        return pack(
            {
                "code": code_revision(),
                "rules": self.settings.revision,
                "site": site_revision(self.site),
                "applied_seq": self.applied_seq,
                "derivation": self._derivation.state(),
                "watermark": self._watermark.state(),
                "frontier": self._frontier.state(),
                "samples": self._samples.state(),
                "register_events": [_event_to_state(e) for e in self._register_events],
                "meter_events": [[e.meter, e.time, e.code, e.text] for e in self._meter_events],
                "flagged": self._flagged,
                "words": self._words.state(),
                "heads": self._heads.state(),
                "detectors": {rule: detector.state() for rule, detector in self._detectors.items()},
                "incidents": self._book.state(),
            }
        )

    @classmethod
    def restore(
        cls,
        blob: bytes,
        site: Site,
        settings: RulesSettings | None = None,
        detectors: Mapping[str, type[Any]] = DETECTORS,
    ) -> Shard:
        """A shard that continues from a snapshot.

        Raises:
            SnapshotError: torn, or of other code, rules or meters: rebuild the state from the store.
        """
        shard = cls(site, settings, detectors)
        state = unpack(blob)
        own = {"code": code_revision(), "rules": shard.settings.revision, "site": site_revision(site)}
        for name, expected in own.items():
            if state.get(name) != expected:
                raise SnapshotError(f"a snapshot of another revision of {name}")
        try:
            shard._load(state)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise SnapshotError(f"a snapshot does not fit: {error}") from error
        return shard

    def _load(self, state: dict[str, Any]) -> None:
        if set(state["detectors"]) != set(self._detectors):
            raise ValueError(f"it has the detectors {sorted(state['detectors'])}")
        self.applied_seq = int(state["applied_seq"])
        self._derivation.restore(state["derivation"])
        self._watermark.restore(state["watermark"])
        self._frontier.restore(state["frontier"])
        self._samples.restore(state["samples"])
        self._register_events = [_event_from_state(e) for e in state["register_events"]]
        self._meter_events = [MeterEvent(*e) for e in state["meter_events"]]
        self._flagged = state["flagged"]
        self._words.restore(state["words"])
        self._heads.restore(state["heads"])
        self._context = replace(self._context, columns=Columns(self._heads.counted()))
        self._cautions = self._words.cautions()
        self._book.plans.tell(self._words.planned(self._frontier.judged_at))
        self._detectors = {rule: self._make(rule) for rule in self._kinds}
        for rule, detector in self._detectors.items():
            detector.restore(state["detectors"][rule])
        self._book.restore(state["incidents"])


def _event_order(event: RegisterEvent) -> tuple[int, str, int, str]:
    return ms_of(event.time), event.meter, event.quantity, event.kind.value


def _event_to_state(event: RegisterEvent) -> dict[str, Any]:
    return {name: getattr(event, name) for name in RegisterEvent.__slots__} | {"kind": event.kind.value}


def _event_from_state(state: dict[str, Any]) -> RegisterEvent:
    return RegisterEvent(**state | {"kind": RegisterEventKind(state["kind"])})
