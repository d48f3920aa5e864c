"""CSV files of a folder, or one file: appended to, replaced, added; each read from where the last pull ended.

How far a file was read is kept with a digest of all before that place: a file that grew is read on, one that was
written anew is read anew. A last line without its end is left for the next time, until the file has stood still.
"""

from __future__ import annotations

import csv
import gzip
import json
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from hashlib import blake2b
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from collector.pull.source import CHUNK_ROWS, Chunk, Fault, Row, SourceError

LONGEST_LINE = 1 << 20
AUTO = "auto"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = b"\xef\xbb\xbf"
_READ = 1 << 20


@dataclass(frozen=True, slots=True)
class FileSettings:
    """Which files, and how their lines are read.

    path       a file, or a folder of which `pattern` says which files
    encoding   `auto`: UTF-8, and what is none GBK (GB 18030)
    settle_s   how long a file must stand still for its last line to count without an end
    """

    path: Path
    columns: tuple[str, ...]
    pattern: str = "*.csv"
    encoding: str = AUTO
    delimiter: str = ","
    settle_s: float = 60.0


@dataclass(slots=True)
class _Place:
    """How far a file was read: bytes and lines, the digest of those bytes, and how the file was then."""

    offset: int = 0
    line: int = 0
    digest: str = ""
    size: int = -1
    mtime_ns: int = -1
    is_whole: bool = False

    def text(self) -> str:
        return json.dumps([self.offset, self.line, self.digest, self.size, self.mtime_ns, self.is_whole])


def _place_of(mark: str) -> _Place:
    try:
        return _Place(*json.loads(mark)) if mark else _Place()
    except (ValueError, TypeError):
        return _Place()


def _opened(path: Path) -> BufferedIOBase:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


class CsvFiles:
    """A `PullSource` of files. Not thread-safe."""

    overlap_ms = 0

    def __init__(self, settings: FileSettings, now_s: Callable[[], float] = time.time) -> None:
        self._settings, self._now_s = settings, now_s
        self._refused: dict[str, tuple[int, int]] = {}  # files that could not be read as they were, by size and time

    def marks_after(self, newest_ms: int) -> dict[str, str]:  # noqa: ARG002 - of the port
        """Nothing: each chunk has its own."""
        return {}

    def read(self, marks: Mapping[str, str]) -> Iterator[Chunk]:
        """New lines of all files, by name. A file that cannot be read stops no other.

        Raises:
            SourceError: the folder, or the one file, is not there.
        """
        for name, path in self._files():
            try:
                yield from self._file(name, path, _place_of(marks.get(name, "")))
            except (OSError, EOFError, zlib.error) as error:
                if not isinstance(error, OSError) or isinstance(error, gzip.BadGzipFile):
                    self._refuse(name, path)
                reason = getattr(error, "strerror", None) or str(error)
                yield Chunk(faults=[Fault(str(path), "unreadable file", f"cannot be read: {reason}")])

    def _refuse(self, name: str, path: Path) -> None:
        """Until it is another one, a damaged file is told of once."""
        with suppress(OSError):
            stat = path.stat()
            self._refused[name] = stat.st_size, stat.st_mtime_ns

    def _files(self) -> list[tuple[str, Path]]:
        path = self._settings.path
        if path.is_file():
            return [(path.name, path)]
        if not path.is_dir():
            raise SourceError(f"there is no file or folder {path}")
        try:
            found = sorted(p for p in path.glob(self._settings.pattern) if p.is_file())
        except OSError as error:
            raise SourceError(f"the folder {path} cannot be read: {error.strerror}") from error
        return [(str(p.relative_to(path)), p) for p in found]

    def _file(self, name: str, path: Path, place: _Place) -> Iterator[Chunk]:
        stat = path.stat()
        seen = stat.st_size, stat.st_mtime_ns
        if (place.is_whole and (place.size, place.mtime_ns) == seen) or self._refused.get(name) == seen:
            return
        with closing(_opened(path)) as file:
            reading = _Reading(self._settings, path, file)
            if (fault := reading.begin(place)) is not None:
                self._refused[name] = seen
                yield Chunk(faults=[fault])
                return
            is_settled = self._now_s() - stat.st_mtime >= self._settings.settle_s
            for chunk, reached in reading.chunks(is_settled=is_settled):
                reached.size, reached.mtime_ns = seen
                chunk.marks[name] = reached.text()
                yield chunk


class _Reading:
    """One pass over one file."""

    def __init__(self, settings: FileSettings, path: Path, file: BufferedIOBase) -> None:
        self._settings, self._path, self._file = settings, path, file
        self._header: list[str] = []
        self._digest = blake2b(digest_size=16)
        self._offset = self._line = 0

    def begin(self, place: _Place) -> Fault | None:
        """Read the header, and go to where the file was read to, if it is still the same up to there."""
        first = self._next()
        if not first.endswith(b"\n"):
            return None  # empty, or its first line is being written
        if first.startswith(_UTF16):
            return self._fault(1, "encoding", "the file is UTF-16; save it as UTF-8 or GBK")
        try:
            fields = next(csv.reader([self._decode(first.removeprefix(_BOM))], delimiter=self._settings.delimiter), [])
        except (ValueError, csv.Error) as error:
            return self._fault(1, "columns", f"the first line cannot be read: {error}")
        self._header = [field.strip() for field in fields]
        lost = [column for column in self._settings.columns if column not in self._header]
        if lost:
            has = ", ".join(self._header)[:200]
            return self._fault(1, "columns", f"no column {', '.join(lost)}; the first line names {has or 'none'}")
        self._took(first)
        if place.offset > self._offset and self._is_same(place):
            self._line = place.line
        return None

    def _is_same(self, place: _Place) -> bool:
        """Whether the file begins as it did; then it stands behind that, else behind its header again."""
        start, header = self._offset, self._digest.copy()
        left = place.offset - start
        while left and (part := self._file.read(min(left, _READ))):
            self._digest.update(part)
            left -= len(part)
        if not left and self._digest.hexdigest() == place.digest:
            self._offset = place.offset
            return True
        self._file.seek(start)
        self._digest = header
        return False

    def chunks(self, *, is_settled: bool) -> Iterator[tuple[Chunk, _Place]]:
        """The lines from here on; with each chunk the place that is reached with it."""
        chunk = Chunk()
        while line := self._next():
            if not line.endswith(b"\n") and len(line) <= LONGEST_LINE:
                if is_settled:
                    self._add(chunk, line, self._line + 1)  # but not passed: it may still be written on
                yield chunk, self._place(is_whole=is_settled)
                return
            self._took(line)
            self._add(chunk, line, self._line)
            if len(chunk.rows) + len(chunk.faults) >= CHUNK_ROWS:
                yield chunk, self._place(is_whole=False)
                chunk = Chunk()
        yield chunk, self._place(is_whole=True)

    def _next(self) -> bytes:
        """The next line with its end; of one that is far too long all of it is passed, and a beginning given."""
        line = rest = self._file.readline(LONGEST_LINE + 1)
        if len(line) > LONGEST_LINE:
            self._digest.update(line)
            while rest and not rest.endswith(b"\n"):
                rest = self._file.readline(_READ)
                self._digest.update(rest)
                self._offset += len(rest)
        return line

    def _took(self, line: bytes) -> None:
        if len(line) <= LONGEST_LINE:
            self._digest.update(line)
        self._offset += len(line)
        self._line += 1

    def _place(self, *, is_whole: bool) -> _Place:
        return _Place(self._offset, self._line, self._digest.hexdigest(), is_whole=is_whole)

    def _add(self, chunk: Chunk, line: bytes, number: int) -> None:
        try:
            row = self._row(line)
        except (ValueError, csv.Error) as error:
            chunk.faults.append(self._fault(number, "line", f"cannot be read: {error}"))
        else:
            if row:
                chunk.rows.append(Row(f"{self._path}:{number}", row))

    def _row(self, line: bytes) -> dict[str, Any]:
        if len(line) > LONGEST_LINE:
            raise ValueError(f"the line is longer than {LONGEST_LINE >> 20} MB")
        text = self._decode(line).rstrip("\r\n")
        if not text.strip():
            return {}
        fields = next(csv.reader([text], delimiter=self._settings.delimiter, strict=True))
        if len(fields) > len(self._header):
            raise ValueError(f"{len(fields)} fields, but {len(self._header)} columns")
        return dict(zip(self._header, fields, strict=False))

    def _decode(self, line: bytes) -> str:
        if self._settings.encoding != AUTO:
            return line.decode(self._settings.encoding)
        try:
            return line.decode()
        except UnicodeDecodeError:
            return line.decode("gb18030")

    def _fault(self, line: int, kind: str, message: str) -> Fault:
        return Fault(f"{self._path}:{line}", kind, message)
