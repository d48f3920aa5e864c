"""From the journal to the reading store: batches in order, the position in the same transaction.

Two cursors: after an outage `live` goes on at the journal's head, so that people see what is now, and `backlog` fills
up to where `live` began. `until` keeps that place in the store. After another outage before that is done `live` goes to
the head once more, and `until` with it; what is stored between the two is passed over.

    0 ....... backlog ....... until ....... live ....... head
      stored           to do         stored      to do
"""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from aquavolt.worker import Worker
from collector.journal import Journal
from metering.batch import ReadingBatch
from metering.ports import ReadingStore

CURSOR, BACKLOG = "live", "backlog"
CURSORS = (CURSOR, BACKLOG)
_UNTIL = "until"
_READ_BYTES = 8 << 20  # about a second of InfluxDB: who is further behind lets live ones go first
_BACKLOG_BYTES = 4 << 20  # about 180,000 readings
_BACKLOG_S = 0.5  # live readings wait for one piece of the backlog: on a slow machine the pieces are smaller
_SMALLEST_SHARE = 1 / 32
_LONG_S = 2.0  # a write of this length has waited for the store to come back
_LINGER_S = 0.4  # a commit costs the same for one reading and for a thousand: let a moment's readings gather
_SMALL = 5_000
_log = structlog.get_logger(__name__)


class StoreSink:
    """Writes every reading of the journal to the store, once, however often either is stopped or killed."""

    def __init__(
        self,
        journal: Journal,
        store: ReadingStore,
        confirm: Callable[[ReadingBatch], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal, self._store, self._confirm, self._monotonic = journal, store, confirm, monotonic
        self._share = 0.25  # of `_BACKLOG_BYTES`, as much as goes in `_BACKLOG_S`; carefully at first
        self._backlog, self._until = store.position(BACKLOG), store.position(_UNTIL)
        live = store.position(CURSOR)
        self._live = max(live, self._until) if self.has_backlog else live
        # Where the journal lost its file the store may have seen more than it has given: never give that again.
        journal.skip_to(self._live)
        self._stored: list[tuple[int, int]] = []  # (after, up to): stretches ahead of `backlog` that are stored
        self._may_be_behind = True  # at the start, and after a write that failed or was long
        self._done([])
        self.worker = Worker("store-sink", self.turn)

    @property
    def position(self) -> int:
        """The journal sequence up to which readings are in the store."""
        return self._backlog if self.has_backlog else self._live

    @property
    def has_backlog(self) -> bool:
        """Whether `backlog` is still filling up."""
        return self._backlog < self._until

    def turn(self) -> None:
        """Write what there is, or wait for more."""
        if self._journal.wait_beyond(self._live, 0.0 if self.has_backlog else 0.5):
            with self._journal.held():
                self._write_live()
        if self.has_backlog:
            with self._journal.held():
                self._write_backlog()

    def _write_live(self) -> None:
        upto, batches = self._read(self._live, _READ_BYTES)
        if self._may_be_behind and upto < self._journal.head():
            self._fall_behind()
            return
        if sum(map(len, batches)) < _SMALL and not self.worker.is_stopping and not self.has_backlog:
            self.worker.pause(_LINGER_S)
            upto, batches = self._read(self._live, _READ_BYTES)
        self._may_be_behind = True
        began = self._monotonic()
        self._store.append_readings(batches, upto, CURSOR)
        self._live, self._may_be_behind = upto, self._monotonic() - began > _LONG_S
        self._done(batches)

    def _fall_behind(self) -> None:
        """More waits than one write takes: from now on `live` is what comes now. A kill in between changes nothing."""
        behind, head = self.position, self._journal.head()
        if self.has_backlog and self._until < self._live:
            self._stored.append((self._until, self._live))
        for cursor, position in ((BACKLOG, behind), (_UNTIL, head), (CURSOR, head)):
            self._store.append_readings([], position, cursor)
        self._backlog, self._until, self._live = behind, head, head
        _log.warning("the store is behind; what is live goes first", entries=head - behind)

    def _write_backlog(self) -> None:
        next_stored = self._stored[0] if self._stored else (self._until, self._until)
        began = self._monotonic()
        upto, batches = self._read(self._backlog, int(_BACKLOG_BYTES * self._share), next_stored[0])
        if upto == next_stored[0]:
            upto = next_stored[1]
        self._store.append_readings(batches, upto, BACKLOG)
        wanted = self._share * min(_BACKLOG_S / max(self._monotonic() - began, _BACKLOG_S / 2), 2.0)
        self._share = min(max(wanted, _SMALLEST_SHARE), 1.0)
        self._backlog, self._stored = upto, [stretch for stretch in self._stored if stretch[1] > upto]
        self._done(batches)
        if not self.has_backlog:
            _log.info("the backlog of the store is filled up", entry=upto)

    def _done(self, batches: list[ReadingBatch]) -> None:
        self._journal.set_cursor(CURSOR, self._live)
        self._journal.set_cursor(BACKLOG, self.position)
        for batch in batches:
            self._confirm(batch)

    def _read(self, after: int, max_bytes: int, until: int | None = None) -> tuple[int, list[ReadingBatch]]:
        """The next batches and the position after them. Entries that the journal no longer has are passed over."""
        end = self._journal.head() if until is None else until
        rows = [row for row in self._journal.read(after, max_bytes) if until is None or row[0] <= until]
        return rows[-1][0] if rows else end, [entry for _, entry in rows if isinstance(entry, ReadingBatch)]

    def drain(self) -> None:
        """Write everything the journal has; for the end of a program."""
        while self.position < self._journal.head():
            self.turn()
