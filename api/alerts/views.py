"""`/api/v1/alerts`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from alerts.users.roles import Permission
from alerts.values import Alert, AlertFilter, AlertState
from api.alerts.document import alert_document, audit_document, delivery_document, loss_rate_unit
from api.alerts.schema import (
    AcknowledgeIn,
    AlertOut,
    AlertPageOut,
    CommentIn,
    HistoryOut,
    ResolveIn,
    SeriesOut,
)
from api.alerts.series import alert_series, read_span
from api.dependencies import CurrentActor, CurrentAlerts, CurrentSite, Parts, node_of
from api.permits import needs
from api.problem_schema import CHANGE_PROBLEMS, LIST_PROBLEMS, ONE_PROBLEMS
from api.wire import JsonResponse, numbers, time_text, time_texts
from metering.batch import to_ms
from metering.incident import Category, Severity
from metering.site import Site

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"], default_response_class=JsonResponse)
_READ, _HANDLE = [needs(Permission.ALERTS_READ)], [needs(Permission.ALERTS_HANDLE)]
AlertId = Annotated[str, Path(max_length=200, examples=["a3f0c2"])]


def read_state(state: str) -> AlertState | None:
    """`all` means any state."""
    return None if state == "all" else AlertState(state)


def nodes_below(site: Site, node: str | None) -> tuple[str, ...] | None:
    """The node and all below it, None for any.

    Raises:
        Problem: 404.
    """
    return None if node is None else tuple(site.subtree(node_of(site, node).id))


@router.get(
    "", response_model=AlertPageOut, responses=LIST_PROBLEMS, summary="Alerts, latest first", dependencies=_READ
)
def list_alerts(
    parts: Parts,
    alerts: CurrentAlerts,
    site: CurrentSite,
    state: Annotated[str, Query(pattern="^(active|cleared|all)$")] = "all",
    category: Category | None = None,
    medium: Annotated[str | None, Query(pattern="^(electricity|water|gas|heat|other)$")] = None,
    severity: Severity | None = None,
    node: Annotated[str | None, Query(max_length=200, description="This place and all below it")] = None,
    acknowledged: bool | None = None,
    inhibited: Annotated[bool, Query(description="Also those that another alert explains")] = False,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> JsonResponse:
    """Inhibited alerts come only with `inhibited=true`."""
    wanted = AlertFilter(
        state=read_state(state),
        category=category,
        medium=medium,
        severity=severity,
        nodes=nodes_below(site, node),
        acknowledged=acknowledged,
        inhibited=None if inhibited else False,
    )
    page = alerts.find(wanted, cursor=cursor, limit=limit)
    items = [alert_document(a, site, parts.prices) for a in page.items]
    return JsonResponse({"items": items, "next_cursor": page.next_cursor})


@router.get("/{alert_id}", response_model=AlertOut, responses=ONE_PROBLEMS, summary="One alert", dependencies=_READ)
def get_alert(parts: Parts, site: CurrentSite, alert_id: AlertId) -> JsonResponse:
    """With its evidence, place and estimated loss."""
    return JsonResponse(alert_document(parts.records.get_alert(alert_id), site, parts.prices))


@router.post(
    "/{alert_id}/acknowledge",
    response_model=AlertOut,
    responses=CHANGE_PROBLEMS,
    summary="I have it",
    dependencies=_HANDLE,
)
def acknowledge(
    parts: Parts, site: CurrentSite, actor: CurrentActor, alert_id: AlertId, change: AcknowledgeIn
) -> JsonResponse:
    """409 when somebody else was quicker; `current` then says who."""
    alert = parts.records.acknowledge(alert_id, actor, note=change.note, expected_version=change.version)
    parts.stream.publish(alert_event(alert, "acknowledged"))
    return JsonResponse(alert_document(alert, site, parts.prices))


@router.post(
    "/{alert_id}/comments",
    response_model=AlertOut,
    responses=CHANGE_PROBLEMS,
    summary="Add a remark",
    dependencies=_HANDLE,
)
def comment(parts: Parts, site: CurrentSite, actor: CurrentActor, alert_id: AlertId, change: CommentIn) -> JsonResponse:
    """Kept in the alert's history; never conflicts."""
    alert = parts.records.comment(alert_id, actor, change.text)
    parts.stream.publish(alert_event(alert, "commented"))
    return JsonResponse(alert_document(alert, site, parts.prices))


@router.post(
    "/{alert_id}/resolve",
    response_model=AlertOut,
    responses=CHANGE_PROBLEMS,
    summary="What it was",
    dependencies=_HANDLE,
)
def resolve(parts: Parts, site: CurrentSite, actor: CurrentActor, alert_id: AlertId, change: ResolveIn) -> JsonResponse:
    """Records the outcome. Whether it is over is for the meters to say: `state` does not change by this."""
    alert = parts.records.resolve(alert_id, actor, change.outcome, note=change.note, expected_version=change.version)
    parts.stream.publish(alert_event(alert, "resolved"))
    return JsonResponse(alert_document(alert, site, parts.prices))


@router.get(
    "/{alert_id}/audit",
    response_model=HistoryOut,
    responses=ONE_PROBLEMS,
    summary="What happened to it",
    dependencies=_READ,
)
def audit(parts: Parts, alert_id: AlertId) -> JsonResponse:
    """The audit trail, oldest first, and the notifications sent."""
    entries = parts.records.audit_of(alert_id)
    told = parts.records.deliveries_of(alert_id)
    return JsonResponse(
        {"items": [audit_document(e) for e in entries], "notifications": [delivery_document(d) for d in told]}
    )


@router.get(
    "/{alert_id}/series", response_model=SeriesOut, responses=ONE_PROBLEMS, summary="Its curve", dependencies=_READ
)
def series(
    parts: Parts,
    site: CurrentSite,
    alert_id: AlertId,
    start: Annotated[str | None, Query(max_length=40)] = None,
    end: Annotated[str | None, Query(max_length=40)] = None,
) -> JsonResponse:
    """Observed and usual rates around the flagged stretch, for a chart."""
    alert = parts.records.get_alert(alert_id)
    span = read_span(alert, site, to_ms(parts.now()), start, end)
    curve = alert_series(alert, site, parts.intervals, span)
    return JsonResponse(
        {
            "meters": curve.source.meters,
            "minus": curve.source.minus,
            "quantity": curve.source.quantity,
            "unit": loss_rate_unit(alert.medium),
            "step": curve.step,
            "times": time_texts(curve.edges[:-1]),
            "observed": numbers(curve.observed),
            "expected": numbers(curve.expected),
            "level": curve.source.level,
            "flagged": {"start": time_text(alert.onset_at), "end": time_text(alert.closed_at)},
            "onset_at": time_text(alert.onset_at),
        }
    )


def alert_event(alert: Alert, change: str) -> dict[str, str]:
    """What the live stream says of a changed alert; who sees its place hears it, and fetches the rest."""
    return {"type": "alert", "id": alert.id, "node": alert.node, "change": change}
