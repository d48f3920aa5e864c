"""The end of taking: what is stored and what stays in the journal."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

import aquavolt.store_sink
import aquavolt.taking
from aquavolt.clock import utc_ms
from aquavolt.config.documents import load_rules, load_site
from aquavolt.config.settings import Settings
from aquavolt.setup import Setup
from aquavolt.store_sink import CURSORS
from aquavolt.stores.duckdb_store import DuckDBStore
from aquavolt.taking import Taking
from metering.batch import batch_of
from metering.ports import StoreUnavailableError

READING = batch_of(["a"], [0], 50, np.datetime64("2026-11-01", "ms"), [1.0])
SITE = "site: {id: campus, name: Campus, timezone: Asia/Shanghai}\nmeters: [{id: a, medium: water}]\n"


class Store:
    """A real one that may hang, or be away, while it is asked to write."""

    def __init__(self, store: DuckDBStore) -> None:
        self._store = store
        self.answers = threading.Event()
        self.is_away = False
        self.asked = 0

    def append_readings(self, batches, position, cursor="live"):
        self.asked += 1
        self.answers.wait(60)
        if self.is_away:
            raise StoreUnavailableError("away")
        self._store.append_readings(batches, position, cursor)

    def __getattr__(self, name):
        return getattr(self._store, name)


@pytest.fixture
def store(tmp_path: Path):
    found = DuckDBStore(tmp_path / "store.duckdb")
    made = Store(found)
    yield made
    made.answers.set()
    found.close()


@pytest.fixture
def taking(tmp_path: Path, store: Store, monkeypatch):
    monkeypatch.setattr(aquavolt.taking, "_STOP_S", 0.2)
    monkeypatch.setattr(aquavolt.store_sink, "_LINGER_S", 0.0)
    (tmp_path / "site.yaml").write_text(SITE, encoding="utf-8")
    site, _ = load_site(tmp_path / "site.yaml")
    setup = Setup(Settings(data=tmp_path), site, load_rules(None, site), now=utc_ms)
    made = Taking(setup, store, tmp_path, CURSORS)
    yield made
    store.answers.set()
    made.sink.worker.stop()
    made.close()


def started(taking: Taking, store: Store) -> None:
    taking.journal.append([READING])
    taking.start()
    while not store.asked:
        taking.sink.worker.pause(0.01)


def test_what_was_taken_is_stored_before_the_end(taking, store):
    store.answers.set()
    started(taking, store)
    taking.journal.append([READING])
    taking.stop()
    assert taking.sink.position == taking.journal.head() == 2


def test_a_store_that_hangs_is_not_asked_again_at_the_end(taking, store):
    started(taking, store)
    taking.stop()
    assert store.asked == 1
    assert taking.journal.read(0)


def test_a_store_that_is_away_is_not_asked_again_at_the_end(taking, store):
    store.is_away = True
    store.answers.set()
    started(taking, store)
    while not taking.sink.worker.last_error:
        taking.sink.worker.pause(0.01)
    asked = store.asked
    taking.stop()
    assert store.asked == asked
    assert taking.journal.read(0)
