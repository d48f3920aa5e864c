"""Routes: which alerts go to whom, how long they are gathered, how often repeated, who is asked next. Values."""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, model_validator

from alerts.duty.calendar import ClockTime, DayName
from alerts.duty.roster import Strict
from metering.incident import Category, Severity

Target = Annotated[
    str,
    Field(pattern=r"^(role:[a-z][a-z_]{0,40}|person:[^\s:\x00][^\x00:\n\r]{0,99}|channel:[^\x00\n\r]{1,100})$"),
]
"""Who: `role:maintainer` (who has that duty, nearest to the place), `person:li`, `channel:team`, `channel:*` (all)."""

EVERY_CHANNEL = "channel:*"


class GroupKey(StrEnum):
    """What the alerts of one group have in common."""

    CAMPUS = "campus"
    ZONE = "zone"
    BUILDING = "building"
    NODE = "node"
    CATEGORY = "category"
    MEDIUM = "medium"
    SEVERITY = "severity"
    RULE = "rule"


class Match(Strict):
    """Which alerts: every member that is given must hold; `nodes` mean these places with all below them.

    days, hours  of the local clock when the alert is looked at
    burst        a leak of critical severity, or none
    """

    nodes: tuple[str, ...] = Field((), max_length=1000)
    media: tuple[str, ...] = Field((), max_length=20)
    categories: tuple[Category, ...] = ()
    severities: tuple[Severity, ...] = ()
    rules: tuple[str, ...] = Field((), max_length=100)
    days: tuple[DayName, ...] = ()
    hours: tuple[ClockTime, ClockTime] | None = None
    burst: bool | None = None


class QuietHours(Strict):
    """Local hours in which only bursts are told; the rest waits for their end and comes as one message."""

    start: ClockTime
    end: ClockTime
    days: tuple[DayName, ...] = ()


class Step(Strict):
    """Who is told too, where nobody has acknowledged so long after the first message (seconds)."""

    after_s: int = Field(ge=60, le=30 * 86400)
    targets: tuple[Target, ...] = Field(min_length=1, max_length=50)


class Route(Strict):
    """What becomes of the alerts that match. Routes are asked by `position`; the first that matches takes an alert.

    goes_on           the next routes are asked too
    group_by          alerts that agree in these are told together; none: all of the route together
    group_wait_s      how long a new group is gathered before its first message; bursts do not wait
    group_interval_s  least time between a group's messages about something new; bursts do not wait
    repeat_s          how often an alert that nobody acknowledged is told again; None: never
    tell_cleared      also when the meters clear it
    """

    name: str = Field("", max_length=200)
    position: int = Field(100, ge=0, le=1_000_000)
    match: Match = Match()
    targets: tuple[Target, ...] = Field(min_length=1, max_length=50)
    group_by: tuple[GroupKey, ...] = (GroupKey.BUILDING, GroupKey.CATEGORY, GroupKey.MEDIUM)
    group_wait_s: int = Field(30, ge=0, le=3600)
    group_interval_s: int = Field(300, ge=1, le=86400)
    repeat_s: int | None = Field(4 * 3600, ge=60, le=30 * 86400)
    steps: tuple[Step, ...] = Field((), max_length=10)
    quiet: tuple[QuietHours, ...] = Field((), max_length=20)
    tell_cleared: bool = False
    goes_on: bool = False

    @model_validator(mode="after")
    def _climbs(self) -> Self:
        times = [step.after_s for step in self.steps]
        if any(later <= earlier for earlier, later in pairwise(times)):
            raise ValueError(f"each step comes later than the one before; `after_s` are {times}")
        return self


class SilenceKind(StrEnum):
    """Why nothing is told for a while."""

    SILENCE = "silence"
    SHUTDOWN = "planned_shutdown"


SHUT_DOWN = (Category.SUPPLY, Category.DATA_QUALITY, Category.CONSUMPTION)
"""What a planned shutdown explains, where its `match` names no category: never a leak."""


class Silence(Strict):
    """Matching alerts are not told from `start` to `end`. They are raised all the same, and told after it if active."""

    kind: SilenceKind = SilenceKind.SILENCE
    match: Match
    start: AwareDatetime
    end: AwareDatetime
    reason: str = Field(min_length=1, max_length=500)

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        if self.end <= self.start:
            raise ValueError("`end` must lie after `start`: every silence ends")
        if self.match == Match() and self.kind is SilenceKind.SILENCE:
            raise ValueError("a silence of everything is refused; name places, categories, media, severities or rules")
        return self


class Address(Strict):
    """A way to a person: a channel of the settings, and the address there (mail, telephone; empty: a chat's own)."""

    channel: str = Field(min_length=1, max_length=100)
    address: str = Field("", max_length=200, pattern=r"^[^\x00-\x1f]*$")
    severities: tuple[Severity, ...] = ()


class Contact(Strict):
    """How a person is reached: on every one of these that takes the severity."""

    addresses: tuple[Address, ...] = Field(min_length=1, max_length=10)
    language: Annotated[str, Field(pattern="^(zh-CN|en)$")] = "zh-CN"


class Digest(Strict):
    """A daily summary of the alerts of some places to a person, at a time of the local clock."""

    person: str = Field(min_length=1, max_length=100)
    nodes: tuple[str, ...] = Field((), max_length=1000)
    categories: tuple[Category, ...] = ()
    at: ClockTime = "07:30"
    days: tuple[DayName, ...] = ()


_ALL = ("role:maintainer", EVERY_CHANNEL)


def _climb(manager_s: int, head_s: int) -> tuple[Step, ...]:
    return (
        Step(after_s=manager_s, targets=("role:zone_manager",)),
        Step(after_s=head_s, targets=("role:head_of_logistics",)),
    )


# Asked after all routes that people set, so that no alert is without one.
DEFAULT_ROUTES: dict[str, Route] = {
    "default-burst": Route(
        name="Bursts that no route takes", match=Match(burst=True), targets=_ALL, steps=_climb(900, 1800), repeat_s=3600
    ),
    "default": Route(name="What no route takes", targets=_ALL, steps=_climb(7200, 14400)),
}
