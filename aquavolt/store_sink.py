"""From the journal to the reading store: batches in order, the position in the same transaction."""

from __future__ import annotations

from collections.abc import Callable

from aquavolt.worker import Worker
from collector.journal import Journal
from metering.batch import ReadingBatch
from metering.ports import ReadingStore

CURSOR = "live"
_READ_BYTES = 16 << 20
_LINGER_S = 0.4  # a commit costs the same for one reading and for a thousand: let a moment's readings gather
_SMALL = 5_000


class StoreSink:
    """Writes every reading of the journal to the store, once, however often either is stopped or killed."""

    def __init__(self, journal: Journal, store: ReadingStore, confirm: Callable[[ReadingBatch], None]) -> None:
        self._journal, self._store, self._confirm = journal, store, confirm
        self._position = store.position(CURSOR)
        # Where the journal lost its file the store may have seen more than it has given: never give that again.
        journal.skip_to(self._position)
        self.worker = Worker("store-sink", self.turn)

    @property
    def position(self) -> int:
        """The journal sequence up to which readings are in the store."""
        return self._position

    def turn(self) -> None:
        """Write what there is, or wait for more."""
        if not self._journal.wait_beyond(self._position, 0.5):
            return
        upto, batches = self._read()
        if sum(map(len, batches)) < _SMALL and not self.worker.is_stopping:
            self.worker.pause(_LINGER_S)
            upto, batches = self._read()
        self._store.append_readings(batches, upto, CURSOR)
        self._position = upto
        self._journal.set_cursor(CURSOR, upto)
        for batch in batches:
            self._confirm(batch)

    def _read(self) -> tuple[int, list[ReadingBatch]]:
        """The next batches and the position after them. Entries that the journal no longer has are passed over."""
        head = self._journal.head()
        rows = self._journal.read(self._position, _READ_BYTES)
        return rows[-1][0] if rows else head, [entry for _, entry in rows if isinstance(entry, ReadingBatch)]

    def drain(self) -> None:
        """Write everything the journal has; for the end of a program."""
        while self._position < self._journal.head():
            self.turn()
