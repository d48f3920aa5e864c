"""A damaged journal file: what is whole stays, what is lost is counted exactly, nothing stops."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from collector.journal import Journal
from collector.journal_file import JournalFile, checksum
from metering.batch import ReadingBatch, batch_of
from metering.entries import Tick

NOW = np.datetime64("2026-03-02T08:00:00", "ms")
PAGE = 4096


def readings(first: int, rows: int) -> ReadingBatch:
    return batch_of(("w1",), np.zeros(rows), 50, NOW + np.arange(rows), np.arange(first, first + rows))


def write(path: Path, sizes: list[int]) -> None:
    """One entry a size; entry k holds the values from 1000 k on."""
    journal = Journal(path)
    for k, rows in enumerate(sizes):
        journal.append([readings(1000 * k, rows)])
    journal.close()
    assert not path.with_name(path.name + "-wal").exists()  # everything stands in the main file


def entries(journal: Journal) -> dict[int, ReadingBatch]:
    return dict(journal.read(0, 1 << 30))


def page_of(path: Path, needle: bytes) -> int:
    return path.read_bytes().index(needle) // PAGE


def spoil(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def test_a_changed_byte_costs_one_entry(tmp_path):
    path = tmp_path / "journal.db"
    write(path, [5] * 9)
    at = path.read_bytes().index(np.arange(4000.0, 4005.0).tobytes())
    spoil(path, at + 3, b"\x55")
    journal = Journal(path)
    assert list(entries(journal)) == [1, 2, 3, 4, 6, 7, 8, 9]
    assert journal.health().dropped == {"damaged_entries": 1, "damaged_readings": 5}
    assert list(entries(journal)) == [1, 2, 3, 4, 6, 7, 8, 9]  # counted once, however often it is read
    assert journal.health().dropped == {"damaged_entries": 1, "damaged_readings": 5}
    journal.close()
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT seq, reason FROM damaged").fetchall() == [
            (5, "the bytes are not those that were written")
        ]


def test_an_entry_of_a_later_version_is_set_aside(tmp_path):
    path = tmp_path / "journal.db"
    write(path, [1, 1])
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        at_ms = file.execute("SELECT at_ms FROM entry WHERE seq = 1").fetchone()[0]
        body = b"AV\x63\x01\x00\x00\x00\x00"
        crc = checksum(1, at_ms, 1, 1, body)
        file.execute("UPDATE entry SET body = ?, crc = ? WHERE seq = 1", (body, crc))
    journal = Journal(path)
    assert list(entries(journal)) == [2]
    assert journal.health().dropped["damaged_entries"] == 1
    journal.close()


@pytest.mark.parametrize("spoilt", [1, 100])  # the very first page of entries, one in the middle
@pytest.mark.parametrize("rows", [3, 40, 700])  # many entries a page, few, several pages an entry
def test_a_destroyed_page_costs_what_stood_on_it_and_no_more(tmp_path, rows, spoilt):
    path = tmp_path / "journal.db"
    write(path, [rows] * 200)
    needle = np.arange(1000.0 * (spoilt - 1), 1000.0 * (spoilt - 1) + rows).tobytes()[:24]
    spoil(path, page_of(path, needle) * PAGE, b"\xff" * PAGE)
    journal = Journal(path)
    found = entries(journal)
    lost = 200 - len(found)
    assert spoilt not in found
    assert 1 <= lost <= PAGE // (rows * 23) + 2
    assert {1, 2, 60, 150, 199, 200} - set(found) <= set(range(spoilt, spoilt + lost))
    for seq, batch in found.items():
        assert np.array_equal(batch.value, np.arange(1000.0 * (seq - 1), 1000.0 * (seq - 1) + rows))
    assert journal.health().dropped == {"damaged_entries": lost, "damaged_readings": lost * rows}
    assert journal.append([readings(0, 2)]) == 201
    journal.close()
    again = Journal(path)
    assert set(entries(again)) == set(found) | {201}
    assert again.health().dropped == {"damaged_entries": lost, "damaged_readings": lost * rows}
    again.close()


@pytest.mark.parametrize("is_tended", [True, False])
def test_what_all_had_read_is_no_loss(tmp_path, is_tended):
    path = tmp_path / "journal.db"
    journal = Journal(path, readers=("live",))
    for k in range(200):
        journal.append([readings(1000 * k, 10)])
    journal.set_cursor("live", 90)
    if is_tended:
        journal.tend()
    journal.close()
    needle = np.arange(99_000.0, 99_010.0).tobytes()
    spoil(path, page_of(path, needle) * PAGE, b"\xff" * PAGE)
    journal = Journal(path, readers=("live",))
    lost = 110 - len(journal.read(90, 1 << 30))
    assert lost >= 1
    assert journal.health().dropped == {"damaged_entries": lost, "damaged_readings": 10 * lost}
    journal.close()


def test_the_last_page_destroyed_is_counted_by_the_head(tmp_path):
    path = tmp_path / "journal.db"
    write(path, [10] * 40)
    last = np.arange(39_000.0, 39_010.0).tobytes()
    spoil(path, page_of(path, last) * PAGE, b"\x00" * PAGE)
    journal = Journal(path)
    found = entries(journal)
    lost = 40 - len(found)
    assert lost >= 1
    assert journal.health().dropped == {"damaged_entries": lost, "damaged_readings": 10 * lost}
    assert journal.append([readings(0, 1)]) == 41
    journal.close()


def test_damage_found_while_appending_loses_nothing_of_the_append(tmp_path):
    path = tmp_path / "journal.db"
    journal = Journal(path)
    for k in range(200):
        journal.append([readings(1000 * k, 10)])
    journal._file._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    journal._file._writer.execute("PRAGMA cache_size = 0")
    spoil(path, page_of(path, np.arange(199_000.0, 199_010.0).tobytes()) * PAGE, b"\xff" * PAGE)
    for k in range(200, 240):
        assert journal.append([readings(1000 * k, 10)]) == k + 1
    found = entries(journal)
    lost = 240 - len(found)
    assert 1 <= lost <= 20
    assert set(range(201, 241)) <= set(found)
    assert journal.health().dropped == {"damaged_entries": lost, "damaged_readings": 10 * lost}
    journal.close()


def test_a_file_that_is_no_journal_is_put_away_and_said(tmp_path):
    path = tmp_path / "journal.db"
    path.write_bytes(b"this is no database" * 1000)
    journal = Journal(path)
    assert journal.append([Tick(NOW)]) == 1
    assert journal.health().dropped["unreadable_file_entries"] == 1
    assert (tmp_path / "journal.db.unreadable").read_bytes().startswith(b"this is no database")
    journal.close()


def test_cursors_and_identity_survive_mending(tmp_path):
    path = tmp_path / "journal.db"
    write(path, [40] * 60)
    journal = Journal(path)
    epoch = journal.epoch
    journal.set_cursor("live", 20)
    journal.close()
    spoil(path, page_of(path, np.arange(30_000.0, 30_040.0).tobytes()[:24]) * PAGE, b"\xff" * PAGE)
    journal = Journal(path)
    assert entries(journal)
    assert (journal.epoch, journal.cursor("live"), journal.cursor("stream")) == (epoch, 20, 0)
    journal.close()


def test_a_kill_between_the_steps_of_mending_is_made_good(tmp_path):
    path = tmp_path / "journal.db"
    write(path, [5] * 3)
    path.rename(tmp_path / "journal.db.salvage")  # the new file is complete, the old one already gone
    half = JournalFile(tmp_path / "journal.db.salvage.partial")
    half.close()
    journal = Journal(path)
    assert list(entries(journal)) == [1, 2, 3]
    assert sorted(p.name for p in tmp_path.iterdir() if "salvage" in p.name) == []
    journal.close()
