"""The wire forms of an alert's history, as OpenAPI shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from alerts.values import Action, DeliveryState, NotifyReason, Outcome
from api.alerts.schema import AlertOut
from metering.incident import Severity


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
    drill: str | None = Field(description="Id of the drill it is of; null: it is real")


class HistoryOut(BaseModel):
    """What happened to an alert, oldest first, and who was told."""

    items: list[AuditOut]
    notifications: list[DeliveryOut]


class TimelineItemOut(BaseModel):
    """One thing that happened: an act (of the rules, of a person, of time) or a notification."""

    kind: Literal["act", "notification"]
    at: datetime
    act: AuditOut | None
    notification: DeliveryOut | None


class EpisodeOut(BaseModel):
    """One earlier time of an alert that came back."""

    number: int
    incident: str
    detected_at: datetime
    onset_at: datetime
    closed_at: datetime
    severity: Severity
    loss_total: float | None
    outcome: Outcome | None
    resolved_by: str | None


class TimelineOut(BaseModel):
    """The whole story, oldest first."""

    items: list[TimelineItemOut]
    episodes: list[EpisodeOut]


class SimilarOut(BaseModel):
    """A past alert, and what it shares with this one."""

    common: list[Literal["place", "rule"]]
    alert: AlertOut


class SimilarPageOut(BaseModel):
    """Those that share more come first, then the latest."""

    items: list[SimilarOut]
