"""Orders, their history, reports and the patrol list as wire documents."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from alerts.orders.patrol import PatrolItem
from alerts.orders.ticks import Tick
from alerts.orders.values import Order, OrderEvent, Photo, Report
from api.alerts.document import place_of
from api.wire import jsonable
from metering.site import Site


def order_document(order: Order, site: Site, now: datetime) -> dict[str, Any]:
    """Every member, whether it is overdue, and the way down to its place."""
    members = {f.name: getattr(order, f.name) for f in dataclasses.fields(order) if f.name != "checklist"}
    document: dict[str, Any] = jsonable(members)
    document["checklist"] = [jsonable(dataclasses.asdict(line)) for line in order.checklist]
    document["overdue"] = order.is_overdue(now)
    document["place"] = place_of(site, order.node)
    return document


def whole_order_document(
    order: Order, photos: Sequence[Photo], reports: Sequence[Report], site: Site, now: datetime
) -> dict[str, Any]:
    """The same with its photos and what people reported."""
    return {
        **order_document(order, site, now),
        "photo_list": [photo_document(photo) for photo in photos],
        "reports": [report_document(report, site) for report in reports],
    }


def event_document(event: OrderEvent) -> dict[str, Any]:
    """One line of history."""
    return dict(jsonable({f.name: getattr(event, f.name) for f in dataclasses.fields(event)}))


def photo_document(photo: Photo) -> dict[str, Any]:
    """A photo and where it is read."""
    return {**jsonable(dataclasses.asdict(photo)), "url": f"/api/v1/photos/{photo.id}"}


def report_document(report: Report, site: Site) -> dict[str, Any]:
    """What somebody saw."""
    return {**jsonable(dataclasses.asdict(report)), "place": place_of(site, report.node)}


def tick_document(tick: Tick) -> dict[str, Any]:
    """One thing that somebody looked at."""
    return dict(jsonable(dataclasses.asdict(tick)))


def item_document(item: PatrolItem, site: Site, now: datetime) -> dict[str, Any]:
    """One thing to look at."""
    return {
        "key": item.key,
        "kind": item.kind.value,
        "node": item.node,
        "place": place_of(site, item.node),
        "subject": item.subject,
        "severity": item.severity.value,
        "every_h": item.every_h,
        "due_at": jsonable(item.due_at),
        "is_due": item.is_due(now),
        "last": None if item.last is None else tick_document(item.last),
    }
