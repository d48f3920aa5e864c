"""The state made anew from stored readings, after a change of code, rules or site, and reconciled with open alerts.

What happens on the way is told to nobody; what came and went since the earlier state is kept all the same. At the end,
an open alert that the new rules still hold goes on under its own id, wherever on its branch it is now; one that they
do not hold is cleared, and says that the rules changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from metering.batch import MeterEvent, ReadingBatch, to_ms
from metering.entries import EventBatch, Feedback, HeadCounts
from metering.incident import ChangeKind, Incident, IncidentChange
from metering.intervals import IntervalBatch
from metering.meter_alarms import ON
from metering.site import Site
from rules.places import Places
from rules.settings import RulesSettings
from rules.shard import Shard


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The shard, ready to go on after the entry it was rebuilt for, and what to write to the records.

    passed  incidents that began and ended after the moment up to which the earlier state had judged
    """

    shard: Shard
    changes: tuple[IncidentChange, ...]
    passed: tuple[Incident, ...] = ()


def rebuild(
    site: Site,
    settings: RulesSettings,
    readings: Iterable[ReadingBatch],
    standing: Sequence[Incident],
    *,
    seq: int,
    at: np.datetime64,
    since: np.datetime64 | None = None,
    words: Iterable[Feedback | HeadCounts] = (),
    intervals: Callable[[IntervalBatch], None] | None = None,
) -> Rebuilt:
    """Judge stored readings (in the order of time) anew.

    Args:
        site: the site as it is now.
        settings: the rules as they are now.
        readings: what the store has, up to the entry `seq`.
        standing: the incidents of the alerts that are open.
        seq: the journal sequence after which the shard goes on.
        at: event time of the changes told.
        since: up to where an earlier state had judged; None where none is known, and nothing counts as passed.
        words: what people have said, in that order, and head-counts; each counts from its event time on, as it did.
        intervals: takes the intervals derived on the way, if they are to be written again.
    """
    shard = Shard(site, settings)
    # No store keeps meters' own words; what they said last stands in the alerts. They are taken in the order of time.
    shard.process(seq, EventBatch(tuple(last_words(standing))))
    for word in words:
        shard.process(seq, word)
    cleared: dict[str, IncidentChange] = {}
    for batch in readings:
        events = shard.process(seq, batch)
        if intervals is not None and len(events.intervals):
            intervals(events.intervals)
        cleared |= {c.incident.id: c for c in events.changes if c.kind is ChangeKind.CLEARED}
    shard.applied_seq = seq
    gone = (c.incident for c in cleared.values())
    passed = tuple(i for i in gone if since is not None and i.detected_at > since)
    return Rebuilt(shard, tuple(_reconcile(shard, standing, cleared, at)), passed)


def last_words(standing: Sequence[Incident]) -> Iterator[MeterEvent]:
    """The alarms that hold the open incidents open, as their meters said them; see `rules.detectors.reported`."""
    for incident in standing:
        for finding in incident.evidence.get("findings", ()):
            for said in finding.get("details", {}).get("reported", ()):
                yield MeterEvent(finding["subject"], to_ms(datetime.fromisoformat(said["since"])), said["code"], ON)


def _reconcile(
    shard: Shard, standing: Sequence[Incident], cleared: dict[str, IncidentChange], at: np.datetime64
) -> list[IncidentChange]:
    places = Places(shard.site)
    left = {i.id: i for i in standing}
    kinds: dict[str, ChangeKind] = {}
    for incident in shard.open_incidents:
        earlier = _match(incident, left, places)
        if earlier is None:
            kinds[incident.id] = ChangeKind.RAISED
            continue
        del left[earlier.id]
        if earlier.id != incident.id:
            shard.adopt(incident.id, earlier.id)
        kinds[earlier.id] = ChangeKind.UPDATED if earlier.node == incident.node else ChangeKind.MOVED
    changes = [IncidentChange(kinds[i.id], i, at) for i in shard.open_incidents]
    return changes + [cleared.get(i.id) or _withdrawn(i, at) for i in left.values()]


def _match(incident: Incident, left: dict[str, Incident], places: Places) -> Incident | None:
    """The standing incident this one continues: the same, one of its key, or one of its branch."""
    if incident.id in left:
        return left[incident.id]
    alike = [i for i in left.values() if (i.category, i.medium) == (incident.category, incident.medium)]
    here = [i for i in alike if i.node == incident.node]
    branch = [i for i in alike if places.is_above(i.node, incident.node) or places.is_above(incident.node, i.node)]
    return next(iter([*here, *(branch if incident.inhibited_by is None else [])]), None)


def _withdrawn(incident: Incident, at: np.datetime64) -> IncidentChange:
    evidence = {**incident.evidence, "cleared_because": "rules_changed"}
    return IncidentChange(ChangeKind.CLEARED, replace(incident, closed_at=at, evidence=evidence), at)
