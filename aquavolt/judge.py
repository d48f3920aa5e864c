"""From the journal through the rules: intervals to their store first, then one transaction of the records.

Restart: the newest snapshot of the same code and rules, then the journal from there; what was applied before is
computed again and dropped by the records. Without such a snapshot the state is rebuilt (`rebuild`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import structlog

from alerts.records import Records
from alerts.values import Alert
from aquavolt.worker import Worker
from collector.journal import Journal
from metering.entries import Entry
from metering.ports import IntervalStore
from rules.revision import code_revision
from rules.shard import Shard

CURSOR = "stream"
SNAPSHOT_EVERY_S = 300.0
_READ_BYTES = 2 << 20

_log = structlog.get_logger(__name__)


class Judge:
    """The rules thread. `told` hears of every alert written, on the judge's thread."""

    def __init__(
        self,
        journal: Journal,
        records: Records,
        intervals: IntervalStore,
        shard: Shard,
        position: int,
        *,
        told: Callable[[Sequence[Alert]], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal, self._records, self._intervals = journal, records, intervals
        self.shard = shard
        self._position = position
        self._told, self._monotonic = told, monotonic
        self._snapshot_at = monotonic() + SNAPSHOT_EVERY_S
        self._snapshot_position = position
        self.muted_until = 0  # history up to this entry raises alerts without telling anybody; `unmute` makes up for it
        self.refused = 0
        self.worker = Worker("rules", self.turn)

    @property
    def position(self) -> int:
        """The journal sequence up to which everything is judged."""
        return self._position

    def turn(self) -> None:
        """Judge what there is, or wait for more."""
        if self._journal.wait_beyond(self._position, 0.5):
            for seq, entry in self._journal.read(self._position, _READ_BYTES):
                self._judge(seq, entry)
                self._position = seq
                if self.worker.is_stopping:
                    break
        if self._monotonic() >= self._snapshot_at:
            self.snapshot()

    def _judge(self, seq: int, entry: Entry) -> None:
        try:
            events = self.shard.process(seq, entry)
        except Exception:  # noqa: BLE001 - it is logged, counted and left out
            # One entry that the rules cannot digest must not stop all that follow; it stays in the journal's count.
            self.refused += 1
            _log.exception("an entry could not be judged; it is left out", entry=seq)
            return
        if len(events.intervals):
            self._intervals.upsert_intervals(events.intervals)
        if events.changes:
            alerts = self._records.apply(events.changes, seq, is_muted=seq <= self.muted_until)
            if alerts:
                self._told(alerts)

    def snapshot(self) -> None:
        """Write the shard's state, so that a restart has little to do again; the journal may forget what is before."""
        self._snapshot_at = self._monotonic() + SNAPSHOT_EVERY_S
        if self._position == self._snapshot_position:
            return
        shard = self.shard
        self._records.save_snapshot(self._position, code_revision(), shard.settings.revision, shard.snapshot())
        self._snapshot_position = self._position
        self._journal.set_cursor(CURSOR, self._position)

    def unmute(self) -> None:
        """From now on people are told; also of what is open since the history before."""
        self.muted_until = 0
        if told := self._records.notify_open():
            _log.info("alerts open since the history are told", alerts=told)
