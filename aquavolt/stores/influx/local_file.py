"""What is kept beside InfluxDB, in one small SQLite file of the data folder: positions, and points that were refused.

InfluxDB has no transactions: points go first, then the position. After a crash in between the same points are written
again, which changes nothing. A position belongs to one bucket (by its id): a bucket that was deleted and made anew has
none, so what the journal still holds is written to it again.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from metering.batch import ReadingBatch
from metering.entries import decode_entry, encode_entry
from metering.ports import StoreUnavailableError

LOCAL_FILE = "influx.db"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS positions (
    bucket TEXT NOT NULL, cursor TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (bucket, cursor)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS buckets (address TEXT PRIMARY KEY, bucket TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS quarantine (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, measurement TEXT NOT NULL, rows INTEGER NOT NULL,
    reason TEXT NOT NULL, digest BLOB NOT NULL UNIQUE, points BLOB NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class SetAside:
    """Points that the server refused. `at_ms` is when, `measurement` for what; the points' columns in `batch`."""

    id: int
    at_ms: int
    measurement: str
    reason: str
    batch: ReadingBatch


class LocalFile:
    """The file, for any thread of one process; other processes may look into it at the same time."""

    def __init__(self, path: Path) -> None:
        """Open or make it.

        Raises:
            StoreUnavailableError: it cannot be opened.
        """
        self._path = path
        self._lock = threading.Lock()
        with self._told():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode = WAL")
            # A refused point is nowhere else once the journal has moved on.
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.executescript(_SCHEMA)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            with self._lock:
                yield
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailableError(f"{self._path}: {error}") from error

    def known_bucket(self, address: str) -> str:
        """The id that the bucket at this address had when it was last seen; the address itself before that."""
        with self._told():
            found = self._connection.execute("SELECT bucket FROM buckets WHERE address = ?", [address]).fetchone()
        return address if found is None else str(found[0])

    def know_bucket(self, address: str, bucket: str) -> None:
        """Remember the bucket's id."""
        with self._told():
            self._connection.execute("INSERT OR REPLACE INTO buckets VALUES (?, ?)", [address, bucket])

    def position(self, bucket: str, cursor: str) -> int:
        """The journal position of a cursor; 0 at first."""
        with self._told():
            found = self._connection.execute(
                "SELECT position FROM positions WHERE bucket = ? AND cursor = ?", [bucket, cursor]
            ).fetchone()
        return 0 if found is None else int(found[0])

    def set_position(self, bucket: str, cursor: str, position: int) -> None:
        """Keep a position, durably."""
        with self._told():
            self._connection.execute("INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", [bucket, cursor, position])

    def set_aside(self, measurement: str, reason: str, batch: ReadingBatch, at_ms: int) -> None:
        """Keep refused points, durably; the same ones once, however often their batch is written again."""
        points = encode_entry(_with_own_meters(batch))
        digest = hashlib.blake2b(measurement.encode() + points, digest_size=16).digest()
        with self._told():
            self._connection.execute(
                "INSERT OR REPLACE INTO quarantine (at_ms, measurement, rows, reason, digest, points) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                [at_ms, measurement, len(batch), reason, digest, points],
            )

    def quarantined(self) -> int:
        """How many points are set aside."""
        with self._told():
            (rows,) = self._connection.execute("SELECT coalesce(sum(rows), 0) FROM quarantine").fetchone()
        return int(rows)

    def quarantine(self) -> Iterator[SetAside]:
        """What is set aside now, oldest first. What comes in meanwhile is not among it."""
        with self._told():
            numbers = self._connection.execute("SELECT id FROM quarantine ORDER BY id").fetchall()
        for (number,) in numbers:
            with self._told():
                row = self._connection.execute(
                    "SELECT id, at_ms, measurement, reason, points FROM quarantine WHERE id = ?", [number]
                ).fetchone()
            if row is not None:
                aside, at_ms, measurement, reason, points = row
                yield SetAside(aside, at_ms, measurement, reason, _batch(points))

    def release(self, numbers: Sequence[int]) -> None:
        """Forget these: they are written now, or no longer wanted."""
        with self._told():
            self._connection.executemany("DELETE FROM quarantine WHERE id = ?", [[number] for number in numbers])

    def close(self) -> None:
        """Close the file."""
        with self._told():
            self._connection.close()


def _with_own_meters(batch: ReadingBatch) -> ReadingBatch:
    """The batch without the names of meters that have no row in it."""
    used, meter = np.unique(batch.meter, return_inverse=True)
    names = tuple(batch.meters[number] for number in used.tolist())
    return replace(batch, meters=names, meter=meter.astype(np.int32))


def _batch(points: bytes) -> ReadingBatch:
    entry = decode_entry(points)
    if not isinstance(entry, ReadingBatch):
        raise StoreUnavailableError("the quarantine holds what is no points")
    return entry
