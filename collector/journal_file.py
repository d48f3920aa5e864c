"""The journal's file: SQLite in WAL mode, every commit synchronised to disk. Rows and bytes only; no policy.

entry    one journaled entry a row. `upto` counts readings from the very first entry on, so that what a
         damaged page held is known exactly from its neighbours. `body` is NULL once set aside.
head     one row: the last sequence given and its `upto`; it stays when all entries are trimmed
cursor   how far each reader has come
dropped  entries and readings given up, by reason
damaged  the bytes of entries that could not be read, for a person to look at
"""

from __future__ import annotations

import sqlite3
import struct
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE entry (seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, rows INTEGER NOT NULL, upto INTEGER NOT NULL,
                    crc INTEGER NOT NULL, body BLOB);
CREATE TABLE edge (name TEXT PRIMARY KEY, seq INTEGER NOT NULL, upto INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE cursor (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE dropped (reason TEXT PRIMARY KEY, entries INTEGER NOT NULL, readings INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE damaged (seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, reason TEXT NOT NULL, body BLOB);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO edge VALUES ('head', 0, 0), ('tail', 0, 0);
"""
_PLACE = "SELECT seq, at_ms, rows, upto, coalesce(length(body), 0) FROM entry"
_DAMAGED_KEPT = 1000
_MARK = "mark:"  # in `meta`: what writers remember
_ROW_HEAD = struct.Struct("<qqqq")
_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}


@dataclass(frozen=True, slots=True)
class Row:
    """One entry as it stands in the file; `body` is None where the entry was set aside."""

    seq: int
    at_ms: int
    rows: int
    upto: int
    crc: int
    body: bytes | None

    def is_whole(self) -> bool:
        """Whether the bytes are those that were written."""
        try:
            return self.body is not None and self.crc == checksum(self.seq, self.at_ms, self.rows, self.upto, self.body)
        except (struct.error, TypeError):  # a damaged page may hold any type in any column
            return False


@dataclass(frozen=True, slots=True)
class Place:
    """An entry without its bytes; `upto` counts the readings up to and with it, `size` its bytes."""

    seq: int
    at_ms: int
    rows: int
    upto: int
    size: int

    @property
    def before(self) -> int:
        """Readings before this entry."""
        return self.upto - self.rows


def checksum(seq: int, at_ms: int, rows: int, upto: int, body: bytes) -> int:
    """CRC-32 over a row's numbers and bytes."""
    return zlib.crc32(body, zlib.crc32(_ROW_HEAD.pack(seq, at_ms, rows, upto)))


def is_corruption(error: sqlite3.Error) -> bool:
    """Whether SQLite met bytes that are no database."""
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _CORRUPT


def is_disk_full(error: sqlite3.Error) -> bool:
    """Whether the disk took no more."""
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _FULL


class JournalFile:
    """One open file: a connection that writes and one that reads beside it. The caller holds a lock for each.

    Raises:
        sqlite3.Error: as SQLite gives it; `is_corruption` and `is_disk_full` tell the kinds.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer = self._connect()
        try:
            self._prepare()
            self._reader = self._connect()
        except BaseException:
            self._writer.close()
            raise
        self.epoch = str(self._writer.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()[0])

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=30)
        try:
            for setting in ("journal_mode = WAL", "synchronous = FULL", "journal_size_limit = 67108864"):
                connection.execute(f"PRAGMA {setting}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self) -> None:
        version = self._writer.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            with self.transaction():
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    self._writer.execute(statement)
                self._writer.execute("INSERT INTO meta VALUES ('epoch', ?)", (uuid.uuid4().hex,))
                self._writer.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
        elif version != _SCHEMA_VERSION:
            raise ValueError(f"{self.path} is a journal of version {version}; this program knows {_SCHEMA_VERSION}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes within are made together, durable at the end, or not at all."""
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise

    # -- writing (within a transaction) ------------------------------------------------------------------

    def insert(self, rows: Iterable[Row]) -> None:
        """Write entries as they are."""
        self._writer.executemany(
            "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)",
            ((r.seq, r.at_ms, r.rows, r.upto, r.crc, r.body) for r in rows),
        )

    def set_epoch(self, epoch: str) -> None:
        """Take over the identity of another file."""
        self._writer.execute("UPDATE meta SET value = ? WHERE key = 'epoch'", (epoch,))
        self.epoch = epoch

    def set_marks(self, marks: Mapping[str, str]) -> None:
        """Keep what a writer remembers beside its entries."""
        self._writer.executemany(
            "INSERT OR REPLACE INTO meta VALUES (?, ?)", ((_MARK + name, value) for name, value in marks.items())
        )

    def set_edge(self, name: str, seq: int, upto: int) -> None:
        """The last sequence given (`head`) or removed (`tail`), and the readings up to and with it."""
        self._writer.execute("UPDATE edge SET seq = ?, upto = ? WHERE name = ?", (seq, upto, name))

    def set_cursors(self, cursors: Mapping[str, int]) -> None:
        """How far readers have come."""
        self._writer.executemany("INSERT OR REPLACE INTO cursor VALUES (?, ?)", cursors.items())

    def add_dropped(self, reason: str, entries: int, readings: int) -> None:
        """Count what was given up."""
        self._writer.execute(
            "INSERT INTO dropped VALUES (?1, ?2, ?3) ON CONFLICT (reason) DO UPDATE "
            "SET entries = entries + ?2, readings = readings + ?3",
            (reason, entries, readings),
        )

    def set_aside(self, row: Row, reason: str) -> None:
        """Move an unreadable entry's bytes out of the way; its place stays, empty."""
        values = (row.seq, row.at_ms, reason, row.body)
        self._writer.execute("INSERT OR REPLACE INTO damaged VALUES (?, ?, ?, ?)", values)
        self._writer.execute("UPDATE entry SET body = NULL WHERE seq = ?", (row.seq,))
        self._writer.execute(
            "DELETE FROM damaged WHERE seq NOT IN (SELECT seq FROM damaged ORDER BY seq DESC LIMIT ?)", (_DAMAGED_KEPT,)
        )

    def delete_through(self, last: Place) -> None:
        """Remove entries up to and with this one."""
        self._writer.execute("DELETE FROM entry WHERE seq <= ?", (last.seq,))
        self.set_edge("tail", last.seq, last.upto)

    def oldest(self, limit: int) -> list[Place]:
        """The oldest entries."""
        return [Place(*v) for v in self._writer.execute(f"{_PLACE} ORDER BY seq LIMIT ?", (limit,))]

    def first_since(self, seq: int) -> Place | None:
        """The first entry at or after a sequence."""
        found = self._writer.execute(f"{_PLACE} WHERE seq >= ? ORDER BY seq LIMIT 1", (seq,)).fetchone()
        return None if found is None else Place(*found)

    # -- reading -----------------------------------------------------------------------------------------

    def head(self) -> tuple[int, int]:
        """The last sequence given, and readings up to and with it."""
        seq, upto = self._writer.execute("SELECT seq, upto FROM edge WHERE name = 'head'").fetchone()
        return int(seq), int(upto)

    def cursors(self) -> dict[str, int]:
        """How far readers had come, when it was last written."""
        return dict(self._writer.execute("SELECT name, seq FROM cursor").fetchall())

    def marks(self) -> dict[str, str]:
        """What writers remember, by name."""
        rows = self._writer.execute("SELECT key, value FROM meta WHERE key LIKE ?", (_MARK + "%",)).fetchall()
        return {str(key).removeprefix(_MARK): str(value) for key, value in rows}

    def dropped(self) -> dict[str, tuple[int, int]]:
        """(entries, readings) given up, by reason."""
        return {r: (e, n) for r, e, n in self._writer.execute("SELECT reason, entries, readings FROM dropped")}

    def total_bytes(self) -> int:
        """Bytes of all entries' bodies."""
        return int(self._writer.execute("SELECT coalesce(sum(length(body)), 0) FROM entry").fetchone()[0])

    def rows_after(self, after: int, max_bytes: int) -> list[Row]:
        """Entries beyond a sequence in order, until `max_bytes` are reached; at least one, if there is one."""
        out: list[Row] = []
        size = 0
        cursor = self._reader.execute("SELECT * FROM entry WHERE seq > ? ORDER BY seq", (after,))
        try:
            for values in cursor:
                row = Row(*values)
                size += len(row.body or b"")
                if out and size > max_bytes:
                    break
                out.append(row)
        finally:
            cursor.close()  # an open statement would hold the WAL
        return out

    def row(self, seq: int) -> Row | None:
        """One entry."""
        values = self._reader.execute("SELECT * FROM entry WHERE seq = ?", (seq,)).fetchone()
        return None if values is None else Row(*values)

    def reusable_bytes(self) -> int:
        """Bytes in the file that the next entries will take before the file grows."""
        pages = int(self._reader.execute("PRAGMA freelist_count").fetchone()[0])
        return pages * int(self._reader.execute("PRAGMA page_size").fetchone()[0])

    def close(self) -> None:
        """Close; entries are durable already."""
        self._reader.close()
        self._writer.close()
