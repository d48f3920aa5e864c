"""A clock that a test moves: several processes read it, and it runs on with real time in between."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np


class SteeredClock:
    """Stands in a file, so that a program that is killed comes back to the same time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def set(self, moment: datetime) -> None:
        """From now on it is this moment (aware)."""
        self._write(round(moment.timestamp() * 1000))

    def forward(self, seconds: float) -> None:
        """Jump ahead."""
        self._write(self._ms() + round(seconds * 1000))

    def utc(self) -> datetime:
        """The moment, as people's parts of a program want it."""
        return datetime.fromtimestamp(self._ms() / 1000, UTC)

    def ms(self) -> np.datetime64:
        """The same, as meters and rules want it."""
        return np.datetime64(self._ms(), "ms")

    def _ms(self) -> int:
        at_ms, then_ns = json.loads(self._path.read_text())
        # Of the machine, not of a process.
        return int(at_ms + (time.clock_gettime_ns(time.CLOCK_MONOTONIC) - then_ns) // 1_000_000)

    def _write(self, at_ms: int) -> None:
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps([at_ms, time.clock_gettime_ns(time.CLOCK_MONOTONIC)]))
        part.replace(self._path)
