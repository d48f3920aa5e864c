"""The wire forms of the desk's policy and of breaches, as OpenAPI shows them."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from alerts.desk_policy import DEFAULT, DeskPolicy
from metering.incident import Category, Severity


class PolicyOut(BaseModel):
    """The policy in force, and who put it into force; version 0 is the program's own."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"version": 0, "actor": "", "at": None, "policy": DEFAULT.model_dump(mode="json")}]
        }
    )
    version: int = Field(description="What the ETag says")
    actor: str
    at: datetime | None
    policy: DeskPolicy


class PolicyHistoryOut(BaseModel):
    """Every policy that was put into force, latest first."""

    items: list[PolicyOut]


class BreachOut(BaseModel):
    """A deadline that passed without anybody having the alert; kept for good."""

    id: int
    alert_id: str
    due_at: datetime
    at: datetime = Field(description="When it was written, at or after `due_at`")
    node: str
    category: Category
    severity: Severity = Field(description="Of the alert at that moment")
    assigned_to: str | None


class BreachPageOut(BaseModel):
    """A page of breaches, latest first."""

    items: list[BreachOut]
    next_cursor: str | None


class BreachFiguresOut(BaseModel):
    """Deadlines that ended in [start, end): how many were met, and how many were not."""

    start: datetime
    end: datetime
    met: int
    breached: int
    by_category: dict[Category, int]
    by_severity: dict[Severity, int]
