"""The journal's two ways to the store: what is live first, and each reading once, wherever it stops."""

from __future__ import annotations

import numpy as np
import pytest

import aquavolt.store_sink
from aquavolt.store_sink import StoreSink
from aquavolt.stores.duckdb_store import DuckDBStore
from collector.journal import Journal
from metering.batch import batch_of
from metering.ports import StoreUnavailableError

START = np.datetime64("2026-11-01T00:00", "ms")


class Outage:
    """A real store that is away for as many calls as it is told."""

    def __init__(self, store: DuckDBStore) -> None:
        self._store = store
        self.times: list[np.datetime64] = []
        self.fails_at: set[int] = set()
        self.calls = 0

    def append_readings(self, batches, position, cursor="live"):
        self.calls += 1
        if self.calls in self.fails_at:
            raise StoreUnavailableError("away")
        self._store.append_readings(batches, position, cursor)
        self.times += [batch.time[0] for batch in batches]

    def __getattr__(self, name):
        return getattr(self._store, name)


@pytest.fixture
def store(tmp_path):
    found = DuckDBStore(tmp_path / "store.duckdb")
    yield Outage(found)
    found.close()


@pytest.fixture
def journal(tmp_path):
    found = Journal(tmp_path / "journal.db", readers=("live", "backlog"))
    yield found
    found.close()


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Two entries are more than one write takes."""
    monkeypatch.setattr(aquavolt.store_sink, "_READ_BYTES", 100)
    monkeypatch.setattr(aquavolt.store_sink, "_BACKLOG_BYTES", 300)
    monkeypatch.setattr(aquavolt.store_sink, "_LINGER_S", 0.0)


def entry(minute: int):
    return batch_of(["m"], [0], 60, [START + minute * np.timedelta64(1, "m")], [float(minute)])


def minutes(store: Outage) -> list[int]:
    return [int((time - START) / np.timedelta64(1, "m")) for time in store.times]


def run(sink: StoreSink, journal: Journal, turns: int = 200) -> None:
    for _ in range(turns):
        if sink.position == journal.head():
            return
        try:
            sink.turn()
        except StoreUnavailableError:
            continue
    raise AssertionError("it does not come to an end")


def test_in_good_times_all_goes_in_order(store, journal):
    sink = StoreSink(journal, store, lambda _: None)
    for minute in range(1, 10):
        journal.append([entry(minute)])
        run(sink, journal)
    assert minutes(store) == list(range(1, 10))
    assert not sink.has_backlog


def test_after_an_outage_what_is_live_goes_first(store, journal):
    sink = StoreSink(journal, store, lambda _: None)
    store.fails_at = {1}
    journal.append([entry(minute) for minute in range(1, 20)])
    sink._may_be_behind = False  # it has run well so far
    with pytest.raises(StoreUnavailableError):
        sink.turn()
    sink.turn()  # the store is back: the backlog begins
    assert sink.has_backlog
    journal.append([entry(99)])
    sink.turn()
    assert 99 in minutes(store)
    assert len(store.times) < 19
    run(sink, journal)
    assert sorted(minutes(store)) == [*range(1, 20), 99]
    assert not sink.has_backlog


def test_a_write_that_waited_for_the_store_is_an_outage_too(store, journal):
    seconds = [0.0]
    write = store.append_readings

    def at_last(batches, position, cursor="live"):
        if not store.times:
            seconds[0] += 6.0
            journal.append([entry(minute) for minute in range(2, 20)])
        write(batches, position, cursor)

    store.append_readings = at_last
    sink = StoreSink(journal, store, lambda _: None, lambda: seconds[0])
    journal.append([entry(1)])
    sink.turn()
    sink.turn()
    assert sink.has_backlog
    run(sink, journal)
    assert sorted(minutes(store)) == list(range(1, 20))


def test_after_another_outage_what_is_live_goes_first_again(store, journal):
    confirmed = []
    journal.append([entry(minute) for minute in range(1, 40)])
    sink = StoreSink(journal, store, confirmed.append)
    sink.turn()
    journal.append([entry(50)])
    sink.turn()  # live, and some of the backlog
    store.fails_at = {store.calls + 1}
    journal.append([entry(60)])
    with pytest.raises(StoreUnavailableError):
        sink.turn()
    journal.append([entry(minute) for minute in range(61, 80)])
    sink.turn()  # the store is back, and more waits than one write takes
    assert sink.has_backlog
    journal.append([entry(99)])
    sink.turn()
    assert 99 in minutes(store)
    assert 79 not in minutes(store)
    run(sink, journal)
    assert sorted(minutes(store)) == [*range(1, 40), 50, *range(60, 80), 99]
    assert sum(map(len, confirmed)) == len(store.times)


def test_a_slow_store_gets_the_backlog_in_smaller_pieces(store, journal, monkeypatch):
    """So that live readings, which wait for one piece, are not late on a slow machine."""
    monkeypatch.setattr(aquavolt.store_sink, "_BACKLOG_BYTES", 4_000)
    seconds, pieces = [0.0], []
    write = store.append_readings

    def slowly(batches, position, cursor="live"):
        seconds[0] += 0.1 * len(batches)
        if cursor == "backlog" and batches:
            pieces.append(len(batches))
        write(batches, position, cursor)

    store.append_readings = slowly
    journal.append([entry(minute) for minute in range(1, 200)])
    sink = StoreSink(journal, store, lambda _: None, lambda: seconds[0])
    run(sink, journal)
    assert pieces[0] > 6
    assert max(pieces[1:]) <= 6  # half a second of them
    assert min(pieces[1:-1]) >= 4
    assert sorted(minutes(store)) == list(range(1, 200))


def test_the_journal_keeps_what_the_backlog_still_needs(store, journal):
    journal.append([entry(minute) for minute in range(1, 30)])
    sink = StoreSink(journal, store, lambda _: None)
    sink.turn()
    journal.append([entry(99)])
    sink.turn()
    journal.tend()
    assert journal.cursor("live") == 30
    assert journal.cursor("backlog") == sink.position < 29
    assert journal.read(sink.position)[0][0] == sink.position + 1


@pytest.mark.parametrize("died_at", range(1, 12))
def test_stopped_at_any_write_each_reading_is_stored_once(store, journal, died_at):
    """The sink is thrown away after a write, as by a kill, and made anew from what store and journal keep."""
    journal.append([entry(minute) for minute in range(1, 16)])
    store.fails_at = {died_at}
    sink = StoreSink(journal, store, lambda _: None)
    for minute in range(16, 60):
        journal.append([entry(minute)])
        try:
            sink.turn()
        except StoreUnavailableError:
            sink = StoreSink(journal, store, lambda _: None)
    run(sink, journal)
    assert sorted(minutes(store)) == list(range(1, 60))
