"""The wire forms of head-counts, as OpenAPI shows them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field


class HeadCountOut(BaseModel):
    """Beds and people of a place from a local midnight on."""

    node: str
    first: date | None = Field(serialization_alias="from", description="Null: as the site file says")
    beds: int | None
    people: int | None
    source: Literal["brought", "site"]
    who: str | None
    at: datetime | None
    file: str | None


class HeadCountsOut(BaseModel):
    """Head-counts by place."""

    items: list[HeadCountOut]


class CountChangeOut(BaseModel):
    """A row that changes something, and what holds on that day without it."""

    line: int
    node: str
    first: date = Field(serialization_alias="from")
    beds: int | None
    people: int | None
    before: HeadCountOut


class CountFaultOut(BaseModel):
    """A row that was not taken. Line 1 of a CSV is its header; of JSON the first row."""

    line: int
    member: str
    reason: str
    message: str


class CountsTakenOut(BaseModel):
    """What became of the rows, or would, of a dry run."""

    dry_run: bool
    taken: int
    unchanged: int
    refused: int
    changes: list[CountChangeOut] = Field(description="The first thousand")
    errors: list[CountFaultOut] = Field(description="The first thousand")


_ROW = {"node": "dorm-1-201", "from": "2026-09-01", "beds": 4, "people": 3}
_COUNT = {"type": ["integer", "null"], "minimum": 0, "maximum": 100_000}
_ROW_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["node", "from"],
    "properties": {
        "node": {"type": "string"},
        "from": {"type": "string", "format": "date"},
        "beds": _COUNT,
        "people": _COUNT,
    },
}
COUNTS_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string"}, "example": "node,from,beds,people\ndorm-1-201,2026-09-01,4,3\n"},
            "application/json": {"schema": {"type": "array", "items": _ROW_SCHEMA}, "example": [_ROW]},
        },
    }
}
