"""Days and hours as a roster and a route name them: kinds of day, days of the week, times of the local clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

KindOfDay = Callable[[date], str]
"""`workday`, `weekend`, `holiday` or `vacation` of a local day; the site's school calendar decides."""


class DayName(StrEnum):
    """A day of the week, or a kind of day."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"
    WORKDAY = "workday"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    VACATION = "vacation"


_WEEK = (DayName.MON, DayName.TUE, DayName.WED, DayName.THU, DayName.FRI, DayName.SAT, DayName.SUN)


ClockTime = Annotated[str, Field(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$", examples=["08:00"])]
"""A time of the local clock, `08:00` to `24:00`."""


def minutes_of(clock_time: str) -> int:
    """Minutes since midnight of `08:30`."""
    hours, _, minutes = clock_time.partition(":")
    return 60 * int(hours) + int(minutes)


def is_named(day: date, names: tuple[DayName, ...], kind: KindOfDay) -> bool:
    """Whether the day is one of those named; no names mean every day."""
    return not names or _WEEK[day.weekday()] in names or kind(day) in names


def day_of_span(local: datetime, start: str, end: str) -> date | None:
    """The day on which the span [start, end) that covers this local time began; None where it does not cover it.

    A span whose end is not after its start goes through midnight: at 02:00, 20:00 to 08:00 began yesterday.
    """
    minute, first, last = 60 * local.hour + local.minute, minutes_of(start), minutes_of(end)
    if first < last:
        return local.date() if first <= minute < last else None
    if minute >= first:
        return local.date()
    return local.date() - timedelta(days=1) if minute < last else None


@dataclass(frozen=True, slots=True)
class LocalTime:
    """How a site's clock and calendar stand."""

    zone: ZoneInfo
    kind: KindOfDay

    def at(self, moment: datetime) -> datetime:
        """The moment on the site's clock."""
        return moment.astimezone(self.zone)

    def instant(self, day: date, clock_time: str) -> datetime:
        """When the site's clock shows this on that day (the first time, where it shows it twice)."""
        minutes = minutes_of(clock_time)
        midnight = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)  # noqa: DTZ001 - zone follows
        return midnight.replace(tzinfo=self.zone).astimezone(UTC)
