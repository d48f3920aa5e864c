"""From the journal through the rules: intervals to their store first, then one transaction of the records.

Restart: the newest snapshot of the same code and rules, then the journal from there; what was applied before is
computed again and dropped by the records. Without such a snapshot, and where the journal no longer has what comes
next (it was moved on, or damaged), the state is rebuilt (`rebuild`).
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
import structlog

from alerts.records import Records
from alerts.values import Alert
from aquavolt.worker import Worker
from collector.journal import Journal
from metering.entries import Entry
from metering.incident import IncidentChange
from metering.intervals import IntervalBatch, joined
from metering.ports import IntervalStore
from rules.revision import code_revision
from rules.shard import Shard, ShardEvents

CURSOR = "stream"
SNAPSHOT_EVERY_S = 300.0
_READ_BYTES = 2 << 20
_AT_ONCE = 200  # entries whose intervals go to their store together

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class JudgeParts:
    """What a judge works with.

    told        hears of every alert written, on the judge's thread
    rebuild     the state anew from what is stored, and the journal position it stands for; None when told to stop.
                Given the event time up to which the state before it had judged, None if there was none
    is_history  entries that raise alerts without telling anybody, e.g. a history brought in; `tell_open` makes up
                for it. It depends on the entry alone, so a restart in the middle tells nobody more and nobody less
    """

    journal: Journal
    records: Records
    intervals: IntervalStore
    told: Callable[[Sequence[Alert]], None]
    rebuild: Callable[[np.datetime64 | None], tuple[Shard, int] | None]
    is_history: Callable[[Entry], bool] = lambda _: False
    monotonic: Callable[[], float] = time.monotonic


@dataclass(slots=True)
class _Unwritten:
    """What the rules said up to an entry: intervals of several entries go to their store at once, changes do not wait.

    Else a store that answers after a fifth of a second would hold the rules to five entries a second.
    """

    seq: int
    intervals: list[IntervalBatch] = field(default_factory=list)
    changes: tuple[IncidentChange, ...] = ()
    is_muted: bool = False


class Judge:
    """The rules thread."""

    def __init__(self, parts: JudgeParts, shard: Shard | None, position: int) -> None:
        """`shard` None: it is rebuilt on the judge's thread, first of all."""
        self._parts = parts
        self.shard = shard
        self._position = self._snapshot_position = position
        self._unwritten = _Unwritten(position)
        self._snapshot_at = parts.monotonic() + SNAPSHOT_EVERY_S
        self.refused = 0
        self._wanted: queue.SimpleQueue[Future[tuple[bytes, int]]] = queue.SimpleQueue()
        self.worker = Worker("rules", self.turn)

    @property
    def position(self) -> int:
        """The journal sequence up to which everything is judged."""
        return self._position

    def turn(self) -> None:
        """Judge what there is, or wait for more."""
        self._give_copies()
        if self.shard is None:
            self._rebuild()
        elif self._parts.journal.wait_beyond(self._position, 0.5):
            self._advance(self.shard)
        if self._parts.monotonic() >= self._snapshot_at:
            self.snapshot()

    def _advance(self, shard: Shard) -> None:
        self._write()
        rows = self._parts.journal.read(self._position, _READ_BYTES)
        if not rows or rows[0][0] > self._position + 1:
            _log.warning("the journal no longer has what comes next", judged=self._position)
            self._rebuild()
            return
        for seq, entry in rows:
            if seq > self._unwritten.seq + 1:
                break  # a gap in the midst: the next turn sees to it
            self._judge(shard, seq, entry)
            if self.worker.is_stopping:
                break
        self._write()

    def _judge(self, shard: Shard, seq: int, entry: Entry) -> None:
        events, said = self._process(shard, seq, entry), self._unwritten
        said.seq = seq
        if events is None:
            return
        if len(events.intervals):
            said.intervals.append(events.intervals)
        said.changes, said.is_muted = events.changes, self._parts.is_history(entry)
        if events.changes or len(said.intervals) >= _AT_ONCE:
            self._write()

    def _process(self, shard: Shard, seq: int, entry: Entry) -> ShardEvents | None:
        try:
            return shard.process(seq, entry)
        except Exception:  # noqa: BLE001 - it is logged, counted and left out
            # One entry that the rules cannot digest must not stop all that follow; it stays in the journal's count.
            self.refused += 1
            _log.exception("an entry could not be judged; it is left out", entry=seq)
            return None

    def _write(self) -> None:
        """An entry goes through the rules once: where writing fails, the next turn writes what they said again."""
        said = self._unwritten
        if said.intervals:
            self._parts.intervals.upsert_intervals(joined(said.intervals))
            said.intervals.clear()
        if said.changes:
            alerts = self._parts.records.apply(said.changes, said.seq, is_muted=said.is_muted)
            said.changes = ()
            if alerts:
                self._parts.told(alerts)
        self._position = said.seq

    def _rebuild(self) -> None:
        made = self._parts.rebuild(None if self.shard is None else self.shard.judged_until)
        if made is None:
            return
        self.shard, self._position = made
        self._unwritten = _Unwritten(self._position)
        self._snapshot_position = self._position  # whoever rebuilds keeps a snapshot
        self._parts.journal.set_cursor(CURSOR, self._position)

    def snapshot(self) -> None:
        """Write the shard's state, so that a restart has little to do again; the journal may forget what is before."""
        self._snapshot_at = self._parts.monotonic() + SNAPSHOT_EVERY_S
        shard = self.shard
        if shard is None or self._position == self._snapshot_position or self._unwritten.seq != self._position:
            return
        self._parts.records.save_snapshot(self._position, code_revision(), shard.settings.revision, shard.snapshot())
        self._snapshot_position = self._position
        self._parts.journal.set_cursor(CURSOR, self._position)

    def copied(self, within_s: float) -> tuple[bytes, int] | None:
        """The shard's state as bytes, and the journal position it stands for; None if it is not to be had in time.

        From any thread; it is taken between two turns, and nothing of it is kept.
        """
        wanted: Future[tuple[bytes, int]] = Future()
        self._wanted.put(wanted)
        try:
            return wanted.result(within_s)
        except TimeoutError:
            return None if wanted.cancel() else wanted.result()

    def _give_copies(self) -> None:
        shard = self.shard
        while shard is not None and self._unwritten.seq == self._position and not self._wanted.empty():
            wanted = self._wanted.get()
            if wanted.set_running_or_notify_cancel():
                wanted.set_result((shard.snapshot(), self._position))

    def tell_open(self) -> None:
        """Tell people of what is open and nobody was told of: alerts of a history that was brought in."""
        if told := self._parts.records.notify_open():
            _log.info("alerts open since the history are told", alerts=told)
