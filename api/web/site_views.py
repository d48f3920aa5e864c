"""The site tree, a place, a meter, and how collecting goes."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from alerts.users.roles import Permission
from api.dependencies import CurrentHealth, Parts, meter_of, node_of
from api.permits import needs
from api.web.collector_page import build_collector_view
from api.web.commissioning_page import build_commissioning_view, wanted_of
from api.web.feedback_page import build_feedback_view, feedback_of_meter
from api.web.rendering import Pages
from api.web.site_tree import build_meter_view, build_place_view, tree_rows

router = APIRouter(include_in_schema=False)
_SITE, _COLLECTING = [needs(Permission.SITE_READ)], [needs(Permission.COLLECTING_READ)]
_OPEN_LEVELS = 1


@router.get("/site", dependencies=_SITE)
def get_site_page(request: Request, parts: Parts, pages: Pages) -> Response:
    """The tree, opened down to the buildings."""
    reader = pages.reader(request)
    roots = [n.id for n in reader.site.nodes.values() if n.parent is None]
    rows = tree_rows(parts, reader, roots, _OPEN_LEVELS)
    return pages.page(request, "site.html", reader=reader, rows=rows, nav="site")


@router.get("/site/{node_id}/children", dependencies=_SITE)
def get_children(request: Request, parts: Parts, pages: Pages, node_id: str) -> Response:
    """The rows right below a place, fetched when it is opened."""
    reader = pages.reader(request)
    children = reader.site.child_nodes[node_of(reader.site, node_id).id]
    return pages.page(request, "site_rows.html", reader=reader, rows=tree_rows(parts, reader, children, 0))


@router.get("/site/{node_id}", dependencies=_SITE)
def get_place_page(request: Request, parts: Parts, pages: Pages, node_id: str) -> Response:
    """One place."""
    reader = pages.reader(request)
    view = build_place_view(parts, reader, node_of(reader.site, node_id).id)
    feedback = build_feedback_view(parts, reader, node_id, request.query_params)
    return pages.page(
        request, "place.html", reader=reader, view=view, feedback=feedback, has_posters=parts.public_reports, nav="site"
    )


@router.get("/meters/{meter_id}", dependencies=_SITE)
def get_meter_page(request: Request, parts: Parts, pages: Pages, meter_id: str) -> Response:
    """One meter."""
    reader = pages.reader(request)
    view = build_meter_view(parts, reader, meter_of(reader.site, meter_id))
    cautions = feedback_of_meter(parts, reader, meter_id)
    return pages.page(request, "meter.html", reader=reader, view=view, cautions=cautions, nav="site")


@router.get("/collector", dependencies=_COLLECTING)
def get_collector_page(request: Request, health: CurrentHealth, pages: Pages) -> Response:
    """How collecting goes."""
    reader = pages.reader(request)
    view = build_collector_view(health, reader)
    return pages.page(request, "collector.html", reader=reader, view=view, nav="collector")


@router.get("/commissioning", dependencies=_COLLECTING)
def get_commissioning_page(request: Request, health: CurrentHealth, pages: Pages) -> Response:
    """Each meter with what was read and what it means."""
    reader = pages.reader(request)
    view = build_commissioning_view(health, reader, wanted_of(request.query_params))
    return pages.page(request, "commissioning.html", reader=reader, view=view, nav="commissioning")
