"""A table of another system's database, asked by a query for what is new; never written to.

`:since` is bound to the newest time that was read, less an overlap for rows that came late. It moves only when all of
an answer is journaled, so that the query may give its rows in any order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from collector.pull.form import UNIX, UNIX_MS, Form
from collector.pull.source import CHUNK_ROWS, Chunk, Row, SourceError

_SINCE = "since"


@dataclass(frozen=True, slots=True)
class SqlSettings:
    """Where and what to ask. `url` with its password; `start`: the first `:since`."""

    url: URL
    query: str
    start: datetime
    overlap: timedelta = timedelta(hours=1)


@dataclass
class SqlTable:
    """A `PullSource` of a query. Each pull opens its connection and closes it, so that none is held idle."""

    settings: SqlSettings
    form: Form
    _engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        self._engine = open_engine(self.settings.url)

    @property
    def overlap_ms(self) -> int:
        """How far before its newest time it gives rows again."""
        return int(self.settings.overlap / timedelta(milliseconds=1))

    def marks_after(self, newest_ms: int) -> dict[str, str]:
        """The newest time that was read."""
        return {_SINCE: str(newest_ms)}

    def read(self, marks: Mapping[str, str]) -> Iterator[Chunk]:
        """The rows since the mark.

        Raises:
            SourceError: the database does not answer, or refuses the query.
        """
        since, file = self._since(marks.get(_SINCE, "")), self.settings.url.database
        if self._engine.dialect.name == "sqlite" and file and not Path(file).is_file():
            raise SourceError(f"there is no file {file}")  # else it would be made
        try:
            with self._engine.connect() as connection:
                _only_reading(connection)
                yield from self._chunks(connection, since)
        except SQLAlchemyError as error:
            raise SourceError(f"{self._engine.url.render_as_string()}: {_reason(error)}") from error

    def _since(self, mark: str) -> datetime:
        if not mark.isdecimal():
            return self.settings.start
        return datetime.fromtimestamp(int(mark) / 1000, UTC) - self.settings.overlap

    def _chunks(self, connection: Connection, since: datetime) -> Iterator[Chunk]:
        streaming = connection.execution_options(stream_results=True, yield_per=CHUNK_ROWS)
        given = {_SINCE: _bound(since, self.form, connection.dialect.name)}
        with streaming.execute(text(self.settings.query), given) as answer:
            rows = answer.mappings()
            if lost := [column for column in self.form.columns if column not in rows.keys()]:  # noqa: SIM118
                raise SourceError(f"the query gives no column {', '.join(lost)}; it gives {', '.join(rows.keys())}")
            for part in rows.partitions(CHUNK_ROWS):
                yield Chunk([Row(_where(row, self.form), dict(row)) for row in part])


def _where(row: Mapping[Any, Any], form: Form) -> str:
    """What tells a row again when the overlap gives it anew: not its number in this answer."""
    return f"row of {row.get(form.meter)!s:.40} at {row.get(form.time)!s:.40}"


def _bound(since: datetime, form: Form, dialect: str) -> object:
    """`:since` as the column of times has it."""
    if form.time_format in (UNIX, UNIX_MS):
        return int(since.timestamp() * (1000 if form.time_format == UNIX_MS else 1))
    local = since.astimezone(form.zone).replace(tzinfo=None, microsecond=0)
    if form.time_format:
        return local.strftime(form.time_format)
    return local.isoformat(" ") if dialect == "sqlite" else local  # which keeps times as such text


def open_engine(url: URL) -> Engine:
    """An engine that opens a connection a pull.

    Raises:
        ValueError: no such kind of database, or its driver is not installed.
    """
    try:
        engine = create_engine(url, poolclass=NullPool)
    except (ArgumentError, NoSuchModuleError) as error:
        raise ValueError(f"no database of this kind is known: {error}") from error
    except ModuleNotFoundError as error:
        raise ValueError(f"{url.drivername} needs the package {error.name}: install it beside aquavolt") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA query_only = ON"))
    return engine


def parse_url(given: str, password: str | None) -> URL:
    """The URL, with a password that stands beside it.

    Raises:
        ValueError: it is none.
    """
    try:
        url = make_url(given)
    except ArgumentError as error:
        raise ValueError("no SQLAlchemy URL; write dialect+driver://user@host:port/database") from error
    return url if password is None else url.set(password=password)


def _only_reading(connection: Connection) -> None:
    """As far as the database has a way to say so; the account should have no other right all the same."""
    name = connection.dialect.name
    if name == "postgresql":
        connection.execute(text("SET TRANSACTION READ ONLY"))
    elif name in ("mysql", "mariadb"):
        connection.execute(text("SET SESSION TRANSACTION READ ONLY"))
        connection.rollback()  # it holds from the next transaction on


def _reason(error: SQLAlchemyError) -> str:
    """In one line: the driver's own words where there are any."""
    original = getattr(error, "orig", None)
    return " ".join(str(original or error).split())[:300]
