"""`/api/v1/alerts`: what is read of alerts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from alerts.users.roles import Permission
from alerts.values import AlertFilter, AlertState, Search
from api.alerts.conditions import tagged
from api.alerts.document import alert_document, loss_rate_unit
from api.alerts.schema import (
    AlertOut,
    AlertPageOut,
    SeriesOut,
)
from api.alerts.series import alert_series, read_span
from api.dependencies import CurrentAlerts, CurrentSite, Parts, node_of
from api.permits import needs
from api.problem_schema import LIST_PROBLEMS, ONE_PROBLEMS
from api.wire import JsonResponse, numbers, time_text, time_texts
from metering.batch import to_ms
from metering.incident import Category, Severity
from metering.site import Site

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"], default_response_class=JsonResponse)
_READ = [needs(Permission.ALERTS_READ)]
AlertId = Annotated[str, Path(max_length=200, examples=["a3f0c2"])]


def read_state(state: str) -> AlertState | None:
    """`all` means any state."""
    return None if state == "all" else AlertState(state)


def nodes_below(site: Site, node: str | None) -> tuple[str, ...] | None:
    """The node and all below it, None for any.

    Raises:
        Problem: 404.
    """
    if node is None:
        return None
    known = node_of(site, node)
    # The root of the only tree leaves nothing out, and a list of every node of a site would be long.
    if known.parent is None and sum(n.parent is None for n in site.nodes.values()) == 1:
        return None
    return tuple(site.subtree(known.id))


def search_of(site: Site, text: str | None) -> Search | None:
    """What a text means on this site: the places (with all below them) and meters that it names or is part of."""
    if text is None or not (wanted := text.strip().casefold()):
        return None
    named = [n for n in site.nodes.values() if wanted in n.id.casefold() or wanted in (n.name or "").casefold()]
    places = dict.fromkeys(below for n in named for below in site.subtree(n.id))
    meters = [m.id for m in site.meters.values() if wanted in m.id.casefold() or wanted in m.name.casefold()]
    return Search(text, tuple(places), tuple(meters))


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
    assignee: Annotated[str | None, Query(max_length=200, description="Assigned to them; empty: to nobody")] = None,
    overdue: Annotated[bool, Query(description="Only those that should have been acknowledged by now")] = False,
    unstable: bool | None = None,
    q: Annotated[
        str | None, Query(max_length=200, description="Place, meter, person, id, or words of a remark")
    ] = None,
    inhibited: Annotated[bool, Query(description="Also those that another alert explains")] = False,
    drill: Annotated[bool, Query(description="Also those of drills, which are not real")] = False,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> JsonResponse:
    """Inhibited alerts come only with `inhibited=true`, those of drills only with `drill=true`."""
    wanted = AlertFilter(
        state=read_state(state),
        category=category,
        medium=medium,
        severity=severity,
        nodes=nodes_below(site, node),
        acknowledged=acknowledged,
        assigned_to=assignee,
        overdue_at=parts.now() if overdue else None,
        unstable=unstable,
        search=search_of(site, q),
        inhibited=None if inhibited else False,
        drill=drill,
    )
    page = alerts.find(wanted, cursor=cursor, limit=limit)
    items = [alert_document(a, site, parts) for a in page.items]
    return JsonResponse({"items": items, "next_cursor": page.next_cursor})


@router.get("/{alert_id}", response_model=AlertOut, responses=ONE_PROBLEMS, summary="One alert", dependencies=_READ)
def get_alert(parts: Parts, site: CurrentSite, alert_id: AlertId) -> JsonResponse:
    """With its evidence, place and estimated loss."""
    alert = parts.records.get_alert(alert_id)
    return JsonResponse(alert_document(alert, site, parts), headers=tagged(alert))


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
            "expected_low": numbers(curve.low),
            "expected_high": numbers(curve.high),
            "level": curve.source.level,
            "flagged": {"start": time_text(alert.onset_at), "end": time_text(alert.closed_at)},
            "onset_at": time_text(alert.onset_at),
        }
    )
