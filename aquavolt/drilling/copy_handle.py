"""The copy's process, from the program's side."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe

from aquavolt.drilling.messages import Failed, Feed, Make, Repair, Said

_LOOK_S = 0.2
_END_S = 5.0


class CopyError(RuntimeError):
    """The copy is gone or cannot go on; the message says why."""


class CopyHandle:
    """Starts the process; `ask` and wait, then `close`. One caller at a time."""

    def __init__(self, is_stopping: Callable[[], bool]) -> None:
        self._is_stopping = is_stopping
        self._ours, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "aquavolt.drilling.copy_process", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                process_group=0,  # Ctrl-C in a terminal is ours to answer
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def ask(self, message: Make | Feed | Repair) -> Said:
        """Its answer. Raises: CopyError; the program ends, or the process died or said that it cannot."""
        try:
            self._ours.send(message)
            while not self._ours.poll(_LOOK_S):
                if self._is_stopping():
                    raise CopyError("the program ends")
            answer: object = self._ours.recv()
        except (EOFError, OSError) as error:
            raise CopyError(f"the process of the copy died ({self._process.poll()})") from error
        if isinstance(answer, Failed):
            raise CopyError(answer.reason)
        if not isinstance(answer, Said):
            raise CopyError(f"the copy said {type(answer).__name__}")
        return answer

    def close(self) -> None:
        """End it."""
        with suppress(OSError):
            self._ours.close()
        self._process.terminate()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
