"""Nodes, meters and their use as wire documents."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from api.alerts.document import loss_unit
from api.site.consumption import DailyUse, daily_use, summarize, supply_of
from api.wire import time_text
from metering.batch import ReadingBatch
from metering.ports import IntervalStore
from metering.quantities import BY_CODE
from metering.site import Meter, Node, Site

COUNTED_MEDIA = ("water", "electricity")


def node_document(site: Site, node: Node) -> dict[str, Any]:
    """A place, what stands right below it and in it."""
    return {
        "id": node.id,
        "kind": node.kind,
        "name": node.name,
        "parent": node.parent,
        "use": node.use,
        "beds": node.beds,
        "people": node.people,
        "area_m2": node.area_m2,
        "department": node.department,
        "children": site.child_nodes[node.id],
        "meters": site.meters_at[node.id],
    }


def meter_document(site: Site, meter: Meter) -> dict[str, Any]:
    """A metering point. Its connection is left out: addresses are nobody's business outside."""
    return {
        "id": meter.id,
        "medium": meter.medium,
        "node": meter.node,
        "parents": meter.parents,
        "children": site.child_meters[meter.id],
        "profile": meter.profile,
        "poll_s": meter.poll_s,
        "multiplier": meter.multiplier,
        "register_digits": meter.register_digits,
        "resolution": meter.resolution,
        "accuracy_class": meter.accuracy_class,
    }


def reading_documents(batch: ReadingBatch) -> list[dict[str, Any]]:
    """Readings one by one: for a meter's newest, not for long ranges."""
    rows = zip(batch.quantity, batch.time, batch.value, batch.quality, strict=True)
    return [
        {
            "quantity": BY_CODE[int(quantity)].name,
            "unit": BY_CODE[int(quantity)].unit,
            "time": time_text(time),
            "value": float(value),
            "quality": int(quality),
        }
        for quantity, time, value, quality in rows
    ]


def recent_use(store: IntervalStore, site: Site, meters: tuple[str, ...], medium: str, now: datetime) -> DailyUse:
    """The days that `summarize` needs: back to the first of the month, and seven at least."""
    today = now.astimezone(site.zone).date()
    first = min(today.replace(day=1), today - timedelta(days=6))
    days = [first + timedelta(days=i) for i in range((today - first).days + 1)]
    return daily_use(store, site, meters, medium, days)


def consumption_documents(store: IntervalStore, site: Site, node: str, now: datetime) -> dict[str, dict[str, Any]]:
    """Use of the node by medium, for the media that are counted there."""
    found = {}
    for medium in COUNTED_MEDIA:
        supply = supply_of(site, node, medium)
        if not supply.meters:
            continue
        summary = summarize(recent_use(store, site, supply.meters, medium, now), supply)
        found[medium] = {
            "unit": loss_unit(medium),
            "today": summary.today,
            "yesterday": summary.yesterday,
            "last_7_days": summary.last_7_days,
            "month": summary.month,
            "daily": summary.daily,
            "is_partial": summary.is_partial,
            "meters": supply.meters,
        }
    return found
