"""A DuckDB of its own in a folder that goes away, for what does not fit into memory: sorting, packing, Parquet."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

_CONFIG = {"memory_limit": "128MB", "threads": 2, "python_enable_replacements": False}


@contextmanager
def scratch(beside: Path | None = None) -> Iterator[Any]:
    """A connection to an empty database, in the folder `beside` or the system's place for temporary files."""
    with tempfile.TemporaryDirectory(prefix="aquavolt-", dir=beside, ignore_cleanup_errors=True) as folder:
        connection = duckdb.connect(str(Path(folder) / "scratch.duckdb"), config=_CONFIG)
        try:
            yield connection
        finally:
            connection.close()
