"""A breaker: after failures in a row it asks only now and then, so that one dead unit does not eat the line's time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class BreakerState(StrEnum):
    """closed: working; open: left alone until `retry_at`; probing: one cheap question is on its way."""

    CLOSED = "closed"
    OPEN = "open"
    PROBING = "probing"


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """`failures` in a row open it; then it waits `first_s`, doubling up to `longest_s`, each +-`jitter` of itself."""

    failures: int = 2
    first_s: float = 2.0
    longest_s: float = 300.0
    jitter: float = 0.1


class Breaker:
    """State of one unit or one connection. Times are seconds of any steady clock, given by the caller.

    `draw` gives numbers in [0, 1) for the jitter, so that many breakers do not ask in step.
    """

    __slots__ = ("_draw", "_failures", "_settings", "_wait_s", "retry_at", "state")

    def __init__(self, settings: BreakerSettings, draw: Callable[[], float]) -> None:
        self._settings, self._draw = settings, draw
        self._failures = 0
        self._wait_s = settings.first_s
        self.state = BreakerState.CLOSED
        self.retry_at = 0.0

    def allows(self, now: float) -> bool:
        """Whether a question may be put now; an open breaker whose wait is over begins its one probe."""
        if self.state is BreakerState.OPEN and now >= self.retry_at:
            self.state = BreakerState.PROBING
            return True
        return self.state is BreakerState.CLOSED

    def succeed(self) -> bool:
        """An answer came; whether this closed the breaker."""
        was_closed = self.state is BreakerState.CLOSED
        self.state = BreakerState.CLOSED
        self._failures = 0
        self._wait_s = self._settings.first_s
        return not was_closed

    def fail(self, now: float) -> bool:
        """No answer came; whether the breaker is open after this. A failed probe doubles the wait."""
        self._failures += 1
        if self.state is BreakerState.CLOSED and self._failures < self._settings.failures:
            return False
        if self.state is not BreakerState.CLOSED:
            self._wait_s = min(self._wait_s * 2, self._settings.longest_s)
        self.state = BreakerState.OPEN
        spread = 1 + self._settings.jitter * (2 * self._draw() - 1)
        self.retry_at = now + self._wait_s * spread
        return True

    def retry_now(self, now: float) -> None:
        """What was wrong may be over (the line was made anew): an open breaker may probe at once."""
        if self.state is not BreakerState.CLOSED:
            self.state = BreakerState.OPEN
            self.retry_at = now
