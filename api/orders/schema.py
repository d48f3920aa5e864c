"""The wire forms of orders, as OpenAPI shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from alerts.actions import LONGEST_NAME, LONGEST_TEXT
from alerts.orders.hand import BEST_RATING, MOST_COST
from alerts.orders.making import LONGEST_TITLE, MOST_LINES
from alerts.orders.reporting import LONGEST_ANSWER
from alerts.orders.states import OrderState
from alerts.orders.values import OrderAction, PhotoStage, ReportState
from alerts.values import Outcome
from api.alerts.schema import PlaceOut
from metering.incident import Severity

ORDER_EXAMPLE: dict[str, Any] = {
    "id": 17, "state": "in_work", "alert_id": "a3f0c2", "node": "dorm-2", "title": "", "words": "先看三号管井",
    "severity": "critical", "owner": "chen", "assignee": "li", "assigned_by": "chen", "created_by": "chen",
    "created_at": "2026-11-20T20:10:00Z", "due_at": "2026-11-21T20:10:00Z", "assigned_at": "2026-11-20T20:10:00Z",
    "started_at": "2026-11-20T21:00:00Z", "done_at": None, "done_by": None, "verified_at": None, "verified_by": None,
    "closed_at": None, "closed_by": None, "outcome": None, "rating": None, "rating_words": "",
    "cost": None,
    "checklist": [
        {"texts": {"zh-CN": "逐个关分支阀。", "en": "Close branch by branch."}, "done_by": "li",
         "done_at": "2026-11-20T21:20:00Z"},
    ],
    "reopened": 0, "photos": 1, "version": 3, "updated_at": "2026-11-20T21:20:00Z", "drill": None, "overdue": False,
    "place": [{"id": "campus", "name": "主校区"}, {"id": "dorm-2", "name": "梅园2号楼"}],
}  # fmt: skip
_PHOTO_EXAMPLE: dict[str, Any] = {
    "id": "5f1c0d4e8a7b4c2f9e3d6a1b0c5f7e8d", "order_id": 17, "report_id": None, "stage": "work", "by": "li",
    "at": "2026-11-20T21:18:00Z", "width": 1536, "height": 2048, "size_bytes": 412345,
    "url": "/api/v1/photos/5f1c0d4e8a7b4c2f9e3d6a1b0c5f7e8d",
}  # fmt: skip
_REPORT_EXAMPLE: dict[str, Any] = {
    "id": 4, "state": "ordered", "node": "dorm-2", "spot": "3层水房", "words": "水一直流", "language": "zh-CN",
    "at": "2026-11-20T19:55:00Z", "order_id": 17, "handled_by": "chen", "handled_at": "2026-11-20T20:10:00Z",
    "answer": "", "photos": 1, "version": 2, "drill": None,
    "place": [{"id": "campus", "name": "主校区"}, {"id": "dorm-2", "name": "梅园2号楼"}],
}  # fmt: skip
_Note = Field("", max_length=LONGEST_TEXT, description="Why; kept in the order's history")
_Cost = Field(None, ge=0, le=MOST_COST, description="What the repair cost in all, in the site's currency")
_Version = Field(None, ge=0, le=2**31, description="The version that was seen; If-Match says the same")

_SaidAt = Field(
    None,
    description="When the person did it, where that is sent later; kept in the order's history",
    examples=["2026-11-23T10:14:00+08:00"],
)


def _example(*examples: JsonDict) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": list(examples)})


def _forbid(*examples: JsonDict) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": list(examples)})


class CheckLineOut(BaseModel):
    """One line of the checklist."""

    texts: dict[str, str] = Field(description="By language")
    done_by: str | None
    done_at: datetime | None


class OrderOut(BaseModel):
    """One work order. With an alert it ends only when the meters agree: `done` waits for that, `verified` has it."""

    model_config = _example(ORDER_EXAMPLE)
    id: int
    state: OrderState
    alert_id: str | None
    node: str
    title: str
    words: str
    severity: Severity
    owner: str = Field(description="Who answers for it in the office")
    assignee: str | None = Field(description="Who works on it")
    assigned_by: str | None
    created_by: str
    created_at: datetime
    due_at: datetime | None
    assigned_at: datetime | None
    started_at: datetime | None
    done_at: datetime | None
    done_by: str | None
    verified_at: datetime | None
    verified_by: str | None = Field(description="`meters`, or of an order without an alert who said so")
    closed_at: datetime | None
    closed_by: str | None
    outcome: Outcome | None
    rating: int | None
    rating_words: str
    cost: float | None = Field(description="What the repair cost in all, in the site's currency")
    checklist: list[CheckLineOut]
    reopened: int
    photos: int
    version: int = Field(description="What the ETag says; notes, photos and checked lines leave it alone")
    updated_at: datetime
    drill: str | None = Field(description="Id of the drill whose alert it is of; null: it is real")
    overdue: bool
    place: list[PlaceOut]


class PhotoOut(BaseModel):
    """A photo: a JPEG that was written here, without metadata."""

    model_config = _example(_PHOTO_EXAMPLE)
    id: str
    order_id: int | None
    report_id: int | None
    stage: PhotoStage
    by: str
    at: datetime
    width: int
    height: int
    size_bytes: int
    url: str


class ReportOut(BaseModel):
    """What somebody saw who gave no name."""

    model_config = _example(_REPORT_EXAMPLE)
    id: int
    state: ReportState
    node: str
    spot: str
    words: str
    language: str
    at: datetime
    order_id: int | None
    handled_by: str | None
    handled_at: datetime | None
    answer: str = Field(description="What whoever reported reads where nothing is done")
    photos: int
    version: int
    drill: str | None = Field(description="Id of the drill whose order that is; null: it is real")
    place: list[PlaceOut]


class WholeOrderOut(OrderOut):
    """The same with its photos and what people reported."""

    model_config = _example({**ORDER_EXAMPLE, "photo_list": [_PHOTO_EXAMPLE], "reports": [_REPORT_EXAMPLE]})
    photo_list: list[PhotoOut]
    reports: list[ReportOut]


class OrderPageOut(BaseModel):
    """Orders, the latest first."""

    items: list[OrderOut]
    next_cursor: str | None
    counts: dict[OrderState, int] = Field(description="How many stand where, of all that fit but for the state")


class OrderEventOut(BaseModel):
    """One line of an order's history; kept for good."""

    id: int
    order_id: int
    at: datetime
    actor: str
    origin: str
    action: OrderAction
    text: str
    detail: dict[str, Any]


class OrderHistoryOut(BaseModel):
    """All of it, oldest first."""

    items: list[OrderEventOut]


class ReportPageOut(BaseModel):
    """Reports, the latest first."""

    items: list[ReportOut]


class OpenIn(BaseModel):
    """From an alert, a report or of the office's own; one of `alert_id`, `report_id` and `node` is needed."""

    model_config = _forbid({"alert_id": "a3f0c2", "assignee": "li", "words": "先看三号管井"}, {"report_id": 4})
    alert_id: str | None = Field(None, min_length=1, max_length=LONGEST_NAME)
    report_id: int | None = Field(None, ge=1, le=2**53)
    node: str | None = Field(None, min_length=1, max_length=LONGEST_NAME)
    title: str = Field("", max_length=LONGEST_TITLE)
    words: str = Field("", max_length=LONGEST_TEXT)
    severity: Severity | None = Field(None, description="Else the alert's, or warning")
    owner: str | None = Field(None, min_length=1, max_length=LONGEST_NAME)
    assignee: str | None = Field(None, min_length=1, max_length=LONGEST_NAME)
    due_at: AwareDatetime | None = Field(None, description="Else by the desk's policy and the severity")
    checklist: list[str] | None = Field(None, max_length=MOST_LINES, description="Else the playbook's")


class GiveIn(BaseModel):
    """Who works on it; null takes that back."""

    model_config = _forbid({"assignee": "li", "note": "今天能去吗", "version": 1})
    assignee: str | None = Field(min_length=1, max_length=LONGEST_NAME)
    note: str = _Note
    version: int | None = _Version


class ChangeIn(BaseModel):
    """What is given is changed."""

    model_config = _forbid({"due_at": "2026-11-22T10:00:00Z", "version": 2})
    title: str | None = Field(None, max_length=LONGEST_TITLE)
    words: str | None = Field(None, max_length=LONGEST_TEXT)
    owner: str | None = Field(None, min_length=1, max_length=LONGEST_NAME)
    due_at: AwareDatetime | None = None
    cost: float | None = _Cost
    version: int | None = _Version


class AttachIn(BaseModel):
    """The alert that an order without one turns out to be of."""

    model_config = _forbid({"alert_id": "a3f0c2", "version": 2})
    alert_id: str = Field(min_length=1, max_length=LONGEST_NAME)
    note: str = _Note
    version: int | None = _Version


class StepIn(BaseModel):
    """`version` is the one the person saw; without it the step is taken from whatever stands."""

    model_config = _forbid({"note": "", "version": 2})
    note: str = _Note
    version: int | None = _Version


class StartIn(StepIn):
    """I am at it, maybe said on a phone that had no connection."""

    model_config = _forbid({"note": "", "version": 2})
    said_at: AwareDatetime | None = _SaidAt


class ReopenOrderIn(BaseModel):
    """It does not hold."""

    model_config = _forbid({"note": "还在滴水", "version": 4})
    note: str = Field(min_length=1, max_length=LONGEST_TEXT, description="Why")
    version: int | None = _Version


class NoteIn(BaseModel):
    """A remark, kept for ever."""

    model_config = _forbid({"text": "缺DN25球阀，明早到货"})
    text: str = Field(min_length=1, max_length=LONGEST_TEXT)
    said_at: AwareDatetime | None = _SaidAt


class CheckIn(BaseModel):
    """A line of the checklist, counted from 0."""

    model_config = _forbid({"line": 0, "done": True})
    line: int = Field(ge=0, lt=MOST_LINES)
    done: bool = True
    said_at: AwareDatetime | None = _SaidAt


class DoneIn(BaseModel):
    """What it was found to be, and what was done."""

    model_config = _forbid({"outcome": "repaired", "note": "更换DN25球阀", "cost": 380.0, "version": 3})
    outcome: Outcome = Outcome.REPAIRED
    note: str = _Note
    cost: float | None = _Cost
    version: int | None = _Version
    said_at: AwareDatetime | None = _SaidAt


class CloseIn(BaseModel):
    """The office's rating."""

    model_config = _forbid({"rating": 5, "note": "来得很快", "version": 5})
    rating: int = Field(ge=1, le=BEST_RATING)
    note: str = _Note
    cost: float | None = _Cost
    version: int | None = _Version


class DismissIn(BaseModel):
    """Why nothing is done: whoever reported reads this."""

    model_config = _forbid({"answer": "喷泉定时运行，不是漏水。谢谢！"})
    answer: str = Field(min_length=1, max_length=LONGEST_ANSWER)


class JoinIn(BaseModel):
    """The order that is about this already."""

    model_config = _forbid({"order_id": 17})
    order_id: int = Field(ge=1, le=2**53)


class TickIn(BaseModel):
    """One thing that was looked at. `id` is made by the phone: what is sent twice counts once."""

    model_config = _forbid(
        {"id": "8e03978e-40d5-43dd-bc93-6894a57f9324", "item": "alert:a3f0c2", "at": "2026-11-21T07:40:00Z",
         "result": "fine", "note": ""}
    )  # fmt: skip
    id: str = Field(pattern="^[A-Za-z0-9_-]{8,64}$")
    item: str = Field(min_length=1, max_length=250, description="The `key` of an item of the list")
    at: AwareDatetime = Field(description="When it was looked at, by the phone's clock")
    result: Literal["fine", "problem", "no_access"] = "fine"
    note: str = Field("", max_length=500)


class TicksIn(BaseModel):
    """What was looked at since the phone was last on line."""

    model_config = _forbid(
        {"ticks": [{"id": "8e03978e-40d5-43dd-bc93-6894a57f9324", "item": "alert:a3f0c2",
                    "at": "2026-11-21T07:40:00Z"}]}
    )  # fmt: skip
    ticks: list[TickIn] = Field(min_length=1, max_length=500)
    sent_at: AwareDatetime | None = Field(
        None, description="Now, by the phone's clock: one that is wrong by more than 5 minutes is put right by it"
    )


class TickedOut(BaseModel):
    """What became of one tick: `taken` (also where it was sent before) or `refused`, with why."""

    id: str
    result: Literal["taken", "refused"]
    detail: str | None
    code: Literal["gone", "ahead", "too_old", "refused"] | None = Field(
        description="Why in a word; `gone`: nothing that the caller sees has this key any more"
    )


class TickedManyOut(BaseModel):
    """Each by itself, in the order given."""

    items: list[TickedOut]


class TickOut(BaseModel):
    """One thing that somebody looked at."""

    id: str
    item: str
    node: str
    result: Literal["fine", "problem", "no_access"]
    words: str
    actor: str
    at: datetime
    taken_at: datetime


class PatrolItemOut(BaseModel):
    """One thing to look at. `every_h`: hours between two looks."""

    key: str
    kind: Literal["alert", "cleared", "dead_meter", "overdue_reading"]
    node: str
    place: list[PlaceOut]
    subject: str
    severity: Severity
    every_h: float
    due_at: datetime
    is_due: bool
    last: TickOut | None


class PatrolOut(BaseModel):
    """The list in the order of the way."""

    at: datetime
    items: list[PatrolItemOut]
