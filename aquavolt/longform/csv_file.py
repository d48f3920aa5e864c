"""A long-form CSV file, plain or gzip, as blocks of text columns, in bounded memory."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from aquavolt.longform.columns import check_columns
from aquavolt.longform.csv_lines import split
from aquavolt.longform.faults import LongFormError, RowFaults
from aquavolt.longform.progress import READING, Progress
from aquavolt.longform.rows import RowBlock

BLOCK_BYTES = 2 << 20
_LONGEST_LINE = 16 << 20


def read_csv(path: Path, faults: RowFaults, progress: Progress | None = None) -> Iterator[RowBlock]:
    """The rows of the file, a block at a time. `progress` counts bytes of the file as it is, packed or not.

    Raises:
        LongFormError: the file cannot be read to its end, or its first line does not name the columns.
    """
    try:
        total = path.stat().st_size
        with path.open("rb") as raw, _unpacked(path, raw) as file:
            columns = header(path, file.readline(_LONGEST_LINE))
            line = 2
            for block in _whole_lines(path, file):
                yield split(block, line, columns, faults)
                line += block.count(b"\n")
                if progress is not None:
                    progress(READING, raw.tell(), total)
    except (OSError, EOFError, zlib.error) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise LongFormError(f"{path}: cannot be read to its end: {reason}") from error


def _unpacked(path: Path, raw: IO[bytes]) -> IO[bytes]:
    return gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw  # type: ignore[return-value]


def header(path: Path, first_line: bytes) -> list[str]:
    """The columns that the first line names.

    Raises:
        LongFormError: one is missing, unknown or named twice.
    """
    try:
        names = next(csv.reader([first_line.decode("utf-8-sig").strip()]), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise LongFormError(f"{path}:1: the first line is no CSV header: {error}") from error
    check_columns(f"{path}:1", names)
    return names


def _whole_lines(path: Path, file: IO[bytes]) -> Iterator[bytes]:
    """Blocks that end with a line end; the file's last line gets one if it has none."""
    rest = b""
    while data := file.read(BLOCK_BYTES):
        cut = data.rfind(b"\n") + 1
        if cut:
            yield rest + data[:cut]
            rest = data[cut:]
        else:
            rest += data
        if len(rest) > _LONGEST_LINE:
            raise LongFormError(f"{path}: a line of more than {_LONGEST_LINE} bytes; this is no long-form CSV file")
    if rest:
        yield rest + b"\n"
