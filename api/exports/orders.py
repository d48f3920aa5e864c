"""`/api/v1/exports/orders`: work orders as a file, for settling with contractors."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from starlette.responses import Response

from alerts.orders.states import FINISHED
from alerts.orders.values import Order
from alerts.paging import every
from alerts.users.roles import Permission
from api.dependencies import CurrentReach, Parts
from api.exports.table import Cell, table_response
from api.exports.views import FILE_PROBLEMS, ExportForm, OptionalMoment, is_within, read_bounds
from api.orders.reach import CurrentOrders
from api.orders.views import CurrentWanted
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
    wanted: CurrentWanted,
    start: OptionalMoment = None,
    end: OptionalMoment = None,
    form: ExportForm = "csv",
) -> Response:
    """Given at or after `start` and before `end`, latest first: of those that nobody has, made then. None of drills.

    A contractor: their own.
    """
    bounds, now = read_bounds(start, end, reach.site), parts.now()
    found = (o for o in every(orders.find, wanted) if is_within(o.assigned_at or o.created_at, *bounds))
    return table_response("orders", _ORDER, (_order(o, reach.site, parts.prices.currency, now) for o in found), form)


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
