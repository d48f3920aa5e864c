"""What a line knows of its units, and the order in which they are asked. No I/O; times are given."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from collector.breaker import Breaker, BreakerSettings
from collector.modbus.polls import Poll, Question


@dataclass(frozen=True, slots=True)
class LineSettings:
    """How patient a line is. Seconds.

    timeout_s, least_timeout_s  bounds of the wait for an answer; between them it is 3 x the slowest seen + 0.1 s
    connect_s                   wait for the TCP connection
    patience_s                  a unit in doubt is asked after this even if the line is never idle
    unit, connection            the breakers
    """

    timeout_s: float = 1.0
    least_timeout_s: float = 0.2
    connect_s: float = 5.0
    patience_s: float = 30.0
    unit: BreakerSettings = field(default_factory=BreakerSettings)
    connection: BreakerSettings = field(default_factory=lambda: BreakerSettings(failures=1, jitter=0.25))


class Unit:
    """One unit behind a line.

    is_doubtful  it has not answered yet, or not lately
    slowest_s    of its answers; decays, so that one slow answer is forgotten in time
    timer        of its next probe
    """

    __slots__ = ("address", "breaker", "is_doubtful", "polls", "slowest_s", "timer")

    def __init__(self, address: int, breaker: Breaker) -> None:
        self.address = address
        self.breaker = breaker
        self.polls: list[Poll] = []
        self.slowest_s: float | None = None
        self.is_doubtful = True
        self.timer: asyncio.TimerHandle | None = None

    def observe(self, seconds: float) -> None:
        """An answer took this long."""
        self.slowest_s = max(seconds, 0.95 * (self.slowest_s or 0.0))


def units_of(polls: Iterable[Poll], settings: BreakerSettings, draw: Callable[[], float]) -> dict[int, Unit]:
    """The units that these polls ask, by address."""
    units: dict[int, Unit] = {}
    for poll in polls:
        if poll.unit not in units:
            units[poll.unit] = Unit(poll.unit, Breaker(settings, draw))
        units[poll.unit].polls.append(poll)
    return units


def timeout_s(unit: Unit, neighbours: Iterable[Unit], settings: LineSettings) -> float:
    """How long to wait for a unit: by its own answers, else by its neighbours', else the longest."""
    slowest = unit.slowest_s
    if slowest is None:
        slowest = max((u.slowest_s for u in neighbours if u.slowest_s is not None), default=None)
    if slowest is None:
        return settings.timeout_s
    return min(max(3 * slowest + 0.1, settings.least_timeout_s), settings.timeout_s)


@dataclass(slots=True, eq=False)
class Asking:
    """A poll under way: which of its questions is next. A probe has one question of its own."""

    poll: Poll
    unit: Unit
    since: float
    at: int = 0
    is_probe: bool = False

    @property
    def question(self) -> Question:
        """What to ask now."""
        return self.poll.probe if self.is_probe else self.poll.questions[self.at]


class AskingQueue:
    """Who is asked next: units that answer, in order; units in doubt when none of those waits, or after long."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._ready: deque[Asking] = deque()
        self._doubtful: deque[Asking] = deque()

    def __len__(self) -> int:
        return len(self._ready) + len(self._doubtful)

    def add(self, asking: Asking) -> None:
        """At the end of its half."""
        (self._doubtful if asking.unit.is_doubtful else self._ready).append(asking)

    def put_first(self, asking: Asking) -> None:
        """Before all others: the next question of a poll that has begun."""
        self._ready.appendleft(asking)

    def take(self, now: float) -> Asking | None:
        """The next one, if any."""
        has_waited = bool(self._doubtful) and self._doubtful[0].since + self._patience_s < now
        if self._ready and not has_waited:
            return self._ready.popleft()
        return self._doubtful.popleft() if self._doubtful else None

    def remove_of(self, unit: Unit) -> list[Asking]:
        """Take out everything of a unit."""
        return self._remove(lambda asking: asking.unit is unit)

    def remove_probes(self) -> list[Asking]:
        """Take out the probes."""
        return self._remove(lambda asking: asking.is_probe)

    def _remove(self, is_meant: Callable[[Asking], bool]) -> list[Asking]:
        removed = [a for queue in (self._ready, self._doubtful) for a in queue if is_meant(a)]
        self._ready = deque(a for a in self._ready if not is_meant(a))
        self._doubtful = deque(a for a in self._doubtful if not is_meant(a))
        return removed
