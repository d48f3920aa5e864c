"""Requests in the platform's name that were refused: the last ones, in memory: nobody fills a disk with them."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

import structlog

_KEPT = 20
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Refusal:
    """One request that was refused."""

    at: datetime
    origin: str
    reason: str


@dataclass(slots=True)
class Refusals:
    """The last of them and how many there were since the start. Thread-safe."""

    total: int = 0
    _last: deque[Refusal] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, refusal: Refusal) -> None:
        """Keep it."""
        with self._lock:
            self.total += 1
            self._last.appendleft(refusal)
            is_told = self.total & (self.total - 1) == 0  # the 1st, 2nd, 4th, 8th: a flood does not fill the log
        if is_told:
            _log.warning("platform_event_refused", origin=refusal.origin, reason=refusal.reason, total=self.total)

    def last(self) -> list[Refusal]:
        """The latest first."""
        with self._lock:
            return list(self._last)
