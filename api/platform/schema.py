"""The wire forms of the repair platform, as OpenAPI shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from alerts.orders.values import OrderAction
from alerts.platform.values import Direction, Placing, Says, SentState


def _example(example: JsonDict, *, extra: Literal["forbid", "ignore"] = "ignore") -> ConfigDict:
    return ConfigDict(extra=extra, json_schema_extra={"examples": [example]})


EVENT_EXAMPLE: JsonDict = {
    "id": "7d1f0c52", "event": "done", "at": "2026-11-23T15:20:00+08:00", "number": "BX-00017", "order": 42,
    "person": "wang", "note": "更换了二层的角阀",
}  # fmt: skip
EVENT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}, "example": EVENT_EXAMPLE}},
    },
    "parameters": [
        {
            "name": "X-AquaVolt-Timestamp", "in": "header", "required": True, "schema": {"type": "string"},
            "description": "Unix seconds of the request, at most five minutes off", "example": "1795413600",
        },
        {
            "name": "X-AquaVolt-Signature", "in": "header", "required": True, "schema": {"type": "string"},
            "description": "`sha256=` + hex of HMAC-SHA256(secret, timestamp + `.` + body)",
            "example": "sha256=9ca369ed5ee78774ebe377194f53392c3d62123707d420892b792b100fed6b27",
        },
    ],
}  # fmt: skip


class EventAnswerOut(BaseModel):
    """What became of an event. The same id is answered the same again, with `Idempotency-Replayed: true`."""

    model_config = _example(
        {
            "event": "7d1f0c52", "result": "applied", "reason": "", "order": 42, "number": "BX-00017",
            "state": "done", "awaits": "meters",
        }
    )  # fmt: skip
    event: str
    result: Placing = Field(description="`unplaced` is kept: people see it, and it is placed once that is possible")
    reason: str = Field(description="Why it was not placed, or what of it was left out")
    order: int | None = Field(None, description="Our number")
    number: str | None = Field(None, description="The platform's")
    state: str | None = Field(None, description="Where the order stands here now")
    awaits: str | None = Field(None, description="`meters`: done, and the meters have not confirmed it")


class PlatformOut(BaseModel):
    """How it goes with the repair platform."""

    model_config = _example(
        {
            "address": "https://baoxiu.example.edu.cn", "direction": "both",
            "messages": {"pending": 3, "delivered": 120, "failed": 0}, "oldest_waiting": "2026-11-23T04:00:00Z",
            "events": {"applied": 80, "late": 1, "unplaced": 2, "set_aside": 0}, "refused": 0,
            "last_error": "https://baoxiu.example.edu.cn answered 503 Service Unavailable",
        }
    )  # fmt: skip
    address: str
    direction: Direction
    messages: dict[SentState, int]
    oldest_waiting: datetime | None
    events: dict[Placing, int]
    refused: int = Field(description="Requests with a wrong signature or time, since the program started")
    last_error: str


class LinkOut(BaseModel):
    """What the platform calls an order, and what it said of it last."""

    model_config = _example(
        {"order": 42, "number": "BX-00017", "said": "closed", "said_at": "2026-11-23T07:20:00Z", "rating": 5}
    )
    order: int
    number: str = Field(description="Empty: it gave none")
    said: str = Field(description="Empty: nothing")
    said_at: datetime | None
    rating: int | None


class MessageOut(BaseModel):
    """One message to the platform."""

    model_config = _example(
        {
            "id": "5f0c6a1be21d4a7c93d0b1f6a2c4e8d7", "order_id": 42, "event": "created", "state": "delivered",
            "attempts": 1, "replays": 0, "created_at": "2026-11-23T04:00:00Z", "due_at": "2026-11-23T04:00:00Z",
            "delivered_at": "2026-11-23T04:00:01Z", "last_error": "", "answer": '{"number": "BX-00017"}',
        }
    )  # fmt: skip
    id: str = Field(description="The same at every attempt and when it is sent again")
    order_id: int
    event: OrderAction
    state: SentState
    attempts: int
    replays: int
    created_at: datetime
    due_at: datetime
    delivered_at: datetime | None
    last_error: str
    answer: str


class MessagesOut(BaseModel):
    """The latest first."""

    items: list[MessageOut]


class EventOut(BaseModel):
    """One event of the platform as it was taken."""

    model_config = _example(
        {
            "id": "7d1f0c52", "received_at": "2026-11-23T07:20:01Z", "at": "2026-11-23T07:20:00Z", "order_id": None,
            "order": "", "number": "BX-09999", "says": "closed", "code": "closed", "placing": "unplaced",
            "reason": "no order is known as BX-09999", "body": EVENT_EXAMPLE,
        }
    )  # fmt: skip
    id: str
    received_at: datetime
    at: datetime | None
    order_id: int | None
    order: str
    number: str
    says: Says | None
    code: str
    placing: Placing
    reason: str
    body: dict[str, Any]


class EventsOut(BaseModel):
    """The latest first."""

    items: list[EventOut]


class ReplayIn(BaseModel):
    """What is sent again: one message, everything of an order, or what was written in [since, until)."""

    model_config = _example({"order": 42}, extra="forbid")
    message: str | None = Field(None, max_length=64)
    order: int | None = Field(None, ge=1, le=10**15)
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    state: SentState | None = Field(None, description="Of a range: only those that stand so")


class ReplayOut(BaseModel):
    """How many messages go again."""

    model_config = _example({"messages": 4})
    messages: int


class PlaceIn(BaseModel):
    """An unplaced event: `again` reads it once more, `aside` lets it go."""

    model_config = _example({"event": "7d1f0c52", "act": "again"}, extra="forbid")
    event: str = Field(max_length=200)
    act: Literal["again", "aside"]


class PlacedOut(BaseModel):
    """What became of it."""

    model_config = _example({"event": "7d1f0c52", "placing": "applied"})
    event: str
    placing: Placing
