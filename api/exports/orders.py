"""`/api/v1/exports/orders`: work orders as a file, for settling with contractors."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from alerts.orders.orders import Orders
from alerts.orders.states import FINISHED, OrderState
from alerts.orders.values import Order, OrderFilter
from alerts.users.roles import Permission
from api.alerts.views import nodes_below
from api.dependencies import CurrentReach, Parts
from api.exports.table import Cell, table_response
from api.exports.views import FILE_PROBLEMS, PAGE, ExportForm, OptionalMoment, is_within, read_bounds
from api.orders.reach import CurrentOrders, narrowed
from api.permits import needs
from metering.site import Site

router = APIRouter(prefix="/api/v1/exports", tags=["exports"], default_response_class=Response)
_ORDER = (
    "order", "title", "words", "node", "place", "alert", "severity", "state", "owner", "assignee", "given_at",
    "started_at", "done_at", "due_at", "in_time", "done_by", "outcome", "reopened", "closed_at", "rating",
    "rating_words", "cost", "currency",
)  # fmt: skip


@router.get(
    "/orders", responses=FILE_PROBLEMS, summary="Work orders as a file", dependencies=[needs(Permission.ORDERS_READ)]
)
def export_orders(
    parts: Parts,
    orders: CurrentOrders,
    reach: CurrentReach,
    state: Annotated[list[OrderState] | None, Query(max_length=len(OrderState))] = None,
    node: Annotated[str | None, Query(max_length=200, description="This place and all below it")] = None,
    assignee: Annotated[str | None, Query(max_length=200, description="Who works on it; empty: nobody")] = None,
    start: OptionalMoment = None,
    end: OptionalMoment = None,
    form: ExportForm = "csv",
) -> Response:
    """Given at or after `start` and before `end`, latest first: of those that nobody has, made then. None of drills.

    A contractor: their own.
    """
    states = None if state is None else tuple(state)
    wanted = narrowed(reach, OrderFilter(states=states, nodes=nodes_below(reach.site, node), assignee=assignee))
    bounds, now = read_bounds(start, end, reach.site), parts.now()
    found = (o for o in _all(orders, wanted) if is_within(o.assigned_at or o.created_at, *bounds))
    return table_response("orders", _ORDER, (_order(o, reach.site, parts.prices.currency, now) for o in found), form)


def _all(orders: Orders, wanted: OrderFilter) -> Iterator[Order]:
    cursor = None
    while True:
        page = orders.find(wanted, cursor=cursor, limit=PAGE)
        yield from page.items
        if (cursor := page.next_cursor) is None:
            return


def _order(order: Order, site: Site, currency: str, now: datetime) -> list[Cell]:
    times = (order.assigned_at, order.started_at, order.done_at, order.due_at, order.closed_at)
    given, started, done, due, closed = (None if t is None else t.astimezone(site.zone) for t in times)
    return [
        order.id, order.title, order.words, order.node, site.place_name(order.node), order.alert_id,
        order.severity.value, order.state.value, order.owner, order.assignee, given, started, done, due,
        _is_in_time(order, now), order.done_by, None if order.outcome is None else str(order.outcome), order.reopened,
        closed, order.rating, order.rating_words, order.cost, None if order.cost is None else currency,
    ]  # fmt: skip


def _is_in_time(order: Order, now: datetime) -> bool | None:
    """As on the scorecards: None without a due time, and while there is time left."""
    if order.due_at is None:
        return None
    if order.done_at is not None and order.state in FINISHED:
        return order.done_at <= order.due_at
    return False if order.due_at <= now else None
