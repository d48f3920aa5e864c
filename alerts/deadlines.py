"""Until when an alert must be acknowledged. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from typing import Any, Protocol

import holidays

from alerts.desk_policy import DeadlineRule, DeskPolicy
from alerts.reported import reported_codes
from metering.incident import Category, Severity

# More than any fixture or toilet takes: a pipe of DN25 and more stands open.
BURST_M3_PER_H = 5.0
_RANK = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}
_LONGEST_HOLIDAY_DAYS = 60


@dataclass(frozen=True, slots=True)
class OfficeDays:
    """The site's clock, and which of its days people work on."""

    zone: tzinfo = UTC
    is_working_day: Callable[[date], bool] = lambda day: day.weekday() < 5  # noqa: PLR2004 - Saturday

    def next_after(self, moment: datetime) -> date:
        """The first working day after the local day of the moment."""
        day = moment.astimezone(self.zone).date()
        for later in range(1, _LONGEST_HOLIDAY_DAYS):
            if self.is_working_day(day + timedelta(later)):
                return day + timedelta(later)
        return day + timedelta(1)


@cache
def office_days(zone: tzinfo, country: str | None) -> OfficeDays:
    """Monday to Friday without public holidays, and the weekend days a country makes workdays (China's 调休).

    Of no country, or one whose holidays are not known, there are none.
    """
    known = holidays.list_supported_countries()
    public: Any = holidays.country_holidays(country) if country in known else holidays.HolidayBase()
    return OfficeDays(zone, lambda day: bool(public.is_working_day(day)))


class Judged(Protocol):
    """What a deadline depends on: members of an alert row and of an alert alike."""

    category: Any
    medium: str
    severity: Any
    loss_rate: float | None
    evidence: Any


def is_burst(alert: Judged) -> bool:
    """A leak of `BURST_M3_PER_H` or more, or one that the meter itself reports as a burst."""
    if alert.category != Category.LEAK or alert.medium != "water":
        return False
    return (alert.loss_rate or 0.0) >= BURST_M3_PER_H or "burst" in reported_codes(alert.evidence)


def rule_of(alert: Judged, policy: DeskPolicy) -> DeadlineRule | None:
    """The first deadline that fits."""
    return next((rule for rule in policy.deadlines if _fits(alert, rule)), None)


def _fits(alert: Judged, rule: DeadlineRule) -> bool:
    return (
        rule.category in {None, alert.category}
        and rule.medium in {None, alert.medium}
        and (rule.severity is None or _RANK[Severity(alert.severity)] >= _RANK[rule.severity])
        and (not rule.burst or is_burst(alert))
    )


def due_at(alert: Judged, policy: DeskPolicy, days: OfficeDays, told_at: datetime) -> datetime | None:
    """The moment by which somebody must have the alert that people could know of from `told_at`; None: no deadline."""
    rule = rule_of(alert, policy)
    if rule is None:
        return None
    if rule.within_min is not None:
        return told_at + timedelta(minutes=rule.within_min)
    assert rule.next_working_day is not None  # noqa: S101 - a rule has one of both
    return datetime.combine(days.next_after(told_at), rule.next_working_day, days.zone).astimezone(UTC)
