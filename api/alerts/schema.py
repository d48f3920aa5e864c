"""The wire forms of alerts, as OpenAPI shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from alerts.values import AlertState, Outcome
from metering.incident import Category, Severity

ALERT_EXAMPLE: dict[str, Any] = {
    "id": "a3f0c2", "state": "active", "acknowledged": False, "rule": "minimum_night_flow", "category": "leak",
    "medium": "water", "subject": "W-D2-MAIN", "node": "dorm-2", "severity": "critical",
    "detected_at": "2026-11-20T20:00:00Z", "onset_at": "2026-11-19T18:15:00Z", "closed_at": None,
    "observed": 0.61, "expected": 0.19, "unit": "m3/h", "loss_rate": 0.42, "loss_total": 31.2,
    "loss_rate_unit": "m3/h", "loss_unit": "m3",
    "loss_rate_uncertainty": 0.05, "loss_total_uncertainty": 3.7,
    "cause": {"code": "pipe_leak", "confidence": 0.71, "text": {"zh-CN": "管道渗漏", "en": "a leaking pipe"}},
    "next_steps": {"zh-CN": ["逐个关分支阀。"], "en": ["Close branch by branch."]},
    "loss_money": {"amount": 131.04, "currency": "CNY", "price": 4.2, "per": "m3", "is_estimate": True},
    "evidence": {"place_reason": "The floors' own meters show nothing of it."},
    "place": [{"id": "campus", "name": "主校区"}, {"id": "dorm-2", "name": "梅园2号楼"}],
    "inhibited_by": None, "acknowledged_by": None, "acknowledged_at": None, "outcome": None, "resolved_by": None,
    "resolved_at": None, "assigned_to": None, "assigned_by": None, "assigned_at": None,
    "raised_at": "2026-11-20T20:00:00Z", "reopened": 0, "reopened_at": None, "unstable": False,
    "due_at": "2026-11-20T22:00:00Z", "overdue": False, "breaches": 0, "version": 1, "comments": 0,
    "updated_at": "2026-11-21T06:00:00Z", "rules_revision": "1", "drill": None,
}  # fmt: skip


class LossMoney(BaseModel):
    """The loss in money: always an estimate, with the price it was made with."""

    amount: float
    currency: str
    price: float
    per: str
    is_estimate: Literal[True] = True


class PlaceOut(BaseModel):
    """One step of a place path."""

    id: str
    name: str


class CauseOut(BaseModel):
    """What it probably is; `evidence.cause` has the signs and the next best."""

    code: str
    confidence: float = Field(ge=0, le=1)
    text: dict[str, str] = Field(description="By language")


class AlertOut(BaseModel):
    """One incident: what the rules say of it, and what people did. Rates are m3/h or kW, totals m3 or kWh."""

    model_config = ConfigDict(json_schema_extra={"examples": [ALERT_EXAMPLE]})

    id: str
    state: AlertState
    acknowledged: bool
    rule: str
    category: Category
    medium: str
    subject: str = Field(description="Meter or node that was judged")
    node: str = Field(description="The smallest place the metering justifies")
    severity: Severity
    detected_at: datetime
    onset_at: datetime
    closed_at: datetime | None = Field(description="When the meters cleared it; null while active")
    observed: float | None
    expected: float | None
    unit: str
    loss_rate: float | None
    loss_total: float | None
    loss_rate_unit: str
    loss_unit: str
    loss_rate_uncertainty: float | None = Field(description="One sigma")
    loss_total_uncertainty: float | None = Field(description="One sigma")
    loss_money: LossMoney | None
    evidence: dict[str, Any]
    cause: CauseOut | None
    next_steps: dict[str, list[str]] = Field(description="What to do, by language")
    place: list[PlaceOut] = Field(description="From the campus down to the node")
    inhibited_by: str | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    outcome: Outcome | None
    resolved_by: str | None
    resolved_at: datetime | None
    assigned_to: str | None = Field(description="Who is to see to it")
    assigned_by: str | None
    assigned_at: datetime | None
    raised_at: datetime = Field(description="When it was detected first; lists are in this order")
    reopened: int = Field(description="How often it came back; the figures are those of the latest time")
    reopened_at: datetime | None
    unstable: bool = Field(description="It comes and goes, and is no longer told each time")
    due_at: datetime | None = Field(description="To be acknowledged by then")
    overdue: bool = Field(description="Active, nobody has it, and `due_at` is over")
    breaches: int = Field(description="How many deadlines passed without anybody having it")
    version: int = Field(description="What the ETag says: counts what people did, and that it came back")
    comments: int
    updated_at: datetime
    rules_revision: str
    drill: str | None = Field(description="Id of the drill it is of; null: it is real")


class AlertPageOut(BaseModel):
    """A page of alerts, latest first."""

    items: list[AlertOut]
    next_cursor: str | None


class FlaggedOut(BaseModel):
    """The stretch that is not as it should be; `end` null while it goes on."""

    start: datetime
    end: datetime | None


class SeriesOut(BaseModel):
    """An alert's curve: mean rates (m3/h or kW) of windows that begin at `times`; null where nothing is stored."""

    meters: list[str]
    minus: list[str] = Field(description="Meters taken off, where a balance was judged")
    quantity: str
    unit: str
    step: str
    times: list[datetime]
    observed: list[float | None]
    expected: list[float | None] = Field(description="Usual at that time of day: median of up to 28 days before onset")
    expected_low: list[float | None] = Field(description="One of ten of those days was below")
    expected_high: list[float | None] = Field(description="One of ten of those days was above")
    level: float | None = Field(description="The level the rule compared with, if it was one")
    flagged: FlaggedOut
    onset_at: datetime
