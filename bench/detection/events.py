"""What happened and what was raised, matched one to one.

An alarm belongs to an event of its subject that was under way when it was raised, or had ended less than `grace`
before (a register that stood still tells afterwards). Each event takes one alarm, each alarm one event; a further alarm
within an event already taken is a duplicate, any other one is false.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Event:
    """A labelled fault; times in Unix milliseconds, `size` in the label's unit."""

    id: str
    kind: str
    subject: str
    start: int
    end: int
    size: float
    unit: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something raised at `at` (Unix milliseconds). `size` as the rule stated it: m3/h or kW."""

    subject: str
    at: int
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
        """Harmonic mean of the two; 0 where nothing is found."""
        return _share(2 * len(self.found), 2 * len(self.found) + len(self.missed) + len(self.false))

    def delays_h(self) -> list[float]:
        """Hours from the start of each found event to its alarm."""
        return [(alarm.at - event.start) / HOUR_MS for event, alarm in self.found]


def match(events: Sequence[Event], alarms: Iterable[Alarm], grace_ms: int = 0) -> Matched:
    """The largest one-to-one matching: in order of time, each alarm takes the open event that ends first."""
    result = Matched()
    of_subject: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        of_subject[event.subject].append(event)
    taken: set[str] = set()
    for alarm in sorted(alarms, key=lambda a: a.at):
        around = [e for e in of_subject[alarm.subject] if e.start <= alarm.at <= e.end + grace_ms]
        free = [e for e in around if e.id not in taken]
        if free:
            event = min(free, key=lambda e: e.end)
            taken.add(event.id)
            result.found.append((event, alarm))
        else:
            (result.duplicates if around else result.false).append(alarm)
    result.missed = [e for e in events if e.id not in taken]
    return result


def as_one_subject(events: Iterable[Event], name: str) -> list[Event]:
    """The events with one subject, for a set where only the time counts."""
    return [replace(event, subject=name) for event in events]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
