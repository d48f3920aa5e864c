"""`/api/v1/nodes`, `/api/v1/meters` and `/api/v1/usage`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from alerts.users.roles import Permission
from api.alerts.document import place_of
from api.dependencies import CurrentSite, Parts, meter_of, node_of
from api.moments import MAX_WINDOWS, read_range, window_edges
from api.permits import needs
from api.problem_schema import LIST_PROBLEMS, ONE_PROBLEMS, problems
from api.problems import Problem
from api.site.document import consumption_documents, meter_document, node_document, reading_documents
from api.site.schema import MeterDetailOut, MetersOut, NodeDetailOut, NodesOut, UsageOut
from api.wire import JsonResponse, numbers, time_texts
from metering.ports import UsageSeries
from metering.quantities import MAIN_REGISTER, Quantity, quantity
from metering.site import Site

router = APIRouter(prefix="/api/v1", tags=["site"], default_response_class=JsonResponse)
_READ = [needs(Permission.SITE_READ)]
_Id = Annotated[str, Path(max_length=200)]


@router.get(
    "/nodes", response_model=NodesOut, responses=problems(401, 403, 421), summary="The site tree", dependencies=_READ
)
def list_nodes(site: CurrentSite) -> JsonResponse:
    """Every place with its children and meters."""
    items = [node_document(site, n) for n in site.nodes.values()]
    return JsonResponse({"site": site.id, "name": site.name, "timezone": site.timezone, "items": items})


@router.get(
    "/nodes/{node_id}", response_model=NodeDetailOut, responses=ONE_PROBLEMS, summary="One place", dependencies=_READ
)
def get_node(parts: Parts, site: CurrentSite, node_id: _Id) -> JsonResponse:
    """With what it used today, yesterday, in seven days and this month."""
    document = node_document(site, node_of(site, node_id))
    document["place"] = place_of(site, node_id)
    document["consumption"] = consumption_documents(parts.intervals, site, node_id, parts.now())
    return JsonResponse(document)


@router.get("/meters", response_model=MetersOut, responses=LIST_PROBLEMS, summary="The meters", dependencies=_READ)
def list_meters(
    site: CurrentSite,
    medium: Annotated[str | None, Query(max_length=20)] = None,
    node: Annotated[str | None, Query(max_length=200, description="In this place and all below it")] = None,
) -> JsonResponse:
    """All of them, or those of a medium or place."""
    within = None if node is None else set(site.subtree(node_of(site, node).id))
    chosen = [m for m in site.meters.values() if medium in (None, m.medium) and (within is None or m.node in within)]
    return JsonResponse({"items": [meter_document(site, m) for m in chosen]})


@router.get(
    "/meters/{meter_id}", response_model=MeterDetailOut, responses=ONE_PROBLEMS, summary="One meter", dependencies=_READ
)
def get_meter(parts: Parts, site: CurrentSite, meter_id: _Id) -> JsonResponse:
    """With its newest reading of each quantity."""
    meter = meter_of(site, meter_id)
    document = meter_document(site, meter)
    document["place"] = place_of(site, meter.node) if meter.node else []
    document["latest"] = reading_documents(parts.readings.latest([meter_id]))
    return JsonResponse(document)


@router.get("/usage", response_model=UsageOut, responses=LIST_PROBLEMS, summary="Use by window", dependencies=_READ)
def get_usage(
    parts: Parts,
    site: CurrentSite,
    meter: Annotated[list[str], Query(min_length=1, max_length=1000, description="May be given several times")],
    start: Annotated[str, Query(max_length=40, examples=["2026-11-01"])],
    end: Annotated[str, Query(max_length=40, examples=["2026-11-08"])],
    step: Annotated[str, Query(pattern="^(15min|1h|1d|1mo)$", description="Days and months are the site's own")] = "1h",
    quantity: Annotated[str | None, Query(max_length=40, description="Default: the medium's main register")] = None,
) -> JsonResponse:
    """How much the meters counted between `start` and `end` (widened to whole windows)."""
    meters = tuple(dict.fromkeys(meter_of(site, m).id for m in meter))
    counted = cumulative(quantity, meters, site)
    first, last = read_range(start, end, site)
    edges = window_edges(first, last, step, site)
    if (len(edges) - 1) * len(meters) > MAX_WINDOWS:
        raise Problem(422, f"That is more than {MAX_WINDOWS} values: ask for fewer meters or a longer step.")
    return JsonResponse(_usage_document(parts.intervals.usage(meters, counted.name, edges), counted, step, site))


def cumulative(name: str | None, meters: tuple[str, ...], site: Site) -> Quantity:
    """The quantity to sum up.

    Raises:
        Problem: 422, unknown, not cumulative, or not given where the meters' media differ.
    """
    if name is None:
        media = {site.meters[m].medium for m in meters}
        register = MAIN_REGISTER.get(media.pop()) if len(media) == 1 else None
        if register is None:
            raise Problem(422, "Name the `quantity`: these meters have no main register in common.")
        return register
    try:
        found = quantity(name)
    except ValueError as error:
        raise Problem(422, str(error)) from error
    if not found.is_cumulative:
        raise Problem(422, f"{name} is a momentary value and has no use by window; read it under /meters/…/readings.")
    return found


def _usage_document(series: UsageSeries, counted: Quantity, step: str, site: Site) -> dict[str, Any]:
    return {
        "meters": series.meters,
        "quantity": counted.name,
        "unit": counted.unit,
        "step": step,
        "timezone": site.timezone,
        "edges": time_texts(series.edges),
        "usage": {m: numbers(series.usage[:, i]) for i, m in enumerate(series.meters)},
        "quality": {m: series.quality[:, i].tolist() for i, m in enumerate(series.meters)},
    }
