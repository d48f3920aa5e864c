"""Meters whose data is in doubt: their findings neither raise nor clear anything until it is good again.

A meter is in doubt while a data-quality finding about its readings is open, and, unless it was only silent, for a grace
time after that: a meter that stood still, was reset or replaced leaves wrong figures in what the rules remember; one
that was silent leaves none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from metering.incident import Category
from rules.findings import Finding, FindingPhase
from rules.open_incident import Key, finding_from_state, finding_to_state, key_of, ms_of
from rules.places import Places

OFFLINE = "offline"
_OWN_WORDS = frozenset({"reported_leak", "reported_fault"})
"""Rules that repeat what a meter says of itself: that rests on no reading, and a low battery makes none wrong."""
_SUSPECT_MARGIN_MS = 2 * 3_600_000  # onsets are as exact as a detector's look back


def kind_of(finding: Finding) -> str:
    """What is wrong with the meter, as a data-quality finding says it: `offline`, `stuck`, `reset`, ..."""
    return str(finding.evidence.get("condition", finding.rule))


@dataclass(slots=True)
class Doubt:
    """What is in doubt, and the findings held for it.

    quality   open data-quality findings
    past      closed ones whose grace still runs, with its end (ms)
    held      findings that opened in doubt and are not admitted
    closing   admitted findings that closed in doubt and still count
    admitted  keys of findings that were let through and are open
    """

    places: Places
    grace_ms: int
    quality: dict[Key, Finding] = field(default_factory=dict)
    past: dict[Key, tuple[Finding, int]] = field(default_factory=dict)
    held: dict[Key, Finding] = field(default_factory=dict)
    closing: dict[Key, Finding] = field(default_factory=dict)
    admitted: set[Key] = field(default_factory=set)

    def sift(self, findings: Iterable[Finding], at: np.datetime64) -> list[Finding]:
        """The findings of one instant that may act now, with those that had been held and now may."""
        findings = list(findings)
        for finding in findings:
            if finding.category is Category.DATA_QUALITY and finding.rule not in _OWN_WORDS:
                self._note_quality(finding, at)
        now = ms_of(at)
        self.past = {key: (f, until) for key, (f, until) in self.past.items() if until > now}
        passed = []
        for finding in findings:
            if finding.category is Category.DATA_QUALITY or (admitted := self._admit(finding)) is None:
                if finding.category is Category.DATA_QUALITY:
                    passed.append(finding)
                continue
            passed.append(admitted)
        return passed + self._review(at)

    def _note_quality(self, finding: Finding, at: np.datetime64) -> None:
        key = key_of(finding)
        if finding.phase is not FindingPhase.CLOSE:
            self.quality[key] = finding
        elif (known := self.quality.pop(key, None)) is not None and kind_of(known) != OFFLINE:
            self.past[key] = (known, ms_of(at) + self.grace_ms)

    def _admit(self, finding: Finding) -> Finding | None:
        key = key_of(finding)
        if finding.phase is FindingPhase.CLOSE:
            return self._admit_close(key, finding)
        if key in self.admitted:
            self.closing.pop(key, None)
            return replace(finding, phase=FindingPhase.UPDATE)
        if self.causes(finding):
            self.held[key] = finding
            return None
        self.held.pop(key, None)
        self.admitted.add(key)
        return replace(finding, phase=FindingPhase.OPEN)

    def _admit_close(self, key: Key, finding: Finding) -> Finding | None:
        if self.held.pop(key, None) is not None or key not in self.admitted:
            return None
        if self.causes(finding):
            self.closing[key] = finding
            return None
        self.closing.pop(key, None)
        self.admitted.discard(key)
        return finding

    def _review(self, at: np.datetime64) -> list[Finding]:
        """Held findings whose doubt is over."""
        passed = []
        for key, finding in list(self.held.items()):
            if not self.causes(finding):
                del self.held[key]
                self.admitted.add(key)
                passed.append(replace(finding, phase=FindingPhase.OPEN, at=at))
        for key, finding in list(self.closing.items()):
            if not self.causes(finding):
                del self.closing[key]
                self.admitted.discard(key)
                passed.append(replace(finding, at=at))
        return passed

    def causes(self, finding: Finding) -> list[Finding]:
        """The data-quality findings that put a finding in doubt."""
        if finding.rule in _OWN_WORDS or not (self.quality or self.past):
            return []
        meters = set(self.places.judged(finding))
        every = [*self.quality.values(), *(f for f, _ in self.past.values())]
        return [q for q in every if meters & set(self.places.subject_meters(q))]

    def culprit(self, finding: Finding) -> Finding | None:
        """The data-quality finding that may have made this finding: it began no later, and not by mere silence."""
        onset = ms_of(finding.onset) + _SUSPECT_MARGIN_MS
        makers = [q for q in self.causes(finding) if kind_of(q) != OFFLINE and ms_of(q.onset) <= onset]
        return min(makers, key=lambda q: (ms_of(q.onset), key_of(q)), default=None)

    def doubtful_meters(self) -> set[str]:
        """All meters in doubt now."""
        every = [*self.quality.values(), *(f for f, _ in self.past.values())]
        return {m for q in every for m in self.places.subject_meters(q)}

    def state(self) -> dict[str, Any]:
        """JSON-able, but for times."""
        return {
            "quality": [finding_to_state(f) for f in self.quality.values()],
            "past": [[finding_to_state(f), until] for f, until in self.past.values()],
            "held": [finding_to_state(f) for f in self.held.values()],
            "closing": [finding_to_state(f) for f in self.closing.values()],
            "admitted": sorted(list(k) for k in self.admitted),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state."""

        def by_key(items: list[dict[str, Any]]) -> dict[Key, Finding]:
            return {key_of(f): f for f in map(finding_from_state, items)}

        self.quality, self.held, self.closing = (by_key(state[n]) for n in ("quality", "held", "closing"))
        past = [(finding_from_state(f), until) for f, until in state["past"]]
        self.past = {key_of(f): (f, until) for f, until in past}
        self.admitted = {(rule, subject) for rule, subject in state["admitted"]}
