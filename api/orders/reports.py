"""`/api/v1/reports`: what people reported, for the office."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from alerts.orders.values import ReportState
from alerts.users.roles import Permission
from api.dependencies import CurrentActor, CurrentReach, Parts
from api.orders.document import order_document, report_document
from api.orders.reach import CurrentOrders, CurrentPerson
from api.orders.schema import DismissIn, JoinIn, OrderOut, ReportOut, ReportPageOut
from api.permits import needs
from api.problem_schema import CHANGE_PROBLEMS, LIST_PROBLEMS
from api.wire import JsonResponse

router = APIRouter(
    prefix="/api/v1/reports",
    tags=["orders"],
    default_response_class=JsonResponse,
    dependencies=[needs(Permission.ORDERS_MANAGE)],
)
ReportId = Annotated[int, Path(ge=1, le=2**53)]


@router.get("", response_model=ReportPageOut, responses=LIST_PROBLEMS, summary="What people reported")
def list_reports(
    orders: CurrentOrders,
    reach: CurrentReach,
    state: Annotated[list[ReportState] | None, Query(max_length=len(ReportState))] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> JsonResponse:
    """The latest first."""
    nodes = None if reach.nodes is None else sorted(reach.nodes)
    found = orders.reports(state or tuple(ReportState), nodes, limit)
    return JsonResponse({"items": [report_document(report, reach.site) for report in found]})


@router.post("/{report_id}/dismiss", response_model=ReportOut, responses=CHANGE_PROBLEMS, summary="Nothing is done")
def dismiss(
    orders: CurrentOrders, actor: CurrentActor, reach: CurrentReach, report_id: ReportId, asked: DismissIn
) -> JsonResponse:
    """Whoever reported reads why."""
    return JsonResponse(report_document(orders.dismiss_report(report_id, actor, asked.answer), reach.site))


@router.post(
    "/{report_id}/join", response_model=OrderOut, responses=CHANGE_PROBLEMS, summary="There is an order about it"
)
def join(
    parts: Parts, orders: CurrentOrders, person: CurrentPerson, reach: CurrentReach, report_id: ReportId, asked: JoinIn
) -> JsonResponse:
    """Whoever reported then follows that order."""
    return JsonResponse(order_document(orders.join_report(report_id, asked.order_id, person), reach.site, parts.now()))
