"""Which orders, reports and photos the one who asks sees, and as whom they act."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Request

from alerts.orders.errors import UnknownPhotoError
from alerts.orders.hand import Person
from alerts.orders.orders import Orders
from alerts.orders.values import Order, OrderFilter, Photo
from alerts.users.reach import Reach
from alerts.users.roles import Permission
from api.dependencies import get_actor, get_reach, get_user

_MOST_DIGITS = 15


def get_orders(request: Request) -> Orders:
    """The orders of the records."""
    orders: Orders = request.app.state.orders
    return orders


def sees_order(reach: Reach) -> Callable[[Order], bool]:
    """Whether an order is the account's business: of its places; of who sees only their own, theirs."""
    return lambda order: reach.covers(order.node) and reach.assignee in (None, order.assignee)


def narrowed(reach: Reach, wanted: OrderFilter) -> OrderFilter:
    """The part of what is wanted that is within."""
    nodes = wanted.nodes
    if reach.nodes is not None:
        nodes = tuple(n for n in (sorted(reach.nodes) if nodes is None else nodes) if n in reach.nodes)
    return replace(wanted, nodes=nodes, assignee=wanted.assignee if reach.assignee is None else reach.assignee)


def get_person(request: Request) -> Person:
    """Who acts, for the office or for themselves."""
    manages = get_user(request).may(Permission.ORDERS_MANAGE)
    return Person(get_actor(request), manages, sees_order(get_reach(request)))


def sees_photo(orders: Orders, photo: Photo, reach: Reach) -> bool:
    """Whether the photo belongs to an order that is seen, or to a report of a place within."""
    sees, order_id = sees_order(reach), photo.order_id
    if photo.report_id is not None:
        report = orders.get_report(photo.report_id)
        if reach.assignee is None and reach.covers(report.node):
            return True
        order_id = report.order_id
    return order_id is not None and sees(orders.get(order_id))


# Checks of what a path names. What is no number is for the route itself to refuse.


def check_order(request: Request, order_id: str) -> None:
    """Raises: UnknownOrderError."""
    if _is_number(order_id):
        get_orders(request).get(int(order_id), sees_order(get_reach(request)))


def check_report(request: Request, report_id: str) -> None:
    """Raises: UnknownReportError."""
    if _is_number(report_id):
        get_orders(request).get_report(int(report_id), get_reach(request).covers)


def check_photo(request: Request, photo_id: str) -> None:
    """Raises: UnknownPhotoError."""
    orders = get_orders(request)
    if not sees_photo(orders, orders.photo_facts(photo_id), get_reach(request)):
        raise UnknownPhotoError


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS


CurrentOrders = Annotated[Orders, Depends(get_orders)]
CurrentPerson = Annotated[Person, Depends(get_person)]
