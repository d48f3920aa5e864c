"""The roster: duties, their shifts, and who is away with whom in the place. Values, checked when they are made."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from alerts.duty.calendar import ClockTime, DayName

EntryId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$", examples=["maintainers-north"])]
"""An id that people choose: lower case letters, digits, dot, dash, underscore."""
Person = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\s:\x00][^\x00:\n\r]*$", examples=["li.wei"])]
"""An account's name."""
Role = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,40}$", examples=["maintainer"])]


class Strict(BaseModel):
    """A value from outside: unknown members are refused, nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Shift(Strict):
    """Hours of certain days, and the people who have them in turn.

    start, end        local clock; an end not after the start is on the next day (20:00 to 08:00, 08:00 to 08:00)
    days              days of the week and kinds of day on which the shift begins; none: every day
    people            one, or several who take turns of `turn_days` days, counted from `turn_from`
    first, last       local days between which the shift holds
    """

    start: ClockTime = "00:00"
    end: ClockTime = "24:00"
    days: tuple[DayName, ...] = ()
    people: tuple[Person, ...] = Field(min_length=1, max_length=50)
    turn_days: int = Field(1, ge=1, le=366)
    turn_from: date = date(2026, 1, 5)
    first: date | None = None
    last: date | None = None

    @model_validator(mode="after")
    def _is_some_time(self) -> Self:
        if self.start == "24:00":
            raise ValueError("`start` is 00:00 to 23:59; 24:00 only ends a shift")
        if self.first is not None and self.last is not None and self.last < self.first:
            raise ValueError(f"`last` ({self.last}) lies before `first` ({self.first})")
        return self

    def person_on(self, day: date) -> str:
        """Whose turn it is in the shift that begins on this day."""
        return self.people[(day - self.turn_from).days // self.turn_days % len(self.people)]


class Duty(Strict):
    """A role for some part of the site, and who has it when.

    role      what a route names: maintainer, zone_manager, head_of_logistics, or one of your own
    nodes     the places it covers with all below; none: the whole site. Of several, the nearest to an alert is asked
    fallback  who is told where nobody is on duty, and told of the hole itself
    covers    local hours in which somebody must be there; outside of them an empty roster is no hole
    """

    role: Role
    name: str = Field("", max_length=200)
    nodes: tuple[str, ...] = Field((), max_length=1000)
    shifts: tuple[Shift, ...] = Field((), max_length=200)
    fallback: Person
    covers: tuple[ClockTime, ClockTime] = ("00:00", "24:00")


class Absence(Strict):
    """Somebody is away (leave, illness, a swapped shift), and who stands in.

    stand_in  nobody: the others of the shift are enough, or it is a hole
    duties    only in these duties; none: in all
    """

    person: Person
    start: AwareDatetime
    end: AwareDatetime
    stand_in: Person | None = None
    duties: tuple[EntryId, ...] = ()
    reason: str = Field("", max_length=500)

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.end <= self.start:
            raise ValueError("`end` must lie after `start`")
        if self.stand_in == self.person:
            raise ValueError("nobody stands in for themselves; leave `stand_in` out where nobody does")
        return self
