"""One owner of a DuckDB file: a cursor for each query, one writer at a time, and errors that say what to do."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from aquavolt.stores.schema import SchemaError, prepare
from metering.ports import StoreUnavailableError

Columns = Mapping[str, np.ndarray[Any, Any]]


class Connection:
    """The process's one handle on the file. Queries may come from any thread, each on a cursor of its own.

    `memory_limit` bounds DuckDB's buffers (a size as DuckDB writes it, e.g. `128MB`); what does not fit is spilled to
    files beside the database. Results fetched as numpy come on top. `writing` is held by whoever writes; hold it
    around a transaction to change what is kept in memory together with what is in the file.
    """

    def __init__(self, path: Path, memory_limit: str, threads: int) -> None:
        self.path = path
        self._config = {"memory_limit": memory_limit, "threads": threads, "python_enable_replacements": False}
        self._opening = threading.Lock()
        self.writing = threading.RLock()
        self._root: Any = None
        self._is_closed = False
        self._open()

    def _open(self) -> None:
        try:
            self._root = duckdb.connect(str(self.path), config=self._config)
            prepare(self._root, str(self.path))
        except duckdb.Error as error:
            _quietly(self._root, "close")
            raise StoreUnavailableError(f"{self.path} cannot be opened: {error}") from error
        except SchemaError:
            self._root.close()
            raise

    def _cursor(self) -> Any:
        with self._opening:
            if self._is_closed:
                raise StoreUnavailableError(f"{self.path} is closed")
            if self._root is None:
                self._open()
            return self._root.cursor()

    def _failed(self, error: duckdb.Error) -> StoreUnavailableError:
        # After a fatal error (a failed write to disk, most often) DuckDB refuses everything until it is opened again.
        if isinstance(error, duckdb.FatalException):
            with self._opening:
                root, self._root = self._root, None
                _quietly(root, "close")
        return StoreUnavailableError(f"{self.path}: {error}")

    @contextmanager
    def query(self, **tables: Columns) -> Iterator[Any]:
        """A cursor that sees each of `tables` (name to columns of equal length) as a table.

        Raises:
            StoreUnavailableError: the file cannot be read now.
        """
        try:
            cursor = self._cursor()
            try:
                for name, columns in tables.items():
                    cursor.register(name, dict(columns))
                yield cursor
            finally:
                _quietly(cursor, "close")
        except duckdb.Error as error:
            raise self._failed(error) from error

    @contextmanager
    def transaction(self, **tables: Columns) -> Iterator[Any]:
        """Like `query`, in one transaction that is durable when the block ends and undone when it raises.

        Raises:
            StoreUnavailableError: nothing was written.
        """
        with self.writing, self.query(**tables) as cursor:
            cursor.execute("BEGIN")
            try:
                yield cursor
                cursor.execute("COMMIT")
            except BaseException:
                _quietly(cursor, "rollback")
                raise

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file and give back the space of deleted rows."""
        with self.writing, self.query() as cursor:
            cursor.execute("CHECKPOINT")

    def close(self) -> None:
        """Close the file; what was committed is in it."""
        with self.writing, self._opening:
            self._is_closed = True
            root, self._root = self._root, None
            if root is not None:
                root.close()


def _quietly(handle: Any, method: str) -> None:
    """Clean up after an error without hiding it behind a second one."""
    try:
        if handle is not None:
            getattr(handle, method)()
    except duckdb.Error:
        return
