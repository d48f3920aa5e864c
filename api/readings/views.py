"""`/api/v1/meters/{id}/readings` and `POST /api/v1/readings`."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Query, Request
from starlette.concurrency import run_in_threadpool

from alerts.users.roles import Permission
from api.bodies import bounded_body, media_type_of
from api.dependencies import CurrentSite, Parts, meter_of
from api.moments import read_range
from api.permits import needs
from api.problem_schema import ONE_PROBLEMS, problems
from api.problems import Problem
from api.readings.long_form import parse_readings
from api.readings.schema import READINGS_BODY, ReadingsOut, TakenOut
from api.wire import JsonResponse, time_text, time_texts
from metering.batch import ReadingBatch
from metering.quantities import BY_CODE, quantity

router = APIRouter(prefix="/api/v1", tags=["readings"], default_response_class=JsonResponse)
MAX_BODY_BYTES = 16 * 1024 * 1024


@router.get(
    "/meters/{meter_id}/readings",
    response_model=ReadingsOut,
    responses=ONE_PROBLEMS,
    summary="Raw readings",
    dependencies=[needs(Permission.SITE_READ)],
)
def get_readings(
    parts: Parts,
    site: CurrentSite,
    meter_id: Annotated[str, Path(max_length=200)],
    start: Annotated[str, Query(max_length=40, examples=["2026-11-01"])],
    end: Annotated[str, Query(max_length=40, examples=["2026-11-02"])],
    quantity: Annotated[list[str] | None, Query(max_length=100, description="Default: all the meter has")] = None,
    limit: Annotated[int, Query(ge=1, le=100_000)] = 10_000,
) -> JsonResponse:
    """Start <= time < end, oldest first. `limit` counts times: all quantities of one time come together."""
    meter_of(site, meter_id)
    wanted = _quantities(quantity) or _all_quantities(parts.readings.latest([meter_id]))
    first, last = read_range(start, end, site)
    batch = parts.readings.read([meter_id], wanted, first, last) if wanted else parts.readings.latest([])
    times = np.unique(batch.time)
    next_start = times[limit] if len(times) > limit else None
    if next_start is not None:
        batch = batch.take(batch.time < next_start)
    return JsonResponse({"meter": meter_id, "series": _series(batch), "next_start": time_text(next_start)})


def _quantities(names: list[str] | None) -> list[str]:
    try:
        return list(dict.fromkeys(quantity(n).name for n in names or ()))
    except ValueError as error:
        raise Problem(422, str(error)) from error


def _all_quantities(latest: ReadingBatch) -> list[str]:
    return [BY_CODE[int(c)].name for c in np.unique(latest.quantity)]


def _series(batch: ReadingBatch) -> list[dict[str, Any]]:
    found = []
    for code in np.unique(batch.quantity):
        rows = batch.take(batch.quantity == code)
        found.append(
            {
                "quantity": BY_CODE[int(code)].name,
                "unit": BY_CODE[int(code)].unit,
                "times": time_texts(rows.time),
                "values": rows.value.tolist(),
                "quality": rows.quality.tolist(),
            }
        )
    return found


@router.post(
    "/readings",
    response_model=TakenOut,
    responses=problems(401, 403, 413, 415, 421, 422, 429),
    openapi_extra=READINGS_BODY,
    summary="Bring readings in",
    dependencies=[needs(Permission.READINGS_WRITE)],
)
async def post_readings(request: Request, parts: Parts, site: CurrentSite) -> JsonResponse:
    """The long form, JSON or CSV, plain or `Content-Encoding: gzip`; at most 16 MB (unpacked) and 200 000 rows.

    Good rows are durable when this answers; each bad one is named with its row. 422 when no row could be taken. What
    is sent again changes nothing; of one meter, quantity and time the later value holds. 503: nothing was taken, send
    the same again.
    """
    body = await bounded_body(request, MAX_BODY_BYTES)
    parsed = await run_in_threadpool(parse_readings, body, media_type_of(request), site, parts.now())
    errors = [dataclasses.asdict(e) for e in parsed.errors]
    if len(parsed.batch):
        await parts.submit(parsed.batch)
    elif errors:
        raise Problem(422, "No row could be taken.", taken=0, refused=parsed.refused, errors=errors)
    return JsonResponse({"taken": len(parsed.batch), "refused": parsed.refused, "errors": errors})
