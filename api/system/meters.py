"""`/api/v1/health/meters`: every meter as collecting sees it, page by page, as a wire document."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from alerts.users.roles import Permission
from api.dependencies import CurrentHealth, CurrentSite
from api.permits import needs
from api.problem_schema import problems
from api.system.meter_states import MeterRow, Sort, State, Wanted, choose, meter_rows
from api.wire import JsonResponse, jsonable
from metering.batch import Quality
from metering.quantities import BY_NAME

router = APIRouter(prefix="/api/v1/health", tags=["health"], default_response_class=JsonResponse)


class MeterStateOut(BaseModel):
    """One meter now. Empty and null: nothing has come yet, or the site file does not say."""

    meter: str
    name: str
    medium: str | None
    node: str | None
    building: str = Field(description="Id of the building the meter stands in")
    profile: str | None
    connection: str
    device_address: str | None
    state: State = Field(description="broken: its breaker is open; silent: never heard of; unread: no connection")
    breaker: str = Field(description="closed, open or probing")
    raw: str = Field(description="The last value's registers, frame or message as read, shortened")
    quantity: str = Field(description="The quantity that stands for the meter: its counter, else its rate")
    value: float | None = Field(description="The last value of that quantity, decoded, in `unit`")
    unit: str
    quality: list[str] = Field(description="Why the value is not simply good; empty: it is")
    last_reading: datetime | None
    age_s: float | None
    next_poll: datetime | None = Field(description="When it is asked next; null for a meter that sends by itself")
    expected: int
    received: int
    errors: int
    last_error: str


class MeterStatesOut(BaseModel):
    """One page. `states` counts the meters of any state; the other conditions hold."""

    time: datetime
    total: int
    states: dict[str, int]
    items: list[MeterStateOut]


def quality_names(bits: int) -> list[str]:
    """The names of the bits that are set, in lower case."""
    return [str(flag.name).lower() for flag in Quality if flag & bits]


def meter_document(row: MeterRow) -> dict[str, Any]:
    """One meter as JSON."""
    health, meter = row.health, row.meter
    known = BY_NAME.get(health.quantity)
    return {
        "meter": row.id,
        "name": meter.name if meter else "",
        "medium": meter.medium if meter else None,
        "node": meter.node if meter else None,
        "building": row.building,
        "profile": meter.profile if meter else None,
        "connection": health.connection,
        "device_address": meter.device_address if meter else None,
        "state": row.state,
        "breaker": health.breaker,
        "raw": health.raw,
        "quantity": health.quantity,
        "value": health.value,
        "unit": known.unit if known else "",
        "quality": quality_names(health.quality),
        "last_reading": health.last_reading,
        "age_s": row.age_s,
        "next_poll": health.next_poll,
        "expected": health.expected,
        "received": health.received,
        "errors": health.errors,
        "last_error": health.last_error,
    }


@router.get(
    "/meters",
    response_model=MeterStatesOut,
    responses=problems(401, 403, 421, 422),
    summary="Every meter as read now",
    dependencies=[needs(Permission.COLLECTING_READ)],
)
def get_meter_states(
    report: CurrentHealth,
    site: CurrentSite,
    search: Annotated[str, Query(max_length=100, description="Words in number, name, place, model, error")] = "",
    state: Annotated[Literal["", "troubled"] | State, Query(description="troubled: broken, silent or late")] = "",
    building: Annotated[str, Query(max_length=200, description="Node id")] = "",
    connection: Annotated[str, Query(max_length=500, description="As in `connection`")] = "",
    sort: Annotated[Sort, Query(description="trouble first, or by number, age, errors, next poll")] = "trouble",
    reverse: Annotated[bool, Query(description="The other way round")] = False,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> JsonResponse:
    """For commissioning: last raw and decoded value, quality, age, next poll, errors, breaker of each meter."""
    wanted = Wanted(search, state, building, connection, sort, reverse, offset, limit)
    chosen = choose(meter_rows(report, site), site, wanted)
    items = [meter_document(row) for row in chosen.rows]
    return JsonResponse(
        jsonable({"time": report.time, "total": chosen.total, "states": dict(chosen.states), "items": items})
    )
