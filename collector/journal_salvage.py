"""What can be read of a journal with damaged pages, into a fresh file: every whole entry keeps its sequence."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collector.journal_file import JournalFile, Row, is_corruption


@dataclass(frozen=True, slots=True)
class Loss:
    """What could not be saved. `readings` is exact: each whole entry, and the head, says how many came before."""

    entries: int
    readings: int


def finish_salvage(path: Path) -> None:
    """Put a completed salvage in the journal's place. Harmless at any time; a kill in between is made good here."""
    done, partial = _neighbour(path, ".salvage"), _neighbour(path, ".salvage.partial")
    for leftover in (partial, _neighbour(partial, "-wal"), _neighbour(partial, "-shm")):
        leftover.unlink(missing_ok=True)
    if done.exists():
        # The old WAL first: SQLite would replay it into the new file.
        for part in ("-wal", "-shm"):
            _neighbour(path, part).unlink(missing_ok=True)
        done.replace(path)
        _synchronise_folder(path.parent)


def salvage(path: Path, head: tuple[int, int]) -> Loss:
    """Copy all that is whole into a new file and put it in place. No connection may be open on `path`.

    `head` is (last sequence, readings up to it) as far as the caller knows it.

    Raises:
        sqlite3.Error: the new file could not be written (disk full); the old one is as it was.
    """
    partial = _neighbour(path, ".salvage.partial")
    finish_salvage(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as old, closing(JournalFile(partial)) as new:
        loss = _copy(old, new, head)
    partial.replace(_neighbour(path, ".salvage"))
    finish_salvage(path)
    return loss


def put_away(path: Path) -> None:
    """Move a file that is no database at all out of the way, beside the journal, for a person to look at."""
    for part in ("-wal", "-shm"):
        _neighbour(path, part).unlink(missing_ok=True)
    path.replace(_neighbour(path, ".unreadable"))
    _synchronise_folder(path.parent)


def _copy(old: sqlite3.Connection, new: JournalFile, known: tuple[int, int]) -> Loss:
    edges = {str(name): (int(seq), int(upto)) for name, seq, upto in _readable(old, "SELECT * FROM edge")}
    head = max(known, edges.get("head", (0, 0)))
    cursors = {str(name): int(seq) for name, seq in _readable(old, "SELECT * FROM cursor")}
    start = _start(old, cursors, edges.get("tail", (0, 0)))
    with new.transaction():
        for (epoch,) in _readable(old, "SELECT value FROM meta WHERE key = 'epoch'"):
            new.set_epoch(str(epoch))
        marks = _readable(old, "SELECT substr(key, 6), value FROM meta WHERE key LIKE 'mark:%'")
        new.set_marks({str(name): str(value) for name, value in marks})
        new.set_cursors(cursors)
        for reason, entries, readings in _readable(old, "SELECT * FROM dropped"):
            new.add_dropped(reason, entries, readings)
        new.set_edge("tail", *start)
        new.set_edge("head", *head)
        return _copy_entries(old, new, start, head)


def _copy_entries(old: sqlite3.Connection, new: JournalFile, start: tuple[int, int], head: tuple[int, int]) -> Loss:
    entries = readings = 0
    seq, upto = start
    for row in _rows(old, seq, head[0]):
        entries += row.seq - seq - 1
        readings += row.upto - row.rows - upto
        new.insert([row])
        seq, upto = row.seq, row.upto
    return Loss(entries + head[0] - seq, max(0, readings + head[1] - upto))


def _start(old: sqlite3.Connection, cursors: dict[str, int], tail: tuple[int, int]) -> tuple[int, int]:
    """(seq, upto) from which on entries are wanted: where the last reader stands, else what was removed last."""
    seq = min(cursors.values(), default=0)
    if seq > tail[0]:
        for (upto,) in _readable(old, "SELECT upto FROM entry WHERE seq = ?", (seq,)):
            return seq, int(upto)
    return tail


def _readable(old: sqlite3.Connection, query: str, values: tuple[int, ...] = ()) -> Iterator[Any]:
    """What the query gives, as far as it can be read."""
    with suppress(sqlite3.DatabaseError):
        yield from old.execute(query, values)


def _rows(old: sqlite3.Connection, after: int, head: int) -> Iterator[Row]:
    """Whole entries in order, and the empty places of those set aside; steps over what cannot be read."""
    while after < head:
        try:
            for values in old.execute("SELECT * FROM entry WHERE seq > ? ORDER BY seq", (after,)):
                row = Row(*values)
                if after < row.seq <= head and (row.body is None or row.is_whole()):
                    yield row
                    after = row.seq
        except sqlite3.DatabaseError as error:
            if not is_corruption(error):
                raise
            after += 1  # a page holds few entries, so this is quick
        else:
            return


def _neighbour(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _synchronise_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
