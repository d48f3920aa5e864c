"""`/api/v1/alerts/{id}`: what happened to an alert, and what happened before."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query

from alerts.users.roles import Permission
from alerts.values import AuditEntry, Delivery
from api.alerts.document import alert_document, audit_document, delivery_document
from api.alerts.history_schema import HistoryOut, SimilarPageOut, TimelineOut
from api.alerts.views import AlertId
from api.dependencies import CurrentReach, Parts
from api.permits import needs
from api.problem_schema import ONE_PROBLEMS
from api.wire import JsonResponse, jsonable, time_text
from metering.site import Site

router = APIRouter(
    prefix="/api/v1/alerts",
    tags=["alerts"],
    default_response_class=JsonResponse,
    dependencies=[needs(Permission.ALERTS_READ)],
)
# Similar alerts are looked for in the building: the smallest of these around the place.
_SURROUNDINGS = ("building", "zone")


@router.get("/{alert_id}/audit", response_model=HistoryOut, responses=ONE_PROBLEMS, summary="What happened to it")
def audit(parts: Parts, alert_id: AlertId) -> JsonResponse:
    """The audit trail, oldest first, and the notifications sent."""
    entries = parts.records.audit_of(alert_id)
    told = parts.records.deliveries_of(alert_id)
    return JsonResponse(
        {"items": [audit_document(e) for e in entries], "notifications": [delivery_document(d) for d in told]}
    )


@router.get("/{alert_id}/timeline", response_model=TimelineOut, responses=ONE_PROBLEMS, summary="Its story in one line")
def timeline(parts: Parts, alert_id: AlertId) -> JsonResponse:
    """Acts and notifications as they followed each other, and the earlier times if it came back."""
    entries, told = parts.records.audit_of(alert_id), parts.records.deliveries_of(alert_id)
    episodes = [jsonable(dataclasses.asdict(e)) for e in parts.records.past.episodes_of(alert_id)]
    return JsonResponse({"items": list(_merged(entries, told)), "episodes": episodes})


def _merged(entries: Sequence[AuditEntry], told: Sequence[Delivery]) -> Iterator[dict[str, Any]]:
    """Acts in the order in which they were written, whatever the clock did, and notifications between them."""
    waiting = list(told)
    for entry in entries:
        while waiting and waiting[0].created_at < entry.at:
            yield _told_document(waiting.pop(0))
        yield {"kind": "act", "at": time_text(entry.at), "act": audit_document(entry), "notification": None}
    yield from map(_told_document, waiting)


def _told_document(delivery: Delivery) -> dict[str, Any]:
    at = time_text(delivery.created_at)
    return {"kind": "notification", "at": at, "act": None, "notification": delivery_document(delivery)}


@router.get("/{alert_id}/similar", response_model=SimilarPageOut, responses=ONE_PROBLEMS, summary="Seen before")
def similar(
    parts: Parts, reach: CurrentReach, alert_id: AlertId, limit: Annotated[int, Query(ge=1, le=50)] = 5
) -> JsonResponse:
    """Past alerts of the same kind: at the same place, or by the same rule in the same building."""
    site = reach.site
    around = surroundings(site, parts.records.get_alert(alert_id).node)
    found = [s for s in parts.records.past.similar_to(alert_id, around, limit) if reach.sees(s.alert)]
    return JsonResponse({"items": [{"common": s.common, "alert": alert_document(s.alert, site, parts)} for s in found]})


def surroundings(site: Site, node: str) -> tuple[str, ...]:
    """The nodes of the building (else the zone) around a node; the node alone where there is none."""
    if node not in site.nodes:
        return (node,)
    path = site.place_path(node)
    around = next((n for kind in _SURROUNDINGS for n in reversed(path) if site.nodes[n].kind == kind), node)
    return tuple(site.subtree(around))
