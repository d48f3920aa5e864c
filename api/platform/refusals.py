"""Requests in the platform's name that were refused: the last ones, in memory: nobody fills a disk with them.

Who forges many is not read any more for a while. A request that is signed well costs its address nothing.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from alerts.users.throttle import address_block
from api.parts import Rate, RateLimits
from api.rate_limits import Buckets

FORGED = Rate(0.5, 30)  # of one address; a secret that is changed on one side only shall not shut the platform out long
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
    forgers: Buckets = field(default_factory=lambda: Buckets(RateLimits(writing=FORGED)))
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

    def note_forged(self, refusal: Refusal) -> None:
        """Keep it, and count it against its address."""
        self.forgers.take(address_block(refusal.origin), is_reading=False)
        self.note(refusal)

    def wait_s(self, origin: str) -> int:
        """Whole seconds until something of this address is read again; 0: now."""
        return self.forgers.wait_s(address_block(origin), is_reading=False)

    def last(self) -> list[Refusal]:
        """The latest first."""
        with self._lock:
            return list(self._last)
