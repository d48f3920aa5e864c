"""The collector's durable log: a reading counts as taken when it is here.

Entries stand in one total order (their sequence, strictly increasing, never reused within an `epoch`). Any thread
may append and read. An append is on the disk, past kill and power loss, when it returns. Readers keep named
cursors; what all of them have passed is removed. Nothing here waits for a reader.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from collector.journal_file import JournalFile, Row, checksum, is_corruption, is_disk_full
from collector.journal_limits import FreeSpace, JournalLimits, free_bytes
from collector.journal_salvage import Loss, finish_salvage, put_away, salvage
from collector.journal_upkeep import Book, tend
from metering.batch import ReadingBatch
from metering.entries import Entry, EntryError, EventBatch, decode_entry, encode_entry
from metering.health import JournalHealth

READERS = ("stream", "live", "backlog")
_TEND_EVERY_S = 1.0
_READ_BYTES = 4 << 20


class JournalError(Exception):
    """The journal could not do what was asked for; it stays usable."""


class JournalFullError(JournalError):
    """The disk takes no more: nothing of this append was written, the same may be tried again later."""


class Journal:
    """See the module.

    Cursors are written with the next append or `tend`, so after a kill a reader may find its own a little
    behind: readers must bear an entry twice.
    """

    def __init__(
        self,
        path: Path,
        *,
        limits: JournalLimits | None = None,
        readers: Sequence[str] = READERS,
        free_space: FreeSpace = free_bytes,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._limits = limits or JournalLimits()
        self._free_space, self._now_ms, self._monotonic = free_space, now_ms, monotonic
        self._write_lock = threading.RLock()  # lock order: write, read
        self._read_lock = threading.Lock()
        self._grown = threading.Condition()
        self._closed = False
        self._tend_at = self._space_at = monotonic()
        self._has_space = self._unsaved = True
        self._reusable = self._holders = 0
        self._book = Book(cursors=dict.fromkeys(readers, 0))
        self._file = self._open()
        self._load()
        self._check_space()

    # -- appending ---------------------------------------------------------------------------------------

    def append(self, entries: Sequence[Entry], marks: Mapping[str, str] | None = None) -> int:
        """Write entries together; they are durable when this returns. Returns the last sequence.

        `marks` are texts by name that the writer remembers with them: both are written, or neither.

        Raises:
            JournalFullError: the disk is full; nothing was written.
            JournalError: the file cannot be written; nothing was written, or the journal is closed.
        """
        if not entries and not marks:
            return self.head()
        parts = [(encode_entry(entry), _readings_in(entry)) for entry in entries]
        with self._write_lock:
            rows = self._rows(parts)
            self._guarded(lambda: self._write(rows, marks or {}))
            if self._monotonic() >= self._tend_at:
                # These entries are safe, so trouble with upkeep is not their caller's: the next append tries again.
                with suppress(JournalError):
                    self.tend()
        with self._grown:
            self._grown.notify_all()
        return rows[-1].seq if rows else self.head()

    def is_accepting(self) -> bool:
        """Whether sources may hand in readings. False at the free-disk floor; cheap, looks once a second."""
        if self._monotonic() >= self._space_at:
            self._check_space()
        return self._has_space and not self._closed

    def skip_to(self, seq: int) -> None:
        """Never give a sequence up to this one: a store has seen it, whatever became of this file since."""
        with self._write_lock:
            if seq > self.head():
                head = seq, self._book.head[1]
                self._guarded(lambda: self._in_transaction(lambda: self._file.set_edge("head", *head)))
                self._book.head = head

    # -- reading -----------------------------------------------------------------------------------------

    @property
    def epoch(self) -> str:
        """Identity of this order: another epoch means sequences that have nothing to do with earlier ones."""
        return self._file.epoch

    def head(self) -> int:
        """The last sequence given; 0 at first."""
        return self._book.head[0]

    def marks(self) -> dict[str, str]:
        """What writers remember, by name; see `append`."""
        with self._write_lock:
            return self._file.marks()

    def read(self, after: int, max_bytes: int = _READ_BYTES) -> list[tuple[int, Entry]]:
        """Entries beyond a sequence, in order, about `max_bytes` of them; at least one, if there is one.

        Damaged entries are set aside, counted and left out; sequences may therefore have gaps.

        Raises:
            JournalError: the journal is closed, or the file cannot be read.
        """
        while rows := self._rows_after(after, max_bytes):
            out = [(row.seq, entry) for row in rows if (entry := self._decode(row)) is not None]
            if out:
                return out
            after = rows[-1].seq
        return []

    def wait_beyond(self, seq: int, timeout: float) -> bool:
        """Wait until an entry beyond `seq` is there, at most `timeout` seconds. Returns whether it is."""
        with self._grown:
            self._grown.wait_for(lambda: self.head() > seq or self._closed, timeout)
            return self.head() > seq

    # -- readers -----------------------------------------------------------------------------------------

    def cursor(self, name: str) -> int:
        """How far the reader has come: the last sequence it is done with.

        Raises:
            ValueError: no such reader.
        """
        with self._write_lock:
            return self._book.cursors[self._known(name)]

    def set_cursor(self, name: str, seq: int) -> None:
        """The reader is done with everything up to `seq`. It may go back, as far as entries are there.

        Raises:
            ValueError: no such reader, or no such sequence was given yet.
        """
        with self._write_lock:
            if not 0 <= seq <= self.head():
                raise ValueError(f"the cursor {name!r} cannot stand at {seq}; the journal's head is {self.head()}")
            self._book.cursors[self._known(name)] = seq
            self._unsaved = True

    @contextmanager
    def held(self) -> Iterator[None]:
        """While a reader writes elsewhere what it has read, the cap waits, but for the time of that write.

        Else entries would be given up and counted as lost that the reader has in its hands, and then stores.
        """
        with self._write_lock:
            self._holders += 1
        try:
            yield
        finally:
            with self._write_lock:
                self._holders -= 1
                if self._book.bytes > self._limits.cap_bytes:
                    with suppress(JournalError):
                        self.tend()

    def tend(self) -> None:
        """Write cursors, move hurried readers on, remove what all have passed, hold the cap.

        Appends do it by themselves about once a second.
        """
        with self._write_lock:
            self._tend_at = self._monotonic() + _TEND_EVERY_S
            self._guarded(self._tend)

    # -- the rest ----------------------------------------------------------------------------------------

    def health(self) -> JournalHealth:
        """Depth, age, lag by reader, and what was dropped: `<reason>_entries`, `<reason>_readings`."""
        with self._write_lock:
            book = self._book.copy()
            oldest = None
            if not self._closed:
                with suppress(sqlite3.Error):
                    oldest = self._file.first_since(0)
        dropped: dict[str, int] = {}
        for reason, (entries, readings) in book.dropped.items():
            dropped |= {f"{reason}_entries": entries, f"{reason}_readings": readings}
        return JournalHealth(
            entries=0 if oldest is None else book.head[0] - oldest.seq + 1,
            bytes=book.bytes,
            oldest=None if oldest is None else np.datetime64(oldest.at_ms, "ms"),
            lag={name: book.head[0] - seq for name, seq in book.cursors.items()},
            dropped=dropped,
            free_bytes=self._free(),
        )

    def close(self) -> None:
        """Write cursors and close. Those who wait are woken."""
        with self._write_lock, self._read_lock:
            if self._closed:
                return
            with suppress(sqlite3.Error):
                self._in_transaction(lambda: self._file.set_cursors(self._book.cursors))
            self._closed = True
            self._file.close()
        with self._grown:
            self._grown.notify_all()

    # -- opening and mending -----------------------------------------------------------------------------

    def _open(self) -> JournalFile:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        finish_salvage(self._path)
        try:
            return JournalFile(self._path)
        except sqlite3.DatabaseError as error:
            if not is_corruption(error):
                raise JournalError(f"the journal {self._path} cannot be opened: {error}") from error
            put_away(self._path)
            file = JournalFile(self._path)
            with file.transaction():
                file.add_dropped("unreadable_file", 1, 0)
            return file

    def _load(self) -> None:
        try:
            self._book = self._stored_book()
        except sqlite3.DatabaseError as error:
            if not is_corruption(error):
                raise JournalError(f"the journal {self._path} cannot be read: {error}") from error
            self._mend()

    def _stored_book(self) -> Book:
        file, head, stored = self._file, self._file.head(), self._file.cursors()
        cursors = {name: min(stored.get(name, 0), head[0]) for name in self._book.cursors}
        return Book(head, cursors, file.dropped(), file.total_bytes())

    def _mend(self) -> None:
        """Some page is damaged: save what is whole into a new file, count the rest."""
        with self._read_lock:
            self._file.close()
            try:
                loss = salvage(self._path, self._book.head)
            except (sqlite3.Error, OSError, ValueError, TypeError) as error:
                raise JournalError(f"the journal {self._path} is damaged and cannot be mended now: {error}") from error
            finally:
                self._file = JournalFile(self._path)
            cursors = self._book.cursors
            self._book = self._stored_book()
            self._book.cursors = {name: max(seq, cursors[name]) for name, seq in self._book.cursors.items()}
            self._in_transaction(lambda: self._book.count(self._file, "damaged", loss))

    def _guarded(self, work: Callable[[], None]) -> None:
        """Run what writes; mend the file once if it proves damaged; name what went wrong."""
        if self._closed:
            raise JournalError(f"the journal {self._path} is closed")
        try:
            try:
                work()
            except sqlite3.DatabaseError as error:
                if not is_corruption(error):
                    raise
                self._mend()
                work()
        except sqlite3.Error as error:
            if is_disk_full(error):
                self._has_space, self._space_at = False, self._monotonic() + _TEND_EVERY_S
                raise JournalFullError(f"the journal {self._path} cannot be written: {error}") from error
            raise JournalError(f"the journal {self._path} cannot be written: {error}") from error

    # -- within the write lock ---------------------------------------------------------------------------

    def _rows(self, parts: Sequence[tuple[bytes, int]]) -> list[Row]:
        (seq, upto), at = self._book.head, self._now_ms()
        rows = []
        for body, readings in parts:
            seq, upto = seq + 1, upto + readings
            rows.append(Row(seq, at, readings, upto, checksum(seq, at, readings, upto, body), body))
        return rows

    def _in_transaction(self, work: Callable[[], None]) -> None:
        with self._file.transaction():
            work()

    def _write(self, rows: Sequence[Row], marks: Mapping[str, str]) -> None:
        head = (rows[-1].seq, rows[-1].upto) if rows else self._book.head
        with self._file.transaction():
            self._file.insert(rows)
            self._file.set_edge("head", *head)
            self._file.set_marks(marks)
            if self._unsaved:
                self._file.set_cursors(self._book.cursors)
        self._unsaved = False
        self._book.head = head
        self._book.bytes += sum(len(row.body or b"") for row in rows)

    def _tend(self) -> None:
        book = self._book.copy()
        with self._file.transaction():
            tend(self._file, book, self._limits, self._now_ms(), is_held=self._holders > 0)
        self._book, self._unsaved = book, False

    # -- elsewhere ---------------------------------------------------------------------------------------

    def _known(self, name: str) -> str:
        if name not in self._book.cursors:
            raise ValueError(f"{name!r} is no reader of this journal; allowed: {', '.join(self._book.cursors)}")
        return name

    def _rows_after(self, after: int, max_bytes: int) -> list[Row]:
        try:
            return self._select(after, max_bytes)
        except sqlite3.DatabaseError as error:
            if not is_corruption(error):
                raise JournalError(f"the journal {self._path} cannot be read: {error}") from error
        with self._write_lock:
            self._mend()
        try:
            return self._select(after, max_bytes)
        except sqlite3.Error as error:
            raise JournalError(f"the journal {self._path} cannot be read: {error}") from error

    def _select(self, after: int, max_bytes: int) -> list[Row]:
        with self._read_lock:
            if self._closed:
                raise JournalError(f"the journal {self._path} is closed")
            return self._file.rows_after(after, max_bytes)

    def _decode(self, row: Row) -> Entry | None:
        """The entry, or None for one that is, or now was, set aside."""
        if row.body is None:
            return None
        try:
            if row.is_whole():
                return decode_entry(row.body)
            reason = "the bytes are not those that were written"
        except EntryError as error:
            reason = str(error)
        self._set_aside(row, reason)
        return None

    def _set_aside(self, row: Row, reason: str) -> None:
        def move() -> None:
            book = self._book.copy()
            with self._file.transaction():
                self._file.set_aside(row, reason)
                book.count(self._file, "damaged", Loss(1, row.rows))
            book.bytes -= len(row.body or b"")
            self._book = book

        with self._write_lock, suppress(JournalError):
            with self._read_lock:
                now = self._file.row(row.seq)
            if now is not None and now.body is not None:  # else another reader was here first
                self._guarded(move)

    def _free(self) -> int | None:
        try:
            return self._free_space(self._path.parent)
        except OSError:
            return None

    def _check_space(self) -> None:
        """The floor. Pages that the file has free count: the next entries need no new disk."""
        self._space_at = self._monotonic() + _TEND_EVERY_S
        try:
            # An event loop asks, too: it must not wait for a reader; the figure of a second ago will do.
            if self._read_lock.acquire(blocking=False):
                try:
                    self._reusable = 0 if self._closed else self._file.reusable_bytes()
                finally:
                    self._read_lock.release()
            free = self._free_space(self._path.parent)
        except (OSError, sqlite3.Error):
            self._has_space = False
            return
        self._has_space = free + self._reusable > self._limits.free_floor_bytes


def _readings_in(entry: Entry) -> int:
    match entry:
        case ReadingBatch():
            return len(entry)
        case EventBatch(events):
            return len(events)
    return 0
