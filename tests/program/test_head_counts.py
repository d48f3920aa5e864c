"""Head-counts from the command line into the records, from there into the journal, once and in order."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from cli import aquavolt_command

from alerts.head_counts import HeadCountBook
from alerts.records import Records
from alerts.values import Actor
from aquavolt.word_feed import HEAD_COUNTS, WordFeed
from collector.journal import Journal
from metering.entries import HeadCounts
from metering.head_counts import HeadCount

SITE = """\
site: {id: campus, timezone: Asia/Shanghai}
nodes:
  - {id: house, kind: building}
  - {id: r1, kind: room, parent: house, beds: 4}
meters: [{id: e-1, medium: electricity, node: r1}]
"""
NOW = np.datetime64("2026-11-23T04:00:00", "ms")
FILE = "node,from,beds,people\nr9,2026-09-01,4,4\nr1,2026-09-01,4,3\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "site.yaml").write_text(SITE, encoding="utf-8")
    (tmp_path / "autumn.csv").write_text(FILE, encoding="utf-8")
    return tmp_path


def test_a_file_is_looked_at_then_taken_and_its_bad_row_named(folder):
    looked = aquavolt_command(folder, "head-counts", "import", "autumn.csv", "--dry-run")
    assert (looked.code, looked.out) == (0, "autumn.csv: 1 would change, 0 as before, 1 refused\n")
    assert "autumn.csv:2: node: “r9” is no place of this site" in looked.err
    taken = aquavolt_command(folder, "head-counts", "import", "autumn.csv", "--json")
    assert [json.loads(taken.out)[key] for key in ("taken", "unchanged", "refused")] == [1, 0, 1]
    again = aquavolt_command(folder, "head-counts", "import", "autumn.csv")
    assert "0 taken, 1 as before, 1 refused" in again.out
    (folder / "autumn.csv").write_text("node,from,beds\nr9,2026-09-01,4\n", encoding="utf-8")
    assert "no row could be taken" in aquavolt_command(folder, "head-counts", "import", "autumn.csv").message


def test_a_backtest_divides_by_the_counts_it_is_given(folder):
    readings = "meter,quantity,time,value\ne-1,active_energy_import,2026-11-01T00:00:00+08:00,1\n"
    (folder / "r.csv").write_text(readings, encoding="utf-8")
    said = aquavolt_command(
        folder,
        "backtest",
        "--site",
        "site.yaml",
        "--readings",
        "r.csv",
        "--head-counts",
        "autumn.csv",
        "--out",
        "o.jsonl",
    )
    assert (said.code, "0 alerts of 1 readings" in said.out) == (0, True), said.err
    assert "autumn.csv:2: " in said.err


def test_what_was_brought_is_journaled_once_also_over_a_restart(tmp_path):
    records = Records(f"sqlite:///{tmp_path / 'records.db'}")
    records.migrate()
    book, count = HeadCountBook(records.database), HeadCount("r1", date(2026, 9, 1), 4, 3)
    with closing(Journal(tmp_path / "journal.db")) as journal:
        feed = WordFeed(book, journal, lambda: NOW, HEAD_COUNTS)
        book.bring([(1, count)], Actor("li"))
        feed.turn()
    with closing(Journal(tmp_path / "journal.db")) as journal:
        feed = WordFeed(book, journal, lambda: NOW, HEAD_COUNTS)
        book.bring([(1, HeadCount("r1", date(2026, 9, 1), 4, 2))], Actor("li"))
        feed.turn()
        entries = [entry for _, entry in journal.read(0)]
    assert [(type(e), e.id, e.time) for e in entries] == [(HeadCounts, 1, NOW), (HeadCounts, 2, NOW)]
    assert entries[0].counts == (count,)
    records.close()
