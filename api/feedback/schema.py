"""The wire forms of what people say, as OpenAPI shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from alerts.feedback import LARGEST_PLAN, LONGEST_PLAN_TEXT
from metering.feedback import MOST

Medium = Literal["electricity", "water", "gas", "heat", "other"]


class ReasonOut(BaseModel):
    """One word that counts."""

    outcome: str = Field(description="`false`, `confirmed`, `repaired`, or `reset` by a person")
    alert: str | None = Field(
        description="The alert it was said of; null for a reset, and for an alert that the account does not see"
    )
    who: str
    at: datetime


class SensitivityOut(BaseModel):
    """How a rule judges one meter: its thresholds of size are `factor` times what is set."""

    rule: str
    meter: str
    factor: float = Field(ge=1, le=MOST)
    reasons: list[ReasonOut] = Field(description="Oldest first")


class SensitivitiesOut(BaseModel):
    """Each rule and meter that people said something of."""

    items: list[SensitivityOut]


class PlannedUseOut(BaseModel):
    """Use that is known before: while it goes on it raises nothing at its place, and nothing is learned from it."""

    id: int | None = Field(description="Null where it stands in the site file, and can be changed there only")
    source: Literal["entered", "alert", "site"]
    node: str
    medium: Medium | None = Field(description="Null: of all media")
    start: datetime
    end: datetime
    text: str
    who: str | None
    at: datetime | None
    alert: str | None = Field(description="The alert whose outcome it is, if the account sees it")
    expected: float | None = Field(description="How much people expect it to be: m3, or kWh of electricity and heat")
    is_past: bool = Field(description="It is over and stays as it was")


class PlannedUsesOut(BaseModel):
    """Planned use by its begin."""

    items: list[PlannedUseOut]


class PlannedUseIn(BaseModel):
    """Times with their offset, or a day for its local midnight."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"node": "gym", "medium": "water", "start": "2026-11-28T06:00:00+08:00",
                 "end": "2026-11-28T20:00:00+08:00", "text": "泳池注水"}
            ]
        },
    )  # fmt: skip

    node: str = Field(min_length=1, max_length=200)
    medium: Medium | None = None
    start: str = Field(max_length=40)
    end: str = Field(max_length=40)
    text: str = Field("", max_length=LONGEST_PLAN_TEXT)
    expected: float | None = Field(None, ge=0, le=LARGEST_PLAN, description="m3, or kWh of electricity and heat")


class PlanHistoryOut(BaseModel):
    """One planned use as it was entered and changed, the newest first; and whether it was taken back in the end."""

    items: list[PlannedUseOut]
    withdrawn_by: str | None
    withdrawn_at: datetime | None


class IcsFaultOut(BaseModel):
    """An event that was not taken; 1 is the first of the file."""

    event: int
    summary: str
    message: str


class IcsTakenOut(BaseModel):
    """What became of a calendar file's events, or would."""

    dry_run: bool
    taken: int
    unchanged: int
    refused: int
    items: list[PlannedUseOut] = Field(description="Those that were taken; of a dry run without an id")
    errors: list[IcsFaultOut]
