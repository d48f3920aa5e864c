"""What happened and what was raised, matched one to one.

An alarm belongs to an event of its place that was under way when it was raised, or had ended less than `grace` before
(a register that stood still tells afterwards; a use of two minutes is told when it is over). Each event takes one
alarm, each alarm one event; a further alarm within an event already taken is a duplicate, any other one is false.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Event:
    """A labelled fault at a place; times in Unix milliseconds, `size` in the label's unit.

    peak   when a growing fault is full, where the label says so; None for one that is full at once
    """

    id: str
    kind: str
    place: str
    start: int
    end: int
    size: float
    unit: str
    peak: int | None = None

    @property
    def rate(self) -> float:
        """Its size in m3/h or kW; NaN where the label's unit is no rate."""
        return self.size * {"m3/h": 1.0, "L/h": 0.001, "kW": 1.0}.get(self.unit, float("nan"))

    @property
    def grows(self) -> bool:
        """Whether it takes time to reach its size."""
        return self.peak is not None and self.peak > self.start


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something raised at a place at `at` (Unix milliseconds).

    rule   who said it
    said   when it was said, where `at` is the time it speaks of (a finding, matched by its onset)
    size   excess as the rule stated it in the end, m3/h or kW; `total` in m3 or kWh
    until  when it was closed; None while open
    """

    place: str
    at: int
    rule: str = ""
    said: int | None = None
    size: float = 0.0
    total: float = 0.0
    until: int | None = None


@dataclass(slots=True)
class Matched:
    """Who found what; every alarm and every event stands in exactly one of the four lists."""

    found: list[tuple[Event, Alarm]] = field(default_factory=list)
    missed: list[Event] = field(default_factory=list)
    duplicates: list[Alarm] = field(default_factory=list)
    false: list[Alarm] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """Events found, of all; NaN without events."""
        return _share(len(self.found), len(self.found) + len(self.missed))

    @property
    def precision(self) -> float:
        """Alarms that found an event, of all that were no duplicates; NaN without alarms."""
        return _share(len(self.found), len(self.found) + len(self.false))

    @property
    def f1(self) -> float:
        """Harmonic mean of the two; 0 where nothing is found, NaN where there was nothing to find nor raised."""
        return _share(2 * len(self.found), 2 * len(self.found) + len(self.missed) + len(self.false))

    def delays_h(self) -> list[float]:
        """Hours from the start of each found event to the moment it was told."""
        return [delay_h(event, alarm) for event, alarm in self.found]


def delay_h(event: Event, alarm: Alarm) -> float:
    """Hours from the start of an event to the moment the alarm told of it."""
    return ((alarm.at if alarm.said is None else alarm.said) - event.start) / HOUR_MS


def match(events: Sequence[Event], alarms: Iterable[Alarm], grace_ms: int = 0) -> Matched:
    """The largest one-to-one matching: in order of time, each alarm takes the open event that ends first.

    That is the largest one because events are intervals and alarms points of them (Glover 1967).
    """
    result = Matched()
    of_place: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        of_place[event.place].append(event)
    taken: set[str] = set()
    for alarm in sorted(alarms, key=lambda a: a.at):
        around = [e for e in of_place[alarm.place] if e.start <= alarm.at <= e.end + grace_ms]
        free = [e for e in around if e.id not in taken]
        if free:
            event = min(free, key=lambda e: e.end)
            taken.add(event.id)
            result.found.append((event, alarm))
        else:
            (result.duplicates if around else result.false).append(alarm)
    result.missed = [e for e in events if e.id not in taken]
    return result


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
