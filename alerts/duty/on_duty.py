"""Who is on duty at a moment, and where a roster leaves hours to nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from alerts.duty.calendar import LocalTime, day_of_span, is_named
from alerts.duty.roster import Absence, Duty, Shift

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class OnDuty:
    """A person who has a duty now; `instead_of` names the one whose place it is."""

    person: str
    instead_of: str | None = None


@dataclass(frozen=True, slots=True)
class Hole:
    """Hours [start, end) of a duty that nobody has."""

    duty: str
    start: datetime
    end: datetime
    fallback: str


def everybody(_name: str) -> bool:
    """No accounts are known: every name is somebody."""
    return True


@dataclass(frozen=True)
class Roster:
    """Duties and absences by their ids.

    is_active  whether an account of that name may still act; who is gone leaves a hole like anybody who is away
    """

    duties: Mapping[str, Duty] = field(default_factory=dict)
    absences: Mapping[str, Absence] = field(default_factory=dict)
    is_active: Callable[[str], bool] = everybody

    def on_duty(self, duty_id: str, moment: datetime, local: LocalTime) -> tuple[OnDuty, ...]:
        """Who has the duty at that moment, in the order of the shifts, each once; empty: nobody."""
        found: dict[str, OnDuty] = {}
        for person in _rostered(self.duties[duty_id], moment, local):
            there = self._present(person, duty_id, moment)
            if there is not None:
                found.setdefault(there, OnDuty(there, None if there == person else person))
        return tuple(found.values())

    def _present(self, person: str, duty_id: str, moment: datetime) -> str | None:
        """The person, or who stands in; a stand-in may be away too, and a circle of them is nobody."""
        asked: set[str] = set()
        there: str | None = person
        while there is not None and there not in asked:
            asked.add(there)
            away = self._absence(there, duty_id, moment)
            if away is None and self.is_active(there):
                return there
            there = None if away is None else away.stand_in
        return None

    def _absence(self, person: str, duty_id: str, moment: datetime) -> Absence | None:
        """The absence that holds; of several the one that began last, which was entered knowing of the others."""
        holding = [
            a
            for a in self.absences.values()
            if a.person == person and a.start <= moment < a.end and (not a.duties or duty_id in a.duties)
        ]
        return max(holding, key=lambda a: a.start) if holding else None

    def holes(self, start: datetime, end: datetime, local: LocalTime) -> tuple[Hole, ...]:
        """Every stretch of [start, end) in which a duty has nobody, by time."""
        found = [hole for duty_id in self.duties for hole in self._holes_of(duty_id, start, end, local)]
        return tuple(sorted(found, key=lambda h: (h.start, h.duty)))

    def _holes_of(self, duty_id: str, start: datetime, end: datetime, local: LocalTime) -> Iterator[Hole]:
        duty = self.duties[duty_id]
        edges = sorted({start, *(e for e in self._edges(duty, start, end, local) if start < e < end)})
        since: datetime | None = None
        for edge in edges:
            is_wanted = day_of_span(local.at(edge), *duty.covers) is not None
            is_empty = is_wanted and not self.on_duty(duty_id, edge, local)
            if is_empty and since is None:
                since = edge
            elif not is_empty and since is not None:
                yield Hole(duty_id, since, edge, duty.fallback)
                since = None
        if since is not None:
            yield Hole(duty_id, since, end, duty.fallback)

    def _edges(self, duty: Duty, start: datetime, end: datetime, local: LocalTime) -> Iterator[datetime]:
        """Every moment at which it may change who has the duty: between two of them it stays as it is."""
        times = {"00:00", *duty.covers, *(t for s in duty.shifts for t in (s.start, s.end))}
        day, last = local.at(start).date() - _DAY, local.at(end).date() + _DAY
        while day <= last:
            yield from (local.instant(day, t) for t in times)
            day += _DAY
        for absence in self.absences.values():
            yield absence.start
            yield absence.end


def _rostered(duty: Duty, moment: datetime, local: LocalTime) -> Iterator[str]:
    """The people whose shift it is, whether they are there or not."""
    at = local.at(moment)
    for shift in duty.shifts:
        day = day_of_span(at, shift.start, shift.end)
        if day is not None and _holds_on(shift, day, local):
            yield shift.person_on(day)


def _holds_on(shift: Shift, day: date, local: LocalTime) -> bool:
    is_within = (shift.first is None or shift.first <= day) and (shift.last is None or day <= shift.last)
    return is_within and is_named(day, shift.days, local.kind)
