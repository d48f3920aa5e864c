"""`/api/v1/health/collector`: how collecting goes, as a wire document."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

import numpy as np
from fastapi import APIRouter
from pydantic import BaseModel

from alerts.users.roles import Permission
from api.dependencies import CurrentHealth
from api.permits import needs
from api.problem_schema import problems
from api.wire import JsonResponse, jsonable
from metering.health import HealthReport

router = APIRouter(prefix="/api/v1/health", tags=["health"], default_response_class=JsonResponse)


class MeterHealthOut(BaseModel):
    """One meter's counts since the program started. `age_s` is the age of its newest reading."""

    meter: str
    connection: str
    expected: int
    received: int
    stored: int
    skipped: int
    errors: int
    last_error: str
    last_reading: datetime | None
    age_s: float | None
    breaker: str
    raw: str
    quantity: str
    value: float | None
    quality: int
    next_poll: datetime | None


class ConnectionHealthOut(BaseModel):
    """One line, gateway or broker."""

    connection: str
    state: str
    meters: int
    requests: int
    errors: int
    reconnects: int
    last_error: str


class JournalHealthOut(BaseModel):
    """The journal: `lag` is entries behind its head, by reader; `dropped` by reason; `free_bytes` of its volume."""

    entries: int
    bytes: int
    oldest: datetime | None
    lag: dict[str, int]
    dropped: dict[str, int]
    free_bytes: int | None


class CollectorHealthOut(BaseModel):
    """All of it at one moment. `set_aside` counts what was refused, by reason."""

    time: datetime
    meters: list[MeterHealthOut]
    connections: list[ConnectionHealthOut]
    journal: JournalHealthOut
    set_aside: dict[str, int]


def age_s(report: HealthReport, last_reading: np.datetime64 | None) -> float | None:
    """How old a reading is at the report's time; a clock slightly ahead counts as 0."""
    if last_reading is None or np.isnat(last_reading):
        return None
    return max(0.0, float((report.time - last_reading) / np.timedelta64(1, "ms")) / 1000)


def health_document(report: HealthReport) -> dict[str, Any]:
    """The report as JSON."""
    document: dict[str, Any] = jsonable(dataclasses.asdict(report))
    for written, meter in zip(document["meters"], report.meters, strict=True):
        written["age_s"] = age_s(report, meter.last_reading)
    return document


@router.get(
    "/collector",
    response_model=CollectorHealthOut,
    responses=problems(401, 403, 421),
    summary="How collecting goes",
    dependencies=[needs(Permission.COLLECTING_READ)],
)
def get_collector_health(health: CurrentHealth) -> JsonResponse:
    """Per connection and meter: expected, received, stored, errors, breaker; the journal's depth and lag."""
    return JsonResponse(health_document(health))
