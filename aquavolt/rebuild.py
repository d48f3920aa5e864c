"""The shard at the start of a program: from its snapshot, or made anew from what is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
import structlog

from alerts.feedback import FeedbackBook
from alerts.head_counts import HeadCountBook
from alerts.paging import every
from alerts.records import Records
from alerts.values import Alert, AlertFilter, AlertState
from aquavolt.stores.calls import OwnedStore
from aquavolt.stores.scan import scan, slices
from collector.journal import Journal
from metering.batch import ReadingBatch, to_datetime, to_ms
from metering.entries import Feedback, HeadCounts
from metering.incident import Incident
from metering.site import Site
from rules.rebuild import rebuild
from rules.revision import code_revision
from rules.settings import RulesSettings
from rules.shard import Shard
from rules.snapshot import SnapshotError

# What detectors remember reaches back about so far; more would only take longer.
REBUILD_DAYS = 120
_log = structlog.get_logger(__name__)


def shard_at_start(site: Site, rules: RulesSettings, records: Records, journal: Journal) -> tuple[Shard | None, int]:
    """The shard and the journal position up to which it has judged; None where it has to be rebuilt."""
    snapshot, reason = records.latest_snapshot(), "there is no snapshot"
    if snapshot is not None:
        try:
            return Shard.restore(snapshot.blob, site, rules), snapshot.seq
        except SnapshotError as error:
            reason = str(error)
    elif _is_whole(journal):
        return Shard(site, rules), 0
    _log.info("the rules' state is rebuilt from stored readings", reason=reason)
    return None, 0


def _is_whole(journal: Journal) -> bool:
    """Whether the journal still has its first entry: then the rules can simply begin there."""
    first = journal.read(0, 1)
    return first[0][0] == 1 if first else journal.head() == 0


@dataclass(frozen=True, slots=True)
class Ground:
    """What a rebuild stands on: every reading of the journal up to `position` is in the store, or in `rest`."""

    position: int
    rest: Iterable[ReadingBatch] = ()


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A shard made anew, the journal position it stands for, and the alerts that are other than before."""

    shard: Shard
    position: int
    alerts: tuple[Alert, ...]


class RebuildStoppedError(Exception):
    """The program ends; the next start rebuilds again."""


def rebuilt_shard(
    site: Site,
    rules: RulesSettings,
    records: Records,
    store: OwnedStore,
    now: np.datetime64,
    is_stopping: Callable[[], bool],
    ground: Ground,
    since: np.datetime64 | None = None,
) -> Rebuilt:
    """The shard as of its ground, reconciled with the open alerts and kept as a snapshot.

    The ground must have every entry that was ever applied to the records: an alert raised by a later one would be
    withdrawn here, and dropped when that entry comes again. `since`: up to where an earlier state had judged.

    Raises:
        RebuildStoppedError: `is_stopping` said so; nothing was written but intervals.
    """
    if is_stopping():
        raise RebuildStoppedError
    position = ground.position
    readings = chain(_stored(store, now, is_stopping), ground.rest)
    standing, written = _standing(records), store.upsert_intervals
    words: tuple[Feedback | HeadCounts, ...] = (
        *FeedbackBook(records.database).given_out(),
        *HeadCountBook(records.database).given_out(),
    )
    made = rebuild(site, rules, readings, standing, seq=position, at=now, words=words, since=since, intervals=written)
    alerts = records.reconcile(made.shard.open_incidents, position, to_datetime(now), passed=made.passed)
    records.save_snapshot(position, code_revision(), rules.revision, made.shard.snapshot())
    return Rebuilt(made.shard, position, alerts)


def _stored(store: OwnedStore, now: np.datetime64, is_stopping: Callable[[], bool]) -> Iterator[ReadingBatch]:
    for batch in scan(store, slices(store, now - np.timedelta64(REBUILD_DAYS, "D"), None)):
        if is_stopping():
            raise RebuildStoppedError
        yield batch


def _standing(records: Records) -> list[Incident]:
    """The incidents of the alerts that are open."""
    wanted = AlertFilter(state=AlertState.ACTIVE, inhibited=None)
    return [incident_of(alert) for alert in every(records.find_alerts, wanted)]


def incident_of(alert: Alert) -> Incident:
    """What the rules knew of an alert."""
    return Incident(
        id=alert.id,
        rule=alert.rule,
        category=alert.category,
        medium=alert.medium,
        subject=alert.subject,
        node=alert.node,
        severity=alert.severity,
        detected_at=to_ms(alert.detected_at),
        onset_at=to_ms(alert.onset_at),
        closed_at=None,
        observed=np.nan if alert.observed is None else alert.observed,
        expected=np.nan if alert.expected is None else alert.expected,
        unit=alert.unit,
        loss_rate=alert.loss_rate or 0.0,
        loss_total=alert.loss_total or 0.0,
        evidence=alert.evidence,
        inhibited_by=alert.inhibited_by,
        rules_revision=alert.rules_revision,
    )
