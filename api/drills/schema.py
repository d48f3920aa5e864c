"""The wire forms of drills, as OpenAPI shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from alerts.drills.values import (
    LONGEST_EVENT_S,
    LONGEST_LIMIT_S,
    LONGEST_NOTE,
    SHORTEST_LIMIT_S,
    Audience,
    DrillState,
    Ending,
)
from alerts.values import DeliveryState, NotifyReason
from metering.drill_kinds import DrillKind

_ASKED: dict[str, Any] = {
    "kind": "burst", "node": "dorm-1", "size": 8.0, "speed": 60, "after_s": 600, "lasts_s": None, "limit_s": 7200,
    "audience": "routes", "note": "秋季演练",
}  # fmt: skip
DRILL_EXAMPLE: dict[str, Any] = {
    "id": "drill-80ac731f", "state": "running", **_ASKED, "meter": "w-dorm-1", "medium": "water", "unit": "m3/h",
    "asked_by": "wang", "asked_at": "2026-11-23T04:00:00Z", "started_at": "2026-11-23T04:00:03Z",
    "event_start": "2026-11-23T04:00:00Z", "event_at": "2026-11-23T05:12:00Z", "source_days": 7,
    "fault_at": "2026-11-23T04:00:13Z", "fault_event": "2026-11-23T04:10:00Z", "repaired_by": None,
    "repaired_at": None, "stopped_by": None, "ended_at": None, "ending": None, "detail": "",
}  # fmt: skip


class DrillIn(BaseModel):
    """A simulated fault. Its times are of the copy's clock, `limit_s` is of yours."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_ASKED]})

    kind: DrillKind
    node: str = Field(min_length=1, max_length=200, description="A place where a meter of the kind's medium stands")
    size: float = Field(gt=0, le=1000, description="m3/h of water, kW of electricity")
    speed: Literal[1, 10, 60, 240, 720] = Field(
        60,
        description="How many times faster than the clock the copy runs; above 1 it is fed the readings of a week ago",
    )
    after_s: int = Field(0, ge=0, le=LONGEST_EVENT_S, description="When the fault begins")
    lasts_s: int | None = Field(None, ge=1, le=LONGEST_EVENT_S, description="Null: until it is repaired")
    limit_s: int = Field(4 * 3600, ge=SHORTEST_LIMIT_S, le=LONGEST_LIMIT_S, description="It ends at the latest then")
    audience: Audience = Field(Audience.ROUTES, description="`routes`: whoever would be told; `me`: you alone")
    note: str = Field("", max_length=LONGEST_NOTE)


class DrillOut(BaseModel):
    """A drill: what was asked for, how far it is, how it ended."""

    model_config = ConfigDict(json_schema_extra={"examples": [DRILL_EXAMPLE]})

    id: str
    state: DrillState
    kind: DrillKind
    node: str
    meter: str
    medium: str
    size: float
    unit: str
    speed: int
    after_s: int
    lasts_s: int | None
    limit_s: int
    audience: Audience
    note: str
    asked_by: str
    asked_at: datetime
    started_at: datetime | None
    event_start: datetime | None = Field(description="Where the copy's clock stood at the beginning")
    event_at: datetime | None = Field(description="Where it stands")
    source_days: int | None = Field(description="It is fed readings of so many days ago; null: those that come in")
    fault_at: datetime | None = Field(description="When the fault began, by your clock")
    fault_event: datetime | None = Field(description="The same by the copy's clock")
    repaired_by: str | None
    repaired_at: datetime | None
    stopped_by: str | None
    ended_at: datetime | None
    ending: Ending | None
    detail: str


class RulesOut(BaseModel):
    """The program that runs the rules, and with them drills: `run`, or `watch` where the services are split."""

    is_there: bool = Field(description="False: what is asked for begins once it is; after 3 minutes it is `unattended`")
    seen_at: datetime | None = Field(description="When it said so last; null: it ended, or never was there")


class DrillsOut(BaseModel):
    """The latest hundred, newest first."""

    items: list[DrillOut]
    rules: RulesOut


class StepOut(BaseModel):
    """One step: when, how many seconds after the one it is measured from, by whom; null: it never came."""

    name: Literal["raised", "told", "acknowledged", "assigned", "resolved", "repaired", "confirmed"] = Field(
        description="`raised` counts from the fault, `confirmed` from the repair, the others from `raised`"
    )
    at: datetime | None
    seconds: float | None
    allowed_s: float | None = Field(description="`acknowledged`, `repaired`: by policy or the order's due time")
    late: bool = Field(description="It took longer")
    by: str


class ToldOut(BaseModel):
    """One message; `seconds` from the raising until the channel had it."""

    channel: str
    receiver: str
    reason: NotifyReason
    state: DeliveryState
    created_at: datetime
    delivered_at: datetime | None
    seconds: float | None
    last_error: str


class DrillAlertOut(BaseModel):
    """One alert of the drill."""

    alert: str = Field(description="Its id")
    node: str
    rule: str
    severity: str
    inhibited_by: str | None
    detect_event_s: float | None = Field(
        description="From the fault to the alert by the copy's clock: what meters need"
    )
    steps: list[StepOut]
    told: list[ToldOut]


class DrillReportOut(BaseModel):
    """How long everything took."""

    drill: DrillOut
    alerts: list[DrillAlertOut]
