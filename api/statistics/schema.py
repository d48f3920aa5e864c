"""The wire forms of the figures, as OpenAPI shows them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_SPREAD: dict[str, Any] = {"count": 42, "median_s": 5400.0, "p90_s": 86400.0}
_COUNTS: dict[str, Any] = {
    "found": 48, "taken": 45, "cleared": 44, "open": 4, "repaired": 36, "unproven": 1, "false_alarms": 3,
    "planned_use": 1, "meter_faults": 1, "unsettled": 2, "returned": 2, "repeats": 5,
}  # fmt: skip
_LOSSES: dict[str, Any] = {
    "water_lost_m3": 812.5, "electricity_lost_kwh": 0.0, "money_lost": 3412.5, "water_saved_m3": 4630.0,
    "electricity_saved_kwh": 0.0, "money_saved": 19446.0, "money_spent": 8640.0, "valued": 33,
}  # fmt: skip
_LINE: dict[str, Any] = {
    "name": "2026-10", "label": "2026-10", "first": "2026-10-01", "end": "2026-11-01", "counts": _COUNTS,
    "steps": dict.fromkeys(("detect", "notify", "acknowledge", "repair", "whole"), _SPREAD), "losses": _LOSSES,
}  # fmt: skip


class SpreadOut(BaseModel):
    """Of so many alerts: half took at most `median_s`, nine in ten at most `p90_s`. Null of none."""

    count: int
    median_s: float | None
    p90_s: float | None


class StepsOut(BaseModel):
    """How long each step took, in seconds."""

    detect: SpreadOut = Field(description="From the onset until it was detected")
    notify: SpreadOut = Field(description="Until the first message about it was delivered")
    acknowledge: SpreadOut = Field(description="Until somebody had it")
    repair: SpreadOut = Field(description="From there until the meters cleared it")
    whole: SpreadOut = Field(description="From the onset until the meters cleared it")


class CountsOut(BaseModel):
    """How many alerts, and what became of them."""

    found: int
    taken: int = Field(description="Somebody had it")
    cleared: int = Field(description="The meters say it is over")
    open: int
    repaired: int = Field(description="Said to be repaired, and cleared by the meters")
    unproven: int = Field(description="Said to be repaired, but the meters do not agree yet")
    false_alarms: int
    planned_use: int
    meter_faults: int
    unsettled: int = Field(description="Cleared, and nobody said what it was")
    returned: int = Field(description="How often the meters brought one back that they had cleared")
    repeats: int = Field(description="Leaks on a branch that had one within 90 days")


class LossesOut(BaseModel):
    """Estimates: lost since each onset; saved against the usual discovery."""

    water_lost_m3: float
    electricity_lost_kwh: float
    money_lost: float
    water_saved_m3: float
    electricity_saved_kwh: float
    money_saved: float
    money_spent: float = Field(description="What the repairs cost, as their orders say")
    valued: int = Field(description="On how many alerts `saved` rests")


class LineOut(BaseModel):
    """The figures of one month, term, place or kind; `first` and `end` are local days, `end` not included."""

    model_config = ConfigDict(json_schema_extra={"examples": [_LINE]})
    name: str
    label: str
    first: date | None
    end: date | None
    counts: CountsOut
    steps: StepsOut
    losses: LossesOut


class RepeatOut(BaseModel):
    """A leak, and the one before it on the same branch."""

    alert_id: str
    node: str
    raised_at: datetime
    before_id: str
    before_node: str
    days_between: float = Field(description="From the all-clear of the one before")


class MissedOut(BaseModel):
    """Deadlines that passed unmet. `role` is the assignee's; empty: nobody was assigned."""

    step: Literal["acknowledge", "repair"]
    role: str
    category: str = Field(description="Of the alert; empty: of an order without one")
    count: int


class DiscoveryOut(BaseModel):
    """When a leak would have been noticed without AquaVolt: a setting."""

    way: Literal["bill", "patrol"]
    bill_day: int
    patrol_days: float


class StatisticsOut(BaseModel):
    """The figures of the alerts that were first detected in [start, end)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "start": "2026-08-31T16:00:00Z",
                    "end": "2026-11-23T04:00:00Z",
                    "currency": "CNY",
                    "prices": {"water": 4.2, "electricity": 0.6},
                    "usual_discovery": {"way": "bill", "bill_day": 5, "patrol_days": 30.0},
                    "is_estimate": True,
                    "total": _LINE | {"name": "", "label": "", "first": None, "end": None},
                    "by_month": [_LINE],
                    "by_term": [],
                    "by_zone": [],
                    "by_building": [],
                    "by_category": [],
                    "repeats": [
                        {
                            "alert_id": "a3f0c2",
                            "node": "dorm-1-f2",
                            "raised_at": "2026-10-11T18:00:00Z",
                            "before_id": "77be01",
                            "before_node": "dorm-1",
                            "days_between": 21.4,
                        }
                    ],
                    "missed_deadlines": [{"step": "acknowledge", "role": "maintainer", "category": "leak", "count": 2}],
                }
            ]
        }
    )
    start: datetime
    end: datetime
    currency: str
    prices: dict[str, float] = Field(description="Of 1 m3 and 1 kWh")
    usual_discovery: DiscoveryOut
    is_estimate: bool = Field(description="Always: losses and money are estimates")
    total: LineOut
    by_month: list[LineOut]
    by_term: list[LineOut] = Field(description="Terms and vacations of the site's calendar")
    by_zone: list[LineOut]
    by_building: list[LineOut]
    by_category: list[LineOut]
    repeats: list[RepeatOut] = Field(description="At most 500")
    missed_deadlines: list[MissedOut]


class ScorecardOut(BaseModel):
    """One contractor's orders that were given in the period, as they stand."""

    contractor: str
    given: int
    done: int
    timed: int = Field(description="Those with a due time that are done, or should be")
    in_time: int = Field(description="Of `timed`: done by then")
    share_in_time: float | None
    reopened: int = Field(description="The meters or a person disagreed at least once")
    rated: int
    rating: float | None = Field(description="Mean of 1 to 5")
    to_start: SpreadOut = Field(description="From the giving until somebody began")
    to_repair: SpreadOut = Field(description="From the giving until it was done")
    priced: int = Field(description="Orders whose cost was said")
    cost: float = Field(description="What those repairs cost together, in the site's currency")
    missed: int = Field(description="Alerts assigned to them that nobody acknowledged in time")


class ScorecardsOut(BaseModel):
    """By name; a contractor has the own one alone."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "start": "2026-05-31T16:00:00Z",
                    "end": "2026-11-23T04:00:00Z",
                    "items": [
                        {
                            "contractor": "anjie-pipes", "given": 31, "done": 28, "timed": 30, "in_time": 25,
                            "share_in_time": 0.833, "reopened": 2, "rated": 24, "rating": 4.3,
                            "to_start": _SPREAD, "to_repair": _SPREAD, "missed": 1, "priced": 26, "cost": 9120.0,
                        }
                    ],
                }
            ]
        }
    )  # fmt: skip
    start: datetime
    end: datetime
    items: list[ScorecardOut]
