"""The desk's policy: until when an alert must be acknowledged, and when one that comes back is the same one."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from metering.incident import Category, Severity

LONGEST_MIN = 30 * 24 * 60
# JSON Schema's own `time` wants an offset; this is the time on the site's clock.
LocalTime = Annotated[
    time,
    WithJsonSchema(
        {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$", "examples": ["18:00:00"]}
    ),
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DeadlineRule(_Strict):
    """Which alerts, and how long they may wait for somebody. What is not given means any."""

    name: str = Field(min_length=1, max_length=100)
    category: Category | None = None
    medium: str | None = Field(None, pattern="^(electricity|water|gas|heat|other)$")
    severity: Severity | None = Field(None, description="This severity or a higher one")
    burst: bool = Field(False, description="Only a leak that its flow or the meter itself makes a burst")
    within_min: int | None = Field(None, ge=1, le=LONGEST_MIN, description="Minutes until somebody must have it")
    next_working_day: LocalTime | None = Field(None, description="Until this local time of the next working day")

    @model_validator(mode="after")
    def _has_one_term(self) -> Self:
        if (self.within_min is None) == (self.next_working_day is None):
            raise ValueError(f"deadline {self.name!r} needs either within_min or next_working_day")
        if self.next_working_day is not None and self.next_working_day.tzinfo is not None:
            raise ValueError(f"next_working_day of deadline {self.name!r} is the site's local time, without an offset")
        return self


class RepairTimes(_Strict):
    """Hours within which a work order is to be done, and how long the meters may take to agree."""

    burst: float = Field(4.0, gt=0, le=LONGEST_MIN / 60, description="Of a leak that is a burst")
    critical: float = Field(24.0, gt=0, le=LONGEST_MIN / 60)
    warning: float = Field(72.0, gt=0, le=LONGEST_MIN / 60)
    info: float = Field(168.0, gt=0, le=LONGEST_MIN / 60)
    agree: float = Field(
        48.0, gt=0, le=LONGEST_MIN / 60, description="Still active so long after it was said to be done: open again"
    )


class DeskPolicy(_Strict):
    """The first deadline that fits an alert is its own; an alert that none fits has none. Hours are of event time."""

    deadlines: tuple[DeadlineRule, ...] = Field(max_length=50)
    reopen_h: float = Field(
        24.0, ge=0, le=24 * 90, description="Back within so many hours, a cleared alert is opened again; 0: never"
    )
    unstable_times: int = Field(3, ge=1, le=100, description="Back so often ...")
    unstable_h: float = Field(72.0, gt=0, le=24 * 90, description="... within so many hours, it is called unstable")
    repair_h: RepairTimes = Field(RepairTimes(), description="Of work orders")

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [rule.name for rule in self.deadlines]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two deadlines are named {twice[0]!r}; each needs a name of its own")
        return self


DEFAULT = DeskPolicy(
    deadlines=(
        DeadlineRule(name="burst", category=Category.LEAK, burst=True, within_min=15),
        DeadlineRule(name="leak", category=Category.LEAK, within_min=120),
        DeadlineRule(name="supply", category=Category.SUPPLY, within_min=60),
        DeadlineRule(name="appliance", category=Category.APPLIANCE, next_working_day=time(18)),
        DeadlineRule(name="consumption", category=Category.CONSUMPTION, next_working_day=time(18)),
        DeadlineRule(name="meter data", category=Category.DATA_QUALITY, next_working_day=time(18)),
    )
)
