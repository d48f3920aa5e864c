"""Who owns a data folder: one process, which says so in `aquavolt.lock` and answers on `aquavolt.sock`."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

LOCK_FILE = "aquavolt.lock"
SOCKET_FILE = "aquavolt.sock"

# sockaddr_un holds 108 bytes with its final zero (unix(7)). Where a path is longer, the opened folder stands for it.
_LONGEST_ADDRESS = 107


class DataInUseError(Exception):
    """Another process owns the data folder; `pid` is its number, None where it has not said."""

    def __init__(self, folder: Path, pid: int | None) -> None:
        owner = "another process" if pid is None else f"process {pid}"
        super().__init__(f"the data folder {folder} is in use by {owner}; stop it, or give this one another folder")
        self.pid = pid


class DataLock:
    """The lock on a data folder, held from `acquire` to `close` or the end of the process, however it ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the folder, which is made if need be.

        Raises:
            DataInUseError: another process has it.
            OSError: the folder cannot be made or written to.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise NotADirectoryError(errno.ENOTDIR, "is no folder", str(self.folder)) from error
        file = os.open(self.folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = _written_pid(file)
            os.close(file)
            raise DataInUseError(self.folder, pid) from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file

    def close(self) -> None:
        """Give the folder free. The file stays: removing it would let two processes lock two files of one name."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _written_pid(file: int) -> int | None:
    text = os.pread(file, 32, 0).strip()
    return int(text) if text.isdigit() else None


@contextmanager
def socket_address(folder: Path) -> Iterator[str]:
    """A name for the folder's socket that is short enough to bind or connect to, good within the block.

    Raises:
        OSError: the path is too long, and this system has no /proc to shorten it by.
    """
    path = folder / SOCKET_FILE
    if len(os.fsencode(path)) <= _LONGEST_ADDRESS:
        yield str(path)
        return
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not Path(f"/proc/self/fd/{opened}").exists():
            raise OSError(f"{path} is longer than the {_LONGEST_ADDRESS} bytes that a socket's path may have here")
        yield f"/proc/self/fd/{opened}/{SOCKET_FILE}"
    finally:
        os.close(opened)
