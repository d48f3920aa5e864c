"""A dormitory's electricity control system in a real database: what is new, late rows, bad rows, an outage.

SQLite, or the PostgreSQL that AQUAVOLT_TEST_POSTGRES names.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pull_bench import FORM, Bench
from sqlalchemy import Engine, create_engine, text

from aquavolt.pulling.sql import SqlSettings, SqlTable, parse_url
from collector.pull.form import Form
from collector.pull.puller import Puller
from collector.pull.source import SourceError

QUERY = "SELECT meter, time, kwh FROM dorm WHERE time >= :since"
START = datetime(2026, 11, 1, tzinfo=UTC)


class Dorm:
    """The other system: a table that it writes to."""

    def __init__(self, url: str, kind: str = "timestamp") -> None:
        self.url = url
        self.engine: Engine = create_engine(url)
        self.write(f"CREATE TABLE dorm (meter text, time {kind}, kwh text)")

    def write(self, statement: str, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def add(self, minute: int, value: object, meter: str = "a", day: int = 23) -> None:
        self.write(f"INSERT INTO dorm VALUES ('{meter}', '2026-11-{day} 10:{minute:02}:00', '{value}')")  # noqa: S608

    def table(self, query: str = QUERY, form: Form = FORM, **more: Any) -> SqlTable:
        return SqlTable(SqlSettings(parse_url(self.url, None), query, START, **more), form)


@pytest.fixture
def dorm(tmp_path: Path) -> Iterator[Dorm]:
    server = os.environ.get("AQUAVOLT_TEST_POSTGRES")
    url = f"sqlite:///{tmp_path}/dorm.db"
    if server is not None:
        schema = f"t{uuid4().hex}"
        admin = create_engine(server)
        with admin.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
        admin.dispose()
        url = f"{server}?options=-csearch_path%3D{schema}"
    made = Dorm(url)
    yield made
    made.engine.dispose()


def pulling(bench: Bench, dorm: Dorm, **more: Any) -> Puller:
    return bench.puller(dorm.table(**more))


def test_what_is_new_is_read_and_what_came_late_within_the_overlap(bench, dorm):
    dorm.add(10, 1)
    puller = pulling(bench, dorm)
    assert (puller.turn(), bench.taken()) == (None, [("e-a", "10:10", 1.0)])
    dorm.add(5, 0.5)
    dorm.add(20, 2)
    assert puller.turn() is None
    assert bench.taken()[1:] == [("e-a", "10:05", 0.5), ("e-a", "10:20", 2.0)]
    puller.turn()
    assert len(bench.taken()) == 3, "what the overlap gives again as it was is not journaled again"
    dorm.write("UPDATE dorm SET kwh = '2.5' WHERE kwh = '2'")
    puller.turn()
    assert bench.taken()[3:] == [("e-a", "10:20", 2.5)], "a corrected value is"


def test_where_it_was_survives_a_restart_and_what_comes_again_is_the_same(bench, dorm, reopened):
    for minute in (0, 10):
        dorm.add(minute, minute)
    pulling(bench, dorm, overlap=timedelta(0)).turn()
    again = reopened(bench)
    dorm.add(20, 20)
    pulling(again, dorm, overlap=timedelta(0)).turn()
    assert set(again.taken()) == {("e-a", "10:00", 0.0), ("e-a", "10:10", 10.0), ("e-a", "10:20", 20.0)}
    assert len(again.taken()) == 4, "the newest itself is asked for again, no older one"


def test_killed_between_rows_and_place_nothing_is_lost(bench, dorm, reopened):
    dorm.add(10, 1)
    puller, appended = pulling(bench, dorm), bench.journal.append

    def killed(entries, marks=None):
        if not entries:
            raise SystemExit
        return appended(entries, marks)

    bench.journal.append = killed
    with pytest.raises(SystemExit):
        puller.pull()
    again = reopened(bench)
    dorm.add(5, 0.5)
    pulling(again, dorm).turn()
    assert set(again.taken()) == {("e-a", "10:10", 1.0), ("e-a", "10:05", 0.5)}


def test_a_bad_row_stops_no_other_and_is_told_once_though_it_comes_again(bench, dorm):
    dorm.add(1, 1)
    dorm.add(2, "much")
    dorm.add(3, 3, meter="stranger")
    dorm.add(4, 4, day=30)
    dorm.add(5, 5)
    puller = pulling(bench, dorm)
    puller.turn()
    puller.turn()
    assert bench.taken() == [("e-a", "10:01", 1.0), ("e-a", "10:05", 5.0)]
    kinds = {"pull dorm: no number": 1, "pull dorm: unknown meter": 1, "pull dorm: wrong clock": 1}
    assert bench.set_aside == kinds
    assert "row of a at 2026-11-23 10:02" in bench.line.last_error
    dorm.add(6, 6)
    puller.turn()
    assert bench.taken()[2:] == [("e-a", "10:06", 6.0)], "a row of the future has not moved the place"


def test_an_outage_is_said_and_asked_about_later_and_what_came_meanwhile_is_read(bench, dorm):
    dorm.add(1, 1)
    puller = pulling(bench, dorm)
    puller.turn()
    dorm.write("ALTER TABLE dorm RENAME TO elsewhere")
    assert [puller.turn(), puller.turn(), puller.turn()] == [10, 20, 40]
    assert bench.line.state == "failed"
    assert "dorm" in bench.line.last_error
    dorm.write("ALTER TABLE elsewhere RENAME TO dorm")
    dorm.add(2, 2)
    assert puller.turn() is None
    assert (bench.line.state, bench.taken()[1:]) == ("connected", [("e-a", "10:02", 2.0)])


@pytest.mark.parametrize(
    "query",
    [
        "WITH gone AS (SELECT :since AS since) DELETE FROM dorm",
        "SELECT * FROM dorm WHERE time >= :since AND set_config('transaction_read_only', 'off', false) IS NOT NULL",
    ],
)
def test_nothing_is_ever_written(bench, dorm, query):
    dorm.add(1, 1)
    with pytest.raises(SourceError):
        pulling(bench, dorm, query=query).pull()
    with dorm.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM dorm")).scalar() == 1


def test_a_query_that_gives_other_columns_is_said_to(bench, dorm):
    dorm.add(1, 1)
    with pytest.raises(SourceError, match="no column kwh; it gives meter, time, energy"):
        pulling(bench, dorm, query="SELECT meter, time, kwh AS energy FROM dorm WHERE time >= :since").pull()


@pytest.mark.parametrize(
    ("time_format", "times"), [("unix", "1795399260"), ("unix_ms", "1795399260000"), ("%Y%m%d%H%M", "202611231001")]
)
def test_times_that_are_numbers_or_texts_are_asked_for_as_such(bench, dorm, time_format, times):
    kind = "bigint" if time_format.startswith("unix") else "text"
    dorm.write("DROP TABLE dorm")
    dorm.write(f"CREATE TABLE dorm (meter text, time {kind}, kwh float)")
    dorm.write(f"INSERT INTO dorm VALUES ('a', '{times}', 1)")  # noqa: S608
    form = Form(FORM.meters, FORM.zone, values=FORM.values, time_format=time_format)
    puller = bench.puller(dorm.table(form=form, overlap=timedelta(0)), form=form)
    puller.turn()
    puller.turn()
    assert set(bench.taken()) == {("e-a", "10:01", 1.0)}


def test_a_large_table_goes_in_pieces(bench, dorm):
    rows = [{"m": "a", "t": datetime(2026, 11, 2) + timedelta(minutes=n), "v": str(n)} for n in range(12_000)]  # noqa: DTZ001
    for row in rows:
        row["t"] = str(row["t"]) if dorm.engine.dialect.name == "sqlite" else row["t"]
    with dorm.engine.begin() as connection:
        connection.execute(text("INSERT INTO dorm VALUES (:m, :t, :v)"), rows)
    assert pulling(bench, dorm).pull().readings == 12_000
    assert [len(batch) for _, batch in bench.journal.read(0)] == [5000, 5000, 2000]


def test_a_file_that_is_not_there_is_not_made(bench, tmp_path):
    missing = tmp_path / "missing.db"
    table = SqlTable(SqlSettings(parse_url(f"sqlite:///{missing}", None), QUERY, START), FORM)
    with pytest.raises(SourceError, match="no file"):
        bench.puller(table).pull()
    assert not missing.exists()


def test_a_password_is_in_no_message(bench):
    url = parse_url("postgresql+psycopg://reader@127.0.0.1:1/dorm", "s3cret")
    bench.puller(SqlTable(SqlSettings(url, QUERY, START), FORM)).turn()
    assert bench.line.state == "failed"
    assert "127.0.0.1" in bench.line.last_error
    assert "s3cret" not in bench.line.last_error
