import asyncio
import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.journal import Journal, JournalError, JournalFullError
from collector.journal_limits import JournalLimits
from collector.journal_sink import JournalSink, merge_readings
from metering.batch import MeterEvent, ReadingBatch, batch_of, empty_batch
from metering.entries import EventBatch, Feedback, Revision, Tick

NOW = np.datetime64("2026-03-02T08:00:00", "ms")
GIB = 1 << 30


class Clock:
    """Wall clock in ms and a monotonic one in seconds, both moved by hand."""

    def __init__(self) -> None:
        self.ms = 1_772_000_000_000

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.ms / 1000

    def forward(self, seconds: float) -> None:
        self.ms += round(seconds * 1000)


class Disk:
    """Free space as told."""

    def __init__(self) -> None:
        self.free = 100 * GIB

    def __call__(self, _: Path) -> int:
        return self.free


def readings(first: int, rows: int = 3) -> ReadingBatch:
    values = np.arange(first, first + rows, dtype=float)
    return batch_of(("w1", "w2"), np.arange(rows) % 2, 50, NOW + np.arange(rows), values)


def values(entries) -> list[float]:
    return [float(v) for _, entry in entries for v in entry.value]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def open_journal(tmp_path, clock, disk):
    opened = []

    def open_it(name="journal.db", **settings) -> Journal:
        given = {
            "readers": ("stream", "live"),
            "free_space": disk,
            "now_ms": clock.now_ms,
            "monotonic": clock.monotonic,
        }
        journal = Journal(tmp_path / name, **(given | settings))
        opened.append(journal)
        return journal

    yield open_it
    for journal in opened:
        journal.close()


def test_entries_come_back_in_order_whatever_they_are(open_journal):
    journal = open_journal()
    given = [
        readings(1),
        EventBatch((MeterEvent("w1", NOW, "battery_low", "3.1 V"),)),
        Tick(NOW, NOW - np.timedelta64(1, "h")),
        Revision("site", "abc", {"meters": ["水"]}),
        Feedback(NOW, 1, "confirmed", "li", NOW, "a1"),
    ]
    assert journal.append(given[:2]) == 2
    assert journal.append(given[2:]) == 5
    found = journal.read(0)
    assert [seq for seq, _ in found] == [1, 2, 3, 4, 5]
    assert np.array_equal(found[0][1].value, given[0].value)
    assert [entry for _, entry in found[1:]] == given[1:]
    assert journal.head() == 5
    assert journal.read(5) == []


def test_appending_nothing_is_nothing(open_journal):
    journal = open_journal()
    journal.append([readings(1)])
    assert journal.append([]) == 1


def test_read_stops_at_the_bytes_asked_for_but_gives_at_least_one(open_journal):
    journal = open_journal()
    journal.append([readings(i * 1000, 1000) for i in range(5)])
    assert [seq for seq, _ in journal.read(1, max_bytes=1)] == [2]
    assert [seq for seq, _ in journal.read(1, max_bytes=50_000)] == [2, 3]


def test_a_second_start_goes_on_where_the_first_ended(open_journal):
    first = open_journal()
    first.append([readings(1), readings(4)])
    first.set_cursor("live", 1)
    epoch = first.epoch
    first.close()
    second = open_journal()
    assert (second.head(), second.cursor("live"), second.cursor("stream"), second.epoch) == (2, 1, 0, epoch)
    assert second.append([readings(7)]) == 3
    assert values(second.read(0)) == [1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_a_sequence_is_never_given_twice_even_when_all_is_trimmed(open_journal):
    journal = open_journal()
    journal.append([readings(1)] * 3)
    for reader in ("stream", "live"):
        journal.set_cursor(reader, 3)
    journal.tend()
    assert journal.read(0) == []
    assert journal.health().bytes == 0
    journal.close()
    again = open_journal()
    assert again.append([readings(1)]) == 4


def test_a_store_that_is_ahead_keeps_its_sequences(open_journal):
    journal = open_journal()
    journal.append([readings(1)])
    journal.skip_to(100)
    journal.skip_to(50)
    assert journal.append([readings(4)]) == 101
    assert [seq for seq, _ in journal.read(0)] == [1, 101]


def test_only_what_all_readers_have_passed_is_removed(open_journal):
    journal = open_journal()
    journal.append([readings(i) for i in range(10)])
    journal.set_cursor("stream", 7)
    journal.set_cursor("live", 4)
    journal.tend()
    assert [seq for seq, _ in journal.read(0)] == [5, 6, 7, 8, 9, 10]
    health = journal.health()
    assert (health.entries, health.lag, health.dropped) == (6, {"stream": 3, "live": 6}, {})


def test_appends_trim_by_themselves(open_journal, clock):
    journal = open_journal()
    journal.append([readings(1)] * 4)
    for reader in ("stream", "live"):
        journal.set_cursor(reader, 4)
    clock.forward(2)
    journal.append([readings(1)])
    assert [seq for seq, _ in journal.read(0)] == [5]


def test_wrong_cursors_are_refused_by_name(open_journal):
    journal = open_journal()
    with pytest.raises(ValueError, match="'lvie' is no reader of this journal; allowed: stream, live"):
        journal.set_cursor("lvie", 0)
    with pytest.raises(ValueError, match="'live' cannot stand at 1; the journal's head is 0"):
        journal.set_cursor("live", 1)


def test_past_the_cap_the_oldest_goes_and_is_counted(open_journal, clock):
    journal = open_journal(limits=JournalLimits(cap_bytes=20_000))
    for i in range(20):
        journal.append([readings(i * 100, 100)])
        clock.forward(2)
    health = journal.health()
    kept = journal.read(0)
    assert health.bytes <= 20_000
    assert [seq for seq, _ in kept] == list(range(kept[0][0], 21))
    assert health.dropped == {"over_cap_entries": 20 - len(kept), "over_cap_readings": 100 * (20 - len(kept))}
    assert journal.cursor("live") == kept[0][0] - 1


@pytest.mark.parametrize("is_written", [True, False])
def test_what_a_reader_is_writing_elsewhere_is_given_up_only_if_it_fails(open_journal, clock, is_written):
    journal = open_journal(limits=JournalLimits(cap_bytes=2000))
    with journal.held():
        journal.append([readings(0, 100), readings(100, 10)])
        clock.forward(2)
        journal.append([readings(200, 10)])
        assert len(journal.read(0)) == 3
        for name in ("stream", "live") if is_written else ():
            journal.set_cursor(name, 1)
    assert len(journal.read(0)) == 2
    assert journal.health().dropped.get("over_cap_readings", 0) == (0 if is_written else 100)


def test_past_the_cap_what_the_store_has_is_no_loss(open_journal, clock):
    """Only the stream waits for the first entries: the store has them, and they are its loss alone."""
    journal = open_journal(limits=JournalLimits(cap_bytes=5000))
    for i in range(8):
        journal.append([readings(i * 50, 50)])
    journal.set_cursor("live", 2)
    journal.tend()
    kept = len(journal.read(0))
    assert journal.health().dropped == {
        "stream_over_cap_entries": 2, "stream_over_cap_readings": 100,
        "over_cap_entries": 6 - kept, "over_cap_readings": 50 * (6 - kept),
    }  # fmt: skip
    assert kept


def test_what_was_dropped_is_still_known_after_a_restart(open_journal, clock):
    journal = open_journal(limits=JournalLimits(cap_bytes=2000))
    journal.append([readings(0, 100), readings(100, 10)])
    clock.forward(2)
    journal.append([readings(200, 10)])
    journal.close()
    assert open_journal().health().dropped == {"over_cap_entries": 1, "over_cap_readings": 100}


def test_a_stream_a_day_behind_is_moved_on_and_a_store_is_not(open_journal, clock):
    journal = open_journal()
    for i in range(10):
        journal.append([readings(i, 5)])
        clock.forward(4 * 3600)
    assert [seq for seq, _ in journal.read(0)] == list(range(1, 11))
    assert journal.cursor("stream") == 3  # the first three are more than 24 h old at the last append
    assert journal.cursor("live") == 0
    assert journal.health().dropped == {"stream_behind_entries": 3, "stream_behind_readings": 15}


def test_at_the_floor_nothing_is_accepted_until_there_is_room(open_journal, clock, disk):
    journal = open_journal(limits=JournalLimits(free_floor_bytes=GIB))
    assert journal.is_accepting()
    disk.free = GIB // 2
    clock.forward(2)
    assert not journal.is_accepting()
    journal.append([Tick(NOW)])  # what the program itself writes still goes in
    disk.free = 2 * GIB
    clock.forward(2)
    assert journal.is_accepting()


def test_pages_freed_within_the_file_count_as_room(open_journal, clock, disk):
    journal = open_journal(limits=JournalLimits(free_floor_bytes=100_000))
    journal.append([readings(i * 1000, 1000) for i in range(20)])
    for reader in ("stream", "live"):
        journal.set_cursor(reader, 20)
    journal.tend()
    disk.free = 0
    clock.forward(2)
    assert journal.is_accepting()


def test_a_full_disk_is_named_and_the_journal_goes_on_afterwards(open_journal, clock):
    journal = open_journal()
    journal.append([readings(1)])
    pages = journal._file._writer.execute("PRAGMA page_count").fetchone()[0]
    journal._file._writer.execute(f"PRAGMA max_page_count = {pages + 2}")  # SQLite's own "disk full"
    with pytest.raises(JournalFullError, match=r"journal\.db cannot be written: database or disk is full"):
        journal.append([readings(0, 10_000)])
    assert not journal.is_accepting()
    assert journal.head() == 1
    journal._file._writer.execute("PRAGMA max_page_count = 1000000")
    clock.forward(2)
    assert journal.is_accepting()
    assert journal.append([readings(4)]) == 2
    assert values(journal.read(0)) == [1, 2, 3, 4, 5, 6]


def test_waiting_ends_with_the_next_entry(open_journal):
    journal = open_journal()
    assert not journal.wait_beyond(0, 0.01)
    found = []
    thread = threading.Thread(target=lambda: found.append(journal.wait_beyond(0, 30)))
    thread.start()
    journal.append([readings(1)])
    thread.join(30)
    assert found == [True]
    assert journal.wait_beyond(0, 0)


def test_closing_wakes_who_waits_and_refuses_afterwards(open_journal):
    journal = open_journal()
    found = []
    thread = threading.Thread(target=lambda: found.append(journal.wait_beyond(0, 30)))
    thread.start()
    journal.close()
    thread.join(30)
    assert found == [False]
    with pytest.raises(JournalError, match="is closed"):
        journal.append([readings(1)])
    with pytest.raises(JournalError, match="is closed"):
        journal.read(0)
    assert not journal.is_accepting()


def test_many_threads_append_and_read_without_loss(open_journal):
    journal = open_journal()
    threads, each = 6, 40

    def write(number: int) -> None:
        for i in range(each):
            journal.append([readings(number * 1000 + i, 1)])

    running = [threading.Thread(target=write, args=(n,)) for n in range(threads)]
    for thread in running:
        thread.start()
    seen, after = [], 0
    while len(seen) < threads * each:
        assert journal.wait_beyond(after, 30)
        for seq, entry in journal.read(after, max_bytes=500):
            assert seq == after + 1
            after = seq
            seen.append(float(entry.value[0]))
    for thread in running:
        thread.join()
    assert sorted(seen) == sorted(float(n * 1000 + i) for n in range(threads) for i in range(each))
    for n in range(threads):
        own = [v for v in seen if n * 1000 <= v < (n + 1) * 1000]
        assert own == sorted(own)


def test_a_foreign_version_is_refused_not_overwritten(tmp_path):
    path = tmp_path / "journal.db"
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 9")
    other.close()
    with pytest.raises(ValueError, match="is a journal of version 9; this program knows 1"):
        Journal(path)


@pytest.mark.parametrize("limits", [{"cap_bytes": 0}, {"free_floor_bytes": -1}])
def test_impossible_limits_are_refused(limits):
    with pytest.raises(ValueError, match=next(iter(limits))):
        JournalLimits(**limits)


# -- the asyncio side ------------------------------------------------------------------------------------


def test_a_hundred_tasks_make_one_entry_and_all_know_its_sequence(open_journal):
    journal = open_journal()

    async def main() -> list[int]:
        sink = JournalSink(journal)
        found = await asyncio.gather(*(sink.append_entry(readings(i * 10, 2)) for i in range(100)))
        await sink.append(empty_batch())
        await sink.close()
        return found

    assert asyncio.run(main()) == [1] * 100
    assert values(journal.read(0)) == [float(i * 10 + k) for i in range(100) for k in range(2)]


def test_entries_handed_in_during_a_commit_come_with_the_next(open_journal):
    journal = open_journal()

    async def main() -> None:
        sink = JournalSink(journal, group_s=0)
        await asyncio.gather(*(one(sink, i) for i in range(50)))
        await sink.close()

    async def one(sink: JournalSink, i: int) -> None:
        for k in range(4):
            await sink.append(readings(i * 10 + k, 1))

    asyncio.run(main())
    assert sorted(values(journal.read(0))) == sorted(float(i * 10 + k) for i in range(50) for k in range(4))


def test_every_task_of_a_group_hears_that_the_disk_is_full(open_journal):
    journal = open_journal()
    journal._file._writer.execute("PRAGMA max_page_count = 1")

    async def main() -> list:
        sink = JournalSink(journal)
        tasks = (sink.append(readings(i, 500)) for i in range(3))
        found = await asyncio.gather(*tasks, return_exceptions=True)
        journal._file._writer.execute("PRAGMA max_page_count = 1000000")
        await sink.append(readings(0))
        await sink.close()
        return found

    assert [type(e) for e in asyncio.run(main())] == [JournalFullError] * 3
    assert values(journal.read(0)) == [0, 1, 2]


def test_a_cancelled_caller_leaves_the_others_alone(open_journal):
    journal = open_journal()

    async def main() -> None:
        sink = JournalSink(journal)
        first, second = asyncio.create_task(sink.append(readings(1))), asyncio.create_task(sink.append(readings(4)))
        await asyncio.sleep(0)
        first.cancel()
        await second
        await sink.close()

    asyncio.run(main())
    assert values(journal.read(0)) == [1, 2, 3, 4, 5, 6]


@settings(max_examples=50)
@given(st.lists(st.booleans(), max_size=12))
def test_merging_keeps_the_order_and_says_where_each_went(kinds):
    entries = [readings(i * 10, 2) if is_reading else Tick(NOW + i) for i, is_reading in enumerate(kinds)]
    merged, place = merge_readings(entries)
    assert len(place) == len(entries)
    assert place == sorted(place)
    for entry, at in zip(entries, place, strict=True):
        if isinstance(entry, Tick):
            assert merged[at] is entry
        else:
            assert set(entry.value) <= set(merged[at].value)
    assert not any(isinstance(a, ReadingBatch) and isinstance(b, ReadingBatch) for a, b in zip(merged, merged[1:]))  # noqa: B905, RUF007
