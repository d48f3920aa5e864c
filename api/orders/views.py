"""`/api/v1/orders`: reading orders, their history and photos."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from alerts.orders.states import OrderState
from alerts.orders.values import OrderFilter
from alerts.users.roles import Permission
from api.alerts.conditions import etag
from api.alerts.views import nodes_below
from api.dependencies import CurrentReach, Parts
from api.orders.document import event_document, order_document, whole_order_document
from api.orders.reach import CurrentOrders, narrowed
from api.orders.schema import OrderHistoryOut, OrderPageOut, WholeOrderOut
from api.permits import needs
from api.problem_schema import LIST_PROBLEMS, ONE_PROBLEMS
from api.wire import JsonResponse

router = APIRouter(
    prefix="/api/v1", tags=["orders"], default_response_class=JsonResponse, dependencies=[needs(Permission.ORDERS_READ)]
)
OrderId = Annotated[int, Path(ge=1, le=2**53)]
KEPT_S = 24 * 3600  # a photo never changes
PhotoId = Annotated[str, Path(max_length=64, examples=["5f1c0d4e8a7b4c2f9e3d6a1b0c5f7e8d"])]


def read_wanted(
    reach: CurrentReach,
    state: Annotated[list[OrderState] | None, Query(max_length=len(OrderState))] = None,
    node: Annotated[str | None, Query(max_length=200, description="This place and all below it")] = None,
    assignee: Annotated[str | None, Query(max_length=200, description="Who works on it; empty: nobody")] = None,
) -> OrderFilter:
    """Which orders are asked for, as far as the one who asks sees them. Raises: Problem 404, no such place."""
    states = None if state is None else tuple(state)
    return narrowed(reach, OrderFilter(states=states, nodes=nodes_below(reach.site, node), assignee=assignee))


CurrentWanted = Annotated[OrderFilter, Depends(read_wanted)]


@router.get("/orders", response_model=OrderPageOut, responses=LIST_PROBLEMS, summary="Work orders, the latest first")
def list_orders(
    parts: Parts,
    orders: CurrentOrders,
    reach: CurrentReach,
    wanted: CurrentWanted,
    alert: Annotated[str | None, Query(max_length=200, description="Of this alert")] = None,
    overdue: Annotated[bool, Query(description="Only those that should be done by now")] = False,
    drill: Annotated[
        bool, Query(description="Also those of drills, which are not real; they are never counted")
    ] = False,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(pattern="^[0-9]{1,15}$")] = None,
) -> JsonResponse:
    """As far as the one who asks sees them; a contractor: their own. Those of drills come only with `drill=true`."""
    wanted = replace(wanted, alert_id=alert, overdue_at=parts.now() if overdue else None, drill=drill)
    page = orders.find(wanted, cursor=None if cursor is None else int(cursor), limit=limit)
    counts = orders.count(OrderFilter(nodes=wanted.nodes, assignee=wanted.assignee, alert_id=wanted.alert_id))
    return JsonResponse({
        "items": [order_document(order, reach.site, parts.now()) for order in page.items],
        "next_cursor": None if page.next_cursor is None else str(page.next_cursor),
        "counts": counts,
    })  # fmt: skip


@router.get("/orders/{order_id}", response_model=WholeOrderOut, responses=ONE_PROBLEMS, summary="One work order")
def get_order(parts: Parts, orders: CurrentOrders, reach: CurrentReach, order_id: OrderId) -> JsonResponse:
    """With its photos and what people reported."""
    order = orders.get(order_id)
    photos, reports = orders.photos_of(order_id), orders.reports_of(order_id)
    document = whole_order_document(order, photos, reports, reach.site, parts.now())
    return JsonResponse(document, headers={"ETag": etag(order.version)})


@router.get("/orders/{order_id}/events", response_model=OrderHistoryOut, responses=ONE_PROBLEMS, summary="Its history")
def get_events(orders: CurrentOrders, order_id: OrderId) -> JsonResponse:
    """Who did what when, and what the meters said; oldest first."""
    return JsonResponse({"items": [event_document(event) for event in orders.events_of(order_id)]})


@router.get(
    "/photos/{photo_id}",
    response_class=Response,
    responses={**ONE_PROBLEMS, 200: {"description": "The photo", "content": {"image/jpeg": {}}}},
    summary="A photo",
)
def get_photo(orders: CurrentOrders, photo_id: PhotoId) -> Response:
    """A JPEG that was written here."""
    headers = {"Cache-Control": f"private, max-age={KEPT_S}", "Content-Disposition": "inline"}
    return Response(orders.photo_content(photo_id), media_type="image/jpeg", headers=headers)
