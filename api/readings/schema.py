"""The wire forms of readings, as OpenAPI shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


class ReadingSeriesOut(BaseModel):
    """Readings of one quantity, in columns of equal length."""

    quantity: str
    unit: str
    times: list[datetime]
    values: list[float]
    quality: list[int]


class ReadingsOut(BaseModel):
    """A meter's readings. `next_start` is where to go on when there were more than `limit`."""

    meter: str
    series: list[ReadingSeriesOut]
    next_start: datetime | None


class RowErrorOut(BaseModel):
    """One row that was not taken."""

    row: int = Field(description="1 is the first data row; a CSV's header is not counted")
    member: str
    message: str


class TakenOut(BaseModel):
    """What became of the rows."""

    taken: int
    refused: int
    errors: list[RowErrorOut] = Field(description="The first thousand of the refused rows")


_ROW = {"meter": "W-D2-MAIN", "quantity": "water_volume", "time": "2026-11-01T08:00:00+08:00", "value": 1234.5}
_ROW_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["meter", "quantity", "time", "value"],
    "properties": {
        "meter": {"type": "string"},
        "quantity": {"type": "string"},
        "time": {"type": "string", "format": "date-time"},
        "value": {"type": "number"},
        "quality": {"type": "integer", "minimum": 0, "maximum": 255, "description": "Bits: 1 estimated, 4 wrong clock"},
    },
}
READINGS_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "array", "items": _ROW_SCHEMA}, "example": [_ROW]},
            "text/csv": {
                "schema": {"type": "string"},
                "example": "meter,quantity,time,value\nW-D2-MAIN,water_volume,2026-11-01T08:00:00+08:00,1234.5\n",
            },
        },
    }
}
