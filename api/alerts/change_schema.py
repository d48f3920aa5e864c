"""The wire forms of what people do with alerts, as OpenAPI shows them."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from alerts.actions import LONGEST_NAME, LONGEST_TEXT
from alerts.desk import MOST_AT_ONCE
from alerts.values import Outcome
from api.alerts.schema import AlertOut

_Note = Field("", max_length=LONGEST_TEXT, description="Why; kept in the alert's history")
_Version = Field(None, ge=0, le=2**31, description="The version that was seen; If-Match says the same")
_SaidAt = Field(
    None,
    description="When the person did it, where that is sent later; kept in the alert's history",
    examples=["2026-11-23T10:14:00+08:00"],
)


def _forbid(*examples: JsonDict) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": list(examples)})


class AcknowledgeIn(BaseModel):
    """`version` is the one the person saw; without it the change is made on whatever stands."""

    model_config = _forbid({"version": 1, "note": ""})
    note: str = _Note
    version: int | None = _Version
    said_at: AwareDatetime | None = _SaidAt


class AssignIn(BaseModel):
    """Who is to see to it: the name of an account."""

    model_config = _forbid({"assignee": "li", "note": "先看三号管井", "version": 1})
    assignee: str = Field(min_length=1, max_length=LONGEST_NAME)
    note: str = _Note
    version: int | None = _Version


class UnassignIn(BaseModel):
    """Nobody in particular is to see to it any more."""

    model_config = _forbid({"note": "今天休息", "version": 2})
    note: str = _Note
    version: int | None = _Version


class CommentIn(BaseModel):
    """A remark, kept for ever."""

    model_config = _forbid({"text": "已联系维修班，下午到场"})
    text: str = Field(min_length=1, max_length=LONGEST_TEXT)
    said_at: AwareDatetime | None = _SaidAt


class ResolveIn(BaseModel):
    """What it was found to be."""

    model_config = _forbid({"outcome": "repaired", "note": "更换DN50阀门", "version": 2})
    outcome: Outcome
    note: str = _Note
    version: int | None = _Version
    said_at: AwareDatetime | None = _SaidAt


class ReopenIn(BaseModel):
    """The outcome was not right."""

    model_config = _forbid({"note": "水表仍在走，未修好", "version": 3})
    note: str = _Note
    version: int | None = _Version


class SeenIn(BaseModel):
    """One alert, and the version of it that was seen."""

    model_config = ConfigDict(extra="forbid")
    id: str = Field(min_length=1, max_length=200)
    version: int | None = _Version


class AcknowledgeManyIn(BaseModel):
    """Up to 500 alerts at once."""

    model_config = _forbid({"alerts": [{"id": "a3f0c2", "version": 0}, {"id": "77be01"}], "note": "夜班接手"})
    alerts: list[SeenIn] = Field(min_length=1, max_length=MOST_AT_ONCE)
    note: str = _Note


class HandledOut(BaseModel):
    """What became of one: acknowledged (or already the caller's), conflict (somebody else was quicker), unknown."""

    id: str
    result: Literal["acknowledged", "conflict", "unknown"]
    detail: str | None = Field(description="Why it was not done")
    alert: AlertOut | None = Field(description="As it stands now")


class HandledManyOut(BaseModel):
    """In the order of the request."""

    items: list[HandledOut]
