"""Who has a duty from when to when: the roster as stretches of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from alerts.duty.calendar import LocalTime, day_of_span
from alerts.duty.on_duty import OnDuty, Roster

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Turn:
    """[start, end) with the same people; `is_hole`: somebody must be there, and nobody is."""

    start: datetime
    end: datetime
    people: tuple[OnDuty, ...]
    is_hole: bool


def turns_of(roster: Roster, duty_id: str, first: date, days: int, local: LocalTime) -> list[Turn]:
    """The turns of a duty over so many local days from `first` on, without a gap between them."""
    duty = roster.duties[duty_id]
    start, end = local.instant(first, "00:00"), local.instant(first + days * _DAY, "00:00")
    edges = sorted({start, *(e for e in _edges(roster, duty_id, first, days, local) if start < e < end)})
    turns: list[Turn] = []
    for edge, until in zip(edges, [*edges[1:], end], strict=True):
        people = roster.on_duty(duty_id, edge, local)
        is_hole = not people and day_of_span(local.at(edge), *duty.covers) is not None
        if turns and (turns[-1].people, turns[-1].is_hole) == (people, is_hole):
            turns[-1] = replace(turns[-1], end=until)
        else:
            turns.append(Turn(edge, until, people, is_hole))
    return turns


def _edges(roster: Roster, duty_id: str, first: date, days: int, local: LocalTime) -> Iterator[datetime]:
    """Every moment at which it may change who has the duty."""
    duty = roster.duties[duty_id]
    times = {"00:00", *duty.covers, *(t for shift in duty.shifts for t in (shift.start, shift.end))}
    for number in range(-1, days + 1):
        yield from (local.instant(first + number * _DAY, t) for t in times)
    for absence in roster.absences.values():
        yield from (absence.start, absence.end)


def by_day(turns: list[Turn], first: date, days: int, local: LocalTime) -> list[tuple[date, list[Turn]]]:
    """The turns cut at local midnights, those of nobody left out unless they are holes."""
    found = []
    for number in range(days):
        day = first + number * _DAY
        start, end = local.instant(day, "00:00"), local.instant(day + _DAY, "00:00")
        cut = [replace(t, start=max(t.start, start), end=min(t.end, end)) for t in turns]
        found.append((day, [t for t in cut if t.start < t.end and (t.people or t.is_hole)]))
    return found
