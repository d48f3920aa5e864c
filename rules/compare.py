"""Two sets of rules over the same readings: which alerts appear, disappear or change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from metering.entries import Entry
from metering.incident import Incident
from metering.site import Site
from rules.backtest import AlertLines, alert_line
from rules.settings import RulesSettings
from rules.shard import Shard


@dataclass(frozen=True, slots=True)
class Comparison:
    """Alerts of the first rules and of the second; `same` and `changed` are pairs of one incident."""

    appears: tuple[Incident, ...]
    disappears: tuple[Incident, ...]
    changed: tuple[tuple[Incident, Incident], ...]
    same: tuple[tuple[Incident, Incident], ...]

    def document(self) -> dict[str, Any]:
        """JSON-able: lines as in an alerts file."""
        return {
            "same": len(self.same),
            "appears": [alert_line(i) for i in self.appears],
            "disappears": [alert_line(i) for i in self.disappears],
            "changed": [
                {"what": list(what_changed(a, b)), "before": alert_line(a), "after": alert_line(b)}
                for a, b in self.changed
            ],
        }


def judge_both(
    site: Site, rules: tuple[RulesSettings, RulesSettings], entries: Iterable[Entry]
) -> tuple[tuple[Incident, ...], tuple[Incident, ...]]:
    """The alerts that each set of rules shows, in one pass over readings and what else happened."""
    shards = [Shard(site, settings) for settings in rules]
    lines = [AlertLines(), AlertLines()]
    for seq, entry in enumerate(entries, start=1):
        for shard, shown in zip(shards, lines, strict=True):
            shown.add(shard.process(seq, entry).changes)
    for shard, shown in zip(shards, lines, strict=True):
        shown.add(shard.finish().changes)
    return lines[0].incidents(), lines[1].incidents()


def compare(before: Sequence[Incident], after: Sequence[Incident]) -> Comparison:
    """Match alerts one to one: of one category, medium and place, and open at the same time; the longest common first.

    Deterministic: ties go by the order of the alerts.
    """
    common = [
        (_common(a, b), i, k)
        for i, a in enumerate(before)
        for k, b in enumerate(after)
        if _key(a) == _key(b) and _common(a, b) >= 0
    ]
    of_before: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, k in sorted(common, key=lambda c: (-c[0], c[1], c[2])):
        if i not in of_before and k not in taken:
            of_before[i] = k
            taken.add(k)
    pairs = [(before[i], after[k]) for i, k in sorted(of_before.items())]
    return Comparison(
        appears=tuple(b for k, b in enumerate(after) if k not in taken),
        disappears=tuple(a for i, a in enumerate(before) if i not in of_before),
        changed=tuple(p for p in pairs if any(what_changed(*p))),
        same=tuple(p for p in pairs if not any(what_changed(*p))),
    )


def what_changed(before: Incident, after: Incident) -> Iterator[str]:
    """The members of an alert in which the two differ, of those that people act on."""
    for name in ("severity", "detected_at", "closed_at"):
        if getattr(before, name) != getattr(after, name):
            yield name


def _key(incident: Incident) -> tuple[str, str, str]:
    return incident.category.value, incident.medium, incident.node


def _common(a: Incident, b: Incident) -> int:
    """Milliseconds in which both were going on; below zero where they never were."""
    ends = [_FOREVER if i.closed_at is None else i.closed_at for i in (a, b)]
    return int((min(ends) - max(a.onset_at, b.onset_at)) / np.timedelta64(1, "ms"))


_FOREVER = np.datetime64("2200-01-01", "ms")
