"""The page of one person's tasks: made for the phone in the basement."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from alerts.users.roles import Permission
from api.dependencies import Parts
from api.orders.reach import CurrentOrders
from api.permits import needs
from api.web.orders.words import STATES
from api.web.rendering import Pages
from api.web.tasks import build_tasks

router = APIRouter(include_in_schema=False)


@router.get("/tasks", dependencies=[needs(Permission.ALERTS_HANDLE)])
def get_tasks(request: Request, parts: Parts, orders: CurrentOrders, pages: Pages) -> Response:
    """What is mine, and what waits for somebody."""
    reader = pages.reader(request)
    is_done = request.query_params.get("notice") == "done"
    tasks = build_tasks(parts, orders, reader)
    return pages.page(
        request, "tasks.html", reader=reader, tasks=tasks, is_done=is_done, order_states=STATES, nav="tasks"
    )
