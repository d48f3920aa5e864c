"""Programs built once into a user's cache, because no package of the system has them."""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_TELL_EVERY_S = 15.0

Tell = Callable[[str], None]


class BuildError(RuntimeError):
    """A program cannot be built here; the message says what is missing or where the log is."""


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where what was built is kept for this user."""
    return Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aquavolt"


@contextmanager
def alone(folder: Path, what: str, tell: Tell) -> Iterator[None]:
    """Of several who build the same at once one goes on and the others wait here; the folder is made."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell(f"another process is building {what}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run_told(what: str, command: list[str], log: Path, environment: Mapping[str, str], tell: Tell) -> None:
    """Run a step of a build in the log's folder, and tell every 15 s how far it is.

    Raises:
        BuildError: it failed; the message ends with the log's last lines.
    """
    began = told = time.monotonic()
    with log.open("ab") as output:
        work = subprocess.Popen(command, cwd=log.parent, env=environment, stdout=output, stderr=output)  # noqa: S603
        while (status := _wait(work)) is None:
            if time.monotonic() - told >= _TELL_EVERY_S:
                told = time.monotonic()
                tell(f"... {told - began:.0f} s, at {_last_line(log)}")
    if status:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise BuildError(f"building {what} failed ({' '.join(command[:2])}, exit status {status}); {log}:\n{tail}")


def _wait(work: subprocess.Popen[bytes]) -> int | None:
    try:
        return work.wait(1.0)
    except subprocess.TimeoutExpired:
        return None


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n")
    return next((line.strip()[:80] for line in reversed(lines) if line.strip()), "its beginning")
