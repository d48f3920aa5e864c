"""The wire forms of roster, routes, silences and notifications, as OpenAPI shows them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from alerts.duty.roster import Absence, Duty, Shift, Strict
from alerts.duty_desk.entries import EntryKind
from alerts.routing.muting import MuteKind
from alerts.routing.receivers import Why
from alerts.routing.routes import Address, Contact, Digest, Match, QuietHours, Route, Silence, SilenceKind, Step
from alerts.values import DeliveryState, NotifyReason
from metering.incident import Category, Severity

Content = TypeVar("Content", bound=Strict)


def _example(example: JsonDict, *, extra: Literal["forbid", "ignore"] = "ignore") -> ConfigDict:
    return ConfigDict(extra=extra, json_schema_extra={"examples": [example]})


EXAMPLES: dict[EntryKind, Strict] = {
    EntryKind.DUTY: Duty(
        role="maintainer",
        name="Water, north",
        nodes=("north",),
        shifts=(
            Shift(start="08:00", end="20:00", people=("li", "wang"), turn_days=7, turn_from=date(2026, 11, 23)),
            Shift(start="20:00", end="08:00", people=("zhao",)),
        ),
        fallback="chen",
    ),
    EntryKind.ABSENCE: Absence(
        person="li",
        start=datetime(2026, 11, 30, 0, 0, tzinfo=UTC),
        end=datetime(2026, 12, 5, 0, 0, tzinfo=UTC),
        stand_in="wang",
        reason="leave",
    ),
    EntryKind.ROUTE: Route(
        name="Leaves of water in the dormitories",
        position=10,
        match=Match(nodes=("north",), categories=(Category.LEAK,)),
        targets=("role:maintainer", "channel:team"),
        steps=(Step(after_s=900, targets=("role:zone_manager",)),),
        quiet=(QuietHours(start="22:00", end="07:00"),),
    ),
    EntryKind.SILENCE: Silence(
        kind=SilenceKind.SHUTDOWN,
        match=Match(nodes=("north",), media=("water",)),
        start=datetime(2026, 11, 24, 0, 0, tzinfo=UTC),
        end=datetime(2026, 11, 24, 6, 0, tzinfo=UTC),
        reason="valve of the ring main is changed",
    ),
    EntryKind.CONTACT: Contact(
        addresses=(
            Address(channel="team"),
            Address(channel="sms", address="13800000000", severities=(Severity.CRITICAL,)),
        )
    ),
    EntryKind.DIGEST: Digest(person="chen", categories=(Category.LEAK,), at="07:30", days=("workday",)),
}


class EntryOut(BaseModel, Generic[Content]):
    """One entry as it stands."""

    id: str
    version: int = Field(description="What the ETag says")
    author: str = Field(description="Who changed it last")
    updated_at: datetime
    content: Content


class EntriesOut(BaseModel, Generic[Content]):
    """Every entry of a kind, by id."""

    items: list[EntryOut[Content]]


class RemovedOut(BaseModel):
    """What was taken away; its history stays."""

    removed: str


class EntryChangeOut(BaseModel):
    """Who changed an entry, when and from where; `content` is as it was after it, or last before it was removed."""

    at: datetime
    actor: str
    origin: str
    action: str = Field(description="created, changed or removed")
    version: int
    content: dict[str, Any]


class EntryHistoryOut(BaseModel):
    """Every change of an entry, oldest first."""

    items: list[EntryChangeOut]


class DryRunIn(BaseModel):
    """An alert that is stored (`alert_id`), or one made up; and when (none: now)."""

    model_config = _example({"node": "dorm-2", "category": "leak", "severity": "critical"}, extra="forbid")
    alert_id: str | None = Field(None, max_length=200)
    node: str = Field("", max_length=200)
    category: Category = Category.LEAK
    medium: str = Field("water", max_length=20)
    severity: Severity = Severity.WARNING
    rule: str = Field("dry_run", max_length=100)
    at: AwareDatetime | None = None


class MuteOut(BaseModel):
    """What would mute the alert: the id of the silence, alert or route, and until when (null: until that is over)."""

    kind: MuteKind
    by: str
    until: datetime | None


class ReceiverOut(BaseModel):
    """Who would be told, and why; `about` is the duty, person or target that led there."""

    receiver: str = Field(description="person:NAME or channel:NAME", examples=["person:li"])
    why: Why
    about: str


class HearingOut(BaseModel):
    """`step` 0 is the route itself; from 1 on, who is asked where nobody has acknowledged."""

    step: int
    at: datetime
    receivers: list[ReceiverOut]


class RouteRunOut(BaseModel):
    """What one route would do."""

    route: str
    name: str
    group: dict[str, str] = Field(description="What the alerts of its group have in common")
    mutes: list[MuteOut]
    hearings: list[HearingOut]


class DryRunOut(BaseModel):
    """Every route that takes the alert, in order."""

    model_config = _example(
        {
            "routes": [
                {
                    "route": "leaks-north",
                    "name": "Leaks of water in the dormitories",
                    "group": {"building": "dorm-2", "category": "leak", "medium": "water"},
                    "mutes": [],
                    "hearings": [
                        {
                            "step": 0,
                            "at": "2026-11-23T04:00:30Z",
                            "receivers": [{"receiver": "person:li", "why": "on_duty", "about": "maintainers-north"}],
                        }
                    ],
                }
            ]
        }
    )
    routes: list[RouteRunOut]


class HoleOut(BaseModel):
    """Hours [start, end) of a duty that nobody has, and who is told instead."""

    model_config = _example(
        {"duty": "nights", "start": "2026-11-23T12:00:00Z", "end": "2026-11-24T00:00:00Z", "fallback": "chen"}
    )
    duty: str
    start: datetime
    end: datetime
    fallback: str


class HolesOut(BaseModel):
    """By time."""

    items: list[HoleOut]


class ChannelTestIn(BaseModel):
    """Where on the channel (mail, telephone); empty: whom its settings name."""

    model_config = _example({"address": "li@example.edu"}, extra="forbid")
    address: str = Field("", max_length=200, pattern=r"^[^\x00-\x1f]*$")


class DeliveryOut(BaseModel):
    """One notification: to whom, on which channel, and how it stands."""

    model_config = _example(
        {
            "id": "80ac731f1b3e43f2392ba1abf9528ba1",
            "channel": "sms",
            "receiver": "person:li",
            "address": "13800000000",
            "reason": "raised",
            "state": "pending",
            "alert_id": "leak/water/dorm-2/20261123T0400",
            "created_at": "2026-11-23T04:00:00Z",
            "due_at": "2026-11-23T04:00:08Z",
            "delivered_at": None,
            "attempts": 2,
            "last_error": "the gateway answered 503",
        }
    )
    id: str = Field(description="The same at every attempt")
    channel: str
    receiver: str = Field(description="person:NAME or channel:NAME")
    address: str
    reason: NotifyReason
    state: DeliveryState
    alert_id: str | None = Field(description="The weightiest of its alerts; null: about none")
    created_at: datetime
    due_at: datetime
    delivered_at: datetime | None
    attempts: int
    last_error: str


class DeliveryPageOut(BaseModel):
    """A page of the log, latest first."""

    items: list[DeliveryOut]
    next_cursor: str | None
