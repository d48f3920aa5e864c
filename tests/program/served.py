"""`aquavolt demo` and `aquavolt run` as a user starts them, followed from outside."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import psutil
from cli import COMMAND, environment

READY = "history is judged"


class Served:
    """A long-lived command: its page, its children, what it printed. `stop` or `kill` it."""

    def __init__(self, folder: Path, *arguments: str | Path, command: Sequence[str] = COMMAND, **more: str) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self._errors = folder / "stderr"
        with self._errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [*command, *map(str, arguments)],
                cwd=folder,
                env=environment(PYTHONUNBUFFERED="1", **more),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._token = more.get("AQUAVOLT_TOKEN")

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as out:
            self.lines.extend(out)

    @property
    def url(self) -> str:
        """Address of the page."""
        wait_for(lambda: self.said("page: "), 60, self)
        (line,) = [line for line in self.lines if line.startswith("page: ")]
        return line.split()[1]

    def said(self, text: str) -> bool:
        return any(text in line for line in self.lines)

    def ready(self, within_s: float = 120) -> Served:
        wait_for(lambda: self.said(READY), within_s, self)
        return self

    def errors(self) -> str:
        return self._errors.read_text(errors="replace")

    def get(self, path: str, **headers: str) -> httpx.Response:
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        return httpx.get(f"{self.url}{path}", headers=headers, trust_env=False, follow_redirects=True, timeout=20)

    def json(self, path: str) -> Any:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def health(self) -> dict[str, Any]:
        found: dict[str, Any] = self.json("/api/v1/health/collector")
        return found | {"by_meter": {m["meter"]: m for m in found["meters"]}}

    def alerts(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.json("/api/v1/alerts?limit=500")["items"]
        return items

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, number: int = signal.SIGTERM, within_s: float = 40) -> int:
        """Ask it to end; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            code = self.process.wait(within_s)
        finally:
            self.kill()
        self._reader.join(5)
        return code

    def kill(self) -> None:
        """SIGKILL, if it still runs; its children must see to themselves."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL) if self.process.poll() is None else None
        self.process.wait()


def wait_for(is_so: Callable[[], bool], within_s: float, served: Served | None = None) -> None:
    """Look until it is so.

    Raises:
        AssertionError: it is not so in time, or the program ended meanwhile.
    """
    deadline = time.monotonic() + within_s
    while not is_so():
        log = f"\n{''.join(served.lines)}\n{served.errors()[-4000:]}" if served else ""
        assert served is None or served.process.poll() is None, f"it ended with {served.process.returncode}{log}"
        assert time.monotonic() < deadline, f"not so within {within_s:.0f} s{log}"
        time.sleep(0.05)


def wait_for_end_of(processes: list[psutil.Process], within_s: float) -> None:
    _, alive = psutil.wait_procs(processes, timeout=within_s)
    assert not alive, alive
