"""A child process of the demo: started, awaited until it says it is ready, ended with its parent."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_END_S = 10.0


class ChildError(RuntimeError):
    """A child process did not become ready; the message has what it said last."""


class Child:
    """`python -m module arguments`. Its first line on stdout is a JSON object: it is ready, and where to find it.

    It ends when its stdin closes, so none is left over however the parent dies.
    """

    def __init__(self, module: str, arguments: Sequence[str], log: Path) -> None:
        self.module = module
        self._log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                # Ctrl-C in a terminal goes to a whole group: what we need until our own end must not get it too.
                process_group=0,
            )
        self._lines: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=self._read, name=f"{module} output", daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - piped above
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(b"")

    def ready(self, timeout_s: float = 30.0) -> dict[str, Any]:
        """What it said when it was ready.

        Raises:
            ChildError: it ended, said something else, or took too long.
        """
        try:
            line = self._lines.get(timeout=timeout_s)
            said = json.loads(line)
        except queue.Empty:
            raise ChildError(f"{self.module} was not ready within {timeout_s:.0f} s; its log: {self._log}") from None
        except ValueError:
            tail = self._log.read_text(errors="replace")[-800:].strip()
            raise ChildError(f"{self.module} ended before it was ready: {tail or 'it said nothing'}") from None
        if not isinstance(said, dict):
            raise ChildError(f"{self.module} said {line[:200]!r} instead of where it listens")
        return said

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def tell(self, line: str) -> None:
        """Give it a line on stdin."""
        assert self._process.stdin is not None  # noqa: S101 - piped above
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def stop(self) -> None:
        """Ask it to end; killed if it does not."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue
