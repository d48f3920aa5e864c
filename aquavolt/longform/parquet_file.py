"""A long-form Parquet file as blocks of text columns, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from aquavolt.longform.columns import check_columns
from aquavolt.longform.faults import LongFormError
from aquavolt.longform.progress import READING, Progress
from aquavolt.longform.rows import RowBlock
from aquavolt.longform.scratch import scratch
from aquavolt.longform.texts import Texts

_BLOCK_ROWS = 50_000
_WITH_OFFSET = "TIMESTAMP WITH TIME ZONE"


def read_parquet(path: Path, progress: Progress | None = None) -> Iterator[RowBlock]:
    """The rows of the file, a block at a time; `progress` counts rows.

    The values go through text, as those of a CSV file do, so that both are read by one set of rules; a double survives
    that exactly.

    Raises:
        LongFormError: the file is no Parquet file, or its columns or their types are not those of the long form.
    """
    try:
        with scratch() as connection:
            connection.execute("SET VARIABLE file = ?", [str(path)])
            yield from _blocks(connection, _select(connection, path), progress)
    except (duckdb.Error, OSError) as error:
        raise LongFormError(f"{path}: cannot be read to its end: {error}") from error


def _select(connection: Any, path: Path) -> str:
    """The columns as SQL expressions that give text."""
    described = connection.execute("DESCRIBE SELECT * FROM read_parquet(getvariable('file'))").fetchall()
    types = {row[0]: row[1] for row in described}
    check_columns(str(path), list(types))
    if types["time"] not in ("VARCHAR", _WITH_OFFSET):
        allowed = f"text in ISO 8601 with offset, or {_WITH_OFFSET}"
        raise LongFormError(f"{path}: the column 'time' is of type {types['time']}; allowed: {allowed}")
    texts = {name: f"{name}::VARCHAR" for name in types}
    if types["time"] == _WITH_OFFSET:
        texts["time"] = "strftime(make_timestamp_ms(epoch_ms(time)), '%Y-%m-%dT%H:%M:%S.%gZ')"
    return ", ".join(f"coalesce({expression}, '') AS {name}" for name, expression in texts.items())


def _blocks(connection: Any, select: str, progress: Progress | None) -> Iterator[RowBlock]:
    (total,) = connection.execute("SELECT count(*) FROM read_parquet(getvariable('file'))").fetchone()
    for first in range(0, total, _BLOCK_ROWS):
        columns = connection.execute(
            f"SELECT {select} FROM read_parquet(getvariable('file'), file_row_number = true) "  # noqa: S608
            "WHERE file_row_number >= ? AND file_row_number < ? ORDER BY file_row_number",
            [first, first + _BLOCK_ROWS],
        ).fetchnumpy()
        texts = {name: _texts(column) for name, column in columns.items()}
        place = first + 1 + np.arange(len(texts["meter"]))
        yield RowBlock(place=place, broken=(), **texts)
        if progress is not None:
            progress(READING, min(total, first + _BLOCK_ROWS), total)


def _texts(column: npt.NDArray[np.object_]) -> Texts:
    return np.array([text.encode() for text in column.tolist()], np.bytes_)
