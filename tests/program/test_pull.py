"""Pulled files and tables in the program: into its journal and store like any reading; and a look before."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from cli import aquavolt_command, environment

from aquavolt.config.documents import load_rules, load_site
from aquavolt.config.settings import load_settings
from aquavolt.setup import Setup
from aquavolt.store_sink import CURSORS
from aquavolt.stores.duckdb_store import DuckDBStore
from aquavolt.taking import Taking
from collector.journal import Journal
from collector.journal_sink import JournalSink

SITE = """\
site: {id: campus, name: Campus, timezone: Asia/Shanghai}
meters: [{id: e-1, medium: electricity, device_address: "0012"}, {id: w-1, medium: water}]
"""
SETTINGS = """\
pull:
  files:
    dorm:
      path: drop
      every_s: 5
      match: device_address
      columns: {meter: 表号, time: 时间, values: {active_energy_import: 电量}}
  sql:
    pumps:
      url: sqlite:///pumps.db
      query: SELECT * FROM counts WHERE time >= :since
      columns: {values: {water_volume: litres}}
      scale: {water_volume: 0.001}
"""
HEAD = "表号,时间,电量\n"
NOW = np.datetime64("2026-11-23T04:00:00", "ms")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "site.yaml").write_text(SITE, encoding="utf-8")
    (tmp_path / "aquavolt.yaml").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "drop").mkdir()
    rows = "0012,2026-11-23 10:00,100.5\n9999,2026-11-23 10:00,1\n0012,2026-11-23 10:15,100.75\n"
    (tmp_path / "drop" / "day.csv").write_bytes((HEAD + rows).encode("gbk"))
    with closing(sqlite3.connect(tmp_path / "pumps.db")) as pumps:
        pumps.execute("CREATE TABLE counts (meter, time, litres)")
        pumps.execute("INSERT INTO counts VALUES ('w-1', '2026-11-23 10:00:00', 2500), ('w-1', 'noon', 1)")
        pumps.commit()
    return tmp_path


async def until(condition, within_s: float = 20.0) -> None:
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        await asyncio.sleep(0.02)


def test_what_is_pulled_goes_into_the_journal_and_the_store(folder, monkeypatch):
    monkeypatch.chdir(folder)
    site, _ = load_site(folder / "site.yaml")
    settings = load_settings(folder / "aquavolt.yaml", {}, data=folder / "data")
    store = DuckDBStore(folder / "store.duckdb")
    taking = Taking(Setup(settings, site, load_rules(None, site), now=lambda: NOW), store, folder / "data", CURSORS)

    async def take() -> None:
        sink = JournalSink(taking.journal)
        taking.start()
        running = asyncio.create_task(taking.run(sink, site))
        await until(lambda: len(store.latest(["e-1", "w-1"])) == 2)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await sink.close()

    try:
        asyncio.run(take())
        taking.stop()
        batch = store.read(["e-1"], ["active_energy_import"], NOW - np.timedelta64(1, "D"), NOW)
        assert batch.value.tolist() == [100.5, 100.75]
        assert store.latest(["w-1"]).value.tolist() == [2.5]
        health = taking.health()
        assert {c.connection: c.state for c in health.connections} == {
            "pull dorm": "connected",
            "pull pumps": "connected",
        }
        assert health.set_aside == {"pull dorm: unknown meter": 1, "pull pumps: no time": 1}
    finally:
        taking.close()
        store.close()


def test_a_look_shows_what_would_be_read_and_stores_nothing(folder):
    said = aquavolt_command(folder, "pull", "dorm", "--json")
    assert said.code == 0, said.err
    told = json.loads(said.out)
    assert (told["rows"], told["readings"], told["bad"]) == (3, 2, 1)
    first = {"meter": "e-1", "quantity": "active_energy_import", "value": 100.5, "unit": "kWh"}
    assert told["first"][0] == first | {"time": "2026-11-23T02:00:00+00:00"}
    assert "day.csv:3: 表号: '9999' is no meter of this site" in said.err
    assert not (folder / "data").exists()
    assert "1 readings, 1 faults" in aquavolt_command(folder, "pull", "pumps").out


def test_a_source_that_is_not_there_or_down_is_said_to_be(folder):
    assert "they have: dorm, pumps" in aquavolt_command(folder, "pull", "attic").message
    (folder / "pumps.db").unlink()
    assert "there is no file pumps.db" in aquavolt_command(folder, "pull", "pumps").message
    (folder / "aquavolt.yaml").write_text(SETTINGS.replace("drop", "elsewhere"), encoding="utf-8")
    assert "no file or folder elsewhere" in aquavolt_command(folder, "pull", "dorm").message


def test_a_check_says_what_of_the_sources_can_hardly_be_meant(folder):
    (folder / "aquavolt.yaml").write_text(SETTINGS + "      meters: {p1: w-9}\n", encoding="utf-8")
    said = aquavolt_command(folder, "check")
    assert (said.code, "pull pumps: the site has no meter w-9" in said.out) == (0, True), said.err


PULLING = """
import sys
from datetime import datetime, UTC
from pathlib import Path
from aquavolt.config.documents import load_site
from aquavolt.config.settings import load_settings
from aquavolt.pulling.sources import pullers_of
from collector.counts import Counts
from collector.journal import Journal
site, _ = load_site(Path("site.yaml"))
journal = Journal(Path("journal.db"))
puller = pullers_of(load_settings().pull, site, journal, Counts())[0]
print("ready", flush=True)
while True:
    puller.pull()
"""


def test_killed_at_any_moment_nothing_is_lost_and_nothing_repeated_is_other(folder):
    """A file grows while its puller is killed again and again; in the end each row is in the journal, as it was."""
    file, start, rows = folder / "drop" / "day.csv", datetime(2026, 1, 1, tzinfo=UTC).timestamp(), 0
    file.write_text(HEAD, encoding="utf-8")
    for turn in range(6):
        child = subprocess.Popen(
            [sys.executable, "-c", PULLING], cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        deadline = time.monotonic() + 0.1 + 0.05 * turn
        with file.open("a", encoding="utf-8") as grown:
            while time.monotonic() < deadline:
                at = datetime.fromtimestamp(start + 60 * rows, UTC)
                grown.write(f"0012,{at.isoformat()},{rows}\n")
                grown.flush()
                rows += 1
        child.send_signal(signal.SIGKILL)
        child.wait(10)
        child.stdout.close()
    subprocess.run(
        [sys.executable, "-c", PULLING.replace("while True:\n    puller.pull()", "puller.pull()")],
        cwd=folder, env=environment(), check=True, timeout=60,
    )  # fmt: skip
    with closing(Journal(folder / "journal.db")) as journal:
        values = np.concatenate([batch.value for _, batch in journal.read(0, 1 << 30)])
        times = np.concatenate([batch.time for _, batch in journal.read(0, 1 << 30)])
    assert rows > 100
    assert sorted(values.tolist()) == list(range(rows)), "each once: rows and place are written together"
    assert (times == np.datetime64("2026-01-01", "ms") + values.astype(int) * np.timedelta64(60_000, "ms")).all()
