"""Opening and migrating the records database."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

import alerts
from alerts.database import Database
from alerts.errors import RecordsError
from alerts.models import Base
from alerts.records import Records

ROOT = Path(alerts.__file__).parents[1]


def test_migrating_from_nothing_gives_the_tables_of_the_models(url):
    database = Database(url)
    database.migrate()
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    database.close()


def test_migrating_again_changes_nothing(open_records, rules):
    records = open_records()
    records.apply([rules.raised()], 1)
    records.migrate()
    assert open_records().get_alert("leak-1").is_active


def test_two_programs_that_start_at_once_both_get_a_migrated_database(url):
    code = "import sys; from alerts.records import Records; Records(sys.argv[1]).migrate()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    programs = [
        subprocess.Popen([sys.executable, "-c", code, url], env=environment, stderr=subprocess.PIPE) for _ in range(3)
    ]
    ends = [(program.communicate(timeout=120)[1].decode(), program.returncode) for program in programs]
    assert [code for _, code in ends] == [0, 0, 0], ends
    records = Records(url)
    assert records.find_alerts().items == ()
    records.close()


def test_a_database_of_a_newer_program_is_refused(records, url):
    with records.database.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(RecordsError, match="newer AquaVolt"):
        records.migrate()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("records.db", "is none; allowed: sqlite:///FILE"),
        ("mysql://u:secret@host/db", "names no known database"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
    ],
)
def test_a_url_that_cannot_be_is_refused_without_its_password(url, message):
    with pytest.raises(RecordsError, match=message) as caught:
        Records(url)
    assert "secret" not in str(caught.value)


def test_sqlite_is_opened_durably(records):
    if not records.database.is_sqlite:
        pytest.skip("SQLite's own settings")
    with records.database.reading() as session:
        found = {
            name: session.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 15000}


def test_the_migrations_lie_in_the_package():
    assert (Path(alerts.__file__).parent / "migrations" / "env.py").is_file()


def test_a_driver_that_is_not_installed_is_named() -> None:
    with pytest.raises(RecordsError, match=r"psycopg2.*aquavolt\[postgres\]"):
        Database("postgresql+psycopg2://aquavolt@127.0.0.1/aquavolt")
