"""The wire forms of alerts, as OpenAPI shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from alerts.values import Action, AlertState, DeliveryState, NotifyReason, Outcome
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
    "resolved_at": None, "version": 1, "comments": 0, "updated_at": "2026-11-21T06:00:00Z", "rules_revision": "1",
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
    version: int
    comments: int
    updated_at: datetime
    rules_revision: str


class AlertPageOut(BaseModel):
    """A page of alerts, latest first."""

    items: list[AlertOut]
    next_cursor: str | None


class AuditOut(BaseModel):
    """One line of an alert's history."""

    id: int
    at: datetime
    event_at: datetime | None
    actor: str
    origin: str
    action: Action
    text: str
    detail: dict[str, Any]


class DeliveryOut(BaseModel):
    """One notification on one channel."""

    id: str
    channel: str
    reason: NotifyReason
    state: DeliveryState
    attempts: int
    created_at: datetime
    due_at: datetime
    delivered_at: datetime | None
    last_error: str


class HistoryOut(BaseModel):
    """What happened to an alert, oldest first, and who was told."""

    items: list[AuditOut]
    notifications: list[DeliveryOut]


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
    level: float | None = Field(description="The level the rule compared with, if it was one")
    flagged: FlaggedOut
    onset_at: datetime


class _Change(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AcknowledgeIn(_Change):
    """`version` is the one the person saw; without it the change is made on whatever stands."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"version": 1, "note": ""}]})
    note: str = Field("", max_length=4000)
    version: int | None = Field(None, ge=0, le=2**31)


class CommentIn(_Change):
    """A remark, kept for ever."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"text": "已联系维修班，下午到场"}]})
    text: str = Field(min_length=1, max_length=4000)


class ResolveIn(_Change):
    """What it was found to be."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"outcome": "repaired", "note": "更换DN50阀门", "version": 2}]}
    )
    outcome: Outcome
    note: str = Field("", max_length=4000)
    version: int | None = Field(None, ge=0, le=2**31)
