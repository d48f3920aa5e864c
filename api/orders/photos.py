"""`/api/v1/orders/{order_id}/photos`: one photo a request, as the bytes of the file."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from alerts.orders.values import PhotoStage
from alerts.users.roles import Permission
from api.alerts.conditions import IdempotencyKey, Keyed
from api.orders.document import photo_document
from api.orders.reach import CurrentOrders, CurrentPerson
from api.orders.schema import PhotoOut
from api.orders.uploads import read_photo, take
from api.orders.views import OrderId
from api.permits import needs
from api.problem_schema import CHANGE_PROBLEMS, problems
from api.wire import JsonResponse

router = APIRouter(prefix="/api/v1/orders", tags=["orders"], default_response_class=JsonResponse)
_BODY = {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}, "required": True}


@router.post(
    "/{order_id}/photos",
    response_model=PhotoOut,
    responses=CHANGE_PROBLEMS | problems(413, 415),
    summary="Add a photo",
    dependencies=[needs(Permission.ORDERS_WORK)],
    openapi_extra={"requestBody": _BODY},
)
async def add_photo(
    request: Request,
    orders: CurrentOrders,
    person: CurrentPerson,
    order_id: OrderId,
    stage: Annotated[PhotoStage, Query()] = PhotoStage.WORK,
    key: IdempotencyKey = None,
) -> JsonResponse:
    """JPEG, PNG or WebP by its content, at most 10 MB and 25 megapixels, 8 an order.

    Kept as a JPEG of at most 2048 pixels a side without metadata. HEIC, PDF and the like are refused with 415.
    """
    content = await read_photo(request)
    picture = await take(content)
    asked = f"POST {request.url.path} {stage.value} {hashlib.sha256(content).hexdigest()}"
    once = Keyed(person.actor.name, key, asked).once(photo_document)
    photo = await run_in_threadpool(orders.add_photo, order_id, person, picture, stage, once=once)
    return JsonResponse(photo_document(photo))
