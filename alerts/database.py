"""Opening the records database: SQLite and PostgreSQL behind one `Database`, and its migrations."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.orm import Session

from alerts.drills.mark import RecordsSession
from alerts.errors import RecordsError

BUSY_TIMEOUT_MS = 15_000
RecordsUnavailableError = OperationalError
"""Raised by whatever reads or writes here: the disk is full or gone, the server away."""
_ALLOWED = "sqlite:///FILE or postgresql://user@host/database"


class Database:
    """Sessions for reading and for writing. Thread-safe.

    On SQLite one lock orders this process's writers (they would wait for each other in the file anyway, and
    less fairly) and a write begins IMMEDIATE, so that it never fails half way for having read first.
    """

    def __init__(self, url: str) -> None:
        """Raises: RecordsError if the URL is none that is known, or the driver for it is not installed."""
        parsed = _checked(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        try:
            self.engine = create_engine(parsed, json_deserializer=msgspec.json.decode)
        except ModuleNotFoundError as error:
            raise RecordsError(
                f"{parsed.drivername} needs the package {error.name}: install aquavolt[postgres] and write "
                "postgresql+psycopg://"
            ) from error
        self._writer = self.engine
        self._writing = threading.Lock() if self.is_sqlite else nullcontext()
        if self.is_sqlite:
            _prepare_sqlite(self.engine)
            self._writer = self.engine.execution_options(sqlite_begin="IMMEDIATE")

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one state of the database and writes nothing."""
        with RecordsSession(self.engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose work is committed whole at the end, or not at all."""
        with self._writing, RecordsSession(self._writer) as session, session.begin():
            yield session

    def migrate(self) -> None:
        """Bring the schema to this program's revision, in one transaction. Harmless when it is there already.

        Raises:
            RecordsError: the database was written by a newer program.
        """
        # Imported here: alembic is slow to load, and most commands never migrate.
        from alembic import command  # noqa: PLC0415
        from alembic.config import Config  # noqa: PLC0415
        from alembic.util import CommandError  # noqa: PLC0415

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        with self._writing, self._writer.begin() as connection:
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise RecordsError(
                    f"the records database {self.engine.url.render_as_string()} cannot be brought to this "
                    f"program's schema; it may have been written by a newer AquaVolt: {error}"
                ) from error

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()


def _checked(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise RecordsError(f"the records URL {url!r} is none; allowed: {_ALLOWED}") from error
    shown = parsed.render_as_string(hide_password=True)
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        raise RecordsError(f"the records URL {shown!r} names no known database; allowed: {_ALLOWED}")
    if parsed.get_backend_name() == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise RecordsError(f"the records URL {shown!r} names no file; records are kept, so allowed: {_ALLOWED}")
    return parsed


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes too late and leaves DDL out
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        # FULL: a mark in the outbox or an acknowledgement that was answered must outlive a power cut.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('sqlite_begin', 'DEFERRED')}")
